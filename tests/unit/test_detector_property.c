// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random schedules of tasks that zap, walk and split a few folios, whose mapcounts are simulated at
 * both levels. Some mappings exist that nobody takes, and some appear while others are removed. The
 * detector is fed in an order that the watermark allows, and must agree with the oracle on the same
 * records. If records are lost, it must also make no statement about anything that a loss touches,
 * and miss nothing else.
 *
 * THPRACE_TEST_SEED runs one schedule; THPRACE_TEST_TIMES=N runs N times as many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "chance.h"
#include "detector_schedule.h"
#include "oracle.h"

/* The records left after those that come too late are dropped. Returns how many are. */
static size_t drop_late(struct thprace_record *record, size_t n, uint64_t watermark)
{
	uint64_t newest = 0, processed = 0;
	size_t i, j, late = 0;

	for (i = 0; i < n; i++) {
		if (record[i].ts < processed && record[i].type != THPRACE_REC_LOST) {
			late++;
			record[i].type = THPRACE_REC_LOST;
			record[i].arg = 0;
			/* The start of a range may not be known. */
			if (!record[i].entry)
				record[i].entry = record[i].ts;
		}
		newest = record[i].ts > newest ? record[i].ts : newest;
		for (j = 0; j <= i; j++) {
			if (record[j].type != THPRACE_REC_LOST &&
			    record[j].ts + watermark <= newest && record[j].ts > processed)
				processed = record[j].ts;
		}
	}
	return late;
}

static uint64_t reach(uint64_t watermark)
{
	return 2 * watermark + THPRACE_ATTRIBUTION_NS;
}

static void check_without_loss(struct schedule *schedule, unsigned long *sum)
{
	uint64_t watermark = 1 + below(&schedule->random, 3000000);
	struct oracle_run run;
	struct oracle *oracle;
	size_t i;

	detector_schedule__shuffle(schedule, schedule->record, schedule->n, watermark);
	oracle = oracle__new(schedule->record, schedule->n, schedule->mode, reach(watermark));
	oracle__run(&run, schedule->record, schedule->n, schedule->mode, watermark);
	if (!oracle__agrees(oracle, &run))
		fail_msg("without loss: THPRACE_TEST_SEED=%lu", (unsigned long)schedule->seed);
	assert_int_equal(run.stats.late, 0);
	for (i = 0; i < run.incidents; i++)
		sum[run.incident[i].verdict]++;
	oracle__free(oracle);
	oracle_run__free(&run);
}

static bool same(const struct thprace_incident *a, const struct thprace_incident *b)
{
	return a->window.pid == b->window.pid && a->window.open == b->window.open &&
	       a->window.level == b->window.level && a->walk.pid == b->walk.pid &&
	       a->walk.enter == b->walk.enter && a->walk.leave == b->walk.leave &&
	       a->window.close == b->window.close && a->walk.class == b->walk.class;
}

static const struct thprace_incident *look_up(const struct thprace_incident *list, size_t n,
					      const struct thprace_incident *incident)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (same(&list[i], incident))
			return &list[i];
	}
	return NULL;
}

/* Is there a loss in the time that the incident depends on? */
static bool touched(const struct oracle *losses, const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walker = &incident->walk;
	uint64_t from = walker->enter, to = walker->leave;

	if (window->pid) {
		/* A range whose start is not known began before the walker. */
		from = window->open && window->open < from ? window->open : from;
		to = !window->close ? THPRACE_FOREVER : window->close > to ? window->close : to;
	}
	return oracle__lost(losses, from, to);
}

/*
 * Is there a window that the walker may have overlapped and of which a record is lost? `all`: all
 * of its records are, in separate losses: nothing shows it.
 */
static bool met_lost_window(const struct oracle *truth, const struct oracle *seen,
			    const struct thprace_walk *walker, bool all)
{
	const struct oracle_window *window, *left;
	size_t i, j;

	for (i = 0; i < truth->windows; i++) {
		window = &truth->window[i];
		if (window->window.open > walker->leave || window->window.pid == walker->pid)
			continue;
		if (window->window.folio && window->window.folio != walker->folio)
			continue;
		for (j = 0, left = NULL; j < seen->windows && !left; j++) {
			if (seen->window[j].window.pid == window->window.pid &&
			    seen->window[j].window.open == window->window.open)
				left = &seen->window[j];
		}
		if (all && !left)
			return true;
		if (!all && (!left || left->opened != window->opened ||
			     left->closed != window->closed || left->lost))
			return true;
	}
	return false;
}

