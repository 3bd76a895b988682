/* SPDX-License-Identifier: GPL-2.0-only */
/* What a run that tried to bring a race out has shown about the kernel. */
#ifndef THPRACE_OUTCOME_H
#define THPRACE_OUTCOME_H

#include <stddef.h>
#include <stdint.h>

/* The least number of contained overlaps that makes "no escape" a statement. */
#define OUTCOME_ENOUGH 100

enum outcome {
	OUTCOME_CLOSED, /* enough overlaps, all contained */
	OUTCOME_OPEN, /* an escape that is proved, and no failure without a race */
	OUTCOME_NOT_SHOWN, /* neither: too few overlaps, or losses or walkers in the way */
	OUTCOME_IMPOSSIBLE, /* the class cannot happen, be seen or be provoked on this kernel */
	OUTCOME_MAX
};

#define OUTCOME_NAMES                                         \
	{                                                     \
		"closed", "open", "not shown", "not possible" \
	}

/* Incidents of one class in one run, as the observer settled them. */
struct outcome_counts {
	uint64_t contained;
	uint64_t escapes;
	uint64_t likely; /* of these: not proved */
	uint64_t remained; /* walkers that failed with nobody unmapping */
	uint64_t unattributed; /* walkers that failed, and no zap explains it */
	uint64_t unproven; /* incidents that a loss touches */
	uint64_t lost; /* of any cause, in the whole run */
};

/*
 * The verdict. A kernel that was seen to fail by itself (remained) cannot be called open: no count tells
 * such a failure from a race that it happens to coincide with. Else a proved escape says open. Closed needs
 * OUTCOME_ENOUGH contained overlaps, and that nothing stands against it: no loss, no other failed walker.
 */
enum outcome outcome__judge(const struct outcome_counts *counts);

/* Why it is not shown, one clause: "3 contained overlaps are too few". Into buf; returns it. */
const char *outcome__why(char *buf, size_t size, const struct outcome_counts *counts);

#endif
