/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calculations become BPF instructions. A pure function: no kernel, no file.
 *
 * The instructions are put into a program of C, over a place that it keeps free. They use r0 to r5, and a frame of
 * CALC_FRAME_SIZE bytes on the program's stack, to which a register of the program points. What they find there and
 * leave there is below. The result is in r0 and in the frame.
 */
#ifndef THPRACE_CALC_EMIT_H
#define THPRACE_CALC_EMIT_H

#include <linux/bpf.h>
#include <stddef.h>

#include "calc.h"

#define CALC_ARGUMENTS_MAX 12
#define CALC_TEMPS 8 /* operands that wait for another one */

/* Offsets in the frame, bytes. */
enum calc_frame {
	CALC_FRAME_CONTEXT = 0, /* the program's context */
	CALC_FRAME_INTERVAL = 8, /* the interval's memory, where a place is said to be in it */
	CALC_FRAME_BUFFER = 16, /* what is read from the kernel's memory */
	CALC_FRAME_RESULT = 24,
	CALC_FRAME_TEMPS = 32,
	CALC_FRAME_SIZE = CALC_FRAME_TEMPS + 8 * CALC_TEMPS,
};

/* Where a 64-bit value is: so many bytes behind what the frame's pointer points to. */
struct calc_place {
	enum calc_base {
		CALC_NOWHERE,
		CALC_IN_CONTEXT, /* arguments of fentry and fexit; registers of a kprobe */
		CALC_IN_INTERVAL, /* what was kept at the entry, saved, counted */
	} base;
	short offset;
};

struct calc_places {
	struct calc_place argument[CALC_ARGUMENTS_MAX];
	struct calc_place result;
	struct calc_place key;
	struct calc_place saved[CALC_NAMES_MAX];
	struct calc_place event[CALC_NAMES_MAX];
	struct calc_place since[CALC_NAMES_MAX]; /* CALC_OTHERS_SINCE */
	struct calc_place others;
	uint64_t vmemmap; /* address of the struct page of frame 0 */
	int frame; /* the register that points to the frame: 6 to 10 */
	short frame_offset; /* of the frame from there */
};

/*
 * Write the instructions of a calculation: at most room of them. Returns how many; or -E2BIG: more than room, or more
 * operands than CALC_TEMPS wait; -ENOENT: it asks for something that is nowhere.
 */
int calc__emit(const struct calc *calc, const struct calc_places *places, struct bpf_insn *insn,
	       size_t room);

#endif
