/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of one function in the code of another. A probe at such a call, and one at the instruction
 * after it, see the same as probes at entry and return, and cost nothing if the function is called
 * from elsewhere: reclaim calls try_to_unmap for each small page.
 */
#ifndef THPRACE_CALLS_H
#define THPRACE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum calls_machine {
	CALLS_X86_64,
	CALLS_ARM64,
};

struct call {
	uint32_t at; /* bytes from the start of the code: the call instruction */
	uint32_t next; /* … and the instruction after it, to which the callee returns */
	bool shared; /* a jump in this code may lead to `next`: it is also reached without the call */
};

/*
 * Find the direct calls of the function at `callee` in size bytes of code for address `address`. Up
 * to max are filled in. Returns their number, or -1: the code also jumps there (a tail call), so
 * that a return could not be seen.
 *
 * On x86-64 instructions are not decoded: once in 2^32 times, four bytes after the first byte of a
 * call instruction happen to lead there without being a call; the kernel refuses a probe that is
 * not at the start of an instruction (can_probe(), arch/x86/kernel/kprobes/core.c).
 *
 * A call is `shared` if any bytes look like a direct jump to its `next`. That may be wrong, about
 * once in 15 calls on x86-64, in this direction only.
 *
 * On x86-64 a call that already has a kprobe is found as well. On arm64 it is not: the breakpoint
 * replaces the whole instruction.
 */
int calls__find(enum calls_machine machine, const uint8_t *code, size_t size, uint64_t address,
		uint64_t callee, struct call *calls, int max);

#endif