/* Is the report of the function around the walker lost? Then less is known about the walker. */
static bool outer_lost(const struct oracle *truth, const struct thprace_walk *walk)
{
	const struct thprace_walk *whole;
	size_t i;

	for (i = 0; i < truth->walkers; i++) {
		whole = &truth->walker[i].walk;
		if (whole->pid == walk->pid && whole->enter == walk->enter &&
		    whole->leave == walk->leave && whole->class == walk->class)
			return whole->outer_at != walk->outer_at;
	}
	return false;
}

/*
 * Of several zaps that explain a walker, the one with the best proof is named. If its record is
 * lost, another one is named, as likely.
 */
static bool other_named(const struct oracle *truth, const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	size_t i;

	for (i = 0; i < truth->incidents; i++)
		if (truth->incident[i].verdict == THPRACE_ESCAPE &&
		    truth->incident[i].attribution == THPRACE_EXACT &&
		    truth->incident[i].window.level == THPRACE_LEVEL_PTE &&
		    truth->incident[i].walk.pid == walk->pid &&
		    truth->incident[i].walk.enter == walk->enter &&
		    truth->incident[i].walk.class == walk->class)
			return incident->verdict == THPRACE_ESCAPE &&
			       incident->attribution == THPRACE_LIKELY &&
			       incident->window.level == THPRACE_LEVEL_PTE;
	return false;
}

static bool states(const struct thprace_incident *incident)
{
	return incident->verdict == THPRACE_CONTAINED || incident->verdict == THPRACE_ESCAPE ||
	       incident->verdict == THPRACE_REMAINED;
}

/* The detector's statements are true, and no loss touches them. */
static void check_sound(const struct schedule *schedule, const struct oracle *truth,
			const struct oracle *seen, const struct oracle_run *run)
{
	const struct thprace_incident *incident, *true_one;
	size_t i, j;

	for (i = 0; i < run->incidents; i++) {
		incident = &run->incident[i];
		if (!states(incident))
			continue;
		true_one = look_up(truth->incident, truth->incidents, incident);
		if (!true_one && met_lost_window(truth, seen, &incident->walk, true))
			continue;
		if (outer_lost(truth, &incident->walk))
			continue;
		if (!true_one && other_named(truth, incident))
			continue;
		if (!true_one || true_one->verdict != incident->verdict ||
		    touched(seen, true_one) ||
		    (thprace_proved(incident->verdict, incident->attribution) &&
		     !thprace_proved(true_one->verdict, true_one->attribution) &&
		     !met_lost_window(truth, seen, &incident->walk, true)))
			fail_msg("stated in spite of a loss: THPRACE_TEST_SEED=%lu",
				 (unsigned long)schedule->seed);
	}
	/* The detector's clean walkers are seen's: the counts agree. */
	for (i = 0; i < seen->walkers; i++) {
		if (!seen->walker[i].clean)
			continue;
		for (j = 0; j < truth->walkers; j++) {
			if (truth->walker[j].walk.pid == seen->walker[i].walk.pid &&
			    truth->walker[j].walk.enter == seen->walker[i].walk.enter &&
			    truth->walker[j].walk.leave == seen->walker[i].walk.leave &&
			    truth->walker[j].head == seen->walker[i].head)
				break;
		}
		if (j < truth->walkers && truth->walker[j].clean &&
		    !oracle__lost(seen, truth->walker[j].walk.enter, truth->walker[j].walk.leave))
			continue;
		if (met_lost_window(truth, seen, &seen->walker[i].walk, true))
			continue;
		fail_msg("clean in spite of a loss: THPRACE_TEST_SEED=%lu",
			 (unsigned long)schedule->seed);
	}
}

/* What no loss touches is stated. */
static unsigned long check_complete(const struct schedule *schedule, const struct oracle *truth,
				    const struct oracle *seen, const struct oracle_run *run)
{
	const struct thprace_incident *incident, *found;
	unsigned long count = 0;
	size_t i;

	for (i = 0; i < truth->incidents; i++) {
		incident = &truth->incident[i];
		if (!states(incident) || touched(seen, incident) ||
		    met_lost_window(truth, seen, &incident->walk, false))
			continue;
		found = look_up(run->incident, run->incidents, incident);
		if (incident->walk.outer_at &&
		    oracle__lost(seen, incident->walk.leave, incident->walk.outer_at))
			continue;
		/* For "nobody was unmapping", all of some time must be known. */
		if (incident->verdict == THPRACE_REMAINED &&
		    oracle__lost(seen, incident->walk.enter,
				 incident->walk.leave + THPRACE_ATTRIBUTION_NS))
			continue;
		if (!found || found->verdict != incident->verdict)
			fail_msg("not stated: THPRACE_TEST_SEED=%lu",
				 (unsigned long)schedule->seed);
		count++;
	}
	return count;
}

