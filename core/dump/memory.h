/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a kernel that died, as a dump has it. Everything in it is hostile: it may be
 * damaged, or another kernel's.
 */
#ifndef THPRACE_MEMORY_H
#define THPRACE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory {
	void *ctx; /* of the functions */
	/* Reads size bytes. 0, or negative errno: they are not all in the dump. */
	int (*physical)(void *ctx, uint64_t address, void *to, size_t size);
	int (*virtual)(void *ctx, uint64_t address, void *to, size_t size);
	/*
	 * Moves *address, a physical one, to the first page at or after it that is in the dump.
	 * False: there is none.
	 */
	bool (*next_page)(void *ctx, uint64_t *address);
	/*
	 * x86-64, for a dump that does not say it: where the page tables begin (physical), how many
	 * bits of an address they translate, and by what the kernel's text is shifted in physical
	 * memory. 0 or negative errno.
	 */
	int (*set_tables)(void *ctx, uint64_t root, unsigned int bits, uint64_t phys_base);
	size_t page_size;
	uint64_t pages; /* in the dump; 0: not known */
	const char *info; /* VMCOREINFO, lines of KEY=VALUE; "" if the dump has none */
};

static inline int memory__physical(const struct memory *memory, uint64_t address, void *to,
				   size_t size)
{
	return memory->physical(memory->ctx, address, to, size);
}

static inline int memory__virtual(const struct memory *memory, uint64_t address, void *to,
				  size_t size)
{
	return memory->virtual(memory->ctx, address, to, size);
}

/* A number of 64 bits at a virtual address. 0 or negative errno; then *number is 0. */
int memory__number(const struct memory *memory, uint64_t address, uint64_t *number);

/*
 * A line of VMCOREINFO: its value, length bytes, or NULL. key: "OSRELEASE", "SYMBOL(prb)" …
 */
const char *memory__info(const struct memory *memory, const char *key, size_t *length);

/*
 * The number of such a line. SYMBOL, KERNELOFFSET and the like are hexadecimal there, others are
 * decimal. False: there is no such line.
 */
bool memory__info_hex(const struct memory *memory, const char *key, uint64_t *number);
bool memory__info_number(const struct memory *memory, const char *key, uint64_t *number);

#endif
