// SPDX-License-Identifier: GPL-2.0-only
/*
 * The text of the metrics, line by line. With --print: the text of a daemon that has seen something
 * of everything, to stdout, for promtool (tests/metrics); with --print-new: of one that has just
 * started; with --print-fleet: what the first one writes for a fleet.
 */
#include "metrics_support.h"
#include "class_ids.h"

static void well_formed(void **state)
{
	struct reading reading;
	struct world world;
	size_t new;

	(void)state;
	make_new(&world);
	read_text(&reading, text_of(&world));
	new = reading.nr;
	free(reading.text);
	make_full(&world);
	read_text(&reading, text_of(&world));
	assert_true(reading.nr > new &&new > 100);
	free(reading.text);
}

static void values(void **state)
{
	struct reading reading;
	struct world world;

	(void)state;
	make_full(&world);
	read_text(&reading, text_of(&world));
	assert_value(&reading, "thprace_records_seen_total", 1020);
	assert_value(&reading, "thprace_records_submitted_total", 900);
	assert_value(&reading, "thprace_records_filtered_total", 99);
	assert_value(&reading, "thprace_lost_total{cause=\"missed\"}", 6);
	assert_value(&reading, "thprace_lost_total{cause=\"stream\"}", 0);
	assert_value(&reading, "thprace_identity_holds", 1);
	assert_value(&reading, "thprace_walkers_total{class=\"split-head\"}", 1003);
	assert_value(&reading, "thprace_walkers_failed_total{class=\"split-head\"}", 13);
	assert_value(&reading, "thprace_walker_seconds_total{class=\"split-unmap\"}", 0.030030001);
	assert_value(&reading, "thprace_overlaps_total{class=\"collapse-reuse\"}", 57);
	assert_value(&reading,
		     "thprace_incidents_total{class=\"truncate-unmap\",verdict=\"escape\"}", 7);
	assert_value(&reading,
		     "thprace_incidents_total{class=\"truncate-unmap\",verdict=\"contained\"}", 45);
	assert_value(&reading, "thprace_windows_total", 1000);
	assert_value(&reading, "thprace_window_seconds_sum{phase=\"phase1\"}", 18.000000001);
	assert_value(&reading,
		     "thprace_program_run_seconds_total{program=\"walk_enter\",point=\"unmap\","
		     "function=\"try_to_unmap\",kind=\"kprobe\"}",
		     3.000000002);
	assert_value(&reading,
		     "thprace_program_missed_total{program=\"walk_enter\",point=\"unmap\","
		     "function=\"try_to_unmap\",kind=\"fentry\"}",
		     1);
	assert_value(&reading, "thprace_overhead_ratio", 0.0012);
	assert_value(&reading, "thprace_start_time_seconds", 1799999749.999999999);
	assert_value(&reading, "thprace_spool_degraded", 1);
	assert_value(&reading, "thprace_spool_oldest_timestamp_seconds", 1799990000);
	assert_value(&reading, "thprace_exposure_expected_overlaps_per_day{class=\"split-unmap\"}",
		     5.4);
	assert_value(&reading, "thprace_exposure_mean_window_seconds{class=\"split-unmap\"}",
		     0.00002);
	assert_value(&reading,
		     "thprace_build_info{version=\"0.1\",kernel=\"6.1.0-56-cloud-amd64\","
		     "machine=\"x86_64\",mode=\"precise\",attach=\"auto\"}",
		     1);
	free(reading.text);
}

/* An unknown value has no sample. */
static void unknown(void **state)
{
	struct reading reading;
	struct world world;

	(void)state;
	make_full(&world);
	read_text(&reading, text_of(&world));
	assert_value(&reading,
		     "thprace_exposure_expected_overlaps_per_day{class=\"hwpoison-unmap\"}", -1);
	assert_value(&reading, "thprace_exposure_windows_per_second{class=\"hwpoison-unmap\"}", -1);
	assert_value(&reading,
		     "thprace_exposure_counted_overlaps_per_day{class=\"hwpoison-unmap\"}", 1728);
	assert_value(&reading, "thprace_exposure_counted_overlaps_per_day{class=\"split-migrate\"}",
		     -1);
	free(reading.text);
	make_new(&world);
	world.state.exposure.classes[THPRACE_SPLIT_UNMAP].observable = true;
	read_text(&reading, text_of(&world));
	assert_value(&reading, "thprace_exposure_period_seconds", 0);
	assert_value(&reading, "thprace_exposure_counted_overlaps_per_day{class=\"split-unmap\"}",
		     -1);
	assert_value(&reading, "thprace_overhead_measured", 0);
	assert_value(&reading, "thprace_overhead_ratio", -1);
	assert_value(&reading, "thprace_spool_oldest_timestamp_seconds", -1);
	/*
	 * But counters of events that have not happened exist from the start: rates need the zero.
	 */
	assert_value(&reading, "thprace_incidents_total{class=\"split-head\",verdict=\"escape\"}",
		     0);
	free(reading.text);
}

