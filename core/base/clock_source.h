/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's clock source and its resolution. The resolution is measured, because the kernel
 * always reports 1 ns.
 */
#ifndef THPRACE_CLOCK_SOURCE_H
#define THPRACE_CLOCK_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct clock_source {
	char name[32]; /* "tsc", "hpet", "refined-jiffies" …; "" if sysfs does not say */
	uint64_t step; /* ns: the smallest difference between two reads; 0: it did not move */
	bool coarse; /* consecutive reads were equal: it ticks every `step` ns; else it is finer
		      * than that */
};

/* Time of one read, ns. */
typedef uint64_t (*clock_source_read_fn)(void *ctx);

/* Read a clock until its step is known: some 100 reads, or the reads of several ticks. */
void clock_source__measure(struct clock_source *clock, clock_source_read_fn read, void *ctx);

/* The same for CLOCK_MONOTONIC, with which the programs stamp, and its name. */
void clock_source__read(struct clock_source *clock);

#endif
