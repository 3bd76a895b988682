// SPDX-License-Identifier: GPL-2.0-only
/*
 * The correlator: nothing is certain if records are lost; damaged, late or excessive data does no
 * harm.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdint.h>
#include <thprace/race_slot.h>
#include "correlator_support.h"
#include "class_ids.h"

/* Folios share the lists in which they are looked up. */
static void test_many_folios(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	struct thprace_incident other = walker(T + 2000, T + 3000, 1);
	unsigned int i;

	(void)state;
	other.walk.left = (struct thprace_counts){.small = 1};
	send_walker(correlator, small_walker(T, T + 1000, 1));
	for (i = 1; i < 50000; i++) {
		other.walk.folio = FOLIO + 0x8000ULL * i;
		other.walk.pid = 20 + i;
		send_walker(correlator, other);
	}
	send_opener(correlator, range(0, T + 4000, 0));
	finish(correlator);
	assert_int_equal(emitted.nr, 50000);
	assert_int_equal(emitted.verdicts[THPRACE_ESCAPE], 1);
	assert_int_equal(emitted.shown[0].verdict, THPRACE_ESCAPE);
}

/* A loss makes unproven what it touches: from the earlier start to the later end, and no more. */
static void test_loss(void **state)
{
	static const struct {
		uint64_t from;
		uint64_t to;
		bool touches;
	} losses[] = {
		{T - 900, T - 501, false},  {T - 900, T - 500, true},	 {T + 100, T + 110, true},
		{T + 3000, T + 3100, true}, {T + 3001, T + 3100, false},
	};
	struct correlator *correlator;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		correlator = new_correlator(THPRACE_PRECISE);
		send_walker(correlator, walker(T, T + 1000, 0));
		send_opener(correlator, window(T - 500, T + 2000, T + 3000));
		correlator__lost(correlator, losses[i].from, losses[i].to);
		correlator__finish(correlator);
		only(losses[i].touches ? THPRACE_UNPROVEN : THPRACE_CONTAINED);
		assert_int_equal(emitted.shown[0].first_verdict, THPRACE_CONTAINED);
		assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].unproven,
				 losses[i].touches);
		assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].overlaps,
				 1);
		correlator__free(correlator);
	}
	/* An open window has no end yet. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_pair(correlator, walker(T, T + 1000, 1), window(T - 500, 0, 0));
	correlator__lost(correlator, LATE, LATE);
	finish(correlator);
	assert_int_equal(only(THPRACE_UNPROVEN)->attribution, THPRACE_ATTRIBUTION_NONE);
	/* It reaches as far as the range that explains. */
	correlator = new_correlator(THPRACE_LIGHT);
	send_walker(correlator, small_walker(T, T + 1000, 1));
	send_opener(correlator, range(0, T + 5000, 0));
	correlator__lost(correlator, T + 5000, T + 5001);
	finish(correlator);
	assert_int_equal(only(THPRACE_UNPROVEN)->attribution, THPRACE_ATTRIBUTION_NONE);
	correlator = new_correlator(THPRACE_LIGHT);
	send_walker(correlator, small_walker(T, T + 1000, 1));
	send_opener(correlator, range(0, T + 5000, 0));
	correlator__lost(correlator, T + 5001, T + 5002);
	finish(correlator);
	only_escape(THPRACE_LIKELY);
	/*
	 * For that long, another zap that was under way may have ended, and be lost: nothing is
	 * proved …
	 */
	for (i = 0; i <= 1; i++) {
		const uint64_t lost = T + 1000 + THPRACE_ATTRIBUTION_NS + i;

		correlator = new_correlator(THPRACE_LIGHT);
		send_walker(correlator, small_walker(T, T + 1000, 1));
		send_opener(correlator, range(0, T + 5000, 0));
		correlator__lost(correlator, lost, lost);
		finish(correlator);
		only_escape(i ? THPRACE_CAUSAL : THPRACE_LIKELY);
		/* … not even that nobody was unmapping. */
		correlator = new_correlator(THPRACE_LIGHT);
		send_walker(correlator, small_walker(T, T + 1000, 1));
		send_opener(correlator, range(T + 1001, T + 5000, 0));
		correlator__lost(correlator, lost, lost);
		finish(correlator);
		only(i ? THPRACE_REMAINED : THPRACE_UNPROVEN);
	}
}