static void observable(void **state)
{
	struct reading reading;
	struct world world;

	(void)state;
	make_full(&world);
	world.plan.probe[THPRACE_POINT_TRUNCATE].state = PROBE_ABSENT;
	world.plan.probe[THPRACE_POINT_TRUNCATE].function = NULL;
	world.plan.probe[THPRACE_POINT_TRUNCATE].kind = PROBE_NONE;
	world.plan.probe[THPRACE_POINT_SPLIT].state = PROBE_SHED;
	read_text(&reading, text_of(&world));
	assert_value(&reading, "thprace_class_observable{class=\"split-unmap\"}", 1);
	assert_value(&reading, "thprace_class_observable{class=\"truncate-unmap\"}", 0);
	assert_value(&reading, "thprace_class_possible{class=\"truncate-unmap\"}", 1);
	assert_value(&reading,
		     "thprace_probe_attached{point=\"truncate\","
		     "function=\"truncate_cleanup_folio\",kind=\"none\"}",
		     0);
	assert_value(&reading,
		     "thprace_probe_attached{point=\"zap\",function=\"zap_huge_pmd\","
		     "kind=\"kprobe\"}",
		     1);
	/* A shed probe keeps its labels: it is the same series, which becomes 0. */
	assert_value(&reading,
		     "thprace_probe_attached{point=\"split\",function=\"__folio_split\","
		     "kind=\"kprobe\"}",
		     0);
	assert_value(&reading, "thprace_probes_shed", 1);
	free(reading.text);
}

/* The kernel's code: no sample while it is not known, nor for a class for which it is not. */
static void fixed(void **state)
{
	struct reading reading;
	struct world world;
	int class;

	(void)state;
	make_full(&world);
	world.check.progress = CHECK_RUNNING;
	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		world.check.classes[class].status = CHECK_UNKNOWN;
	read_text(&reading, text_of(&world));
	assert_value(&reading, "thprace_class_fixed{class=\"split-unmap\"}", -1);
	assert_value(&reading, "thprace_class_possible{class=\"hwpoison-unmap\"}", 1);
	free(reading.text);
	world.check.progress = CHECK_DONE;
	world.check.classes[THPRACE_SPLIT_UNMAP].status = CHECK_FIXED;
	world.check.classes[THPRACE_SPLIT_MIGRATE].status = CHECK_VULNERABLE;
	world.check.classes[THPRACE_HWPOISON_UNMAP].status = CHECK_CANNOT_HAPPEN;
	read_text(&reading, text_of(&world));
	assert_value(&reading, "thprace_class_fixed{class=\"split-unmap\"}", 1);
	assert_value(&reading, "thprace_class_possible{class=\"split-unmap\"}", 1);
	assert_value(&reading, "thprace_class_fixed{class=\"split-migrate\"}", 0);
	assert_value(&reading, "thprace_class_fixed{class=\"hwpoison-unmap\"}", 1);
	assert_value(&reading, "thprace_class_possible{class=\"hwpoison-unmap\"}", 0);
	assert_value(&reading, "thprace_class_fixed{class=\"truncate-unmap\"}", -1);
	free(reading.text);
}

static void escaped(void **state)
{
	struct reading reading;
	struct world world;

	(void)state;
	make_new(&world);
	world.state.kernel = "a\"b\\c\nd";
	world.state.machine = "";
	read_text(&reading, text_of(&world));
	assert_value(&reading,
		     "thprace_build_info{version=\"0.1\",kernel=\"a\\\"b\\\\c\\nd\",machine=\"\","
		     "mode=\"light\",attach=\"auto\"}",
		     1);
	free(reading.text);
}

