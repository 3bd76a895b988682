// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races from files: the correlator joins the ends of both sides by the pairs that were seen, in
 * whatever order the messages come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/race_slot.h>
#include <thprace/verdict.h>
#include "correlate/correlator.h"

#define CLASS 20
#define T 1000000000ULL
#define LATE (T + 100000000000ULL)
#define KEPT_MAX 16

struct seen {
	struct thprace_incident incident[KEPT_MAX];
	int count;
	struct correlator *correlator;
};

static void on_incident(void *ctx, const struct thprace_incident *incident)
{
	struct seen *seen = ctx;

	assert_true(seen->count < KEPT_MAX);
	seen->incident[seen->count++] = *incident;
}

static void begin(struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	seen->correlator = correlator__new(THPRACE_LIGHT, on_incident, seen);
	assert_non_null(seen->correlator);
}

/* A window of thread 10 from open to close, or a walker of another. */
static void end(struct seen *seen, unsigned int side, uint32_t pid, uint64_t from, uint64_t to,
		unsigned int flags)
{
	struct thprace_race_end message = {
		.type = THPRACE_MSG_RACE_END,
		.class = CLASS,
		.side = (uint8_t)side,
		.flags = (uint8_t)flags,
		.id = from,
		.begin = from,
		.end = to,
		.key = 0x1234,
		.pid = pid,
		.tgid = 9,
		.cpu = 1,
		.comm = "task",
	};

	assert_int_equal(
		correlator__message(seen->correlator, &message, sizeof(message), T + 100000), 0);
}

static void pair(struct seen *seen, uint64_t open, uint32_t walker, uint64_t enter)
{
	const struct thprace_race_pair message = {
		.type = THPRACE_MSG_RACE_PAIR,
		.class = CLASS,
		.id = {open, enter},
		.begin = {open, enter},
		.pid = {10, walker},
	};

	assert_int_equal(
		correlator__message(seen->correlator, &message, sizeof(message), T + 100000), 0);
}

static const struct verdict_counts *finish(struct seen *seen)
{
	correlator__finish(seen->correlator);
	return &correlator__classes(seen->correlator)[CLASS];
}

#define WINDOW THPRACE_RACE_WINDOW
#define WALKER THPRACE_RACE_WALKER
#define JUDGED THPRACE_RACE_JUDGED
#define ESCAPED (THPRACE_RACE_JUDGED | THPRACE_RACE_ESCAPED)

/* The three messages of one pair, in every order, and once more what both sides may have seen. */
static void test_orders(void **state)
{
	static const int orders[][4] = {{0, 1, 2, 1}, {0, 2, 1, 1}, {1, 0, 2, 1},
					{1, 2, 0, 1}, {2, 0, 1, 1}, {2, 1, 0, 1}};
	const struct verdict_counts *counts;
	const struct thprace_incident *incident;
	struct seen seen;
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		begin(&seen);
		for (n = 0; n < 4; n++) {
			if (orders[i][n] == 0)
				end(&seen, WINDOW, 10, T, T + 5000, ESCAPED);
			else if (orders[i][n] == 1)
				pair(&seen, T, 11, T + 1000);
			else
				end(&seen, WALKER, 11, T + 1000, T + 9000, JUDGED);
		}
		assert_true(correlator__unsettled(seen.correlator));
		correlator__settle(seen.correlator, T + 100000, T + 100000);
		assert_int_equal(seen.count, 0); /* others may still report */
		correlator__settle(seen.correlator, T + 300000000, T + 300000000);
		assert_int_equal(seen.count, 1);
		assert_false(correlator__unsettled(seen.correlator));
		counts = finish(&seen);
		assert_int_equal(seen.count, 1);
		incident = &seen.incident[0];
		assert_int_equal(incident->verdict, THPRACE_ESCAPE);
		assert_int_equal(incident->attribution, THPRACE_CAUSAL);
		assert_int_equal(incident->window.pid, 10);
		assert_int_equal(incident->window.close, T + 5000);
		assert_int_equal(incident->walk.pid, 11);
		assert_int_equal(incident->walk.leave, T + 9000);
		assert_int_equal(incident->walk.folio, 0x1234);
		assert_int_equal(counts->overlaps, 1);
		assert_int_equal(counts->escapes, 1);
		assert_int_equal(counts->likely, 0);
		correlator__free(seen.correlator);
	}
}

/*
 * A window that ended long before a walker learnt that it is about the same object; and of two pairs
 * of an escape, one that turns out not to overlap.
 */
