/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel has: release, BTF, symbols, and which functions can be traced. The running kernel; or
 * another one, of which only a file with its BTF is here.
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
	bool simple; /* every argument fits a register: fentry can take it */
	char param[TARGET_PARAMS_MAX][TARGET_NAME_MAX];
	unsigned char depth[TARGET_PARAMS_MAX]; /* 0: no pointer, 1: a pointer, 2: to a pointer … */
};

/* Where a member of a structure is: those that are asked for. */
enum target_member {
	TARGET_NO_MEMBER,
	TARGET_FILE_MAPPING, /* struct file, f_mapping */
	TARGET_MEMBER_MAX
};

struct target_options {
	/*
	 * File with the kernel's BTF; NULL: the kernel's own (/sys/kernel/btf/vmlinux), and where it
	 * has none, /usr/lib/thprace/btf/RELEASE.btf or the same below /usr/local.
	 */
	const char *btf;
	/*
	 * The file is another kernel's: nothing is read of the running one, and the functions that BTF
	 * tells of stand for symbols.
	 */
	bool elsewhere;
};

/*
 * Read what there is to know: BTF, symbols from /proc/kallsyms. Traceable functions come from tracefs, where
 * it is mounted and readable, as far as they are asked for. Names are wanted for the functions in names only (count of them), so
 * that memory stays small. A file of another kernel than the running one is refused, unless elsewhere.
 * Returns 0 and *target, to be freed with target__free(); or negative errno and a reason in why.
 */
int target__new(struct target **target, const struct target_options *options,
		const char *const *names, size_t count, char *why, size_t why_size);
void target__free(struct target *target);

/*
 * Is a kernel of this release older than the oldest that does? 5.10 is the first with BPF_PROG_TEST_RUN of
 * raw_tp programs (1b4d60ec162f), by which the programs are set up; BPF ring buffers came before (5.8).
 */
bool target__too_old(const char *release);

/* The file that BTF was read from; NULL: the kernel's own. */
const char *target__btf_file(const struct target *target);

/* Read it once more, all of it; to be freed with btf__free(). NULL: the reason is in why. */
struct btf *target__read_btf(const struct target *target, char *why, size_t why_size);

/* Has the kernel BTF of its own? Without it there is no fentry. Assumed of a kernel elsewhere. */
bool target__own_btf(const struct target *target);

/* Is it another kernel than the running one? */
bool target__elsewhere(const struct target *target);

/* "" for a kernel elsewhere: BTF does not tell. */
const char *target__release(const struct target *target);
const char *target__machine(const struct target *target);

/* Prototype of a function; false when BTF has none of that name. */
bool target__function(const struct target *target, const char *name,
		      struct target_function *function);

/* Offset of a member in bytes; false: BTF has none such. */
bool target__member(const struct target *target, enum target_member member, uint32_t *offset);

/* Size of struct page, bytes; 0: BTF does not say. */
uint32_t target__page_struct(const struct target *target);

/* Is there a text symbol of exactly this name? */
bool target__has_symbol(const struct target *target, const char *name);

/* A symbol that is name plus a compiler's suffix (".isra.0", ".part.0" …), or NULL. */
const char *target__variant(const struct target *target, const char *name);

/* Address of a kernel symbol; 0: not there, or addresses are hidden from this process. */
uint64_t target__address(const struct target *target, enum thprace_symbol symbol);

/* Where the code of the functions that names were wanted for is. Empty where addresses are hidden. */
const struct function_ranges *target__function_ranges(const struct target *target);

/*
 * Copy size bytes of the running kernel's code. 0 or negative errno: it takes what loading a BPF program
 * takes.
 */
int target__code(struct target *target, uint64_t address, void *code, size_t size);

/* May it be traced? True also when tracefs could not be read: then attaching shows it. May read on in tracefs. */
bool target__traceable(struct target *target, const char *name);

/* Nothing else is asked for any more: close what is read; what was said so far stays known. */
void target__close_files(struct target *target);

#endif
