/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers of expressions: what they stand for, in the language itself. Only for core/race/calc*.c. */
#ifndef THPRACE_CALC_HELPER_H
#define THPRACE_CALC_HELPER_H

#include "types.h"

#define CALC_HELPER_WAYS_MAX 2

struct calc_helper {
	const char *name;
	const char *argument; /* its name in the ways */
	const char *ways[CALC_HELPER_WAYS_MAX]; /* the first that the kernel's types allow */
	enum types_machine machine; /* the ways are of this one; TYPES_OTHER: of all */
	const char *arm64; /* of arm64 instead; NULL: not known */
};

/* NULL: there is none of this name. */
const struct calc_helper *calc_helper__find(const char *name, struct nearest *nearest);

#endif
