// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every interleaving of one or two zaps and one walker, on the same folio and on different ones. A
 * folio's mapcounts are simulated, so that each walker decides and proves what it would, and each
 * zap finds left what it would. A zap is a window at PMD level, or the range of a vma.
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
#include "class_ids.h"

#define START 1000000000ULL
#define WINDOWS 2

/* The steps of a window, and of a walker: four each, in this order. */
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
	bool other_mapping; /* one more mapping, which nobody zaps: the walk ended early */
	unsigned int ranges; /* a bit for each zap: at PTE level */
	bool own; /* the walker has a result of its own */
	bool late_folio; /* the folio is not known when a window opens */
	unsigned long count;
	unsigned long with[THPRACE_VERDICT_MAX];
};

struct run {
	struct thprace_record record[16];
	size_t n;
	uint64_t time[WINDOWS + 1][STEPS];
	int at[WINDOWS + 1][STEPS]; /* place in the order of steps */
	int step;
	int mapped[THPRACE_LEVEL_MAX];
	int decided; /* mapcount at the walker's decision */
	int proved;
	bool entered;
	bool over; /* the walker has returned, and had not failed */
};

static uint64_t folio_of(const struct schedule *schedule, unsigned int window)
{
	return schedule->apart_folios && window == 1 ? 0x2000 : 0x1000;
}

static int level_of(const struct schedule *schedule, unsigned int window)
{
	return schedule->ranges & 1U << window ? THPRACE_LEVEL_PTE : THPRACE_LEVEL_PMD;
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
		run->mapped[THPRACE_LEVEL_PMD] -= folio == 0x1000;
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
		/* Somebody asks while a walker is under way or has failed. */
		if (folio == 0x1000 && run->entered && !run->over)
			record->flags = thprace_left_encode(run->mapped[THPRACE_LEVEL_PMD]);
		break;
	}
}

/* The same for a zap at PTE level: it is only recorded if somebody asks. */
static void range_step(const struct schedule *schedule, struct run *run, unsigned int window,
		       enum window_step step)
{
	bool precise = schedule->mode == THPRACE_PRECISE;
	uint64_t *time = run->time[window];
	struct thprace_record *record;

	if (step == DECREMENT)
		run->mapped[THPRACE_LEVEL_PTE]--;
	if (step == REMOVED && precise) {
		record = add(run, THPRACE_REC_RMAP_PTE, time[REMOVED], time[REMOVED], window);
		record->folio = 0x1000;
		record->value = 1;
	}
	if (step != CLOSE || !run->entered || run->over)
		return;
	/* Its start was stamped if a walker was there. */
	record = add(run, THPRACE_REC_RANGE,
		     run->at[window][OPEN] > run->at[WINDOWS][ENTER] ? time[OPEN] : 0, time[CLOSE],
		     window);
	record->folio = 0x1000;
	record->arg = precise ? time[REMOVED] : 0;
	record->arg2 = precise;
	record->value = run->mapped[THPRACE_LEVEL_PTE];
}

static int mapcount(const struct run *run)
{
	return run->mapped[THPRACE_LEVEL_PMD] + run->mapped[THPRACE_LEVEL_PTE];
}

static void walker_step(const struct schedule *schedule, struct run *run, enum walker_step step)
{
	uint64_t *time = run->time[WINDOWS];
	struct thprace_record *record;

	switch (step) {
	case ENTER:
		record = add(run, THPRACE_REC_WALK_ENTER, time[ENTER], time[ENTER], WINDOWS);
		record->class = THPRACE_SPLIT_UNMAP;
		run->entered = true;
		break;
	case DECIDE:
		run->decided = mapcount(run);
		break;
	case LEAVE:
		break;
	case PROVE:
		run->proved = mapcount(run);
		record = add(run, THPRACE_REC_WALK_RETURN, time[ENTER], time[LEAVE], WINDOWS);
		record->class = THPRACE_SPLIT_UNMAP;
		record->folio = 0x1000;
		record->value = run->proved;
		record->arg2 = THPRACE_COUNTS(run->mapped[THPRACE_LEVEL_PMD],
					      run->mapped[THPRACE_LEVEL_PTE]);
		if (schedule->own)
			record->flags = THPRACE_RF_OWN |
					(run->decided > 0 ? THPRACE_RF_OWN_FAILED : 0);
		run->over = run->proved == 0 && !(schedule->own && run->decided > 0);
		break;
	}
}

