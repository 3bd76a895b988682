// SPDX-License-Identifier: GPL-2.0-only
/* The detector's rules for windows and walkers, each in a small scenario. */
#include "detector_scenario.h"

static void test_contained(void **state)
{
	struct scenario *scenario = *state;
	const struct thprace_incident *incident;

	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(15), US(25), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
	incident = scenario->run.incident;
	assert_int_equal(incident->type, THPRACE_MSG_INCIDENT);
	assert_int_equal(incident->first_verdict, THPRACE_CONTAINED);
	assert_int_equal(incident->mode, THPRACE_PRECISE);
	assert_int_equal(incident->close_call, 0);
	assert_int_equal(incident->window.open, US(10));
	assert_int_equal(incident->window.removed, US(20));
	assert_int_equal(incident->window.close, US(30));
	assert_int_equal(incident->window.folio, FOLIO);
	assert_int_equal(incident->window.mm, 0x1234);
	assert_int_equal(incident->window.address, 0x7f0000000000ULL);
	assert_int_equal(incident->window.tgid, OPENER + 1);
	assert_int_equal(incident->window.cpu, OPENER % 7);
	assert_int_equal(incident->window.flags, THPRACE_WF_SETTLED);
	assert_int_equal(incident->walk.enter, US(15));
	assert_int_equal(incident->walk.leave, US(25));
	assert_int_equal(incident->walk.pid, WALKER);
	assert_int_equal(incident->walk.ttu, 0x51);
	assert_int_equal(incident->walk.origin, THPRACE_ORIGIN_SPLIT);
	assert_int_equal(scenario->run.stats.windows, 1);
	assert_int_equal(split_unmap(scenario)->walkers, 1);
	assert_int_equal(split_unmap(scenario)->overlaps, 1);
}

static void test_escape(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), US(30), US(40));
	walk(scenario, US(15), US(25), 1, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only_escape(scenario, 0, THPRACE_EXACT);
	assert_int_equal(scenario->run.stats.close_calls, 0);
	assert_int_equal(scenario->run.incident[0].window.left, 0);
	assert_int_equal(scenario->run.incident[0].walk.left.entire, 1);
	assert_int_equal(scenario->run.incident[0].walk.left.small, 0);
}

/* Several were left, and one was removed; then it is nobody's. */
static void test_escape_of_many(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *close = window(scenario, US(10), US(30), US(40));

	walk(scenario, US(15), US(25), 3, 0);
	close->flags = thprace_left_encode(2);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only_escape(scenario, 0, THPRACE_EXACT);
	assert_int_equal(scenario->run.incident[0].window.left, 2);
	close->flags = thprace_left_encode(3);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	only(scenario, 1, THPRACE_CONTAINED, OPENER);
	assert_int_equal(scenario->run.incident[1].attribution, THPRACE_ATTRIBUTION_NONE);
	/* It was not read, or too late: perhaps. */
	close->flags = thprace_left_encode(THPRACE_LEFT_UNREAD);
	precise(scenario);
	only_escape(scenario, 0, THPRACE_LIKELY);
	close->flags = thprace_left_encode(THPRACE_LEFT_LATE);
	precise(scenario);
	only_escape(scenario, 0, THPRACE_LIKELY);
}

/* Two windows under way: both took one of what was left, or one of them did. */
static void test_escape_beside_another(void **state)
{
	struct scenario *scenario = *state;
	size_t i, n;

	window(scenario, US(10), US(30), US(40))->flags = thprace_left_encode(1);
	n = scenario->n;
	window(scenario, US(11), US(33), US(43));
	for (i = n; i < scenario->n; i++)
		scenario->record[i].pid++;
	walk(scenario, US(15), US(25), 2, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only_escape(scenario, 0, THPRACE_EXACT);
	only(scenario, 1, THPRACE_ESCAPE, OPENER + 1);
	assert_int_equal(scenario->run.incident[1].attribution, THPRACE_EXACT);
	scenario->record[n - 1].flags = thprace_left_encode(1);
	scenario->record[scenario->n - 3].flags = thprace_left_encode(1);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only_escape(scenario, 0, THPRACE_LIKELY);
	assert_int_equal(scenario->run.incident[1].attribution, THPRACE_LIKELY);
	/* The other began only after the return, and before the count was read. */
	scenario->record[scenario->n - 3].flags = thprace_left_encode(0);
	for (i = n; i < n + 3; i++)
		scenario->record[i].entry = US(26);
	scenario->record[n].ts = US(26);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only_escape(scenario, 0, THPRACE_LIKELY);
}

/* Nobody was unmapping: a window that began after the return took what the walker had left. */
static void test_remained(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *close;

	walk(scenario, US(15), US(25), 1, 0);
	close = window(scenario, US(26), US(30), US(40));
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_REMAINED, 0);
	assert_int_equal(split_unmap(scenario)->remained, 1);
	assert_int_equal(split_unmap(scenario)->unattributed, 0);
	assert_int_equal(split_unmap(scenario)->overlaps, 0);
	close->flags = thprace_left_encode(1);
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	close->flags = thprace_left_encode(0);
	close->ts = US(25) + THPRACE_ATTRIBUTION_NS;
	precise(scenario);
	only(scenario, 0, THPRACE_REMAINED, 0);
	close->ts++;
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
}

