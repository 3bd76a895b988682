// SPDX-License-Identifier: GPL-2.0-only
/* The correlator: which zap explains a failed walker, and when none does. */
#include "correlator_support.h"
#include "class_ids.h"

/*
 * A removal of small pages makes a walker that did not fail contained if it was in its time; it
 * explains no failure.
 */
static void test_removal(void **state)
{
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	send_opener(correlator, removal(T + 500, 11));
	send_walker(correlator, small_walker(T, T + 1000, 1));
	send_opener(correlator, removal(T + 700, 11));
	send_opener(correlator, removal(T + 5000, 11));
	finish(correlator);
	only(THPRACE_UNATTRIBUTED);

	correlator = new_correlator(THPRACE_PRECISE);
	send_opener(correlator, removal(T + 500, 11));
	send_opener(correlator, removal(T + 400, 12));
	send_walker(correlator, walker(T, T + 1000, 0));
	finish(correlator);
	assert_int_equal(only(THPRACE_CONTAINED)->window.pid, 12);

	/* Reported in another order, partly after the walker: the earliest still counts. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_opener(correlator, removal(T + 400, 13));
	send_walker(correlator, walker(T, T + 1000, 0));
	send_opener(correlator, removal(T + 300, 12));
	send_opener(correlator, removal(T + 350, 14));
	finish(correlator);
	assert_int_equal(only(THPRACE_CONTAINED)->window.open, T + 300);
	assert_int_equal(emitted.shown[0].opener_stack.ip[0], 12);

	/* Too late, too early, or its own. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_opener(correlator, removal(T + 1001, 11));
	send_opener(correlator, removal(T - 1, 11));
	send_opener(correlator, removal(T + 500, 20));
	send_walker(correlator, walker(T, T + 1000, 0));
	finish(correlator);
	assert_int_equal(emitted.nr, 0);
}

/* One zap and one walker that left a mapping; the result. */
static void one_zap(enum thprace_mode mode, struct thprace_incident failed,
		    struct thprace_window zapped)
{
	struct correlator *correlator = new_correlator(mode);

	send_walker(correlator, failed);
	send_opener(correlator, zapped);
	finish(correlator);
}

static void test_range(void **state)
{
	struct thprace_incident failed = small_walker(T, T + 1000, 2);
	struct thprace_window zapped = range(0, T + 5000, 1);

	(void)state;
	/* As far as its start is known, it was under way; and a mapping was removed. */
	one_zap(THPRACE_LIGHT, failed, zapped);
	only_escape(THPRACE_CAUSAL);
	assert_int_equal(emitted.shown[0].window.pid, 11);
	assert_int_equal(emitted.shown[0].window.level, THPRACE_LEVEL_PTE);
	assert_int_equal(emitted.shown[0].opener_stack.ip[0], 11);
	one_zap(THPRACE_LIGHT, failed, range(T + 1000, T + 5000, 1));
	only_escape(THPRACE_CAUSAL);
	zapped.removed = T + 1001;
	one_zap(THPRACE_LIGHT, failed, zapped);
	only_escape(THPRACE_EXACT);
	zapped.removed = 0;
	zapped.flags |= THPRACE_WF_VAGUE;
	one_zap(THPRACE_LIGHT, failed, zapped);
	only_escape(THPRACE_LIKELY);
	/* It is not known what it left. */
	one_zap(THPRACE_LIGHT, failed, range(0, T + 5000, THPRACE_LEFT_LATE));
	only_escape(THPRACE_LIKELY);
	/* It took none of those that were left; or what was left was mapped by PMDs. */
	one_zap(THPRACE_LIGHT, failed, range(0, T + 5000, 2));
	only(THPRACE_UNATTRIBUTED);
	one_zap(THPRACE_LIGHT, walker(T, T + 1000, 2), range(0, T + 5000, 0));
	only(THPRACE_UNATTRIBUTED);
	/* It began after the return: the walker had failed by then, with nobody unmapping. */
	one_zap(THPRACE_LIGHT, failed, range(T + 1001, T + 5000, 1));
	only(THPRACE_REMAINED);
	assert_int_equal(emitted.shown[0].window.pid, 0);
	one_zap(THPRACE_LIGHT, failed, range(T + 1001, T + 5000, 2));
	only(THPRACE_UNATTRIBUTED);
	/* It was over before the return. */
	one_zap(THPRACE_LIGHT, failed, range(0, T + 1000 - THPRACE_TOLERANCE_NS, 1));
	only(THPRACE_UNATTRIBUTED);
	/* So late, it is no evidence any more. */
	one_zap(THPRACE_LIGHT, failed, range(0, T + 1000 + THPRACE_ATTRIBUTION_NS, 1));
	only_escape(THPRACE_CAUSAL);
	one_zap(THPRACE_LIGHT, failed, range(0, T + 1001 + THPRACE_ATTRIBUTION_NS, 1));
	only(THPRACE_UNATTRIBUTED);
	/* Its own. */
	zapped = range(0, T + 5000, 1);
	zapped.pid = 20;
	one_zap(THPRACE_LIGHT, failed, zapped);
	only(THPRACE_UNATTRIBUTED);
	/* It did not fail: a range in its time does not matter. */
	one_zap(THPRACE_LIGHT, small_walker(T, T + 1000, 0), range(0, T + 5000, 1));
	assert_int_equal(emitted.nr, 0);
}

/*
 * Several ranges under way: if as many mappings were removed as they took together, each took its
 * own.
 */
static void test_ranges(void **state)
{
	struct thprace_window first = range(0, T + 4000, 2), second = range(0, T + 5000, 1);
	int32_t left;

	(void)state;
	second.pid = 12;
	for (left = 3; left <= 4; left++) {
		struct correlator *correlator = new_correlator(THPRACE_LIGHT);

		send_opener(correlator, second);
		send_opener(correlator, first);
		send_walker(correlator, small_walker(T, T + 1000, left));
		/* Each is reported once for each walker that waits. */
		send_opener(correlator, first);
		send_opener(correlator, second);
		finish(correlator);
		only_escape(left == 3 ? THPRACE_CAUSAL : THPRACE_LIKELY);
		assert_int_equal(emitted.shown[0].window.pid, 11); /* it ended first */
	}
}

/* An escape at PMD level explains a walker: no range is named in addition. */
static void test_escape_before_range(void **state)
{
	struct thprace_incident failed = walker(T, T + 1000, 2);
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	failed.walk.left = (struct thprace_counts){.entire = 1, .small = 1};
	send_opener(correlator, range(0, T + 2500, 0));
	send_opener(correlator, window(T - 500, T + 2000, T + 3000));
	send_walker(correlator, failed);
	finish(correlator);
	assert_int_equal(only(THPRACE_ESCAPE)->window.level, THPRACE_LEVEL_PMD);

	/* A contained window does not. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_opener(correlator, range(0, T + 2500, 0));
	send_opener(correlator, window(T - 500, T + 200, T + 300));
	send_walker(correlator, failed);
	finish(correlator);
	assert_int_equal(emitted.nr, 2);
	assert_int_equal(emitted.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(emitted.shown[1].verdict, THPRACE_ESCAPE);
	assert_int_equal(emitted.shown[1].window.level, THPRACE_LEVEL_PTE);
}

/*
 * Two failures in a row: a range that begins between their returns explains the second; the first
 * remained.
 */
static void test_newer_failure(void **state)
{
	struct thprace_incident older = small_walker(T, T + 1000, 1);
	struct thprace_incident newer = small_walker(T + 2000, T + 3000, 1);
	struct correlator *correlator = new_correlator(THPRACE_PRECISE);

	(void)state;
	newer.walk.pid = 21;
	send_walker(correlator, older);
	send_walker(correlator, newer);
	send_opener(correlator, range(T + 2500, T + 4000, 0));
	finish(correlator);
	assert_int_equal(emitted.nr, 2);
	assert_int_equal(emitted.shown[0].verdict, THPRACE_REMAINED);
	assert_int_equal(emitted.shown[0].walk.pid, 20);
	assert_int_equal(emitted.shown[1].verdict, THPRACE_ESCAPE);

	/* Under way at both returns, it explains both. */
	correlator = new_correlator(THPRACE_PRECISE);
	send_walker(correlator, older);
	send_walker(correlator, newer);
	send_opener(correlator, range(T + 900, T + 4000, 0));
	finish(correlator);
	assert_int_equal(emitted.nr, 2);
	assert_int_equal(emitted.verdicts[THPRACE_ESCAPE], 2);

	/* On another folio, none. */
	correlator = new_correlator(THPRACE_PRECISE);
	newer.walk.folio = OTHER_FOLIO;
	send_walker(correlator, older);
	send_walker(correlator, newer);
	send_opener(correlator, range(T + 900, T + 4000, 0));
	finish(correlator);
	assert_int_equal(emitted.shown[0].verdict, THPRACE_ESCAPE);
	assert_int_equal(emitted.shown[1].verdict, THPRACE_UNATTRIBUTED);
}

/* One window at PMD level, or several, and a walker that left this many of its mappings. */
static void test_counts(void **state)
{
	struct thprace_window zap = window(T - 500, 0, T + 3000),
			      other = window(T - 400, 0, T + 3500);
	struct correlator *correlator = new_correlator(THPRACE_LIGHT);

	(void)state;
	/* What the walker left is still there when the window is over: it took another one. */
	zap.left = 1;
	send_walker(correlator, walker(T, T + 1000, 1));
	send_opener(correlator, zap);
	finish(correlator);
	assert_int_equal(emitted.nr, 2);
	assert_int_equal(emitted.shown[0].verdict, THPRACE_CONTAINED);
	assert_int_equal(emitted.shown[0].attribution, THPRACE_ATTRIBUTION_NONE);
	assert_int_equal(emitted.shown[1].verdict, THPRACE_UNATTRIBUTED);

	/* Then it is gone. */
	one_zap(THPRACE_LIGHT, walker(T, T + 1000, 2), zap);
	only_escape(THPRACE_CAUSAL);

	/* Read too late. */
	correlator = new_correlator(THPRACE_LIGHT);
	zap.left = THPRACE_LEFT_LATE;
	send_walker(correlator, walker(T, T + 1000, 2));
	send_opener(correlator, zap);
	finish(correlator);
	only_escape(THPRACE_LIKELY);
	assert_int_equal(emitted.shown[0].window.left, THPRACE_LEFT_LATE);

	/* Two windows, and two mappings were removed; or two, and one was. */
	other.pid = 11;
	for (other.left = 0; other.left <= 1; other.left++) {
		correlator = new_correlator(THPRACE_LIGHT);
		zap.left = 1;
		send_opener(correlator, zap);
		send_walker(correlator, walker(T, T + 1000, 2));
		send_opener(correlator, other);
		correlator__finish(correlator);
		assert_int_equal(emitted.nr, 2);
		assert_int_equal(emitted.verdicts[THPRACE_ESCAPE], 2);
		assert_int_equal(emitted.shown[0].attribution,
				 other.left ? THPRACE_LIKELY : THPRACE_CAUSAL);
		assert_int_equal(emitted.shown[1].attribution, emitted.shown[0].attribution);
		assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].likely,
				 other.left ? 2 : 0);
		correlator__free(correlator);
	}

	/* Another task began to zap before the count was read: it may have taken the mapping. */
	for (other.open = T + 1001; other.open < LATE; other.open += 2 * THPRACE_READ_NS) {
		correlator = new_correlator(THPRACE_LIGHT);
		zap.left = 0;
		other.close = other.open + 100;
		other.left = 0;
		send_opener(correlator, other);
		send_walker(correlator, walker(T, T + 1000, 1));
		send_opener(correlator, zap);
		finish(correlator);
		only_escape(other.open == T + 1001 ? THPRACE_LIKELY : THPRACE_CAUSAL);
		if (other.open != T + 1001)
			break;
	}
}