/* Did this zap take a mapping that the walker had left? */
static bool took(const struct run *run, unsigned int window)
{
	return run->at[window][DECREMENT] > run->at[WINDOWS][PROVE];
}

static bool was_open(const struct run *run, unsigned int window)
{
	return run->at[window][OPEN] < run->at[WINDOWS][LEAVE];
}

/* No wrong statement is made, for any number of zaps. */
static void check_claims(const struct schedule *schedule, const struct run *run,
			 const struct oracle_run *got)
{
	const struct thprace_incident *incident;
	unsigned int window;
	size_t i;

	for (i = 0; i < got->incidents; i++) {
		incident = &got->incident[i];
		if (thprace_proved(incident->verdict, incident->attribution)) {
			window = incident->window.pid - 10;
			assert_true(window < schedule->windows);
			assert_int_equal(incident->window.level, level_of(schedule, window));
			assert_true(was_open(run, window));
			assert_true(run->at[window][DECREMENT] >
				    run->at[WINDOWS][run->proved ? PROVE : DECIDE]);
		}
		for (window = 0; window < schedule->windows; window++)
			if (incident->verdict == THPRACE_REMAINED &&
			    folio_of(schedule, window) == 0x1000)
				assert_false(was_open(run, window) && took(run, window));
	}
}

/*
 * What really happened, known from the order of steps alone: for a single zap everything is known.
 * It is the reason if it was under way at the walker's return and took a mapping that was left; or
 * if the walker says that something was mapped, and nothing was a moment later.
 */
static void check_truth(const struct schedule *schedule, const struct run *run,
			const struct oracle_run *got)
{
	const struct detector_class *class = &got->stats.class[THPRACE_SPLIT_UNMAP];
	const int *window = run->at[0], *walker = run->at[WINDOWS];
	bool meets = was_open(run, 0) && walker[ENTER] < window[CLOSE];
	bool own = schedule->own && run->decided > 0 && run->proved == 0;
	bool failed = run->proved > 0 || own;
	bool escape = meets && (took(run, 0) || own);
	bool remained = took(run, 0) && !was_open(run, 0);
	bool precise = schedule->mode == THPRACE_PRECISE, contained = meets && !escape;
	size_t i;

	if (schedule->ranges)
		contained = precise && !failed && walker[ENTER] < window[REMOVED] &&
			    window[REMOVED] < walker[LEAVE];
	assert_int_equal(class->overlaps, escape || contained);
	assert_int_equal(class->escapes, escape);
	assert_int_equal(class->contained, contained);
	assert_int_equal(class->remained, remained);
	assert_int_equal(class->unattributed, failed && !escape && !remained);
	assert_int_equal(class->clean, !failed && !contained);
	for (i = 0; escape && i < got->incidents; i++)
		assert_int_equal(got->incident[i].attribution, precise ? THPRACE_EXACT
							       : own   ? THPRACE_LIKELY
								       : THPRACE_CAUSAL);
}