static void check_with_loss(struct schedule *schedule, unsigned long *sum)
{
	uint64_t watermark = 1 + below(&schedule->random, 3000000);
	struct thprace_record *record = calloc(schedule->n + 8, sizeof(*record));
	struct thprace_record *left = calloc(schedule->n + 8, sizeof(*record));
	bool *gone = calloc(schedule->n, sizeof(*gone));
	struct oracle *truth, *seen;
	struct oracle_run run;
	size_t n, i, late;

	assert_true(record && left && gone);
	memcpy(record, schedule->record, schedule->n * sizeof(*record));
	qsort(record, schedule->n, sizeof(*record), detector_schedule__by_time);
	n = detector_schedule__lose(schedule, record, schedule->n, gone);
	detector_schedule__shuffle(schedule, record, n, watermark);
	if (one_in(&schedule->random, 3))
		detector_schedule__delay(schedule, record, n);
	memcpy(left, record, n * sizeof(*record));
	late = drop_late(left, n, watermark);
	truth = oracle__new(schedule->record, schedule->n, schedule->mode, reach(watermark));
	seen = oracle__new(left, n, schedule->mode, reach(watermark));
	oracle__run(&run, record, n, schedule->mode, watermark);
	/* LOST records that come late count, too. */
	assert_true(run.stats.late >= late);
	sum[THPRACE_VERDICT_MAX + 2] += late;
	/* A loss that is noticed too late cannot be considered; it is counted. */
	if (!run.stats.late_loss) {
		if (!oracle__agrees(seen, &run))
			fail_msg("with loss: THPRACE_TEST_SEED=%lu", (unsigned long)schedule->seed);
		check_sound(schedule, truth, seen, &run);
		sum[THPRACE_VERDICT_MAX] += check_complete(schedule, truth, seen, &run);
		for (i = 0; i < run.incidents; i++)
			sum[run.incident[i].verdict]++;
	}
	sum[THPRACE_VERDICT_MAX + 1] += run.stats.late_loss != 0;
	oracle__free(truth);
	oracle__free(seen);
	oracle_run__free(&run);
	free(record);
	free(left);
	free(gone);
}

static void each(size_t events, unsigned long count, uint64_t first,
		 void (*check)(struct schedule *schedule, unsigned long *sum))
{
	static struct schedule schedule;
	const char *seed = getenv("THPRACE_TEST_SEED"), *times = getenv("THPRACE_TEST_TIMES");
	unsigned long sum[THPRACE_VERDICT_MAX + 3] = {0}, i;

	if (times)
		count *= strtoul(times, NULL, 0);
	for (i = 0; i < (seed ? 1 : count); i++) {
		detector_schedule__generate(&schedule, seed ? strtoul(seed, NULL, 0) : first + i,
					    events);
		check(&schedule, sum);
	}
	print_message(
		"contained %lu escape %lu remained %lu unattributed %lu unproven %lu; untouched %lu, "
		"late records %lu, late losses in %lu of %lu\n",
		sum[THPRACE_CONTAINED], sum[THPRACE_ESCAPE], sum[THPRACE_REMAINED],
		sum[THPRACE_UNATTRIBUTED], sum[THPRACE_UNPROVEN], sum[THPRACE_VERDICT_MAX],
		sum[THPRACE_VERDICT_MAX + 2], sum[THPRACE_VERDICT_MAX + 1], i);
	if (!seed)
		assert_true(sum[THPRACE_CONTAINED] && sum[THPRACE_ESCAPE] &&
			    sum[THPRACE_REMAINED] && sum[THPRACE_UNATTRIBUTED]);
}

static void test_schedules(void **state)
{
	(void)state;
	each(200, 4000, 1, check_without_loss);
}

static void test_long_schedules(void **state)
{
	(void)state;
	each(EVENTS_MAX, 10, 1000001, check_without_loss);
}

static void test_schedules_with_loss(void **state)
{
	(void)state;
	each(200, 6000, 2000001, check_with_loss);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_long_schedules),
		cmocka_unit_test(test_schedules_with_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