/* Nobody was unmapping: a window that began only after the return took what the walker had left. */
static void test_remained(void **state)
{
	struct thprace_window later = window(T + 1001, 0, T + 3000);
	struct correlator *correlator;
	int before;

	(void)state;
	for (before = 0; before <= 1; before++) {
		correlator = new_correlator(THPRACE_LIGHT);
		if (before)
			send_opener(correlator, later);
		send_walker(correlator, walker(T, T + 1000, 1));
		if (!before)
			send_opener(correlator, later);
		correlator__finish(correlator);
		only(THPRACE_REMAINED);
		assert_int_equal(emitted.shown[0].window.pid, 0);
		assert_int_equal(emitted.shown[0].attribution, THPRACE_ATTRIBUTION_NONE);
		assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].remained,
				 1);
		assert_int_equal(
			correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].unattributed, 0);
		assert_int_equal(correlator__classes(correlator)[THPRACE_TRUNCATE_UNMAP].overlaps,
				 0);
		correlator__free(correlator);
	}
	/*
	 * It took none; nobody asked; there was nothing to take (huge zero page); or it came too
	 * late.
	 */
	later.left = 1;
	one_zap(THPRACE_LIGHT, walker(T, T + 1000, 1), later);
	only(THPRACE_UNATTRIBUTED);
	later.left = THPRACE_LEFT_UNREAD;
	one_zap(THPRACE_LIGHT, walker(T, T + 1000, 1), later);
	only(THPRACE_UNATTRIBUTED);
	later.left = 0;
	one_zap(THPRACE_PRECISE, walker(T, T + 1000, 1), later);
	only(THPRACE_UNATTRIBUTED);
	later.close = T + 1001 + THPRACE_ATTRIBUTION_NS;
	one_zap(THPRACE_LIGHT, walker(T, T + 1000, 1), later);
	only(THPRACE_UNATTRIBUTED);
	/*
	 * The walker's own later zap shows the same: it was not under way when the walker returned.
	 */
	later.close = T + 3000;
	later.pid = 20;
	one_zap(THPRACE_LIGHT, walker(T, T + 1000, 1), later);
	only(THPRACE_REMAINED);
}