/* order: who makes each step. */
static void play(struct schedule *schedule, const unsigned int *order, unsigned int steps)
{
	unsigned int done[WINDOWS + 1] = {0}, i, who;
	struct run run = {0};
	struct oracle_run got;
	struct oracle *oracle;

	run.mapped[level_of(schedule, 0)] = 1 + schedule->other_mapping;
	run.mapped[level_of(schedule, 1)] += schedule->windows == 2 && !schedule->apart_folios;
	for (i = 0; i < steps; i++) {
		who = order[i];
		run.time[who][done[who]] = START + i * schedule->apart;
		run.at[who][done[who]] = (int)i + 1; /* 0: not yet */
		if (who == WINDOWS)
			walker_step(schedule, &run, done[who]++);
		else if (level_of(schedule, who) == THPRACE_LEVEL_PTE)
			range_step(schedule, &run, who, done[who]++);
		else
			window_step(schedule, &run, who, done[who]++);
	}
	oracle = oracle__new(run.record, run.n, schedule->mode, THPRACE_FOREVER);
	oracle__run(&got, run.record, run.n, schedule->mode, 0);
	if (!oracle__agrees(oracle, &got)) {
		for (i = 0; i < steps; i++)
			fprintf(stderr, "%c", order[i] == WINDOWS ? 'w' : '0' + order[i]);
		fail_msg(" mode %d apart %u folios %d other %d own %d ranges %u", schedule->mode,
			 (unsigned int)schedule->apart, schedule->apart_folios,
			 schedule->other_mapping, schedule->own, schedule->ranges);
	}
	if (schedule->apart >= 1000) {
		check_claims(schedule, &run, &got);
		if (schedule->windows == 1)
			check_truth(schedule, &run, &got);
	}
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
			.ranges = variant >> 3 & 3,
			.late_folio = variant & 32,
			.apart_folios = variant & 64,
		};

		if (windows == 1 && (schedule.apart_folios || schedule.ranges > 1))
			continue;
		/* Ranges know their folio; the first of two stands for either. */
		if (schedule.ranges && (schedule.late_folio || schedule.apart_folios))
			continue;
		if (schedule.ranges == 2)
			continue;
		/* Two windows are many cases: one late folio is enough. */
		if (windows == 2 && schedule.late_folio && schedule.other_mapping)
			continue;
		permute(&schedule, order, 0, left);
		sum->count += schedule.count;
		for (i = 0; i < THPRACE_VERDICT_MAX; i++)
			sum->with[i] += schedule.with[i];
	}
	print_message("%lu interleavings: contained %lu escape %lu remained %lu unattributed %lu\n",
		      sum->count, sum->with[THPRACE_CONTAINED], sum->with[THPRACE_ESCAPE],
		      sum->with[THPRACE_REMAINED], sum->with[THPRACE_UNATTRIBUTED]);
	assert_int_equal(sum->with[THPRACE_UNPROVEN], 0);
}

static void assert_all_seen(const struct schedule *sum)
{
	assert_true(sum->with[THPRACE_CONTAINED] && sum->with[THPRACE_ESCAPE] &&
		    sum->with[THPRACE_REMAINED] && sum->with[THPRACE_UNATTRIBUTED]);
}

static void test_one_window(void **state)
{
	struct schedule sum = {0};

	(void)state;
	enumerate(1, 1000, 128, &sum);
	assert_int_equal(sum.count, 70 * 24);
	assert_all_seen(&sum);
}

static void test_one_window_within_tolerance(void **state)
{
	static const uint64_t apart[] = {0, 1, 14, 20, 25, 33, 34, 49, 50, 51, 99, 100, 101};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		struct schedule sum = {0};

		enumerate(1, apart[i], 128, &sum);
		/* They overlap in at most four steps. */
		if (4 * apart[i] >= THPRACE_TOLERANCE_NS)
			assert_all_seen(&sum);
	}
}

static void test_two_windows(void **state)
{
	struct schedule sum = {0};

	(void)state;
	enumerate(2, 1000, 128, &sum);
	assert_int_equal(sum.count, 34650 * 40);
	assert_all_seen(&sum);
}

static void test_two_windows_within_tolerance(void **state)
{
	struct schedule sum = {0};

	(void)state;
	enumerate(2, 40, 32, &sum);
	assert_all_seen(&sum);
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
