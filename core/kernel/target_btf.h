/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file with a kernel's BTF: where it is searched, whether it is sound, and which kernel it
 * belongs to.
 */
#ifndef THPRACE_TARGET_BTF_H
#define THPRACE_TARGET_BTF_H

#include <stdbool.h>
#include <stddef.h>

struct btf;
struct btf_functions;

/* Does the running kernel have its own BTF? fentry needs that, whatever a file contains. */
bool target_btf__own(void);

/*
 * Search for RELEASE.btf in the folders of the search path. True, and its path in path; or false,
 * and path is empty.
 */
bool target_btf__search(const char *release, char *path, size_t size);
#define TARGET_BTF_WHERE "/usr/lib/thprace/btf or /usr/local/lib/thprace/btf"

/*
 * Read a kernel's BTF from a file: raw, like /sys/kernel/btf/vmlinux, or an ELF file's .BTF.
 * Returns it, to be freed with btf__free(); or NULL with a sentence in why.
 */
struct btf *target_btf__read(const char *path, char *why, size_t why_size);

/*
 * Does it belong to the running kernel? Each function in a kernel's BTF is a symbol of the kernel.
 * So collect the functions (they point into btf), note each symbol of the kernel, and count.
 * Returns NULL if out of memory.
 */
struct btf_functions *btf_functions__new(const struct btf *btf);

/* The kernel has this symbol; a compiler's suffix is ignored. */
void btf_functions__note(struct btf_functions *functions, const char *symbol);

/*
 * How many of the functions, of *count, are not symbols of the kernel? *example: the name of one of
 * them, in btf, or NULL.
 */
size_t btf_functions__strange(const struct btf_functions *functions, size_t *count,
			      const char **example);

void btf_functions__free(struct btf_functions *functions);

#endif
