// SPDX-License-Identifier: GPL-2.0-only
/* The detector's rules of small pages: removals and ranges at PTE level, each by one small story. */
#include "detector_story.h"

static void test_pte_attribution(void **state)
{
	struct story *story = *state;
	const struct thprace_window *pte;
	struct thprace_record *zap;

	/* Removals of small pages say nothing of a walker that failed. */
	small_walk(story, US(10), US(20), 1);
	pte_zap(story, US(15), OPENER);
	pte_zap(story, US(25), OPENER);
	precise(story);
	assert_int_equal(story->run.incidents, 1);
	only(story, 0, THPRACE_UNATTRIBUTED, 0);
	/* The range that they were in does; its own, or one that was over, does not. */
	range(story, 0, US(30), 0)->pid = WALKER;
	range(story, 0, US(19), 0)->pid = OPENER + 1;
	zap = range(story, US(15), US(35), 0);
	zap->arg = US(25);
	zap->arg2 = 2;
	precise(story);
	assert_int_equal(story->run.incidents, 1);
	only_escape(story, 0, THPRACE_EXACT);
	pte = &story->run.incident[0].window;
	assert_int_equal(pte->level, THPRACE_LEVEL_PTE);
	assert_int_equal(pte->open, US(15));
	assert_int_equal(pte->removed, US(25));
	assert_int_equal(pte->close, US(35));
	assert_int_equal(pte->pages, 2);
	assert_int_equal(pte->left, 0);
	assert_int_equal(pte->flags, THPRACE_WF_SETTLED | THPRACE_WF_RANGE);
	assert_int_equal(pte->tgid, OPENER + 1);
	assert_int_equal(pte->address, 0);
	assert_int_equal(split_unmap(story)->overlaps, 1);
	assert_int_equal(split_unmap(story)->escapes, 1);
	assert_int_equal(split_unmap(story)->unattributed, 0);
	assert_int_equal(story->run.stats.pte_removals, 2);
	/* It is recorded once for each walker that waits: one zap all the same. */
	story->record[story->n] = *zap;
	story->n++;
	precise(story);
	only_escape(story, 0, THPRACE_EXACT);
	story->n--;
	/* In light mode, which does not count pages. */
	zap->arg = zap->arg2 = 0;
	run(story, THPRACE_LIGHT);
	only_escape(story, 0, THPRACE_CAUSAL);
	zap->flags = THPRACE_RF_VAGUE;
	run(story, THPRACE_LIGHT);
	only_escape(story, 0, THPRACE_LIKELY);
	assert_int_equal(story->run.incident[0].window.flags,
			 THPRACE_WF_SETTLED | THPRACE_WF_RANGE | THPRACE_WF_VAGUE);
	zap->flags = 0;
	zap->value = THPRACE_LEFT_LATE;
	run(story, THPRACE_LIGHT);
	only_escape(story, 0, THPRACE_LIKELY);
	zap->value = 1; /* it took another one */
	run(story, THPRACE_LIGHT);
	only(story, 0, THPRACE_UNATTRIBUTED, 0);
	zap->value = 0;
	zap->folio = OTHER;
	run(story, THPRACE_LIGHT);
	only(story, 0, THPRACE_UNATTRIBUTED, 0);
}

/* Of two ranges that explain it, the one that ended first is named; certain if both took one. */
static void test_pte_two_ranges(void **state)
{
	struct story *story = *state;
	struct thprace_record *walker = small_walk(story, US(10), US(20), 2);

	range(story, 0, US(40), 0)->pid = OPENER + 1;
	range(story, US(15), US(30), 1);
	run(story, THPRACE_LIGHT);
	assert_int_equal(story->run.incidents, 1);
	only_escape(story, 0, THPRACE_CAUSAL);
	walker->value = 3;
	walker->arg2 = THPRACE_COUNTS(0, 3);
	run(story, THPRACE_LIGHT);
	only_escape(story, 0, THPRACE_LIKELY);
}

