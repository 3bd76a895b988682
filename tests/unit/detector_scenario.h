/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario: records made by hand, with times in microseconds, in any order. It runs through the
 * detector and, except for late records, through the oracle, which must agree.
 */
#ifndef TESTS_DETECTOR_SCENARIO_H
#define TESTS_DETECTOR_SCENARIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "oracle.h"
#include "class_ids.h"

#define START 1000000000ULL
#define US(us) (START + (uint64_t)(us)*1000)
#define FOLIO 0xffffea0000000000ULL
#define OTHER 0xffffea0000008000ULL
#define OPENER 10
#define WALKER 20
#define OWN THPRACE_RF_OWN
#define OWN_FAILED (THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED)

struct scenario {
	struct thprace_record record[64];
	size_t n;
	struct oracle_run run;
};

static inline struct thprace_record *add_record(struct scenario *scenario,
						enum thprace_record_type type, uint64_t entry,
						uint64_t ts, uint32_t pid)
{
	struct thprace_record *record = &scenario->record[scenario->n++];

	assert_true(scenario->n <= 64);
	memset(record, 0, sizeof(*record));
	record->type = type;
	record->entry = entry;
	record->ts = ts;
	record->pid = pid;
	record->tgid = pid + 1;
	record->cpu = pid % 7;
	record->folio = FOLIO;
	return record;
}

static inline struct thprace_record *zap_open(struct scenario *scenario, uint64_t ts)
{
	struct thprace_record *record = add_record(scenario, THPRACE_REC_ZAP_OPEN, ts, ts, OPENER);

	record->arg = 0x1234;
	record->arg2 = 0x7f0000000000ULL;
	return record;
}

/* Nothing is left at its level, unless a test says otherwise. */
static inline struct thprace_record *zap_close(struct scenario *scenario, uint64_t open,
					       uint64_t removed, uint64_t ts)
{
	struct thprace_record *record =
		add_record(scenario, THPRACE_REC_ZAP_CLOSE, open, ts, OPENER);

	record->arg = removed;
	record->arg2 = 0x7f0000000000ULL;
	record->flags = thprace_left_encode(0);
	return record;
}

/* A complete window of OPENER on FOLIO; removed 0: light mode, or void. Returns its end. */
static inline struct thprace_record *window(struct scenario *scenario, uint64_t open,
					    uint64_t removed, uint64_t close)
{
	zap_open(scenario, open);
	if (removed)
		add_record(scenario, THPRACE_REC_RMAP_PMD, open, removed, OPENER);
	return zap_close(scenario, open, removed, close);
}

static inline struct thprace_record *walk_return(struct scenario *scenario, uint64_t enter,
						 uint64_t leave, int residual, uint16_t flags)
{
	struct thprace_record *record =
		add_record(scenario, THPRACE_REC_WALK_RETURN, enter, leave, WALKER);

	record->class = THPRACE_SPLIT_UNMAP;
	record->origin = THPRACE_ORIGIN_SPLIT;
	record->value = residual;
	record->flags = flags;
	record->arg = 0x51;
	record->arg2 = THPRACE_COUNTS(residual, 0); /* by PMDs */
	return record;
}

static inline struct thprace_record *walk(struct scenario *scenario, uint64_t enter, uint64_t leave,
					  int residual, uint16_t flags)
{
	add_record(scenario, THPRACE_REC_WALK_ENTER, enter, enter, WALKER)->class =
		THPRACE_SPLIT_UNMAP;
	return walk_return(scenario, enter, leave, residual, flags);
}

/* A walker that left mappings by PTEs. */
static inline struct thprace_record *small_walk(struct scenario *scenario, uint64_t enter,
						uint64_t leave, int residual)
{
	struct thprace_record *record = walk(scenario, enter, leave, residual, 0);

	record->arg2 = THPRACE_COUNTS(0, residual);
	return record;
}

/* The zap of a range by OPENER, which left this many; began 0: before the walker. */
static inline struct thprace_record *range(struct scenario *scenario, uint64_t began,
					   uint64_t ended, int left)
{
	struct thprace_record *record =
		add_record(scenario, THPRACE_REC_RANGE, began, ended, OPENER);

	record->arg2 = 1;
	record->value = left;
	return record;
}

/* The function around a walker that returned at `left` returns: this many are mapped by PMDs. */
static inline struct thprace_record *outer(struct scenario *scenario, uint64_t left, uint64_t ts,
					   int before, int now)
{
	struct thprace_record *record = add_record(scenario, THPRACE_REC_OUTER, left, ts, WALKER);

	record->arg = THPRACE_COUNTS(before, 0);
	record->arg2 = THPRACE_COUNTS(now, 0);
	record->value = 9;
	return record;
}

static inline void pte_zap(struct scenario *scenario, uint64_t ts, uint32_t pid)
{
	add_record(scenario, THPRACE_REC_RMAP_PTE, ts, ts, pid)->value = 3;
}

static inline struct thprace_record *split(struct scenario *scenario, uint64_t enter,
					   uint64_t unmapped, uint64_t leave, int residual,
					   int result)
{
	struct thprace_record *record;

	add_record(scenario, THPRACE_REC_SPLIT_ENTER, enter, enter, WALKER)->class =
		THPRACE_SPLIT_HEAD;
	record = add_record(scenario, THPRACE_REC_SPLIT_RETURN, enter, leave, WALKER);
	record->class = THPRACE_SPLIT_HEAD;
	record->origin = THPRACE_ORIGIN_SPLIT;
	record->arg = unmapped;
	record->arg2 = (uint64_t)(int64_t)residual;
	record->value = result;
	return record;
}

static inline void lost(struct scenario *scenario, uint64_t from, uint64_t to)
{
	add_record(scenario, THPRACE_REC_LOST, from, to, 0)->arg = 5;
}

/* Runs it: the detector sorts the records. The oracle must agree with all of it. */
static inline void run(struct scenario *scenario, enum thprace_mode mode)
{
	struct oracle *oracle = oracle__new(scenario->record, scenario->n, mode,
					    2 * DETECTOR_WATERMARK_NS + THPRACE_ATTRIBUTION_NS);

	oracle_run__free(&scenario->run);
	oracle__run(&scenario->run, scenario->record, scenario->n, mode, 0);
	assert_true(oracle__agrees(oracle, &scenario->run));
	oracle__free(oracle);
}

static inline void precise(struct scenario *scenario)
{
	run(scenario, THPRACE_PRECISE);
}

static inline void only(const struct scenario *scenario, size_t at, enum thprace_verdict verdict,
			uint32_t opener)
{
	assert_true(at < scenario->run.incidents);
	assert_int_equal(scenario->run.incident[at].verdict, verdict);
	assert_int_equal(scenario->run.incident[at].window.pid, opener);
}

static inline void only_escape(const struct scenario *scenario, size_t at,
			       enum thprace_attribution attribution)
{
	only(scenario, at, THPRACE_ESCAPE, OPENER);
	assert_int_equal(scenario->run.incident[at].attribution, attribution);
}

static inline const struct detector_class *split_unmap(const struct scenario *scenario)
{
	return &scenario->run.stats.class[THPRACE_SPLIT_UNMAP];
}

static inline const struct detector_class *split_head(const struct scenario *scenario)
{
	return &scenario->run.stats.class[THPRACE_SPLIT_HEAD];
}

static inline int setup(void **state)
{
	static struct scenario scenario;

	scenario.n = 0;
	*state = &scenario;
	return 0;
}

static inline int teardown(void **state)
{
	struct scenario *scenario = *state;

	oracle_run__free(&scenario->run);
	return 0;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
