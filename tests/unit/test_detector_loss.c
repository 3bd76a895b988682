// SPDX-License-Identifier: GPL-2.0-only
/* The detector's rules for orphans, losses, late records and limits, each in a small scenario. */
#include <errno.h>
#include <stdlib.h>
#include "detector_scenario.h"
#include "class_ids.h"

static void test_orphan_close(void **state)
{
	struct scenario *scenario = *state;

	/* Its ZAP_OPEN is lost; the rest still makes a window. */
	zap_close(scenario, US(10), US(30), US(40));
	walk(scenario, US(15), US(25), 1, 0);
	precise(scenario);
	assert_int_equal(scenario->run.stats.orphans, 1);
	assert_int_equal(scenario->run.stats.windows, 1);
	only(scenario, 0, THPRACE_ESCAPE, OPENER);
	assert_int_equal(scenario->run.incident[0].window.open, US(10));
	assert_int_equal(scenario->run.incident[0].window.removed, US(30));
	assert_int_equal(scenario->run.incident[0].window.mm, 0);
	assert_int_equal(scenario->run.incident[0].window.address, 0x7f0000000000ULL);
}

static void test_orphan_open(void **state)
{
	struct scenario *scenario = *state;

	/* The first window's end is lost: it was over when the task opened another. */
	zap_open(scenario, US(10));
	walk(scenario, US(15), US(25), 0, 0);
	walk(scenario, US(95), US(99), 1, 0);
	window(scenario, US(100), US(110), US(120));
	walk(scenario, US(130), US(140), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.stats.orphans, 1);
	assert_int_equal(scenario->run.stats.windows, 1);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_UNPROVEN, OPENER);
	assert_int_equal(scenario->run.incident[0].window.close, US(100));
	only(scenario, 1, THPRACE_UNPROVEN, OPENER);
	assert_int_equal(split_unmap(scenario)->clean, 1);
	assert_int_equal(split_unmap(scenario)->unproven, 2);
}

static void test_orphan_open_of_unknown_folio(void **state)
{
	struct scenario *scenario = *state;

	/* It may have been on any folio. */
	zap_open(scenario, US(10))->folio = 0;
	walk(scenario, US(15), US(25), 0, 0)->folio = OTHER;
	walk(scenario, US(35), US(45), 1, 0);
	window(scenario, US(100), US(110), US(120));
	walk(scenario, US(130), US(140), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_UNPROVEN, 0);
	assert_int_equal(split_unmap(scenario)->unproven, 2);
	assert_int_equal(split_unmap(scenario)->clean, 1);
}

static void test_open_at_the_end(void **state)
{
	struct scenario *scenario = *state;

	zap_open(scenario, US(10));
	walk(scenario, US(15), US(25), 1, 0);
	walk(scenario, US(35), US(45), 0, 0);
	precise(scenario);
	assert_int_equal(scenario->run.stats.orphans, 1);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_ESCAPE, OPENER);
	assert_int_equal(scenario->run.incident[0].window.close, 0);
	assert_int_equal(scenario->run.incident[0].attribution,
			 THPRACE_LIKELY); /* what it left is not known */
	only(scenario, 1, THPRACE_CONTAINED, OPENER);
	/* The rmap removal of one, and a loss after it: its end may be what was lost. */
	add_record(scenario, THPRACE_REC_RMAP_PMD, US(10), US(30), OPENER);
	lost(scenario, US(200), US(300));
	precise(scenario);
	only(scenario, 0, THPRACE_UNPROVEN, OPENER);
	only(scenario, 1, THPRACE_UNPROVEN, OPENER);
}

static void test_open_at_the_end_of_unknown_folio(void **state)
{
	struct scenario *scenario = *state;

	zap_open(scenario, US(10))->folio = 0;
	walk(scenario, US(15), US(25), 0, 0);
	precise(scenario);
	assert_int_equal(split_unmap(scenario)->clean, 1);
	lost(scenario, US(200), US(300));
	precise(scenario);
	assert_int_equal(split_unmap(scenario)->clean, 0);
	assert_int_equal(split_unmap(scenario)->unproven, 1);
}

static void test_orphan_rmap(void **state)
{
	struct scenario *scenario = *state;

	/* Only the middle of a window is left. */
	add_record(scenario, THPRACE_REC_RMAP_PMD, US(10), US(30), OPENER);
	walk(scenario, US(15), US(25), 1, 0);
	window(scenario, US(100), US(110), US(120));
	precise(scenario);
	assert_int_equal(scenario->run.stats.orphans, 2);
	only(scenario, 0, THPRACE_UNPROVEN, OPENER);
}

