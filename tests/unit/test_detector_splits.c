// SPDX-License-Identifier: GPL-2.0-only
/* The detector's rules for splits and for the kernel's own check points, each in a small scenario. */
#include "detector_scenario.h"
#include "class_ids.h"

static void test_split_head(void **state)
{
	struct scenario *scenario = *state;
	const struct thprace_walk *walker;

	/* Phase 1 ends before the walker's return, phase 2 lasts longer than the split. */
	window(scenario, US(10), US(20), US(60));
	walk(scenario, US(15), US(30), 0, 0);
	split(scenario, US(12), US(30), US(50), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
	assert_int_equal(scenario->run.incident[0].walk.flags, THPRACE_KF_RESULT);
	assert_int_equal(scenario->run.incident[0].walk.result, 0);
	only(scenario, 1, THPRACE_ESCAPE, OPENER);
	walker = &scenario->run.incident[1].walk;
	assert_int_equal(walker->class, THPRACE_SPLIT_HEAD);
	assert_int_equal(walker->enter, US(30));
	assert_int_equal(walker->leave, US(50));
	assert_int_equal(walker->flags, THPRACE_KF_RESULT);
	assert_int_equal(walker->origin, THPRACE_ORIGIN_SPLIT);
	assert_int_equal(walker->ttu, 0);
	assert_int_equal(split_head(scenario)->walkers, 1);
	assert_int_equal(split_head(scenario)->escapes, 1);
}

static void test_split_head_contained(void **state)
{
	struct scenario *scenario = *state;

	/* The split gave up. */
	window(scenario, US(10), US(20), US(60));
	walk(scenario, US(15), US(30), 0, 0);
	split(scenario, US(12), US(30), US(50), 0, -16);
	/* The zap was over before the split. */
	window(scenario, US(110), US(120), US(140));
	walk(scenario, US(115), US(130), 0, 0);
	split(scenario, US(112), US(130), US(150), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 4);
	assert_int_equal(split_head(scenario)->contained, 2);
	assert_int_equal(split_head(scenario)->overlaps, 2);
	assert_int_equal(scenario->run.incident[0].walk.result, -16);
}

static void test_split_head_needs_open_window(void **state)
{
	struct scenario *scenario = *state;

	/* It closes within the tolerance of the walker's return, opens after it, or is its own. */
	window(scenario, US(10), US(20), US(30) + THPRACE_TOLERANCE_NS);
	split(scenario, US(12), US(30), US(50), 0, 0);
	window(scenario, US(131), US(132), US(140));
	split(scenario, US(112), US(130), US(150), 0, 0);
	window(scenario, US(210), US(220), US(260));
	split(scenario, US(212), US(230), US(250), 0, 0)->pid = OPENER;
	scenario->record[scenario->n - 2].pid = OPENER;
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 0);
	assert_int_equal(split_head(scenario)->walkers, 3);
	assert_int_equal(split_head(scenario)->clean, 3);
}

static void test_split_without_head(void **state)
{
	struct scenario *scenario = *state;

	/* Its walker failed, or it had none. */
	window(scenario, US(10), US(40), US(60));
	walk(scenario, US(15), US(30), 1, 0);
	split(scenario, US(12), US(30), US(50), 1, -16);
	window(scenario, US(110), US(140), US(160));
	split(scenario, US(112), 0, US(150), 0, -16);
	precise(scenario);
	assert_int_equal(split_head(scenario)->walkers, 0);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_ESCAPE, OPENER);
	assert_int_equal(scenario->run.incident[0].walk.result, -16);
	assert_int_equal(scenario->run.incident[0].walk.flags, THPRACE_KF_RESULT);
}

static struct thprace_record *truncate(struct scenario *scenario, uint64_t enter, uint64_t leave,
				       int residual)
{
	struct thprace_record *record = walk(scenario, enter, leave, residual, 0);

	record->class = record[-1].class = THPRACE_TRUNCATE_UNMAP;
	return record;
}

static void test_check_of_a_walker(void **state)
{
	struct scenario *scenario = *state;

	truncate(scenario, US(10), US(20), 1);
	add_record(scenario, THPRACE_REC_CHECK, US(30), US(30), WALKER)->value = 1;
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	assert_int_equal(scenario->run.incident[0].walk.flags, THPRACE_KF_CHECK);
	assert_int_equal(scenario->run.incident[0].walk.leave, US(20));
}

static void test_check_alone(void **state)
{
	static const int cases = 5;
	struct scenario *scenario = *state;
	struct thprace_record *check;
	const struct thprace_walk *walker;
	int i;

	for (i = 0; i < cases; i++) {
		scenario->n = 0;
		truncate(scenario, US(10), US(20), 0);
		check = add_record(scenario, THPRACE_REC_CHECK, US(30), US(30), WALKER);
		check->value = 2;
		check->origin = THPRACE_ORIGIN_TRUNCATE;
		check->class = THPRACE_TRUNCATE_UNMAP;
		if (i == 0)
			check->pid = WALKER + 1;
		if (i == 1)
			check->folio = OTHER;
		if (i == 2)
			check->ts = US(20) + THPRACE_ATTRIBUTION_NS;
		if (i == 3)
			scenario->record[0].class = scenario->record[1].class = THPRACE_SPLIT_UNMAP;
		if (i == 4)
			check->ts = US(15); /* entry says nothing of it */
		precise(scenario);
		assert_int_equal(scenario->run.incidents, 1);
		only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
		walker = &scenario->run.incident[0].walk;
		assert_int_equal(walker->class, THPRACE_TRUNCATE_UNMAP);
		assert_int_equal(walker->flags, THPRACE_KF_CHECK);
		assert_int_equal(walker->enter, check->ts);
		assert_int_equal(walker->leave, check->ts);
		assert_int_equal(walker->residual, 2);
		assert_int_equal(walker->origin, THPRACE_ORIGIN_TRUNCATE);
	}
	check = &scenario->record[2];
	check->ts = check->entry = US(20) + THPRACE_ATTRIBUTION_NS - 1;
	scenario->record[1].value = 1; /* a walker that failed: the check is about it */
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	walker = &scenario->run.incident[0].walk;
	assert_int_equal(walker->enter, US(10));
	assert_int_equal(walker->residual, 1);
	assert_true(walker->flags & THPRACE_KF_CHECK);
}

static void test_check_explains_nothing(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *check;

	/* No window or range is named for a check point alone, and it replaces no failed walker. */
	small_walk(scenario, US(10), US(20), 1);
	window(scenario, US(25), US(40), US(50));
	check = add_record(scenario, THPRACE_REC_CHECK, US(30), US(30), WALKER);
	check->class = THPRACE_TRUNCATE_UNMAP;
	check->value = 1;
	range(scenario, 0, US(35), 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	assert_int_equal(scenario->run.incident[0].window.level, THPRACE_LEVEL_PTE);
	only(scenario, 1, THPRACE_UNATTRIBUTED, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_split_head),
		STORY(test_split_head_contained),
		STORY(test_split_head_needs_open_window),
		STORY(test_split_without_head),
		STORY(test_check_of_a_walker),
		STORY(test_check_alone),
		STORY(test_check_explains_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
