/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program at a point of a race executes: the instructions of its expressions, and the places
 * of their values.
 */
#ifndef THPRACE_RACE_PROGRAM_H
#define THPRACE_RACE_PROGRAM_H

#include "calc_emit.h"
#include "race_kernel.h"

#define RACE_PROGRAM_MAX 4096 /* instructions */

/*
 * The places of the values of a point's expressions: arguments and result are in the context of its
 * kind of program (in the interval, if it saves them), the rest is in the interval (struct
 * thprace_race_interval).
 */
void race_program__places(struct calc_places *places, const struct race_point *point,
			  const struct types *types, uint64_t vmemmap);

/*
 * Write a complete program of the point's expressions, one after the other, with the interval in
 * the array of map_fd. It does not use their values: it is for the verifier. Returns the number of
 * instructions; or -E2BIG.
 */
int race_program__write(const struct race_point *point, const struct types *types, int map_fd,
			struct bpf_insn insn[RACE_PROGRAM_MAX]);

#endif
