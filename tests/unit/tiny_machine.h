/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine that runs the BPF instructions generated for expressions, over the test's own memory.
 */
#ifndef TESTS_TINY_MACHINE_H
#define TESTS_TINY_MACHINE_H

#include <linux/bpf.h>
#include <stdbool.h>
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
	/*
	 * What the verifier knows of types. Some words of the context are pointers to structures, a bit
	 * each; so is what is loaded by 8 bytes from where such a pointer points to.
	 */
	const uint64_t *context;
	uint64_t pointers;
	bool known[11]; /* registers */
	unsigned int calls; /* of helpers, so far */
};

/*
 * Run count instructions from the first on. Fails the test on other instructions, on jumps out of the
 * program, on known pointers in sums, comparisons and stores, and on plain loads from the kernel's
 * memory by what is no known pointer.
 */
void bpf_machine__run(struct bpf_machine *machine, const struct bpf_insn *insn, size_t count);

#endif
