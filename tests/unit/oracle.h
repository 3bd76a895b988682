/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle of the detector's tests: the same definitions, computed by brute force over the
 * complete lists of windows, walkers, removals and losses. It shares no code with the detector, and
 * uses none of its functions that judge.
 */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <thprace/record.h>
#include "replay/detector.h"

struct oracle_window {
	struct thprace_window window;
	bool opened; /* its ZAP_OPEN is among the records */
	bool closed; /* its ZAP_CLOSE is */
	bool lost; /* its end is not, and the task did something else later */
	bool empty; /* void */
};

struct oracle_walker {
	struct thprace_walk walk;
	bool head; /* a split after its walker */
	bool check; /* a check point alone */
	bool failed;
	bool clean; /* overlapped nothing, did not fail, touched by no loss */
};

struct oracle_span {
	uint64_t from;
	uint64_t to;
};

struct oracle {
	enum thprace_mode mode;
	uint64_t reach; /* passes further apart than this are not searched for */
	struct thprace_record *record; /* in order of time */
	size_t records;
	struct oracle_window *window;
	size_t windows;
	struct oracle_walker *walker;
	size_t walkers;
	struct thprace_window *range; /* zaps of parts of vmas */
	size_t ranges;
	struct oracle_span *span;
	size_t spans;
	struct thprace_incident *incident;
	size_t incidents;
	struct detector_stats stats; /* late, late_loss and the sides of closest are not filled */
};

/* Judges n records, given in the order of feeding. Free with oracle__free(). */
struct oracle *oracle__new(const struct thprace_record *record, size_t n, enum thprace_mode mode,
			   uint64_t reach);
bool oracle__lost(const struct oracle *oracle, uint64_t from, uint64_t to);
void oracle__free(struct oracle *oracle);

/* The detector's result for records: its incidents, sorted, and a copy of its numbers. */
struct oracle_run {
	struct thprace_incident *incident;
	size_t incidents;
	struct detector_stats stats;
};

void oracle__run(struct oracle_run *run, const struct thprace_record *record, size_t n,
		 enum thprace_mode mode, uint64_t watermark);
void oracle_run__free(struct oracle_run *run);
/*
 * Does the detector's run equal the oracle's result, in every byte of every incident and every
 * number? If not, prints on stderr what differs.
 */
bool oracle__agrees(struct oracle *oracle, const struct oracle_run *run);

/* Order of incidents by identity, for sorting before the comparison. */
int oracle__compare(const void *a, const void *b);

#endif