static const struct thprace_counts none_mapped,
	one_mapped = {.entire = 1}, two_mapped = {.entire = 2}, three_mapped = {.entire = 3};

/* The function around a walker that left a mapping reports the counts at its entry and its return. */
static void only_with_outer(struct thprace_incident failed, uint64_t leave,
			    struct thprace_counts before, struct thprace_counts now,
			    enum thprace_verdict verdict)
{
	struct correlator *correlator = new_correlator(THPRACE_LIGHT);

	send_walker(correlator, failed);
	send_outer(correlator, leave, before, now);
	finish(correlator);
	only(verdict);
}

/* The function around a failed walker reports what it found at its return. */
static void test_outer(void **state)
{
	struct thprace_incident failed = walker(T, T + 1000, 1);
	struct thprace_window later = window(T + 7000, 0, T + 8000);
	struct correlator *correlator = new_correlator(THPRACE_LIGHT);
	int first;

	(void)state;
	failed.walk.flags = THPRACE_KF_OUTER;
	/* It is waited for, but not forever. */
	send_walker(correlator, failed);
	correlator__settle(correlator, T + 999999999, LATE);
	assert_int_equal(emitted.nr, 0);
	send_outer(correlator, T + 1000, none_mapped, one_mapped);
	correlator__settle(correlator, T + 999999999, LATE);
	assert_int_equal(only(THPRACE_REMAINED)->walk.outer_at, T + 6000);
	assert_int_equal(emitted.shown[0].walk.outer.entire, 1);
	assert_int_equal(emitted.shown[0].walk.order, 9);
	assert_int_equal(emitted.shown[0].walk.flags, 0);
	finish(correlator);
	correlator = new_correlator(THPRACE_LIGHT);
	send_walker(correlator, failed);
	correlator__settle(correlator, T + 1000000000, LATE);
	only(THPRACE_UNATTRIBUTED);
	finish(correlator);

	/* Less is mapped: somebody was unmapping after all. */
	only_with_outer(failed, T + 1000, none_mapped, none_mapped, THPRACE_UNATTRIBUTED);

	/* Another task's, or another walker's. */
	only_with_outer(failed, T + 1001, none_mapped, one_mapped, THPRACE_UNATTRIBUTED);

	/* A split that maps again what it took: the counts before it began are used. */
	failed.walk.flags = THPRACE_KF_OUTER | THPRACE_RF_REMAP;
	only_with_outer(failed, T + 1000, two_mapped, two_mapped, THPRACE_REMAINED);
	only_with_outer(failed, T + 1000, three_mapped, two_mapped, THPRACE_UNATTRIBUTED);
	/* A zap that came later shows nothing more, in whatever order it is reported. */
	later.left = 1;
	for (first = 0; first <= 1; first++) {
		correlator = new_correlator(THPRACE_LIGHT);
		send_walker(correlator, failed);
		if (first)
			send_opener(correlator, later);
		send_outer(correlator, T + 1000, three_mapped, two_mapped);
		if (!first)
			send_opener(correlator, later);
		finish(correlator);
		only(THPRACE_UNATTRIBUTED);
	}
}

