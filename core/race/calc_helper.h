/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of expressions: their definitions, in the same language. Only for core/race/calc*.c. */
#ifndef THPRACE_CALC_HELPER_H
#define THPRACE_CALC_HELPER_H

#include "types.h"

#define CALC_HELPER_WAYS_MAX 2

struct calc_helper {
	const char *name;
	const char *argument; /* its name in the definitions */
	const char *ways[CALC_HELPER_WAYS_MAX]; /* the first one that the kernel's types allow is
						 * used */
	enum types_machine machine; /* the definitions are for this one; TYPES_OTHER: for all */
	const char *arm64; /* for arm64 instead; NULL: not known */
};

/* NULL: there is no helper of this name. */
const struct calc_helper *calc_helper__find(const char *name, struct nearest *nearest);

#endif
