// SPDX-License-Identifier: GPL-2.0-only
/* The detector's rules for small pages: removals and ranges at PTE level, each in a small scenario. */
#include "detector_scenario.h"

static void test_pte_attribution(void **state)
{
	struct scenario *scenario = *state;
	const struct thprace_window *pte;
	struct thprace_record *zap;

	/* Removals of small pages are no evidence about a failed walker. */
	small_walk(scenario, US(10), US(20), 1);
	pte_zap(scenario, US(15), OPENER);
	pte_zap(scenario, US(25), OPENER);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	/* The range around them is; its own range, or one that was over, is not. */
	range(scenario, 0, US(30), 0)->pid = WALKER;
	range(scenario, 0, US(19), 0)->pid = OPENER + 1;
	zap = range(scenario, US(15), US(35), 0);
	zap->arg = US(25);
	zap->arg2 = 2;
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only_escape(scenario, 0, THPRACE_EXACT);
	pte = &scenario->run.incident[0].window;
	assert_int_equal(pte->level, THPRACE_LEVEL_PTE);
	assert_int_equal(pte->open, US(15));
	assert_int_equal(pte->removed, US(25));
	assert_int_equal(pte->close, US(35));
	assert_int_equal(pte->pages, 2);
	assert_int_equal(pte->left, 0);
	assert_int_equal(pte->flags, THPRACE_WF_SETTLED | THPRACE_WF_RANGE);
	assert_int_equal(pte->tgid, OPENER + 1);
	assert_int_equal(pte->address, 0);
	assert_int_equal(split_unmap(scenario)->overlaps, 1);
	assert_int_equal(split_unmap(scenario)->escapes, 1);
	assert_int_equal(split_unmap(scenario)->unattributed, 0);
	assert_int_equal(scenario->run.stats.pte_removals, 2);
	/* It is recorded once for each walker that waits: still one zap. */
	scenario->record[scenario->n] = *zap;
	scenario->n++;
	precise(scenario);
	only_escape(scenario, 0, THPRACE_EXACT);
	scenario->n--;
	/*
	 * When that walker returned, a removal in it was under way of a page that the walker left.
	 */
	zap->value = 1;
	zap->arg2 |= (US(35) - US(20)) << 32;
	precise(scenario);
	only_escape(scenario, 0, THPRACE_EXACT);
	assert_int_equal(scenario->run.incident[0].window.taking, US(35) - US(20));
	assert_int_equal(scenario->run.incident[0].window.pages, 2);
	zap->value = 0;
	/* In light mode, which does not count pages. */
	zap->arg = zap->arg2 = 0;
	run(scenario, THPRACE_LIGHT);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	zap->flags = THPRACE_RF_VAGUE;
	run(scenario, THPRACE_LIGHT);
	only_escape(scenario, 0, THPRACE_LIKELY);
	assert_int_equal(scenario->run.incident[0].window.flags,
			 THPRACE_WF_SETTLED | THPRACE_WF_RANGE | THPRACE_WF_VAGUE);
	zap->flags = 0;
	zap->value = THPRACE_LEFT_LATE;
	run(scenario, THPRACE_LIGHT);
	only_escape(scenario, 0, THPRACE_LIKELY);
	zap->value = 1; /* it took another one */
	run(scenario, THPRACE_LIGHT);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	zap->value = 0;
	zap->folio = OTHER;
	run(scenario, THPRACE_LIGHT);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
}

/* Of two ranges that explain it, the one that ended first is named; certain if both took one. */
static void test_pte_two_ranges(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *walker = small_walk(scenario, US(10), US(20), 2);

	range(scenario, 0, US(40), 0)->pid = OPENER + 1;
	range(scenario, US(15), US(30), 1);
	run(scenario, THPRACE_LIGHT);
	assert_int_equal(scenario->run.incidents, 1);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	walker->value = 3;
	walker->arg2 = THPRACE_COUNTS(0, 3);
	run(scenario, THPRACE_LIGHT);
	only_escape(scenario, 0, THPRACE_LIKELY);
}

