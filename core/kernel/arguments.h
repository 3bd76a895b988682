/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a function has its arguments, found out from its code, for a function of which the compiler
 * left only a variant (collapse_file.constprop.0): it may have removed some arguments and moved the
 * rest. x86-64.
 */
#ifndef THPRACE_ARGUMENTS_H
#define THPRACE_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known about the function in its source form. */
struct arguments_known {
	int count; /* how many are needed, from the first on: all pointers and longs */
	int structure; /* which of them, from 0, points to a structure */
	uint32_t member; /* … from which the function first reads a pointer at this offset */
};

/*
 * Are the needed arguments in their own registers? Yes, if the function, before its first branch,
 * reads the member through the structure's register, reads each of the needed registers with all 64
 * bits, and reads none of the registers after these. So any removed argument came after them. Also
 * false if code cannot be read that way.
 */
bool arguments__in_place(const struct arguments_known *known, const void *code, size_t size);

#endif