/* However many there are, none is forgotten. */
static void test_many_losses(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		correlator__lost(correlator, T + i * 1000000, T + i * 1000000 + 10);
	send_walker(correlator, walker(T + 5, T + 6, 1));
	send_walker(correlator, walker(T + 999000005, T + 999000006, 1));
	send_walker(correlator, walker(T + 998500000, T + 998500001, 1));
	finish(correlator);
	assert_int_equal(emitted.nr, 3);
	assert_int_equal(emitted.verdicts[THPRACE_UNPROVEN], 2);
	assert_int_equal(emitted.shown[2].verdict, THPRACE_UNATTRIBUTED);
}

/* Few openers' reports are kept: a walker from a time of which some are gone is unproven. */
static void test_forgotten(void **state)
{
	struct thprace_window closed;
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	unsigned int i;

	(void)state;
	for (i = 0; i < 4096 + 10; i++) {
		closed = window(T + i * 1000, T + i * 1000 + 100, T + i * 1000 + 200);
		closed.folio = i % 2 ? FOLIO : OTHER_FOLIO;
		send_opener(correlator, closed);
	}
	/* The report of the tenth is gone, the eleventh's is not. */
	for (i = 0; i < 400; i++)
		send_walker(correlator, walker(T + 9000 - i, T + 9300, 0));
	for (i = 0; i < 400; i++)
		send_walker(correlator, walker(T + 9201 + i, T + 11150, 0));
	finish(correlator);
	assert_int_equal(emitted.verdicts[THPRACE_UNPROVEN], 0);
	assert_int_equal(emitted.verdicts[THPRACE_CONTAINED], 400);

	correlator = new_correlator(THPRACE_PRECISE);
	for (i = 0; i < 4096 + 10; i++) {
		closed = window(T + i * 1000, T + i * 1000 + 100, T + i * 1000 + 200);
		closed.left = THPRACE_LEFT_UNREAD;
		send_opener(correlator, closed);
	}
	for (i = 0; i < 400; i++)
		send_walker(correlator, walker(T + 9200 - i, T + 9300, 1));
	send_walker(correlator, walker(T + 9201, T + 9300, 1));
	finish(correlator);
	assert_int_equal(emitted.verdicts[THPRACE_UNPROVEN], 400);
	assert_int_equal(emitted.verdicts[THPRACE_UNATTRIBUTED], 1);
}

static void test_settling(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	/*
	 * A walker that did not fail waits for its time, and for a later reading of the counters.
	 */
	send_walker(correlator, walker(T, T + 1000, 0));
	send_opener(correlator, window(T - 500, T + 200, T + 5000));
	correlator__settle(correlator, LATE, T + 4999);
	assert_int_equal(emitted.nr, 0);
	correlator__settle(correlator, LATE, T + 5000);
	assert_int_equal(emitted.nr, 1);
	/* A failed one waits for its attribution; those after it wait for it. */
	send_walker(correlator, walker(T + 10000, T + 11000, 1));
	send_walker(correlator, walker(T + 12000, T + 13000, 0));
	send_opener(correlator, window(T + 12500, T + 12900, T + 12950));
	correlator__settle(correlator, T + 10999 + THPRACE_ATTRIBUTION_NS, LATE);
	correlator__settle(correlator, LATE, T + 10999 + THPRACE_ATTRIBUTION_NS);
	assert_int_equal(emitted.nr, 1);
	correlator__settle(correlator, T + 11000 + THPRACE_ATTRIBUTION_NS,
			   T + 11000 + THPRACE_ATTRIBUTION_NS);
	assert_int_equal(emitted.nr, 3);
	correlator__finish(correlator);
	assert_int_equal(emitted.nr, 3);
	assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].contained, 2);
	assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].overlaps, 2);
	/* The window began only after its return. */
	assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].remained, 1);
	correlator__free(correlator);
}

