/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fentry and fexit programs whose function is given by its id in the kernel's own BTF. libbpf takes
 * names and looks each up from the first type on, which takes as long as loading a small program.
 */
#ifndef THPRACE_FENTRY_H
#define THPRACE_FENTRY_H

#include <stdint.h>

struct bpf_program;

/*
 * Call it before any object with such programs is opened; it may be called repeatedly. 0 or
 * negative errno.
 */
int fentry__setup(void);

/*
 * Attach this program (SEC("fentry") or SEC("fexit"), not loaded yet) to the function with that id.
 * 0 or negative errno.
 */
int fentry__choose(const struct bpf_program *program, uint32_t id);

/* Forget all assignments: the object of these programs is loaded, or was dropped. */
void fentry__forget(void);

#endif