/*
 * A walker that says "still mapped" itself, and a moment later nothing was: a mapping of a zap in
 * its time was removed; exact if that zap was the only one and its removal was seen.
 */
static void test_own_result(void **state)
{
	struct thprace_incident failed = walker(T, T + 1000, 0);
	struct thprace_window zap = range(T - 500, T + 600, 0), other = range(T - 400, T + 700, 0);
	int second;

	(void)state;
	failed.walk.flags = THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED;
	one_zap(THPRACE_LIGHT, failed, zap);
	only_escape(THPRACE_LIKELY);
	zap.removed = T + 500;
	other.pid = 12;
	for (second = 0; second <= 1; second++) {
		struct correlator *correlator = new_correlator(THPRACE_PRECISE);

		send_walker(correlator, failed);
		send_opener(correlator, zap);
		if (second)
			send_opener(correlator, other);
		finish(correlator);
		only_escape(second ? THPRACE_LIKELY : THPRACE_EXACT);
		assert_int_equal(emitted.shown[0].window.pid, 11);
	}
	one_zap(THPRACE_LIGHT, failed, range(0, T - 1, 0));
	only(THPRACE_UNATTRIBUTED);
	one_zap(THPRACE_LIGHT, failed, range(T + 1001, T + 2000, 0));
	only(THPRACE_UNATTRIBUTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removal),	      cmocka_unit_test(test_range),
		cmocka_unit_test(test_ranges),	      cmocka_unit_test(test_escape_before_range),
		cmocka_unit_test(test_counts),	      cmocka_unit_test(test_remained),
		cmocka_unit_test(test_outer),	      cmocka_unit_test(test_own_result),
		cmocka_unit_test(test_newer_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
