/* SPDX-License-Identifier: GPL-2.0-only */
/* What was seen of the running kernel's walks, and what this proves. */
#ifndef THPRACE_CHECK_WATCH_H
#define THPRACE_CHECK_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/types.h>
#include <thprace/race.h>
#include <thprace/watch.h>

#include "check.h"

struct check_watch {
	struct thprace_watch_count counts[THPRACE_WATCH_COUNTS]; /* THPRACE_WATCH_WHICH */
	bool there[THPRACE_WATCH_FUNCTION_MAX]; /* the kernel has the function */
	bool poison; /* … and memory_failure */
	uint64_t lost; /* calls that could not be followed to their end: then nothing is proved */
	double seconds;
	const char *how; /* "fentry" or "kprobe" */
	struct check_fact facts[THPRACE_CLASS_MAX]; /* by check_watch__judge() */
	struct check_fact ends[THPRACE_CLASS_MAX]; /* by check_watch__ends() */
};

/* The walks that a class is about. False: it is about none, or this kernel has no such function. */
bool check_watch__of_class(const struct check_watch *watch, enum thprace_class class,
			   enum thprace_watch_function *function, enum thprace_watch_kind *kind);

/*
 * Do the walks of a class end before they have visited all mappings? Shown by calls on pages with
 * several whole mappings. CHECK_NOT_KNOWN if none was seen. Fills in watch->ends[class], and
 * returns it.
 */
const struct check_fact *check_watch__ends(struct check_watch *watch, enum thprace_class class);

/*
 * Use what was seen of a class as further evidence: an unknown status becomes fixed or vulnerable,
 * and a status that it contradicts becomes unknown. The result points into watch.
 */
void check_watch__judge(struct check_watch *watch, enum thprace_class class,
			struct check_result *result);

#endif
