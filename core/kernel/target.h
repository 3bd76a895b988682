/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel has: release, BTF, symbols, and traceable functions. The running kernel, or another
 * one of which only a file with its BTF is available.
 */
#ifndef THPRACE_TARGET_H
#define THPRACE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/shared.h>

#include "function_ranges.h"

struct btf;
struct target;

#define TARGET_PARAMS_MAX 12
#define TARGET_NAME_MAX 64

/* A function's prototype, from BTF. */
struct target_function {
	uint32_t id; /* in the BTF that was read */
	int nargs;
	bool returns; /* not void */
	bool simple; /* every argument fits a register, so fentry can be used */
	char param[TARGET_PARAMS_MAX][TARGET_NAME_MAX];
	unsigned char depth[TARGET_PARAMS_MAX]; /* 0: no pointer, 1: a pointer, 2: to a pointer … */
};

/* The position of members of structures: the ones that are needed. */
enum target_member {
	TARGET_NO_MEMBER,
	TARGET_FILE_MAPPING, /* struct file, f_mapping */
	TARGET_MEMBER_MAX
};

struct target_options {
	/*
	 * File with the kernel's BTF; NULL: the kernel's own (/sys/kernel/btf/vmlinux), and if it
	 * has none, /usr/lib/thprace/btf/RELEASE.btf or the same under /usr/local.
	 */
	const char *btf;
	/*
	 * The file belongs to another kernel: nothing is read from the running one, and the
	 * functions in BTF stand for symbols.
	 */
	bool elsewhere;
};

/*
 * Read what can be known: BTF, and symbols from /proc/kallsyms. Traceable functions are read from
 * tracefs when needed, if it is mounted and readable. Symbols are only kept for the functions in
 * names (count of them), so that memory stays small. A file of a kernel other than the running one
 * is refused, unless elsewhere. Returns 0 and *target, to be freed with target__free(); or negative
 * errno and a reason in why.
 */
int target__new(struct target **target, const struct target_options *options,
		const char *const *names, size_t count, char *why, size_t why_size);
void target__free(struct target *target);

/*
 * Is a kernel of this release older than the oldest supported one? 5.10 is the first with
 * BPF_PROG_TEST_RUN of raw_tp programs (1b4d60ec162f), with which the programs are set up; BPF ring
 * buffers came before (5.8).
 */
bool target__too_old(const char *release);

/* The file from which BTF was read; NULL: the kernel's own. */
const char *target__btf_file(const struct target *target);

/* Read all of it once more; to be freed with btf__free(). NULL: the reason is in why. */
struct btf *target__read_btf(const struct target *target, char *why, size_t why_size);

/*
 * Does the kernel have its own BTF? Without it there is no fentry. Assumed for a kernel elsewhere.
 */
bool target__own_btf(const struct target *target);

/* Is it another kernel than the running one? */
bool target__elsewhere(const struct target *target);

/* Does its BTF have functions? A running kernel's always has. */
bool target__has_functions(const struct target *target);

/* "" for a kernel elsewhere: BTF does not contain it. */
const char *target__release(const struct target *target);
const char *target__machine(const struct target *target);

/* Prototype of a function; false if BTF has none of that name. */
bool target__function(const struct target *target, const char *name,
		      struct target_function *function);

/* Offset of a member in bytes; false: not in BTF. */
bool target__member(const struct target *target, enum target_member member, uint32_t *offset);

/* Size of struct page, bytes; 0: BTF does not say. */
uint32_t target__page_struct(const struct target *target);

/* Is there a text symbol with exactly this name? */
bool target__has_symbol(const struct target *target, const char *name);

/* A symbol that is the name plus a compiler's suffix (".isra.0", ".part.0" …), or NULL. */
const char *target__variant(const struct target *target, const char *name);

/* Address of a kernel symbol; 0: it does not exist, or addresses are hidden from this process. */
uint64_t target__address(const struct target *target, enum thprace_symbol symbol);

/* Where the code of the functions in names is. Empty if addresses are hidden. */
const struct function_ranges *target__function_ranges(const struct target *target);

/*
 * Copy size bytes of the running kernel's code. 0 or negative errno. Needs the rights to load a BPF
 * program.
 */
int target__code(struct target *target, uint64_t address, void *code, size_t size);

/*
 * May it be traced? Also true if tracefs could not be read: then attaching shows it. May read more
 * of tracefs.
 */
bool target__traceable(struct target *target, const char *name);

/* No more questions will come: close what is being read; answers so far stay known. */
void target__close_files(struct target *target);

#endif