static void test_pte_attribution_horizon(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *zap;

	/* It began at the return at the latest … */
	small_walk(scenario, US(10), US(20), 1);
	zap = range(scenario, US(20), US(40), 0);
	precise(scenario);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	zap->entry++;
	precise(scenario);
	only(scenario, 0, THPRACE_REMAINED, 0);
	/* … was not over by then … */
	zap->entry = 0;
	zap->ts = US(20) - THPRACE_TOLERANCE_NS + 1;
	precise(scenario);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	zap->ts--;
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	/* … and ended by the horizon. */
	zap->ts = US(20) + THPRACE_ATTRIBUTION_NS;
	precise(scenario);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	zap->ts++;
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	assert_int_equal(split_unmap(scenario)->unattributed, 1);
	assert_int_equal(split_unmap(scenario)->overlaps, 0);
}

static void test_pte_contained(void **state)
{
	struct scenario *scenario = *state;

	/* In the time of a walker that did not fail; on another folio; and after its return. */
	walk(scenario, US(10), US(20), 0, OWN);
	pte_zap(scenario, US(15), OPENER);
	walk(scenario, US(30), US(40), 0, OWN)->folio = OTHER;
	pte_zap(scenario, US(35), OPENER);
	walk(scenario, US(50), US(60), 0, OWN);
	pte_zap(scenario, US(61), OPENER);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
	assert_int_equal(split_unmap(scenario)->contained, 1);
	assert_int_equal(split_unmap(scenario)->clean, 2);
}

static void test_pte_not_besides_pmd_escape(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *close = window(scenario, US(10), US(30), US(40));

	walk(scenario, US(15), US(25), 2, 0)->arg2 = THPRACE_COUNTS(1, 1);
	range(scenario, 0, US(35), 0)->pid = OPENER + 1;
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only_escape(scenario, 0, THPRACE_EXACT);
	assert_int_equal(scenario->run.incident[0].window.level, THPRACE_LEVEL_PMD);
	/* A window that took none of what was left does not explain it; the range does. */
	close->flags = thprace_left_encode(1);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
	only(scenario, 1, THPRACE_ESCAPE, OPENER + 1);
	assert_int_equal(scenario->run.incident[1].window.level, THPRACE_LEVEL_PTE);
}

/*
 * By its own result something was mapped, and at its return nothing was: a zap that ended in its
 * time explains it.
 */
static void test_pte_own_result(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *zap;

	walk(scenario, US(10), US(20), 0, OWN_FAILED);
	zap = range(scenario, 0, US(15), 0);
	precise(scenario);
	only_escape(scenario, 0, THPRACE_LIKELY);
	zap->arg = US(12);
	precise(scenario);
	only_escape(scenario, 0, THPRACE_EXACT);
	range(scenario, 0, US(16), 0)->pid = OPENER + 1;
	precise(scenario);
	only_escape(scenario, 0, THPRACE_LIKELY);
	scenario->n--;
	zap->arg = 0;
	zap->ts = US(10) - 1;
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
}

/*
 * Two failures in a row: a range that begins between their returns explains the second; the first
 * remained.
 */
static void test_pte_newer_failure(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *zap;

	small_walk(scenario, US(10), US(20), 1);
	small_walk(scenario, US(30), US(40), 1);
	zap = range(scenario, US(35), US(50), 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_REMAINED, 0);
	only_escape(scenario, 1, THPRACE_CAUSAL);
	/* Under way at both returns, it explains both. */
	zap->entry = 0;
	precise(scenario);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	only_escape(scenario, 1, THPRACE_CAUSAL);
	/* After both: neither. */
	zap->entry = US(41);
	precise(scenario);
	only(scenario, 0, THPRACE_REMAINED, 0);
	only(scenario, 1, THPRACE_REMAINED, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_pte_attribution),
		STORY(test_pte_two_ranges),
		STORY(test_pte_attribution_horizon),
		STORY(test_pte_contained),
		STORY(test_pte_not_besides_pmd_escape),
		STORY(test_pte_own_result),
		STORY(test_pte_newer_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
