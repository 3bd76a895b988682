/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turns calculations into BPF instructions. A pure function: no kernel, no file.
 *
 * The instructions are put into a program in C, at a place that it reserves. They use r0 to r5, and
 * a frame of CALC_FRAME_SIZE bytes on the program's stack, to which one of the program's registers
 * points. The content of the frame is described below. The result is in r0 and in the frame.
 */
#ifndef THPRACE_CALC_EMIT_H
#define THPRACE_CALC_EMIT_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "calc.h"

#define CALC_ARGUMENTS_MAX 12
#define CALC_TEMPS 8 /* operands that wait for another one */

/* Offsets in the frame, bytes. */
enum calc_frame {
	CALC_FRAME_CONTEXT = 0, /* the program's context */
	CALC_FRAME_INTERVAL = 8, /* the interval's memory, if a value is in it */
	CALC_FRAME_BUFFER = 16, /* data read from the kernel's memory */
	CALC_FRAME_RESULT = 24,
	CALC_FRAME_TEMPS = 32,
	CALC_FRAME_SIZE = CALC_FRAME_TEMPS + 8 * CALC_TEMPS,
};

/* The place of a 64-bit value: its offset from the address in the frame. */
struct calc_place {
	enum calc_base {
		CALC_NOWHERE,
		CALC_IN_CONTEXT, /* arguments of fentry and fexit; registers of a kprobe */
		CALC_IN_INTERVAL, /* what was saved at the entry, other saved values, counts */
		CALC_IN_FRAME, /* of the program itself, relative to the frame */
		CALC_ON_STACK, /* of the kernel, relative to its stack pointer, a register of a kprobe */
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
	short stack_pointer; /* its offset in the context */
	uint64_t vmemmap; /* address of the struct page of frame 0 */
	bool typed; /* the verifier knows the types of arguments in the context: fentry, fexit */
	bool direct; /* … and what they point to is read by loads, where it can know that, too */
	int frame; /* the register that points to the frame: 6 to 10 */
	short frame_offset; /* of the frame, relative to that register */
};

/*
 * Write the instructions of a calculation: at most room of them. Returns their number; or -E2BIG:
 * more than room, or more than CALC_TEMPS operands wait; -ENOENT: it uses a value that is nowhere.
 */
int calc__emit(const struct calc *calc, const struct calc_places *places, struct bpf_insn *insn,
	       size_t room);

#endif
