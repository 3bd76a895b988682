/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that runs the BPF instructions generated for expressions, over the test's own memory.
 */
#ifndef TESTS_TINY_MACHINE_H
#define TESTS_TINY_MACHINE_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* The memory that bpf_probe_read_kernel() may read; everything else is missing. */
struct bpf_memory {
	const void *from;
	size_t size;
};

struct bpf_machine {
	uint64_t reg[11];
	const struct bpf_memory *memory;
	size_t memories;
	uint64_t task; /* bpf_get_current_task() */
};

/*
 * Run count instructions from the first on. Fails the test on other instructions, and on jumps out
 * of the program.
 */
void bpf_machine__run(struct bpf_machine *machine, const struct bpf_insn *insn, size_t count);

#endif