static void test_late(void **state)
{
	struct seen seen;

	(void)state;
	begin(&seen);
	end(&seen, WINDOW, 10, T, T + 5000, JUDGED | THPRACE_RACE_KEPT_END);
	end(&seen, WINDOW, 10, T + 6000, T + 7000, JUDGED);
	correlator__settle(seen.correlator, T + 900000000, T + 900000000);
	assert_false(correlator__unsettled(seen.correlator));
	pair(&seen, T, 11, T + 1000);
	assert_true(correlator__unsettled(seen.correlator));
	pair(&seen, T + 2000000000, 11, T + 1000);
	end(&seen, WALKER, 11, T + 1000, T + 1000000000, ESCAPED);
	correlator__settle(seen.correlator, T + 2000000000, T + 2000000000);
	assert_int_equal(seen.count, 0); /* the other window has not ended */
	end(&seen, WINDOW, 10, T + 2000000000, T + 2000000100, JUDGED);
	finish(&seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.incident[0].verdict, THPRACE_ESCAPE);
	assert_int_equal(seen.incident[0].attribution, THPRACE_CAUSAL);
	assert_int_equal(seen.incident[0].window.open, T);
	correlator__free(seen.correlator);
}

static enum thprace_verdict verdict_of(unsigned int window, unsigned int walker)
{
	struct seen seen;
	int count;

	begin(&seen);
	pair(&seen, T, 11, T + 1000);
	end(&seen, WINDOW, 10, T, T + 5000, window);
	end(&seen, WALKER, 11, T + 1000, T + 9000, walker);
	finish(&seen);
	count = seen.count;
	correlator__free(seen.correlator);
	return count ? (enum thprace_verdict)seen.incident[0].verdict : THPRACE_VERDICT_MAX;
}

static void test_verdicts(void **state)
{
	(void)state;
	assert_int_equal(verdict_of(JUDGED, JUDGED), THPRACE_CONTAINED);
	assert_int_equal(verdict_of(ESCAPED, JUDGED), THPRACE_ESCAPE);
	assert_int_equal(verdict_of(JUDGED, ESCAPED), THPRACE_ESCAPE);
	assert_int_equal(verdict_of(0, 0), THPRACE_CLEAN); /* its file has no escape */
	assert_int_equal(verdict_of(JUDGED | THPRACE_RACE_DROPPED, JUDGED), THPRACE_VERDICT_MAX);
}

/* Only one of several can have been the cause. */
static void test_several(void **state)
{
	const struct verdict_counts *counts;
	struct seen seen;

	(void)state;
	begin(&seen);
	pair(&seen, T, 11, T + 1000);
	pair(&seen, T, 12, T + 2000);
	end(&seen, WINDOW, 10, T, T + 5000, ESCAPED);
	end(&seen, WALKER, 11, T + 1000, T + 9000, JUDGED);
	end(&seen, WALKER, 12, T + 2000, T + 9000, JUDGED);
	counts = finish(&seen);
	assert_int_equal(counts->overlaps, 2);
	assert_int_equal(counts->escapes, 2);
	assert_int_equal(counts->likely, 2);
	correlator__free(seen.correlator);
}

/* An end that does not come makes no pair, but is not silent; who met nobody makes no incident. */
static void test_alone(void **state)
{
	const struct verdict_counts *counts;
	struct seen seen;

	(void)state;
	begin(&seen);
	pair(&seen, T, 11, T + 1000);
	end(&seen, WALKER, 11, T + 1000, T + 9000, JUDGED);
	correlator__settle(seen.correlator, T + 1000000000, T + 1000000000);
	assert_true(correlator__unsettled(seen.correlator));
	correlator__settle(seen.correlator, LATE, LATE);
	assert_false(correlator__unsettled(seen.correlator));
	counts = finish(&seen);
	assert_int_equal(counts->overlaps, 0);
	assert_int_equal(counts->unproven, 1);
	assert_int_equal(seen.incident[0].walk.pid, 11);
	correlator__free(seen.correlator);

	/* Neither ends; and the recording ends while a side has just begun. */
	begin(&seen);
	pair(&seen, T, 11, T + 1000);
	correlator__settle(seen.correlator, LATE, LATE);
	pair(&seen, T + 2000, 12, T + 3000);
	end(&seen, WALKER, 12, T + 3000, T + 9000, JUDGED);
	counts = finish(&seen);
	assert_int_equal(counts->overlaps, 0);
	assert_int_equal(counts->unproven, 2);
	assert_int_equal(seen.incident[0].walk.pid, 11);
	assert_int_equal(seen.incident[1].walk.pid, 12);
	correlator__free(seen.correlator);

	begin(&seen);
	pair(&seen, T, 11, T + 1000);
	end(&seen, WALKER, 11, T + 1000, T + 9000, JUDGED);
	correlator__settle(seen.correlator, T + 300000000, T + 300000000);
	assert_int_equal(finish(&seen)->unproven, 0);
	correlator__free(seen.correlator);

	begin(&seen);
	end(&seen, WALKER, 11, T + 1000, T + 9000, ESCAPED);
	end(&seen, WALKER, 12, T + 1000, T + 9000, ESCAPED | THPRACE_RACE_DROPPED);
	counts = finish(&seen);
	assert_int_equal(counts->unattributed, 1);
	assert_int_equal(counts->overlaps, 0);
	assert_int_equal(seen.incident[0].walk.pid, 11);
	correlator__free(seen.correlator);
}