/* All that a walker left is still there when the function around it returns. */
static void test_outer(void **state)
{
	struct scenario *scenario = *state;
	struct thprace_record *walker, *around;
	const struct thprace_walk *walk_of;

	walker = walk(scenario, US(15), US(25), 1, 0);
	around = outer(scenario, US(25), US(40), 0, 1);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_REMAINED, 0);
	walk_of = &scenario->run.incident[0].walk;
	assert_int_equal(walk_of->outer_at, US(40));
	assert_int_equal(walk_of->outer.entire, 1);
	assert_int_equal(walk_of->order, 9);
	around->arg2 = THPRACE_COUNTS(0, 0);
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	/* Another task's, another folio's, another walker's. */
	around->arg2 = THPRACE_COUNTS(1, 0);
	around->pid++;
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	around->pid--;
	around->folio = OTHER;
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	around->folio = FOLIO;
	around->entry++;
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	around->entry--;
	/* It maps again what it took: compared with what was mapped before the walker. */
	walker->flags |= THPRACE_RF_REMAP;
	around->arg = THPRACE_COUNTS(2, 0);
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	around->arg2 = THPRACE_COUNTS(1, 512);
	precise(scenario);
	only(scenario, 0, THPRACE_REMAINED, 0);
	/* A window in which the total fell, though the count at its end does not show it. */
	around->arg2 = THPRACE_COUNTS(1, 511);
	window(scenario, US(10), US(30), US(35))->flags = thprace_left_encode(1);
	precise(scenario);
	only_escape(scenario, 0, THPRACE_LIKELY);
	around->arg2 = THPRACE_COUNTS(1, 512);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_REMAINED, 0);
	only(scenario, 1, THPRACE_CONTAINED, OPENER);
}

static void test_escape_by_own_result(void **state)
{
	struct scenario *scenario = *state;

	/* Nothing is mapped at its return, but it says that something was. */
	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(15), US(25), 0, OWN_FAILED);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_ESCAPE, OPENER);
}

static void test_own_result_good(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(15), US(25), 0, OWN);
	precise(scenario);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
}

static void test_own_failed_without_own(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(15), US(25), 0, THPRACE_RF_OWN_FAILED);
	precise(scenario);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
}

static void test_another_mapping_is_left(void **state)
{
	struct scenario *scenario = *state;

	/* The window is not the reason: it was removed long before the return. */
	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(15), US(25), 1, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
	only(scenario, 1, THPRACE_CONTAINED, OPENER);
	assert_int_equal(split_unmap(scenario)->unattributed, 1);
	assert_int_equal(split_unmap(scenario)->contained, 1);
	assert_int_equal(split_unmap(scenario)->overlaps, 1);
	assert_int_equal(split_unmap(scenario)->walkers, 1);
}

static void test_proof_overrules_stamps(void **state)
{
	struct scenario *scenario = *state;

	/* Stamped as removed 1 us after the return, but nothing was mapped. */
	window(scenario, US(10), US(26), US(30));
	walk(scenario, US(15), US(25), 0, 0);
	/* Stamped as removed just before the return, but it was mapped. */
	window(scenario, US(110), US(125) - THPRACE_TOLERANCE_NS + 1, US(130));
	walk(scenario, US(115), US(125), 1, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
	assert_int_equal(scenario->run.incident[0].close_call, 1);
	only_escape(scenario, 1, THPRACE_CAUSAL);
	assert_int_equal(scenario->run.incident[1].close_call, 1);
	assert_int_equal(scenario->run.stats.close_calls, 2);
}

static void test_light_mode(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), 0, US(30));
	walk(scenario, US(15), US(25), 1, 0);
	run(scenario, THPRACE_LIGHT);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	assert_int_equal(scenario->run.incident[0].window.removed, 0);
	assert_int_equal(scenario->run.incident[0].window.close, US(30));
	/* The same records in precise mode: a zap without rmap removal. */
	precise(scenario);
	assert_int_equal(scenario->run.stats.voids, 1);
	assert_int_equal(scenario->run.stats.windows, 0);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
}

static void test_void(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), 0, US(30));
	walk(scenario, US(15), US(25), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 0);
	assert_int_equal(split_unmap(scenario)->clean, 1);
	assert_int_equal(scenario->run.stats.voids, 1);
	assert_true(scenario->run.stats.closest.distance == THPRACE_FOREVER);
}

static void test_folio_comes_late(void **state)
{
	struct scenario *scenario = *state;

	/* Known from RMAP_PMD, after the walker's return. */
	zap_open(scenario, US(10))->folio = 0;
	walk(scenario, US(12), US(15), 1, 0);
	add_record(scenario, THPRACE_REC_RMAP_PMD, US(10), US(20), OPENER);
	zap_close(scenario, US(10), US(20), US(30))->folio = 0;
	/* Known only from ZAP_CLOSE. */
	zap_open(scenario, US(110))->folio = 0;
	walk(scenario, US(112), US(115), 1, 0);
	zap_close(scenario, US(110), US(120), US(130));
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_ESCAPE, OPENER);
	only(scenario, 1, THPRACE_ESCAPE, OPENER);
	assert_int_equal(scenario->run.incident[1].window.removed, US(120));
}