static void test_orphan_walkers(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), US(20), US(30));
	walk_return(scenario, US(15), US(25), 0, 0); /* no start: a walker all the same */
	add_record(scenario, THPRACE_REC_WALK_ENTER, US(40), US(40), WALKER)->class =
		THPRACE_SPLIT_UNMAP;
	walk(scenario, US(50), US(60), 0, 0); /* entered twice */
	add_record(scenario, THPRACE_REC_WALK_ENTER, US(70), US(70), WALKER)->class =
		THPRACE_TRUNCATE_UNMAP; /* another class is another function */
	walk(scenario, US(75), US(80), 0, 0);
	add_record(scenario, THPRACE_REC_WALK_RETURN, US(70), US(85), WALKER)->class =
		THPRACE_TRUNCATE_UNMAP;
	add_record(scenario, THPRACE_REC_SPLIT_ENTER, US(90), US(90), WALKER);
	add_record(scenario, THPRACE_REC_SPLIT_ENTER, US(91), US(91), WALKER);
	add_record(scenario, THPRACE_REC_COLLAPSE_ENTER, US(92), US(92), WALKER);
	add_record(scenario, THPRACE_REC_COLLAPSE_RETURN, US(92), US(93), WALKER);
	add_record(scenario, THPRACE_REC_COLLAPSE_RETURN, US(94), US(95), WALKER);
	add_record(scenario, THPRACE_REC_POISON_RETURN, US(92), US(96), WALKER);
	precise(scenario);
	assert_int_equal(scenario->run.stats.orphans, 1 + 1 + 2 + 1 + 1);
	assert_int_equal(split_unmap(scenario)->walkers, 3);
	only(scenario, 0, THPRACE_CONTAINED, OPENER);
}

static void test_loss_in_a_pair(void **state)
{
	const uint64_t after = US(25) + THPRACE_ATTRIBUTION_NS;
	const struct {
		uint64_t from, to;
		bool touches;
	} losses[] = {
		{US(1), US(10) - 1, false}, {US(1), US(10), true},  {US(12), US(12), true},
		{US(22), US(23), true},	    {US(40), US(50), true}, {US(40) + 1, US(50), false},
		{US(1), US(1000), true},    {after, after, false},  {after + 1, after + 2, false},
	};
	struct scenario *scenario = *state;
	size_t i;

	for (i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		scenario->n = 0;
		window(scenario, US(10), US(30), US(40));
		walk(scenario, US(15), US(25), 1, 0);
		lost(scenario, losses[i].from, losses[i].to);
		precise(scenario);
		assert_int_equal(scenario->run.stats.lost, 5);
		assert_int_equal(scenario->run.incidents, 1);
		only(scenario, 0, losses[i].touches ? THPRACE_UNPROVEN : THPRACE_ESCAPE, OPENER);
		assert_int_equal(scenario->run.incident[0].attribution,
				 losses[i].touches ? THPRACE_ATTRIBUTION_NONE
				 : losses[i].from > after || losses[i].to < US(15)
					 ? THPRACE_EXACT
					 : THPRACE_LIKELY); /* another zap may be lost */
		assert_int_equal(split_unmap(scenario)->unproven, losses[i].touches);
		assert_int_equal(split_unmap(scenario)->escapes, !losses[i].touches);
		assert_int_equal(split_unmap(scenario)->overlaps, 1);
	}
}

static void test_loss_in_a_lone_walker(void **state)
{
	struct scenario *scenario = *state;

	walk(scenario, US(10), US(20), 0, 0);
	walk(scenario, US(30), US(40), 1, 0);
	walk(scenario, US(50), US(60), 1, 0);
	lost(scenario, US(20), US(30));
	lost(scenario, US(61), US(70));
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 2);
	only(scenario, 0, THPRACE_UNPROVEN, 0);
	assert_int_equal(scenario->run.incident[0].walk.flags, THPRACE_KF_LOST);
	only(scenario, 1, THPRACE_UNATTRIBUTED, 0);
	assert_int_equal(split_unmap(scenario)->unproven, 2);
	assert_int_equal(split_unmap(scenario)->unattributed, 1);
	assert_int_equal(split_unmap(scenario)->clean, 0);
}

