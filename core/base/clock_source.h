/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's clock is made of, and how fine it is: measured, since the kernel's own word is 1 ns always. */
#ifndef THPRACE_CLOCK_SOURCE_H
#define THPRACE_CLOCK_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

struct clock_source {
	char name[32]; /* "tsc", "hpet", "refined-jiffies" …; "" where sysfs does not tell */
	uint64_t
		step; /* ns: the smallest difference seen between two readings; 0: it stood still */
	bool coarse; /* readings in a row were equal: it ticks, every `step` ns; else it is finer than that */
};

/* Time of one reading, ns. */
typedef uint64_t (*clock_source_read_fn)(void *ctx);

/* Read a clock until its step is known: some 100 readings, or as many as several ticks take. */
void clock_source__measure(struct clock_source *clock, clock_source_read_fn read, void *ctx);

/* The same of CLOCK_MONOTONIC, which the programs stamp with, and its name. */
void clock_source__read(struct clock_source *clock);

#endif