static void test_other_folio(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(15), US(25), 0, 0)->folio = OTHER;
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 0);
	assert_int_equal(split_unmap(scenario)->clean, 1);
}

static void test_same_task(void **state)
{
	struct scenario *scenario = *state;
	size_t i;

	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(5), US(40), 0, 0);
	for (i = 0; i < scenario->n; i++)
		scenario->record[i].pid = WALKER;
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 0);
	assert_int_equal(split_unmap(scenario)->clean, 1);
	assert_true(scenario->run.stats.closest.distance == THPRACE_FOREVER);
}

static void test_touch(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(30) - THPRACE_TOLERANCE_NS + 1, US(40), 0, 0);
	walk(scenario, US(41), US(42), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 0);
	assert_int_equal(scenario->run.stats.touching, 1);
	assert_int_equal(scenario->run.stats.closest.distance, 0);
	assert_int_equal(split_unmap(scenario)->clean, 2);
	/* One nanosecond more is an overlap. */
	scenario->n = 0;
	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(30) - THPRACE_TOLERANCE_NS, US(40), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.stats.touching, 0);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
}

static void test_touch_while_open(void **state)
{
	struct scenario *scenario = *state;

	walk(scenario, US(5), US(10) + THPRACE_TOLERANCE_NS - 1, 0, 0);
	window(scenario, US(10), US(20), US(30));
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 0);
	assert_int_equal(scenario->run.stats.touching, 1);
}

static void test_closest_pass(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(37), US(40), 0, 0);
	window(scenario, US(46), US(50), US(60));
	walk(scenario, US(100), US(110), 0, 0)->folio = OTHER;
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 0);
	assert_int_equal(scenario->run.stats.closest.distance, 6000);
	assert_int_equal(scenario->run.stats.closest.window.open, US(46));
	assert_int_equal(scenario->run.stats.closest.walk.enter, US(37));
}

static void test_closest_pass_skips_own_task(void **state)
{
	struct scenario *scenario = *state;
	size_t i, n;

	window(scenario, US(10), US(20), US(30));
	n = scenario->n;
	window(scenario, US(40), US(41), US(42));
	window(scenario, US(43), US(44), US(45));
	for (i = n; i < scenario->n; i++)
		scenario->record[i].pid = WALKER;
	walk(scenario, US(50), US(60), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.stats.closest.distance, 20000);
}

static void test_closest_pass_reach(void **state)
{
	const uint64_t reach = 2 * DETECTOR_WATERMARK_NS + THPRACE_ATTRIBUTION_NS;
	struct scenario *scenario = *state;

	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(30) + reach, US(40) + reach, 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.stats.closest.distance, reach);
	scenario->record[3].ts++;
	scenario->record[4].entry++;
	precise(scenario);
	assert_true(scenario->run.stats.closest.distance == THPRACE_FOREVER);
}

/* Ends that long lists of earlier ones on the same key precede, of a race from a file. */
static void test_race_hot_key(void **state)
{
	const struct detector_options options = {.mode = THPRACE_PRECISE};
	struct detector *detector = detector__new(&options);
	struct thprace_record record = {
		.type = THPRACE_REC_RACE_END, .folio = FOLIO, .arg2 = THPRACE_FOREVER, .class = 20};
	unsigned int i;

	(void)state;
	assert_non_null(detector);
	for (i = 0; i < 60000; i++) {
		record.entry = US(10 * i);
		record.ts = record.entry + 1500;
		record.pid = OPENER;
		record.flags = 0;
		assert_int_equal(detector__feed(detector, &record), 0);
		record.entry = record.entry + (i % 100 ? 4000 : 500);
		record.ts = record.entry + 2500;
		record.pid = WALKER;
		record.flags = THPRACE_RF_WALKER;
		assert_int_equal(detector__feed(detector, &record), 0);
	}
	assert_int_equal(detector__finish(detector), 0);
	assert_int_equal(detector__stats(detector)->class[20].walkers, 60000);
	assert_int_equal(detector__stats(detector)->class[20].overlaps, 600);
	detector__free(detector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_contained),
		STORY(test_escape),
		STORY(test_escape_of_many),
		STORY(test_escape_beside_another),
		STORY(test_remained),
		STORY(test_outer),
		STORY(test_escape_by_own_result),
		STORY(test_own_result_good),
		STORY(test_own_failed_without_own),
		STORY(test_another_mapping_is_left),
		STORY(test_proof_overrules_stamps),
		STORY(test_light_mode),
		STORY(test_void),
		STORY(test_folio_comes_late),
		STORY(test_other_folio),
		STORY(test_same_task),
		STORY(test_touch),
		STORY(test_touch_while_open),
		STORY(test_closest_pass),
		STORY(test_closest_pass_skips_own_task),
		STORY(test_closest_pass_reach),
		cmocka_unit_test(test_race_hot_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
