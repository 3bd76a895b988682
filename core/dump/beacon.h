/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the engine in a kernel's memory by its beacon (include/thprace/beacon.h), and reads what
 * belongs to it.
 */
#ifndef THPRACE_DUMP_BEACON_H
#define THPRACE_DUMP_BEACON_H

#include <thprace/beacon.h>

#include "memory.h"

struct work;

struct beacon {
	struct thprace_beacon content;
	unsigned int others; /* engines besides this one that were recording */
};

/*
 * The beacon of the engine that began to record last. Returns 0, or negative errno with a sentence
 * in why: there is none, or its engine is another version's. All of the dump is looked through:
 * work counts that.
 */
int beacon__find(struct beacon *beacon, const struct memory *memory, struct work *work, char *why,
		 size_t why_size);

#endif