/* Every bucket has exactly the lengths up to its bound. */
static void histogram_is_exact(void **state)
{
	static uint64_t lengths[20000];
	struct histogram histogram = {0};
	struct reading reading;
	struct world world;
	uint64_t seed = 1, counted;
	double bound, before = 0;
	const char *le;
	char *text;
	size_t i, j, buckets = 0;

	(void)state;
	make_new(&world);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		/* Odd, so never on a bound, of every order of magnitude. */
		lengths[i] = (seed >> 20 >> (i % 40)) | 1;
		histogram__add(&histogram, lengths[i]);
	}
	memcpy(world.totals.counters.sum.phase[THPRACE_PHASE_WHOLE].bucket, histogram.buckets,
	       sizeof(histogram.buckets));
	read_text(&reading, text_of(&world));
	for (i = 0; i < reading.nr; i++) {
		le = "thprace_window_seconds_bucket{phase=\"whole\",le=\"";
		if (strncmp(reading.samples[i].series, le, strlen(le)))
			continue;
		bound = strtod(reading.samples[i].series + strlen(le), NULL) * 1e9;
		for (j = 0, counted = 0; j < ARRAY_SIZE(lengths); j++)
			counted += (double)lengths[j] <= bound;
		assert_true(reading.samples[i].value == (double)counted);
		assert_true(reading.samples[i].value >= before);
		before = reading.samples[i].value;
		buckets++;
	}
	assert_int_equal(buckets, 19);
	assert_true(before == (double)ARRAY_SIZE(lengths));
	assert_value(&reading, "thprace_window_seconds_count{phase=\"whole\"}", 20000);
	/* Light mode does not measure the phases: no meaningless zeros. */
	free(reading.text);
	text = text_of(&world);
	assert_non_null(strstr(text, "phase=\"whole\""));
	assert_null(strstr(text, "phase=\"phase1\""));
	assert_null(strstr(text, "phase=\"phase2\""));
	free(text);
	/* Counts from before a reload into light mode stay. */
	world.totals.counters.sum.phase[THPRACE_PHASE_1].bucket[20] = 2;
	read_text(&reading, text_of(&world));
	assert_value(&reading, "thprace_window_seconds_count{phase=\"phase1\"}", 2);
	free(reading.text);
	world.totals.counters.sum.phase[THPRACE_PHASE_1].bucket[20] = 0;
	world.state.mode = THPRACE_PRECISE;
	read_text(&reading, text_of(&world));
	assert_value(&reading, "thprace_window_seconds_count{phase=\"phase2\"}", 0);
	free(reading.text);
}

/* A race from a file has its lengths and its closest pass; what is not known has no sample. */
static void race_from_a_file(void **state)
{
	const char *const event[RACE_EVENTS] = {0};
	const unsigned int class = race_class__add_file("a-race", event);
	struct thprace_race_measured *race;
	struct reading reading;
	struct world world;
	char *text;

	(void)state;
	make_new(&world);
	race = &world.totals.counters.race[class];
	world.totals.counters.sum.windows[class] = 5;
	world.totals.counters.sum.walkers[class] = 1;
	text = text_of(&world);
	assert_non_null(strstr(text, "thprace_race_window_seconds_count{class=\"a-race\"} 0\n"));
	assert_null(strstr(text, "thprace_closest_pass_seconds{"));
	free(text);
	race->window.bucket[thprace_bucket(300)] = 2;
	race->window.bucket[thprace_bucket(5000)] = 3;
	race->window.sum = 15600;
	race->closest.distance = 1500;
	race->closest.walk_pid = class << THPRACE_WALK_CLASS_SHIFT | 812;
	world.totals.counters.sum.closest.distance = 2500;
	world.totals.counters.sum.closest.walk_pid =
		THPRACE_SPLIT_UNMAP << THPRACE_WALK_CLASS_SHIFT | 812;
	read_text(&reading, text_of(&world));
	assert_value(&reading,
		     "thprace_race_window_seconds_bucket{class=\"a-race\",le=\"5.12e-07\"}", 2);
	assert_value(&reading, "thprace_race_window_seconds_count{class=\"a-race\"}", 5);
	assert_value(&reading, "thprace_race_window_seconds_sum{class=\"a-race\"}", 0.0000156);
	assert_value(&reading, "thprace_closest_pass_seconds{class=\"a-race\"}", 0.0000015);
	assert_value(&reading, "thprace_closest_pass_seconds{class=\"split-unmap\"}", 0.0000025);
	free(reading.text);
	race_class__forget_foreign();
}

