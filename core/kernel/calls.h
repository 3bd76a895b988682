/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of one function in the code of another. A probe at such a call, and one at the instruction
 * behind it, see what an entry and a return show, and cost nothing where the function is called from
 * elsewhere: reclaim calls try_to_unmap for each small page.
 */
#ifndef THPRACE_CALLS_H
#define THPRACE_CALLS_H

#include <stddef.h>
#include <stdint.h>

enum calls_machine {
	CALLS_X86_64,
	CALLS_ARM64,
};

struct call {
	uint32_t at; /* bytes from the code's beginning: the call instruction */
	uint32_t next; /* … and the instruction behind it, where the callee returns to */
};

/*
 * Find the direct calls of the function at `callee` in size bytes of code that lie at `address`. Up to
 * max are filled in. Returns how many there are, or -1: the code jumps there as well (a tail call), so
 * that a return could not be seen.
 *
 * On x86-64 instructions are not taken apart: four bytes behind a call's first one that happen to lead
 * just there are no call once in 2^32 times, and the kernel refuses a probe that is not at the
 * beginning of an instruction (can_probe(), arch/x86/kernel/kprobes/core.c).
 *
 * On x86-64 a call at which a kprobe is already is found as well. On arm64 it is not: the breakpoint
 * takes all of the instruction's place.
 */
int calls__find(enum calls_machine machine, const uint8_t *code, size_t size, uint64_t address,
		uint64_t callee, struct call *calls, int max);

#endif