static uint64_t touching(uint64_t at, unsigned int flags, uint64_t length, int *incidents)
{
	struct seen seen;
	uint64_t count;

	begin(&seen);
	pair(&seen, T, 11, at);
	end(&seen, WINDOW, 10, T, T + 5000, JUDGED);
	end(&seen, WALKER, 11, at, at + length, JUDGED | flags);
	finish(&seen);
	*incidents = seen.count;
	count = correlator__touching(seen.correlator);
	correlator__free(seen.correlator);
	return count;
}

/* Stamps nearer than clocks can order; an instant has no length of its own. */
static void test_tolerance(void **state)
{
	int incidents;

	(void)state;
	assert_int_equal(touching(T + 2000, THPRACE_RACE_INSTANT, 0, &incidents), 0);
	assert_int_equal(incidents, 1);
	assert_int_equal(
		touching(T + THPRACE_TOLERANCE_NS - 1, THPRACE_RACE_INSTANT, 0, &incidents), 1);
	assert_int_equal(incidents, 0);
	assert_int_equal(touching(T + 5001, THPRACE_RACE_INSTANT, 0, &incidents), 0);
	assert_int_equal(incidents, 0);
	assert_int_equal(touching(T + 4950, 0, 1000, &incidents), 1);
	assert_int_equal(incidents, 0);
	assert_int_equal(touching(T + 4000, 0, 1000, &incidents), 0);
	assert_int_equal(incidents, 1);
}

static void test_loss(void **state)
{
	const struct verdict_counts *counts;
	struct seen seen;

	(void)state;
	begin(&seen);
	pair(&seen, T, 11, T + 1000);
	end(&seen, WINDOW, 10, T, T + 5000, ESCAPED);
	end(&seen, WALKER, 11, T + 1000, T + 9000, JUDGED);
	correlator__lost(seen.correlator, T + 8000, T + 8500);
	counts = finish(&seen);
	assert_int_equal(counts->unproven, 1);
	assert_int_equal(counts->escapes, 0);
	assert_int_equal(seen.incident[0].attribution, THPRACE_ATTRIBUTION_NONE);
	correlator__free(seen.correlator);
}

/* The verdict of a window and a walker with these flags, one of which was under way at the crash. */
static enum thprace_verdict cut_off(unsigned int window, unsigned int walker)
{
	enum thprace_verdict verdict;
	struct seen seen;

	begin(&seen);
	pair(&seen, T, 11, T + 1000);
	end(&seen, WINDOW, 10, T, T + 5000, window);
	end(&seen, WALKER, 11, T + 1000, T + 9000, walker);
	finish(&seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(!!(seen.incident[0].window.flags & THPRACE_WF_CRASH),
			 !!(window & THPRACE_RACE_CRASH));
	assert_int_equal(!!(seen.incident[0].walk.flags & THPRACE_KF_CRASH),
			 !!(walker & THPRACE_RACE_CRASH));
	verdict = seen.incident[0].verdict;
	correlator__free(seen.correlator);
	return verdict;
}

static void test_crash(void **state)
{
	(void)state;
	assert_int_equal(cut_off(THPRACE_RACE_CRASH, JUDGED), THPRACE_UNPROVEN);
	assert_int_equal(cut_off(JUDGED, THPRACE_RACE_CRASH), THPRACE_UNPROVEN);
	assert_int_equal(cut_off(THPRACE_RACE_CRASH, THPRACE_RACE_CRASH), THPRACE_UNPROVEN);
	assert_int_equal(cut_off(THPRACE_RACE_CRASH, ESCAPED), THPRACE_ESCAPE);
	assert_int_equal(cut_off(ESCAPED, THPRACE_RACE_CRASH), THPRACE_ESCAPE);
	assert_int_equal(cut_off(THPRACE_RACE_CRASH, 0), THPRACE_CLEAN);
}

/* Members that would be used as an index. */
static void test_malformed(void **state)
{
	struct thprace_race_end message = {.type = THPRACE_MSG_RACE_END, .side = 2};
	struct thprace_race_pair both = {.type = THPRACE_MSG_RACE_PAIR, .class = 255};
	struct seen seen;

	(void)state;
	begin(&seen);
	assert_true(correlator__message(seen.correlator, &message, sizeof(message), T) < 0);
	message.side = 0;
	message.class = THPRACE_CLASS_MAX;
	assert_true(correlator__message(seen.correlator, &message, sizeof(message), T) < 0);
	assert_true(correlator__message(seen.correlator, &both, sizeof(both), T) < 0);
	message.class = CLASS;
	message.flags = THPRACE_RACE_ESCAPED;
	message.stack.nr = ~0U;
	memset(message.comm, 'x', sizeof(message.comm));
	assert_int_equal(correlator__message(seen.correlator, &message, sizeof(message), T), 0);
	finish(&seen);
	assert_int_equal(seen.count, 1);
	assert_true(seen.incident[0].walker_stack.nr <= THPRACE_STACK_MAX);
	assert_int_equal(seen.incident[0].walk.comm[THPRACE_COMM_LEN - 1], 0);
	correlator__free(seen.correlator);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),	 cmocka_unit_test(test_late),
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_several),
		cmocka_unit_test(test_alone),	 cmocka_unit_test(test_tolerance),
		cmocka_unit_test(test_loss),	 cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