static void test_pte_attribution_horizon(void **state)
{
	struct story *story = *state;
	struct thprace_record *zap;

	/* It began at the return at the latest … */
	small_walk(story, US(10), US(20), 1);
	zap = range(story, US(20), US(40), 0);
	precise(story);
	only_escape(story, 0, THPRACE_CAUSAL);
	zap->entry++;
	precise(story);
	only(story, 0, THPRACE_REMAINED, 0);
	/* … was not over by then … */
	zap->entry = 0;
	zap->ts = US(20) - THPRACE_TOLERANCE_NS + 1;
	precise(story);
	only_escape(story, 0, THPRACE_CAUSAL);
	zap->ts--;
	precise(story);
	only(story, 0, THPRACE_UNATTRIBUTED, 0);
	/* … and ended by the horizon. */
	zap->ts = US(20) + THPRACE_ATTRIBUTION_NS;
	precise(story);
	only_escape(story, 0, THPRACE_CAUSAL);
	zap->ts++;
	precise(story);
	only(story, 0, THPRACE_UNATTRIBUTED, 0);
	assert_int_equal(split_unmap(story)->unattributed, 1);
	assert_int_equal(split_unmap(story)->overlaps, 0);
}

static void test_pte_contained(void **state)
{
	struct story *story = *state;

	/* In the time of a walker that did not fail; of another folio; and after its return. */
	walk(story, US(10), US(20), 0, OWN);
	pte_zap(story, US(15), OPENER);
	walk(story, US(30), US(40), 0, OWN)->folio = OTHER;
	pte_zap(story, US(35), OPENER);
	walk(story, US(50), US(60), 0, OWN);
	pte_zap(story, US(61), OPENER);
	precise(story);
	assert_int_equal(story->run.incidents, 1);
	only(story, 0, THPRACE_CONTAINED, OPENER);
	assert_int_equal(split_unmap(story)->contained, 1);
	assert_int_equal(split_unmap(story)->clean, 2);
}

static void test_pte_not_besides_pmd_escape(void **state)
{
	struct story *story = *state;
	struct thprace_record *close = window(story, US(10), US(30), US(40));

	walk(story, US(15), US(25), 2, 0)->arg2 = THPRACE_COUNTS(1, 1);
	range(story, 0, US(35), 0)->pid = OPENER + 1;
	precise(story);
	assert_int_equal(story->run.incidents, 1);
	only_escape(story, 0, THPRACE_EXACT);
	assert_int_equal(story->run.incident[0].window.level, THPRACE_LEVEL_PMD);
	/* A window that took none of what was left does not explain it; the range does. */
	close->flags = thprace_left_encode(1);
	precise(story);
	assert_int_equal(story->run.incidents, 2);
	only(story, 0, THPRACE_CONTAINED, OPENER);
	only(story, 1, THPRACE_ESCAPE, OPENER + 1);
	assert_int_equal(story->run.incident[1].window.level, THPRACE_LEVEL_PTE);
}

/* By its own word something was mapped, and at its return nothing: what ended in its time explains it. */
static void test_pte_own_result(void **state)
{
	struct story *story = *state;
	struct thprace_record *zap;

	walk(story, US(10), US(20), 0, OWN_FAILED);
	zap = range(story, 0, US(15), 0);
	precise(story);
	only_escape(story, 0, THPRACE_LIKELY);
	zap->arg = US(12);
	precise(story);
	only_escape(story, 0, THPRACE_EXACT);
	range(story, 0, US(16), 0)->pid = OPENER + 1;
	precise(story);
	only_escape(story, 0, THPRACE_LIKELY);
	story->n--;
	zap->arg = 0;
	zap->ts = US(10) - 1;
	precise(story);
	only(story, 0, THPRACE_UNATTRIBUTED, 0);
}

/* Two failures in a row: a range between their returns explains the second, and clears the first. */
static void test_pte_newer_failure(void **state)
{
	struct story *story = *state;
	struct thprace_record *zap;

	small_walk(story, US(10), US(20), 1);
	small_walk(story, US(30), US(40), 1);
	zap = range(story, US(35), US(50), 0);
	precise(story);
	assert_int_equal(story->run.incidents, 2);
	only(story, 0, THPRACE_REMAINED, 0);
	only_escape(story, 1, THPRACE_CAUSAL);
	/* Under way at both returns, it explains both. */
	zap->entry = 0;
	precise(story);
	only_escape(story, 0, THPRACE_CAUSAL);
	only_escape(story, 1, THPRACE_CAUSAL);
	/* After both: neither. */
	zap->entry = US(41);
	precise(story);
	only(story, 0, THPRACE_REMAINED, 0);
	only(story, 1, THPRACE_REMAINED, 0);
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
