// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every interleaving of one or two windows and one walker, on the same folio and on different
 * ones. A folio's mapcount is simulated, so that each walker decides and proves what it would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "oracle.h"

#define START 1000000000ULL
#define WINDOWS 2

/* What happens in a window, and to a walker: four steps each, in this order. */
enum window_step {
	OPEN,
	DECREMENT,
	REMOVED,
	CLOSE,
	STEPS
};
enum walker_step {
	ENTER,
	DECIDE,
	LEAVE,
	PROVE
};

struct schedule {
	enum thprace_mode mode;
	uint64_t apart; /* ns between two steps */
	unsigned int windows;
	bool apart_folios; /* window 1 is on another folio than the walker */
	bool other_mapping; /* one more mapping, which nobody zaps */
	bool own; /* the walker has a result of its own */
	bool late_folio; /* the folio is not known when a window opens */
	unsigned long count;
	unsigned long with[THPRACE_VERDICT_MAX];
};

struct run {
	struct thprace_record record[16];
	size_t n;
	uint64_t time[WINDOWS + 1][STEPS];
	int mapcount;
	int decided; /* mapcount at the walker's decision */
	int proved;
};

static uint64_t folio_of(const struct schedule *schedule, unsigned int window)
{
	return schedule->apart_folios && window == 1 ? 0x2000 : 0x1000;
}

static struct thprace_record *add(struct run *run, enum thprace_record_type type, uint64_t entry,
				  uint64_t ts, unsigned int who)
{
	struct thprace_record *record = &run->record[run->n++];

	memset(record, 0, sizeof(*record));
	record->type = type;
	record->entry = entry;
	record->ts = ts;
	record->pid = 10 + who;
	record->tgid = 10 + who;
	record->cpu = who;
	return record;
}

static void window_step(const struct schedule *schedule, struct run *run, unsigned int window,
			enum window_step step)
{
	bool precise = schedule->mode == THPRACE_PRECISE;
	uint64_t *time = run->time[window], folio = folio_of(schedule, window);
	struct thprace_record *record;

	switch (step) {
	case OPEN:
		record = add(run, THPRACE_REC_ZAP_OPEN, time[OPEN], time[OPEN], window);
		record->folio = schedule->late_folio ? 0 : folio;
		record->arg = 0xabc;
		record->arg2 = 0x200000;
		break;
	case DECREMENT:
		run->mapcount -= folio == 0x1000;
		break;
	case REMOVED:
		if (!precise)
			break;
		record = add(run, THPRACE_REC_RMAP_PMD, time[OPEN], time[REMOVED], window);
		record->folio = folio;
		break;
	default:
		record = add(run, THPRACE_REC_ZAP_CLOSE, time[OPEN], time[CLOSE], window);
		record->folio = folio;
		record->arg = precise ? time[REMOVED] : 0;
		record->arg2 = 0x200000;
		break;
	}
}

static void walker_step(const struct schedule *schedule, struct run *run, enum walker_step step)
{
	uint64_t *time = run->time[WINDOWS];
	struct thprace_record *record;

	switch (step) {
	case ENTER:
		record = add(run, THPRACE_REC_WALK_ENTER, time[ENTER], time[ENTER], WINDOWS);
		record->class = THPRACE_SPLIT_UNMAP;
		break;
	case DECIDE:
		run->decided = run->mapcount;
		break;
	case LEAVE:
		break;
	case PROVE:
		run->proved = run->mapcount;
		record = add(run, THPRACE_REC_WALK_RETURN, time[ENTER], time[LEAVE], WINDOWS);
		record->class = THPRACE_SPLIT_UNMAP;
		record->folio = 0x1000;
		record->value = run->proved;
		if (schedule->own)
			record->flags = THPRACE_RF_OWN |
					(run->decided > 0 ? THPRACE_RF_OWN_FAILED : 0);
		break;
	}
}

/* What really happened, known from the mapcount alone: one window, no other mapping. */
static void check_truth(const struct schedule *schedule, const struct run *run,
			const struct oracle_run *got)
{
	const uint64_t *window = run->time[0], *walker = run->time[WINDOWS];
	bool overlap = window[OPEN] < walker[LEAVE] && walker[ENTER] < window[CLOSE];
	bool saw = run->proved > 0 || (schedule->own && run->decided > 0);

	if (schedule->windows != 1 || schedule->other_mapping || schedule->apart < 1000)
		return;
	assert_int_equal(got->stats.class[THPRACE_SPLIT_UNMAP].overlaps, overlap);
	assert_int_equal(got->stats.class[THPRACE_SPLIT_UNMAP].escapes, overlap && saw);
	assert_int_equal(got->stats.class[THPRACE_SPLIT_UNMAP].contained, overlap && !saw);
	assert_int_equal(got->stats.class[THPRACE_SPLIT_UNMAP].unattributed, !overlap && saw);
	assert_int_equal(got->stats.class[THPRACE_SPLIT_UNMAP].clean, !overlap && !saw);
}