/* From a new daemon to a full one no counter falls, and none disappears. */
static void counters_grow(void **state)
{
	static struct reading first, then;
	struct world world;
	double value;
	size_t i;

	(void)state;
	make_new(&world);
	read_text(&first, text_of(&world));
	make_full(&world);
	read_text(&then, text_of(&world));
	for (i = 0; i < first.nr; i++) {
		if (!first.samples[i].counter)
			continue;
		value = value_of(&then, first.samples[i].series);
		if (value < first.samples[i].value)
			fail_msg("%s", first.samples[i].series);
	}
	free(first.text);
	free(then.text);
}

/* A daemon in light mode that has something of everything, on a kernel where all classes can happen. */
static void make_fullest(struct world *world)
{
	struct thprace_counters *sum = &world->totals.counters.sum;
	unsigned int class;

	race_class__forget_foreign();
	make_full(world);
	world->state.mode = THPRACE_LIGHT;
	memset(&sum->phase[THPRACE_PHASE_1], 0, sizeof(sum->phase[THPRACE_PHASE_1]));
	memset(&sum->phase[THPRACE_PHASE_2], 0, sizeof(sum->phase[THPRACE_PHASE_2]));
	for (class = 1; class < race_class__end(); class ++) {
		world->state.exposure.classes[class].observable = true;
		world->state.exposure.classes[class].estimated = true;
	}
}

/* What a Prometheus of a fleet keeps of each machine is bounded, and a part of all. */
static void fleet(void **state)
{
	struct reading all, few;
	struct world world;
	unsigned int samples;
	size_t i;

	(void)state;
	make_fullest(&world);
	read_text(&all, text_of(&world));
	read_text(&few, text_in(&world, METRICS_FLEET));
	samples = (unsigned int)few.nr;
	if (samples > 150)
		fail_msg("%u samples", samples);
	assert_true(all.nr > few.nr);
	for (i = 0; i < few.nr; i++)
		assert_value(&all, few.samples[i].series, few.samples[i].value);
	assert_value(&few, "thprace_window_seconds_count{phase=\"whole\"}", 1000);
	assert_value(&few, "thprace_window_seconds_bucket{phase=\"whole\",le=\"+Inf\"}", 1000);
	free(all.text);
	free(few.text);
}

static int print(void (*make)(struct world *world), enum metrics_set set)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	const unsigned int class = race_class__add_file("a-race", event);
	struct world world;
	char *text;

	make(&world);
	/* Some metrics are of races from files only. */
	world.totals.counters.sum.walkers[class] = 3;
	world.totals.counters.sum.windows[class] = 2;
	world.totals.counters.race[class].window.bucket[40] = 2;
	world.totals.counters.race[class].closest.distance = 5000;
	world.totals.counters.race[class].closest.walk_pid = class << THPRACE_WALK_CLASS_SHIFT | 9;
	text = metrics__text(&world.state, set);
	if (!text || fputs(text, stdout) == EOF || fflush(stdout))
		return 1;
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed),
		cmocka_unit_test(values),
		cmocka_unit_test(unknown),
		cmocka_unit_test(observable),
		cmocka_unit_test(fixed),
		cmocka_unit_test(escaped),
		cmocka_unit_test(histogram_is_exact),
		cmocka_unit_test(counters_grow),
		cmocka_unit_test(race_from_a_file),
		cmocka_unit_test(fleet),
	};

	if (argc == 2 && !strcmp(argv[1], "--print"))
		return print(make_full, METRICS_ALL);
	if (argc == 2 && !strcmp(argv[1], "--print-new"))
		return print(make_new, METRICS_ALL);
	if (argc == 2 && !strcmp(argv[1], "--print-fleet"))
		return print(make_full, METRICS_FLEET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
