/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a race class fixed in a kernel? Decided from facts about the kernel (core/check/check_facts.h)
 * by a table of rules, without running anything on it.
 */
#ifndef THPRACE_CHECK_H
#define THPRACE_CHECK_H

#include <stddef.h>
#include <thprace/race.h>

#include "check_facts.h"

#define CHECK_EVIDENCE_MAX 5 /* at most four facts of a rule, and the watched ones */

/* The result for one class. */
struct check_result {
	enum check_status status;
	/* The facts on which the status is based; for unknown, the missing ones come last. */
	const struct check_fact *evidence[CHECK_EVIDENCE_MAX];
	size_t nr_evidence;
};

/* Judge one class. The result points into facts. */
void check__judge(const struct check_facts *facts, enum thprace_class class,
		  struct check_result *result);

/* The commit that closed a class upstream. */
const struct check_commit *check__commit(enum thprace_class class);

#endif