static void test_loss_before_a_range(void **state)
{
	struct scenario *scenario = *state;

	/* An earlier end of a range may be lost; or a later one: then nothing is proved. */
	small_walk(scenario, US(10), US(20), 1);
	lost(scenario, US(30), US(40));
	range(scenario, 0, US(50), 0);
	precise(scenario);
	only(scenario, 0, THPRACE_UNPROVEN, OPENER);
	scenario->record[2].entry = US(51);
	scenario->record[2].ts = US(60);
	precise(scenario);
	only_escape(scenario, 0, THPRACE_LIKELY);
	scenario->record[2].entry = scenario->record[2].ts = US(20) + THPRACE_ATTRIBUTION_NS + 1;
	precise(scenario);
	only_escape(scenario, 0, THPRACE_CAUSAL);
	/* Then it is not known either that nobody was unmapping. */
	scenario->record[3].entry = US(21);
	precise(scenario);
	only(scenario, 0, THPRACE_REMAINED, 0);
	scenario->record[2].entry = scenario->record[2].ts = US(20) + THPRACE_ATTRIBUTION_NS;
	precise(scenario);
	only(scenario, 0, THPRACE_UNPROVEN, 0);
	/* Without a range that explains it, only its own time counts. */
	scenario->record[2].entry = US(30);
	scenario->n--;
	precise(scenario);
	only(scenario, 0, THPRACE_UNATTRIBUTED, 0);
}

static void test_loss_of_a_split(void **state)
{
	struct scenario *scenario = *state;

	window(scenario, US(10), US(20), US(60));
	split(scenario, US(12), US(30), US(50), 0, 0);
	split(scenario, US(112), US(130), US(150), 0, 0)->class = THPRACE_CLASS_NONE;
	lost(scenario, US(55), US(56));
	lost(scenario, US(140), US(141));
	precise(scenario);
	assert_int_equal(scenario->run.incidents, 1);
	only(scenario, 0, THPRACE_UNPROVEN, OPENER);
	assert_int_equal(split_head(scenario)->unproven, 2);
}

/* Late records: the oracle is not used, because it has no notion of late. */
static struct detector_stats late_scenario(struct scenario *scenario)
{
	oracle_run__free(&scenario->run);
	oracle__run(&scenario->run, scenario->record, scenario->n, THPRACE_PRECISE, 1000000);
	return scenario->run.stats;
}

static void test_late_record(void **state)
{
	struct scenario *scenario = *state;
	struct detector_stats stats;

	/* 1 ms of watermark: what came before US(1000) is processed when US(2000) is fed. */
	window(scenario, US(10), US(20), US(30));
	walk(scenario, US(100), US(110), 0, 0);
	add_record(scenario, THPRACE_REC_NONE, US(2000), US(2000), 1);
	add_record(scenario, THPRACE_REC_RMAP_PTE, US(110), US(110), OPENER); /* just not late */
	add_record(scenario, THPRACE_REC_RMAP_PTE, US(109), US(109), OPENER); /* late */
	stats = late_scenario(scenario);
	assert_int_equal(stats.late, 1);
	assert_int_equal(stats.late_loss, 0);
	assert_int_equal(stats.pte_removals, 1);
	assert_int_equal(stats.lost, 0);
	assert_int_equal(stats.records, scenario->n);
	assert_int_equal(split_unmap(scenario)->clean, 0);
	assert_int_equal(split_unmap(scenario)->unproven, 1);
	/* The whole interval of a late end is lost, not only its end. */
	scenario->n -= 2;
	zap_close(scenario, US(90), US(95), US(99));
	walk(scenario, US(80), US(85), 0, 0)->entry = US(105);
	stats = late_scenario(scenario);
	assert_int_equal(stats.late, 3);
	assert_int_equal(split_unmap(scenario)->unproven, 1);
	scenario->n = 6;
	walk(scenario, US(80), US(85), 0, 0)->entry = 0;
	stats = late_scenario(scenario);
	assert_int_equal(split_unmap(scenario)->unproven, 0);
	assert_int_equal(split_unmap(scenario)->clean, 1);
}

static void test_watermark(void **state)
{
	struct scenario *scenario = *state;
	struct detector_stats stats;

	/* One nanosecond less than the watermark: nothing is processed, so nothing is late. */
	walk(scenario, US(100), US(110), 0, 0);
	add_record(scenario, THPRACE_REC_NONE, US(1100) - 1, US(1100) - 1, 1);
	window(scenario, US(10), US(20), US(30));
	stats = late_scenario(scenario);
	assert_int_equal(stats.late, 0);
	assert_int_equal(stats.windows, 1);
	scenario->record[2].ts++;
	stats = late_scenario(scenario);
	assert_int_equal(stats.late, 3);
	assert_int_equal(stats.windows, 0);
	/* Shortly after boot, times are below the watermark. */
	scenario->n = 0;
	add_record(scenario, THPRACE_REC_NONE, 0, 900000, 1);
	add_record(scenario, THPRACE_REC_NONE, 0, 1, 1);
	add_record(scenario, THPRACE_REC_NONE, 0, 1000000, 1);
	add_record(scenario, THPRACE_REC_NONE, 0, 0, 1);
	stats = late_scenario(scenario);
	assert_int_equal(stats.late, 0);
}

