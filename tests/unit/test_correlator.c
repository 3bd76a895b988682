// SPDX-License-Identifier: GPL-2.0-only
/* The correlator: how the messages of a window and of a walker are joined, in any order. */
#include "correlator_support.h"
#include "class_ids.h"

static void test_report_after_pair(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	const struct thprace_incident *incident;

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 1), window(T - 500, 0, 0));
	send_walker(correlator, walker(T, T + 1000, 1));
	send_opener(correlator, window(T - 500, T + 2000, T + 3000));
	finish(correlator);
	only_escape(THPRACE_EXACT);
	incident = only(THPRACE_ESCAPE);
	assert_int_equal(incident->window.removed, T + 2000);
	assert_int_equal(incident->window.close, T + 3000);
	assert_int_equal(incident->window.flags, THPRACE_WF_SETTLED);
	assert_int_equal(incident->opener_stack.ip[0], 10);
	assert_int_equal(incident->walker_stack.ip[0], 0x20);
	assert_int_equal(incident->first_verdict, THPRACE_ESCAPE);
}

/* What the walker took for an escape was none by the final times. */
static void test_settled_otherwise(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 1), window(T - 500, 0, 0));
	send_opener(correlator, window(T - 500, T + 500, T + 3000));
	finish(correlator);
	assert_int_equal(emitted.nr, 2);
	assert_int_equal(emitted.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(emitted.shown[0].first_verdict, THPRACE_ESCAPE);
	assert_int_equal(emitted.shown[1].verdict, THPRACE_UNATTRIBUTED);
}

/* A walker that was reported after one that returned later. */
static void test_out_of_order(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_walker(correlator, walker(T, T + 5000, 0));
	send_walker(correlator, walker(T - 500, T - 100, 0));
	send_opener(correlator, window(T + 2000, T + 3000, T + 4000));
	finish(correlator);
	assert_int_equal(only(THPRACE_CONTAINED)->walk.leave, T + 5000);
}

static void test_report_before_walker(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_opener(correlator, window(T - 500, T + 200, T + 300));
	send_walker(correlator, walker(T, T + 1000, 0));
	finish(correlator);
	assert_int_equal(only(THPRACE_CONTAINED)->window.open, T - 500);
}

/* Seen between publication and stamp. */
static void test_opening(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 1), window(0, 0, 0));
	send_opener(correlator, window(T + 500, T + 2000, T + 3000));
	/* Nothing is waited for any more. */
	correlator__settle(correlator, T + 1000 + THPRACE_ATTRIBUTION_NS, LATE);
	assert_int_equal(only(THPRACE_ESCAPE)->window.open, T + 500);
	finish(correlator);
	assert_int_equal(emitted.nr, 1);
}

/* Without a report, it opened after the walker, and its owner did not see it noted. */
static void test_opening_never_reported(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 0), window(0, 0, 0));
	finish(correlator);
	assert_int_equal(emitted.nr, 0);
}

/* Its owner was delayed between its last stamp and leaving open_folio[]. */
static void test_ended_before_walker(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 0), window(T - 900, T - 700, 0));
	send_opener(correlator, window(T - 900, T - 700, T - 600));
	correlator__settle(correlator, T + 1000, T + 1000);
	assert_int_equal(emitted.nr, 0);
	finish(correlator);
	assert_int_equal(emitted.nr, 0);
}

static void test_no_report(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 1), window(T - 500, 0, 0));
	correlator__settle(correlator, T + 999999999, LATE);
	assert_int_equal(emitted.nr, 0);
	correlator__settle(correlator, T + 1000000000, LATE);
	assert_int_equal(only(THPRACE_ESCAPE)->window.close, 0);
	assert_int_equal(emitted.shown[0].attribution, THPRACE_LIKELY);
	assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].likely, 1);
	finish(correlator);
}

