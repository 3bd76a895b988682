/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fentry and fexit programs whose function is given by its id in the kernel's own BTF. libbpf takes
 * names and looks each up from the first type on, which takes as long as loading a small program.
 */
#ifndef THPRACE_FENTRY_H
#define THPRACE_FENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_insn;
struct bpf_program;

#define FENTRY_PROGRAMS_MAX 64

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

/*
 * What it takes to load such a program again. Before 5.13 (f3a95075549e) one that was attached can never be
 * attached again: the kernel says -ENOENT.
 */
struct fentry_program {
	const struct bpf_insn *insn; /* as they were loaded */
	size_t count;
	uint32_t function; /* its id */
	uint32_t attach_type; /* BPF_TRACE_FENTRY or BPF_TRACE_FEXIT */
	uint32_t btf; /* descriptor of its own BTF */
	const void *func_info;
	uint32_t func_info_size, func_info_count;
};

/* Of the programs of one object. */
struct fentry_notes {
	const struct bpf_program *of[FENTRY_PROGRAMS_MAX];
	struct fentry_program program[FENTRY_PROGRAMS_MAX];
	size_t count;
};

/* Is a kernel of this release so old? */
bool fentry__once(const char *release);

/* Until the next call, note here what libbpf loads; NULL: no longer. Notes are good as long as the object. */
void fentry__note(struct fentry_notes *notes);

/* NULL: it is not among them. */
const struct fentry_program *fentry__noted(const struct fentry_notes *notes,
					   const struct bpf_program *program);

/* Load it again. Returns a descriptor or negative errno. */
int fentry__load(const struct fentry_program *program);

/* Forget all assignments: the object of these programs is loaded, or was dropped. */
void fentry__forget(void);

#endif
