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

/* What the instructions leave in the frame, after the part of calc_frame; bytes. */
enum race_frame {
	RACE_FRAME_KEY = CALC_FRAME_SIZE,
	RACE_FRAME_FROM = RACE_FRAME_KEY + 8,
	RACE_FRAME_TO = RACE_FRAME_FROM + 8,
	RACE_FRAME_ESCAPE = RACE_FRAME_TO + 8, /* 1: all conditions hold; 0 */
	RACE_FRAME_SAVED = RACE_FRAME_ESCAPE + 8,
	RACE_FRAME_SIZE = RACE_FRAME_SAVED + 8 * RACE_SAVED_MAX,
};

/*
 * A point's instructions come in two parts: between them the program finds out who is on the other
 * side.
 */
enum race_part {
	RACE_PART_BEFORE, /* r0 is 0: the event does not count, or the interval does not begin; else 1 */
	RACE_PART_ESCAPE,
};

/*
 * The places of the values of a point's expressions: arguments and result are in the context of its
 * kind of program (in the interval, if it saves them), the rest is in the interval (struct
 * thprace_race_interval).
 */
void race_program__places(struct calc_places *places, const struct race_point *point,
			  const struct types *types, uint64_t vmemmap);

/*
 * Write the instructions of one part: at most room. Returns their number; or -E2BIG, -ENOENT as
 * calc__emit().
 */
int race_program__part(const struct race_point *point, enum race_part part,
		       const struct calc_places *places, struct bpf_insn *insn, size_t room);

/*
 * Write instructions that save the arguments that a point's expressions use in its interval: for a
 * program at the function's entry, or at the call, whose context is a kprobe's. Returns their
 * number; or -E2BIG.
 */
int race_program__keep(const struct race_point *point, const struct types *types, int frame,
		       struct bpf_insn *insn, size_t room);

/* Has the point's section conditions of an escape, which are tested there? */
bool race_program__proves(const struct race_point *point);

/*
 * Write a complete program of the point's expressions, one after the other, with the interval in
 * the array of map_fd. It does not use their values: it is for the verifier. Returns the number of
 * instructions; or -E2BIG.
 */
int race_program__write(const struct race_point *point, const struct types *types, int map_fd,
			struct bpf_insn insn[RACE_PROGRAM_MAX]);

#endif