static void test_void(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 0), window(T - 500, 0, 0));
	send_opener(correlator, window(T - 500, 0, T + 3000));
	finish(correlator);
	assert_int_equal(emitted.nr, 0);

	correlator = new_correlator(THPRACE_LIGHT);
	send_pair(correlator, walker(T, T + 1000, 0), window(T - 500, 0, 0));
	send_opener(correlator, window(T - 500, 0, T + 3000));
	finish(correlator);
	only(THPRACE_CONTAINED);
}

static void test_unknown_folio(void **state)
{
	struct thprace_window unknown = window(T - 500, 0, 0);
	struct thprace_window elsewhere = window(T - 500, T + 100, T + 200);
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	unknown.folio = 0;
	elsewhere.folio = OTHER_FOLIO;
	send_pair(correlator, walker(T, T + 1000, 0), unknown);
	send_opener(correlator, window(T - 500, T + 2000, T + 3000));
	finish(correlator);
	assert_int_equal(only(THPRACE_CONTAINED)->window.folio, FOLIO);

	/* It turns out to be another task's: settled at once, as nothing. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_pair(correlator, walker(T, T + 1000, 0), unknown);
	send_opener(correlator, elsewhere);
	correlator__settle(correlator, T + 1000, LATE);
	assert_int_equal(emitted.nr, 0);
	finish(correlator);
	assert_int_equal(emitted.nr, 0);

	/* Published as one folio, removed from another. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_pair(correlator, walker(T, T + 1000, 0), window(T - 500, 0, 0));
	send_opener(correlator, elsewhere);
	finish(correlator);
	assert_int_equal(emitted.nr, 0);
}

static void test_own_window(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	struct thprace_window own = window(T, T + 100, T + 200);

	(void)state;
	own.pid = 20;
	send_opener(correlator, own);
	send_walker(correlator, walker(T, T + 1000, 0));
	own.open++;
	send_opener(correlator, own);
	finish(correlator);
	assert_int_equal(emitted.nr, 0);
}

static void test_two_windows(void **state)
{
	struct thprace_window other = window(T + 500, T + 700, T + 800);
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 1), window(T + 500, 0, 0));
	send_walker(correlator, walker(T, T + 1000, 1));
	/* The task's earlier window, reported late; and another's that opened at the same time. */
	send_opener(correlator, window(T - 100, T + 200, T + 300));
	send_opener(correlator, window(T + 500, T + 1500, T + 1600));
	other.pid = 11;
	send_opener(correlator, other);
	finish(correlator);
	assert_int_equal(emitted.nr, 3);
	assert_int_equal(emitted.verdicts[THPRACE_ESCAPE], 1);
	assert_int_equal(emitted.verdicts[THPRACE_CONTAINED], 2);
}

static void test_touching(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_opener(correlator, window(T - 500, T + 10, T + 99));
	send_walker(correlator, walker(T, T + 1000, 0));
	correlator__finish(correlator);
	assert_int_equal(emitted.nr, 0);
	assert_int_equal(correlator__touching(correlator), 1);
	correlator__free(correlator);
}

