/* SPDX-License-Identifier: GPL-2.0-only */
/* What a run that tried to provoke a race has shown about the kernel. */
#ifndef THPRACE_PROVOKE_VERDICT_H
#define THPRACE_PROVOKE_VERDICT_H

#include <stddef.h>
#include <stdint.h>

/* The minimum number of contained overlaps for "closed". */
#define PROVOKE_ENOUGH 100

enum provoke_verdict {
	PROVOKE_CLOSED, /* enough overlaps, all contained */
	PROVOKE_OPEN, /* a proved escape, and no failure without a race */
	PROVOKE_NOT_SHOWN, /* neither: too few overlaps, or losses or failed walkers prevent a
			    * statement */
	PROVOKE_IMPOSSIBLE, /* the class cannot happen, be observed or be provoked on this kernel */
	PROVOKE_MAX
};

#define PROVOKE_NAMES                                         \
	{                                                     \
		"closed", "open", "not shown", "not possible" \
	}

/* Incidents of one class in one run, as the observer settled them. */
struct provoke_counts {
	uint64_t contained;
	uint64_t escapes;
	uint64_t likely; /* of these: not proved */
	uint64_t remained; /* walkers that failed with nobody unmapping */
	uint64_t unattributed; /* walkers that failed and that no zap explains */
	uint64_t unproven; /* incidents touched by a loss */
	uint64_t lost; /* of any cause, in the whole run */
};

/*
 * The verdict. A kernel that was seen to fail by itself (remained) cannot be called open: no count
 * distinguishes such a failure from a race at the same time. Otherwise a proved escape means open.
 * Closed needs PROVOKE_ENOUGH contained overlaps and nothing against it: no loss, no other failed
 * walker.
 */
enum provoke_verdict provoke_verdict__judge(const struct provoke_counts *counts);

/* Why it is not shown, as one clause: "3 contained overlaps are too few". Into buf; returns it. */
const char *provoke_verdict__why(char *buf, size_t size, const struct provoke_counts *counts);

#endif
