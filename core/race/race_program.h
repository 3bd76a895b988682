/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program at a point of a race executes: its expressions' instructions, and where their values are. */
#ifndef THPRACE_RACE_PROGRAM_H
#define THPRACE_RACE_PROGRAM_H

#include "calc_emit.h"
#include "race_kernel.h"

#define RACE_PROGRAM_MAX 4096 /* instructions */

/*
 * Where the values of a point's expressions are: arguments and result in the context of its kind of program
 * (in the interval, if it keeps them), the rest in the interval (struct thprace_race_interval).
 */
void race_program__places(struct calc_places *places, const struct race_point *point,
			  const struct types *types, uint64_t vmemmap);

/*
 * Write a whole program of the point's expressions, one after the other, with the interval in the array of
 * map_fd. It does nothing with their values: it is for the verifier. Returns the number of instructions; or
 * -E2BIG.
 */
int race_program__write(const struct race_point *point, const struct types *types, int map_fd,
			struct bpf_insn insn[RACE_PROGRAM_MAX]);

#endif
