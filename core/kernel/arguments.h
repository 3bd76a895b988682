/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a function has its arguments, by its code: for one of which the compiler left only a variant
 * (collapse_file.constprop.0), from which it may have removed arguments and moved the rest. x86-64.
 */
#ifndef THPRACE_ARGUMENTS_H
#define THPRACE_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of the function as it is written. */
struct arguments_known {
	int count; /* so many are wanted, from the first one on: pointers and longs all */
	int structure; /* the one of them, from 0, that points to a structure */
	uint32_t member; /* … of which the function reads a pointer at this offset, first of all */
};

/*
 * Are the wanted ones in their own registers? They are if the function, before its first branch, reads the
 * member by the structure's register, reads each of the wanted registers in all its 64 bits, and reads
 * none of those behind. What was removed is then behind them. False also where code cannot be read that way.
 */
bool arguments__in_place(const struct arguments_known *known, const void *code, size_t size);

#endif
