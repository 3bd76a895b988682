/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes an ordinary trace of what a crash dump has of thprace: flight records, counters, messages,
 * what was under way, and the kernel's complaints.
 */
#ifndef THPRACE_RECOVERY_H
#define THPRACE_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "messages.h"
#include "streams.h"

struct work;

struct recovery_options {
	const char *path; /* of the trace; "-": stdout */
	const char *format; /* of the dump, in words */
	const char *map; /* System.map of the dead kernel, or NULL */
	const char *image; /* its image, or NULL */
	struct work *work; /* counts; or NULL */
};

/* What came out. */
struct recovery {
	char kernel[128];
	double seconds; /* from the start of recording to the last stamp */
	unsigned int others; /* other engines that were recording; only one is recovered */
	struct messages_counts messages;
	bool no_messages; /* the ring is not in the dump, or damaged */
	unsigned int cpus_missing; /* whose memory is not in the dump */
	bool all; /* it was `record --all`, which has no flight recorder: … */
	struct streams streams; /* … its records */
	size_t records;
	size_t records_refused; /* that no thprace writes */
	size_t cut_off; /* program runs that had not been counted to their end */
	size_t windows; /* under way, PMD level */
	size_t ranges;
	size_t walkers;
	size_t waiting; /* failed walkers that waited for the end of zaps */
	size_t races; /* intervals of races from files, under way */
	bool no_races; /* their table is not in the dump */
	uint64_t incidents;
	uint64_t escapes;
	int log_error; /* why the kernel's log was not read: negative errno; or 0 */
	size_t complaints;
	size_t naming; /* that name a class */
	bool named; /* the kernel's symbols are known */
};

/* Returns 0, or negative errno with a sentence in why. */
int recovery__make(struct recovery *recovery, const struct memory *memory,
		   const struct recovery_options *options, char *why, size_t why_size);

#endif
