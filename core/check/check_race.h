/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a kernel have the fix of a race that a file describes? According to the conditions of its
 * [check].
 */
#ifndef THPRACE_CHECK_RACE_H
#define THPRACE_CHECK_RACE_H

#include <stddef.h>

#include "check_facts.h"

struct check_source;
struct race;

#define CHECK_RACE_EVIDENCE_MAX 16

struct check_race_result {
	enum check_status status;
	/* The facts on which the status is based; missing ones come last. */
	struct check_fact evidence[CHECK_RACE_EVIDENCE_MAX];
	size_t nr_evidence;
};

/*
 * If `cannot' holds: it cannot happen. Else if `fixed' holds: fixed. Else if `vulnerable' holds, or
 * `fixed' is known not to hold: vulnerable, unless it is not known whether it can happen. Else
 * unknown, also if `fixed' and `vulnerable' both hold.
 */
void check_race__judge(struct check_race_result *result, const struct check_source *source,
		       const struct race *race);

#endif