/* Copied while its owner changed from a window to removals: neither a removal nor a window. */
static void test_torn_copy(void **state)
{
	struct thprace_window torn = removal(T - 500, 10);
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_pair(correlator, walker(T, T + 1000, 1), torn);
	send_opener(correlator, window(T - 500, T + 300, T + 400));
	finish(correlator);
	assert_int_equal(emitted.nr, 2);
	assert_int_equal(emitted.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(emitted.shown[1].verdict, THPRACE_UNATTRIBUTED);
}

static void test_split(void **state)
{
	struct thprace_split split = {
		.type = THPRACE_MSG_SPLIT, .pid = 20, .result = -16, .unmapped = T + 1000};
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	struct thprace_incident head = walker(T + 1000, T + 4000, 0);

	(void)state;
	head.walk.class = THPRACE_SPLIT_HEAD;
	head.walk.flags = THPRACE_KF_RESULT;
	send_walker(correlator, walker(T, T + 1000, 1));
	send_walker(correlator, walker(T + 5000, T + 6000, 1));
	send(correlator, &split, sizeof(split));
	finish(correlator);
	assert_int_equal(emitted.nr, 2);
	assert_int_equal(emitted.shown[0].walk.result, -16);
	assert_int_equal(emitted.shown[0].walk.flags, THPRACE_KF_RESULT);
	assert_int_equal(emitted.shown[1].walk.flags, 0);

	/* Its walker took no time at all: these are two. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_walker(correlator, walker(T + 1000, T + 1000, 0));
	send_walker(correlator, head);
	send_opener(correlator, window(T, T + 1500, T + 2000));
	finish(correlator);
	assert_int_equal(only(THPRACE_CONTAINED)->walk.class, THPRACE_SPLIT_HEAD);

	/* Phase 2 of a window: the split completes while it is open, after it, or before it. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_walker(correlator, head);
	send_opener(correlator, window(T, T + 500, T + 4001));
	finish(correlator);
	assert_int_equal(only(THPRACE_ESCAPE)->walk.class, THPRACE_SPLIT_HEAD);
	correlator = new_correlator(THPRACE_PRECISE);
	send_walker(correlator, head);
	send_opener(correlator, window(T, T + 500, T + 4000));
	finish(correlator);
	only(THPRACE_CONTAINED);
	correlator = new_correlator(THPRACE_PRECISE);
	send_walker(correlator, head);
	send_opener(correlator, window(T, T + 500, T + 1000 + THPRACE_TOLERANCE_NS));
	send_opener(correlator, window(T + 1001, T + 1500, T + 5000));
	finish(correlator);
	assert_int_equal(emitted.nr, 0);
}

static void test_check(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);
	struct thprace_incident other = walker(T + 3000, T + 4000, 1);

	(void)state;
	/* It belongs to the last failed walker of its task on its folio. */
	send_walker(correlator, walker(T, T + 1000, 1));
	send_walker(correlator, walker(T + 1500, T + 2000, 1));
	send_walker(correlator, walker(T + 2500, T + 2600, 0));
	other.walk.pid = 21;
	send_walker(correlator, other);
	other.walk.pid = 20;
	other.walk.folio = OTHER_FOLIO;
	send_walker(correlator, other);
	send_walker(correlator, check_point(T + 5000));
	finish(correlator);
	assert_int_equal(emitted.nr, 4);
	assert_int_equal(emitted.shown[0].walk.flags, 0);
	assert_int_equal(emitted.shown[1].walk.flags, THPRACE_KF_CHECK);
	assert_int_equal(emitted.shown[1].walk.enter, T + 1500);
	assert_int_equal(emitted.shown[2].walk.flags, 0);
	assert_int_equal(emitted.shown[3].walk.flags, 0);

	/* Alone: no failed walker, or none near enough. Neither windows nor ranges explain it. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_walker(correlator, walker(T, T + 1000, 0));
	send_walker(correlator, check_point(T + 2000));
	send_opener(correlator, removal(T + 2000, 11));
	send_opener(correlator, range(0, T + 3000, 0));
	send_opener(correlator, window(T + 1900, T + 2500, T + 3000));
	finish(correlator);
	assert_int_equal(only(THPRACE_UNATTRIBUTED)->walk.flags, THPRACE_KF_CHECK);
	correlator = new_correlator(THPRACE_PRECISE);
	send_walker(correlator, walker(T, T + 1000, 1));
	send_walker(correlator, check_point(T + 1000 + THPRACE_ATTRIBUTION_NS));
	finish(correlator);
	assert_int_equal(emitted.nr, 2);
	assert_int_equal(emitted.verdicts[THPRACE_UNATTRIBUTED], 2);
	assert_int_equal(emitted.shown[0].walk.flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report_after_pair),
		cmocka_unit_test(test_settled_otherwise),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_report_before_walker),
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_opening_never_reported),
		cmocka_unit_test(test_ended_before_walker),
		cmocka_unit_test(test_no_report),
		cmocka_unit_test(test_void),
		cmocka_unit_test(test_unknown_folio),
		cmocka_unit_test(test_own_window),
		cmocka_unit_test(test_two_windows),
		cmocka_unit_test(test_touching),
		cmocka_unit_test(test_torn_copy),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
