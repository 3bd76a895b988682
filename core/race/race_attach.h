/* SPDX-License-Identifier: GPL-2.0-only */
/* How an event of a race is attached on a kernel. Only for core/race/race*.c, core/engine/race*.c. */
#ifndef THPRACE_RACE_ATTACH_H
#define THPRACE_RACE_ATTACH_H

#include "race_kernel.h"

/* Does the kernel have a function of that name? */
bool race_attach__has(const struct race_kernel *kernel, const char *function);

/*
 * The function of a place that the kernel does not have; NULL: it has the place. calls: both
 * functions exist, but `in' does not call the other.
 */
const char *race_attach__missing(const struct race_kernel *kernel, const struct race_place *place,
				 bool *calls);

/* Where a function finds an argument of at most 8 bytes. */
struct race_argument {
	int number; /* of its register, from 0; -1: it is on the stack … */
	int stack; /* … this many bytes above the first one that is there */
};

/* False: it is larger, or there is no such argument (from 0). */
bool race_attach__argument(const struct types *types, const struct btf_type *proto,
			   uint32_t argument, struct race_argument *where);

/* The arguments that the point's expressions use: a bit each. */
uint64_t race_attach__arguments(const struct race_point *point);

/*
 * Decide how a point is attached, by what its expressions use. False: it cannot be; the reason is
 * reported.
 */
bool race_attach__plan(struct race_point *point, const struct race_kernel *kernel);

/* The same only with kprobes, for kernels that refuse a trampoline. */
bool race_attach__kprobe(struct race_point *point, const struct types *types);

#endif