static void test_malformed(void **state)
{
	static const struct {
		uint32_t type;
		size_t size;
	} whole[] = {
		{THPRACE_MSG_INCIDENT, sizeof(struct thprace_incident)},
		{THPRACE_MSG_CHECK, sizeof(struct thprace_incident)},
		{THPRACE_MSG_OPENER, sizeof(struct thprace_opener)},
		{THPRACE_MSG_SPLIT, sizeof(struct thprace_split)},
		{THPRACE_MSG_REUSE, sizeof(struct thprace_opener)},
		{THPRACE_MSG_HOLD, sizeof(struct thprace_hold)},
		{THPRACE_MSG_OUTER, sizeof(struct thprace_outer)},
		{THPRACE_MSG_RACE_END, sizeof(struct thprace_race_end)},
		{THPRACE_MSG_RACE_PAIR, sizeof(struct thprace_race_pair)},
	};
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	struct thprace_incident message;
	size_t i, size;
	uint32_t type;
	void *exact;

	(void)state;
	memset(&message, 0, sizeof(message));
	for (type = 0; type < 100; type += THPRACE_MSG_RACE_PAIR + 1) { /* 0, and unknown values */
		message.type = type;
		assert_int_equal(correlator__message(correlator, &message, sizeof(message), T),
				 -EINVAL);
	}
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		for (size = sizeof(type); size <= whole[i].size; size++) {
			exact = calloc(1, size); /* a sanitizer sees reads beyond it */
			assert_non_null(exact);
			memcpy(exact, &whole[i].type, sizeof(type));
			assert_int_equal(correlator__message(correlator, exact, size, T),
					 size < whole[i].size ? -EINVAL : 0);
			free(exact);
		}
	}
	finish(correlator);
}

/* A stack that claims to be longer than the space for it. */
static void test_long_stack(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	struct thprace_incident message = walker(T, T + 1000, 1);

	(void)state;
	message.walker_stack.nr = 1000000;
	send_walker(correlator, message);
	finish(correlator);
	assert_int_equal(only(THPRACE_UNATTRIBUTED)->walker_stack.nr, THPRACE_STACK_MAX);
}

/* More failures of one folio than ever seen; each gets reports of the zaps of the next 0.2 s. */
#define STORM_NS 200000ULL

/* Basic blocks of the correlator that ran: unlike time, they do not depend on other load. */
static uint64_t steps;

void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
	steps++;
}

/*
 * Failed walkers and the reports of windows that they overlapped, all in the correlator at the same
 * time. Returns the steps that it took; *bytes: its memory per walker.
 */
static uint64_t storm(unsigned int walkers, unsigned int folios, double *bytes)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	size_t before = mallinfo2().uordblks;
	struct thprace_incident message;
	struct thprace_window closed;
	unsigned int i;
	uint64_t t;

	steps = 0;
	for (i = 0; i < walkers; i++) {
		t = T + i * STORM_NS;
		message = walker(t, t + 1500, 1);
		message.walk.folio = FOLIO + 0x8000ULL * (i % folios);
		message.walk.pid = 20 + i % 8;
		closed = window(t + 100, 0, 0);
		closed.folio = message.walk.folio;
		send_pair(correlator, message, closed);
		send_walker(correlator, message);
		closed.removed = closed.close = t + 1600;
		send_opener(correlator, closed);
	}
	*bytes = (double)(mallinfo2().uordblks - before) / walkers;
	correlator__finish(correlator);
	assert_int_equal(emitted.verdicts[THPRACE_ESCAPE], walkers);
	correlator__free(correlator);
	return steps;
}

static void test_storm(void **state)
{
	static const unsigned int folios[] = {1, 1000};
	uint64_t few, many;
	double bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(folios) / sizeof(folios[0]); i++) {
		few = storm(10000, folios[i], &bytes);
		many = storm(100000, folios[i], &bytes);
		print_message("%u folios: 10000 walkers %" PRIu64 " steps, 100000 %" PRIu64
			      ", %.0f bytes each\n",
			      folios[i], few, many, bytes);
		/* Ten times as many take ten times as long; quadratic would be a hundred times. */
		assert_true(few && many < 15 * few);
		assert_true(bytes < 1100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_folios), cmocka_unit_test(test_loss),
		cmocka_unit_test(test_many_losses), cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_settling),    cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_long_stack),  cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