/* Results are held back for two watermarks and the time of attribution, and no longer. */
static void test_late_loss(void **state)
{
	const uint64_t settle = 2000000 + THPRACE_ATTRIBUTION_NS;
	struct scenario *scenario = *state;
	struct detector_stats stats;

	walk(scenario, US(10), US(20), 0, 0);
	add_record(scenario, THPRACE_REC_NONE, 0, US(20) + settle, 1);
	add_record(scenario, THPRACE_REC_NONE, 0, US(20) + settle + 1000000, 1);
	lost(scenario, US(15), US(1000));
	stats = late_scenario(scenario);
	assert_int_equal(stats.late_loss, 0);
	assert_int_equal(split_unmap(scenario)->unproven, 1);
	scenario->record[2].ts++;
	scenario->record[3].ts++;
	stats = late_scenario(scenario);
	assert_int_equal(stats.late_loss, 1);
	assert_int_equal(split_unmap(scenario)->clean, 1);
	/* A loss after what was emitted is in time. */
	scenario->record[4].entry = US(20) + 1;
	stats = late_scenario(scenario);
	assert_int_equal(stats.late_loss, 0);
	assert_int_equal(split_unmap(scenario)->clean, 1);
	/* The result of a failed walker depends on more. */
	scenario->record[1].value = 1;
	stats = late_scenario(scenario);
	assert_int_equal(stats.late_loss, 1);
	scenario->record[4].entry = US(20) + THPRACE_ATTRIBUTION_NS + 1;
	scenario->record[4].ts = scenario->record[4].entry + 1;
	stats = late_scenario(scenario);
	assert_int_equal(stats.late_loss, 0);
}

/* A stream in which ends are lost: what is kept for them is dropped, and the rest continues. */
static void test_given_up(void **state)
{
	struct detector_options options = {.mode = THPRACE_PRECISE, .watermark = 1000};
	struct scenario *scenario = *state;
	struct thprace_record tick = {.type = THPRACE_REC_NONE};
	struct detector *detector = detector__new(&options);
	size_t i;

	assert_non_null(detector);
	zap_open(scenario, US(10));
	walk(scenario, US(15), US(25), 0, 0);
	add_record(scenario, THPRACE_REC_WALK_ENTER, US(30), US(30), WALKER)->class =
		THPRACE_SPLIT_UNMAP;
	for (i = 0; i < scenario->n; i++)
		assert_int_equal(detector__feed(detector, &scenario->record[i]), 0);
	for (i = 1; i < 70000; i++) {
		tick.ts = US(30) + i * 100000;
		assert_int_equal(detector__feed(detector, &tick), 0);
	}
	/* The pair is emitted before the end of the recording. */
	assert_int_equal(detector__stats(detector)->class[THPRACE_SPLIT_UNMAP].unproven, 1);
	assert_int_equal(detector__stats(detector)->orphans, 1);
	assert_int_equal(detector__finish(detector), 0);
	assert_int_equal(detector__stats(detector)->orphans, 2);
	detector__free(detector);
}

/* A walker whose start was never seen looks back further than windows are kept. */
static void test_forgotten(void **state)
{
	struct detector_options options = {.mode = THPRACE_PRECISE, .watermark = 1000};
	struct scenario *scenario = *state;
	struct detector *detector = detector__new(&options);
	const struct detector_class *class;
	uint64_t end = US(10) + 1200 * 1000000ULL;
	size_t i;

	assert_non_null(detector);
	window(scenario, US(10), US(20), US(30));
	for (i = 0; i < scenario->n; i++)
		assert_int_equal(detector__feed(detector, &scenario->record[i]), 0);
	for (i = 1; i < 1200; i++) {
		struct thprace_record tick = {.ts = US(10) + i * 1000000};

		assert_int_equal(detector__feed(detector, &tick), 0);
	}
	scenario->n = 0;
	walk_return(scenario, US(25), end, 0, 0);
	walk_return(scenario, US(30) + 1, end, 0, 0);
	for (i = 0; i < scenario->n; i++)
		assert_int_equal(detector__feed(detector, &scenario->record[i]), 0);
	assert_int_equal(detector__finish(detector), 0);
	class = &detector__stats(detector)->class[THPRACE_SPLIT_UNMAP];
	assert_int_equal(class->unproven, 1);
	assert_int_equal(class->clean, 1);
	assert_int_equal(detector__feed(detector, &scenario->record[0]), -EINVAL);
	detector__free(detector);
}

