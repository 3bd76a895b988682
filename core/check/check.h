/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a race class fixed in a kernel? From facts about the kernel (core/check/check_facts.h) by a table of
 * rules, without running anything on it.
 */
#ifndef THPRACE_CHECK_H
#define THPRACE_CHECK_H

#include <stddef.h>
#include <thprace/race.h>

#include "check_facts.h"

enum check_word {
	CHECK_FIXED, /* the kernel closes the race */
	CHECK_VULNERABLE, /* it does not */
	CHECK_CANNOT_HAPPEN, /* the kernel lacks one of the two sides */
	CHECK_UNKNOWN, /* facts are missing */
	CHECK_WORD_MAX
};

#define CHECK_WORD_NAMES                                          \
	{                                                         \
		"fixed", "vulnerable", "cannot happen", "unknown" \
	}

#define CHECK_EVIDENCE_MAX 5 /* of a rule's facts four, and what was watched */

/* What is said of one class. */
struct check_result {
	enum check_word word;
	/* The facts that the word follows from; for unknown: those that are missing come last. */
	const struct check_fact *evidence[CHECK_EVIDENCE_MAX];
	size_t nr_evidence;
};

/* The commit that closed a class upstream; for split-migrate the one that brought try_to_migrate. */
struct check_commit {
	const char *hash;
	const char *subject;
	const char *version; /* the first release with it */
};

/* Judge one class. The result points into facts. */
void check__judge(const struct check_facts *facts, enum thprace_class class,
		  struct check_result *result);

const struct check_commit *check__commit(enum thprace_class class);

#endif