/* order: who makes each step. */
static void play(struct schedule *schedule, const unsigned int *order, unsigned int steps)
{
	unsigned int done[WINDOWS + 1] = {0}, i, who;
	struct run run = {0};
	struct oracle_run got;
	struct oracle *oracle;

	run.mapcount = 1 + schedule->other_mapping;
	run.mapcount += schedule->windows == 2 && !schedule->apart_folios;
	for (i = 0; i < steps; i++) {
		who = order[i];
		run.time[who][done[who]] = START + i * schedule->apart;
		if (who == WINDOWS)
			walker_step(schedule, &run, done[who]++);
		else
			window_step(schedule, &run, who, done[who]++);
	}
	oracle = oracle__new(run.record, run.n, schedule->mode, THPRACE_FOREVER);
	oracle__run(&got, run.record, run.n, schedule->mode, 0);
	if (!oracle__agrees(oracle, &got)) {
		for (i = 0; i < steps; i++)
			fprintf(stderr, "%c", order[i] == WINDOWS ? 'w' : '0' + order[i]);
		fail_msg(" mode %d apart %u folios %d other %d own %d", schedule->mode,
			 (unsigned int)schedule->apart, schedule->apart_folios,
			 schedule->other_mapping, schedule->own);
	}
	check_truth(schedule, &run, &got);
	assert_int_equal(got.stats.orphans, 0);
	schedule->count++;
	for (i = 0; i < got.incidents; i++)
		schedule->with[got.incident[i].verdict]++;
	oracle__free(oracle);
	oracle_run__free(&got);
}

static void permute(struct schedule *schedule, unsigned int *order, unsigned int at,
		    unsigned int *left)
{
	unsigned int steps = STEPS * (schedule->windows + 1), who;

	if (at == steps) {
		play(schedule, order, steps);
		return;
	}
	for (who = 0; who <= WINDOWS; who++) {
		if (!left[who])
			continue;
		left[who]--;
		order[at] = who;
		permute(schedule, order, at + 1, left);
		left[who]++;
	}
}

/* All variants: bit by bit. */
static void enumerate(unsigned int windows, uint64_t apart, unsigned int variants,
		      struct schedule *sum)
{
	unsigned int variant, i, order[STEPS * (WINDOWS + 1)];

	for (variant = 0; variant < variants; variant++) {
		unsigned int left[WINDOWS + 1] = {STEPS, windows == 2 ? STEPS : 0, STEPS};
		struct schedule schedule = {
			.mode = variant & 1 ? THPRACE_PRECISE : THPRACE_LIGHT,
			.apart = apart,
			.windows = windows,
			.own = variant & 2,
			.other_mapping = variant & 4,
			.late_folio = variant & 8,
			.apart_folios = variant & 16,
		};

		if (schedule.apart_folios && windows == 1)
			continue;
		/* Two windows are many: the folio that comes late once is enough. */
		if (windows == 2 && schedule.late_folio && schedule.other_mapping)
			continue;
		permute(&schedule, order, 0, left);
		sum->count += schedule.count;
		for (i = 0; i < THPRACE_VERDICT_MAX; i++)
			sum->with[i] += schedule.with[i];
	}
	print_message("%lu interleavings: contained %lu escape %lu unattributed %lu\n", sum->count,
		      sum->with[THPRACE_CONTAINED], sum->with[THPRACE_ESCAPE],
		      sum->with[THPRACE_UNATTRIBUTED]);
	assert_true(sum->with[THPRACE_CONTAINED] && sum->with[THPRACE_ESCAPE] &&
		    sum->with[THPRACE_UNATTRIBUTED]);
	assert_int_equal(sum->with[THPRACE_UNPROVEN], 0);
}

static void test_one_window(void **state)
{
	struct schedule sum = {0};

	(void)state;
	enumerate(1, 1000, 32, &sum);
	assert_int_equal(sum.count, 70 * 16);
}

static void test_one_window_within_tolerance(void **state)
{
	static const uint64_t apart[] = {0, 1, 14, 20, 25, 33, 34, 49, 50, 51, 99, 100, 101};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		struct schedule sum = {0};

		/* They share four steps at most. */
		if (4 * apart[i] < THPRACE_TOLERANCE_NS) {
			sum.with[THPRACE_CONTAINED] = sum.with[THPRACE_ESCAPE] = 1;
		}
		enumerate(1, apart[i], 32, &sum);
	}
}

static void test_two_windows(void **state)
{
	struct schedule sum = {0};

	(void)state;
	enumerate(2, 1000, 32, &sum);
	assert_int_equal(sum.count, 34650 * 24);
}

static void test_two_windows_within_tolerance(void **state)
{
	struct schedule sum = {0};

	(void)state;
	enumerate(2, 40, 8, &sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_window),
		cmocka_unit_test(test_one_window_within_tolerance),
		cmocka_unit_test(test_two_windows),
		cmocka_unit_test(test_two_windows_within_tolerance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