/* What a walker overlapped early in its time is kept until it returns, however long that takes. */
static void test_long_walker(void **state)
{
	struct detector_options options = {.mode = THPRACE_PRECISE, .watermark = 1000};
	struct scenario *scenario = *state;
	struct detector *detector = detector__new(&options);
	const struct detector_class *class;
	const uint64_t folios[] = {FOLIO, OTHER, OTHER + 0x8000}, end = US(2000000);
	size_t i, n;

	assert_non_null(detector);
	for (i = 0; i < 3; i++) {
		walk(scenario, US(5 + i), end, 0, i < 2 ? OWN_FAILED : OWN)->pid += i;
		scenario->record[2 * i].pid += i;
		scenario->record[2 * i].folio = scenario->record[2 * i + 1].folio = folios[i];
	}
	window(scenario, US(10), US(20), US(30));
	range(scenario, US(35), US(40), 0)->folio = folios[1];
	pte_zap(scenario, US(50), OPENER);
	scenario->record[scenario->n - 1].folio = folios[2];
	/* All except the returns, then much time, then the returns. */
	for (i = 0; i < scenario->n; i++) {
		if (scenario->record[i].ts < US(1000))
			assert_int_equal(detector__feed(detector, &scenario->record[i]), 0);
	}
	for (n = 1; n < 1900; n++) {
		struct thprace_record tick = {.ts = US(n * 1000)};

		assert_int_equal(detector__feed(detector, &tick), 0);
	}
	for (i = 0; i < scenario->n; i++) {
		if (scenario->record[i].ts > US(1000))
			assert_int_equal(detector__feed(detector, &scenario->record[i]), 0);
	}
	assert_int_equal(detector__finish(detector), 0);
	class = &detector__stats(detector)->class[THPRACE_SPLIT_UNMAP];
	assert_int_equal(class->escapes, 2);
	assert_int_equal(class->contained, 1);
	assert_int_equal(class->unproven, 0);
	detector__free(detector);
}

/* Whatever a damaged trace contains, nothing breaks. */
static void test_nonsense(void **state)
{
	static const uint64_t times[] = {0, 1, US(10), US(11), 1ULL << 63, ~0ULL - 1, ~0ULL};
	struct detector_options options = {0};
	struct detector *detector;
	struct thprace_record record;
	unsigned int i, k;

	(void)state;
	for (k = 0; k < 20; k++) {
		options.mode = k & 1 ? THPRACE_PRECISE : THPRACE_LIGHT;
		options.watermark = times[k % 7];
		detector = detector__new(&options);
		assert_non_null(detector);
		srand(k);
		for (i = 0; i < 5000; i++) {
			memset(&record, rand(), sizeof(record));
			record.type = rand() % (THPRACE_REC_MAX + 2);
			record.ts = times[rand() % 7] + rand() % 3;
			record.entry = times[rand() % 7] + rand() % 3;
			record.arg = times[rand() % 7];
			record.arg2 = rand() % 2;
			record.value = rand() % 2 ? rand() : -rand();
			record.pid = rand() % 3;
			record.folio = rand() % 3;
			record.class = rand();
			assert_int_equal(detector__feed(detector, &record), 0);
		}
		assert_int_equal(detector__finish(detector), 0);
		assert_int_equal(detector__finish(detector), 0);
		detector__free(detector);
	}
	detector__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_orphan_close),
		STORY(test_orphan_open),
		STORY(test_orphan_open_of_unknown_folio),
		STORY(test_open_at_the_end),
		STORY(test_open_at_the_end_of_unknown_folio),
		STORY(test_orphan_rmap),
		STORY(test_orphan_walkers),
		STORY(test_loss_in_a_pair),
		STORY(test_loss_in_a_lone_walker),
		STORY(test_loss_before_a_range),
		STORY(test_loss_of_a_split),
		STORY(test_late_record),
		STORY(test_watermark),
		STORY(test_late_loss),
		STORY(test_given_up),
		STORY(test_forgotten),
		STORY(test_long_walker),
		STORY(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
