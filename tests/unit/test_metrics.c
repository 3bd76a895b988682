// SPDX-License-Identifier: GPL-2.0-only
/*
 * The text of the metrics, line by line, and the file that it goes to. With --print: the text of a daemon
 * that has seen something of everything, to stdout, for promtool (tests/metrics); with --print-new: of one
 * that has just started.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/histogram.h"
#include "metrics.h"

#define SECOND 1000000000ULL
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* --- states ----------------------------------------------------------------------------------- */

struct world {
	struct state state;
	struct config config;
	struct probe_plan plan;
	struct session_totals totals;
	struct engine_program programs[3];
	struct check_state check;
};

/* A daemon that has just started: light mode, nothing seen. */
static void make_new(struct world *world)
{
	struct probe *probe;
	int i;

	memset(world, 0, sizeof(*world));
	world->plan.attach = PROBE_ATTACH_AUTO;
	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		probe = &world->plan.probe[i];
		probe->point = &probe_points[i];
		probe->state = PROBE_ABSENT;
		if (i == THPRACE_POINT_CHECK)
			continue;
		probe->function = probe_points[i].functions[0];
		probe->kind = i % 2 ? PROBE_FENTRY : PROBE_KPROBE;
		probe->state = PROBE_ATTACHED;
	}
	world->totals.counters.identity = true;
	world->state = (struct state){
		.config = &world->config,
		.kernel = "6.1.0-56-cloud-amd64",
		.machine = "x86_64",
		.cpus = 2,
		.pid = 1234,
		.now = 100 * SECOND,
		.now_wall = 1800000000 * SECOND,
		.started = 100 * SECOND,
		.mode = THPRACE_LIGHT,
		.plan = &world->plan,
		.totals = &world->totals,
		.exposure = {.folios = 1},
		.overhead = {.budget = 0.005, .reason = "no permission"},
		.spool = {.directory = "/var/lib/thprace", .max_bytes = 256 << 20, .next_id = 1},
		.alert = {.target = "journal"},
	};
}

static void fill_totals(struct session_totals *totals)
{
	struct thprace_counters *sum = &totals->counters.sum;
	struct histogram whole = {0};
	unsigned int i;

	for (i = 0; i < 1000; i++)
		histogram__add(&whole, 3 + (uint64_t)i * i * i * 5);
	sum->submitted = 900;
	sum->filtered = 99;
	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		sum->lost[i] = i;
	sum->seen = 900 + 99 + 21;
	sum->pte_removals = 5;
	sum->mismatches = 6;
	sum->touching = 7;
	sum->collapses = 8;
	sum->collapses_failed = 4;
	sum->reuses = 2;
	sum->reuses_foreign = 1;
	for (i = 1; i < THPRACE_CLASS_MAX; i++) {
		sum->walkers[i] = 1000 + i;
		sum->failed[i] = 10 + i;
		sum->walker_ns[i] = 30000 * (1000 + i) + 1;
		totals->classes[i] = (struct book_class){
			.overlaps = 50 + i,
			.contained = 40 + i,
			.escapes = 7,
			.unattributed = 2,
			.unproven = 3,
		};
	}
	totals->windows = whole.count;
	sum->phase[THPRACE_PHASE_WHOLE].sum = whole.sum;
	memcpy(sum->phase[THPRACE_PHASE_WHOLE].bucket, whole.buckets, sizeof(whole.buckets));
	sum->phase[THPRACE_PHASE_1].bucket[0] = 3;
	sum->phase[THPRACE_PHASE_1].bucket[THPRACE_BUCKETS - 1] = 4;
	sum->phase[THPRACE_PHASE_1].sum = 18 * SECOND + 1;
}

static void fill_exposure(struct exposure *exposure)
{
	int i;

	exposure->seconds = 60;
	exposure->folios = 123.5;
	for (i = 1; i < THPRACE_CLASS_MAX; i++)
		exposure->classes[i] = (struct exposure_class){
			.observable = i != THPRACE_SPLIT_MIGRATE,
			.estimated = i < THPRACE_HWPOISON_UNMAP && i != THPRACE_SPLIT_MIGRATE,
			.windows_per_s = 1e-7,
			.walkers_per_s = 12345678.9,
			.window_ns = 20000,
			.walker_ns = 30000,
			.expected_per_day = 5.4,
			.overlaps_per_day = 1728,
		};
}

/* One that has seen something of everything. */
static void make_full(struct world *world)
{
	struct state *state = &world->state;
	unsigned int i;

	make_new(world);
	fill_totals(&world->totals);
	fill_exposure(&state->exposure);
	for (i = 0; i < ARRAY_SIZE(world->programs); i++)
		world->programs[i] = (struct engine_program){
			.name = i ? "walk_enter" : "zap_enter",
			.point = i ? THPRACE_POINT_UNMAP : THPRACE_POINT_ZAP,
			.function = i ? "try_to_unmap" : "zap_huge_pmd",
			.kind = i == 2 ? "kprobe" : "fentry",
			.runs = 100 + i,
			.run_ns = 3 * SECOND + i,
			.missed = i,
		};
	for (i = 0; i < THPRACE_CLASS_MAX; i++)
		world->check.classes[i].word = i % 3 ? CHECK_FIXED : CHECK_VULNERABLE;
	world->check.progress = CHECK_DONE;
	state->check = &world->check;
	state->programs = world->programs;
	state->nr_programs = ARRAY_SIZE(world->programs);
	state->now += 250 * SECOND + 1;
	state->mode = THPRACE_PRECISE;
	state->own_cpu_ns = 2 * SECOND + 5;
	state->own_rss = 9 << 20;
	state->bpf_memory = 3 << 20;
	state->reloads = 2;
	state->reloads_failed = 1;
	state->clock_steps = 1;
	state->overhead = (struct overhead_state){.measured = true,
						  .share = 0.0012,
						  .budget = 0.005,
						  .over = true,
						  .run_ns = 4 * SECOND,
						  .sheds = 3,
						  .restores = 2};
	state->spool = (struct spool_state){.directory = "/var/lib/thprace",
					    .health = SPOOL_DEGRADED,
					    .reason = "full",
					    .bytes = 1 << 20,
					    .max_bytes = 256 << 20,
					    .files = 3,
					    .oldest_wall = 1799990000 * SECOND,
					    .next_id = 77,
					    .stored = 70,
					    .skipped = 6,
					    .memory = 5,
					    .dropped = 4,
					    .removed_files = 1};
	state->alert = (struct alert_state){.target = "journal",
					    .sent = 9,
					    .folded = 8,
					    .failed = 7,
					    .kernel_complaints = 2,
					    .kernel_confirmed = 1};
	state->control = (struct control_state){.requests = 12, .refused = 3, .clients = 1};
}

static char *text_of(const struct world *world)
{
	char *text = metrics__text(&world->state);

	assert_non_null(text);
	return text;
}

/* --- a strict reader of the format ------------------------------------------------------------ */

#define SAMPLES_MAX 1000

struct sample {
	char *series; /* name with labels, as written */
	double value;
	bool counter; /* must not fall */
};

struct reading {
	struct sample samples[SAMPLES_MAX];
	size_t nr;
	char *families[SAMPLES_MAX];
	size_t nr_families;
	const char *type; /* of the family being read */
	char *text;
};

static void expect_name(const char **at)
{
	const char *begin = *at;

	assert_true(isalpha((unsigned char)**at) || **at == '_');
	while (isalnum((unsigned char)**at) || **at == '_')
		(*at)++;
	assert_true(*at > begin);
}

/* {name="value",…}; backslashes only before what has to be escaped. */
static void expect_labels(const char **at)
{
	do {
		(*at)++;
		expect_name(at);
		assert_int_equal(*(*at)++, '=');
		assert_int_equal(*(*at)++, '"');
		for (; **at != '"'; (*at)++) {
			assert_true(**at && **at != '\n');
			if (**at == '\\') {
				(*at)++;
				assert_non_null(strchr("\\\"n", **at));
			}
		}
		(*at)++;
	} while (**at == ',');
	assert_int_equal(*(*at)++, '}');
}

static void read_family(struct reading *reading, char *help, char *type)
{
	char *name = help + strlen("# HELP ");
	char *end = strchr(name, ' ');
	size_t i;

	assert_non_null(end);
	*end = '\0';
	assert_true(strlen(end + 1) > 10);
	for (i = 0; i < reading->nr_families; i++)
		assert_string_not_equal(reading->families[i], name);
	reading->families[reading->nr_families++] = name;
	assert_non_null(type);
	assert_int_equal(strncmp(type, "# TYPE ", 7), 0);
	type += 7;
	assert_int_equal(strncmp(type, name, strlen(name)), 0);
	type += strlen(name);
	assert_int_equal(*type++, ' ');
	assert_true(!strcmp(type, "counter") || !strcmp(type, "gauge") ||
		    !strcmp(type, "histogram"));
	reading->type = type;
}

/* The sample's name is its family's, with the suffix that a histogram's has. */
static void expect_family(const struct reading *reading, const char *name, size_t length)
{
	const char *family;
	size_t nr;

	assert_true(reading->nr_families > 0);
	family = reading->families[reading->nr_families - 1];
	nr = strlen(family);
	assert_true(length >= nr && !strncmp(name, family, nr));
	name += nr;
	length -= nr;
	if (strcmp(reading->type, "histogram"))
		assert_int_equal(length, 0);
	else
		assert_true((length == 7 && !strncmp(name, "_bucket", 7)) ||
			    (length == 4 && !strncmp(name, "_sum", 4)) ||
			    (length == 6 && !strncmp(name, "_count", 6)));
}

static void read_sample(struct reading *reading, char *line)
{
	const char *at = line;
	char *end;
	double value;
	size_t i;

	expect_name(&at);
	expect_family(reading, line, (size_t)(at - line));
	if (*at == '{')
		expect_labels(&at);
	assert_int_equal(*at, ' ');
	line[at - line] = '\0';
	value = strtod(at + 1, &end);
	assert_true(end > at + 1 && !*end);
	assert_true(value >= 0 && value < 1e300);
	for (i = 0; i < reading->nr; i++)
		assert_string_not_equal(reading->samples[i].series, line);
	assert_true(reading->nr < SAMPLES_MAX);
	reading->samples[reading->nr++] = (struct sample){
		.series = line,
		.value = value,
		.counter = strcmp(reading->type, "gauge") != 0,
	};
}

/* Takes the text. */
static void read_text(struct reading *reading, char *text)
{
	char *line, *next, *type;

	memset(reading, 0, sizeof(*reading));
	reading->text = text;
	assert_true(strlen(text) > 0);
	assert_int_equal(text[strlen(text) - 1], '\n');
	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		if (strncmp(line, "# HELP ", 7)) {
			assert_int_not_equal(*line, '#');
			read_sample(reading, line);
			continue;
		}
		type = next;
		next = strchr(type, '\n');
		assert_non_null(next);
		*next++ = '\0';
		read_family(reading, line, type);
	}
}

/* A sample's value, or -1 when there is none. */
static double value_of(const struct reading *reading, const char *series)
{
	size_t i;

	for (i = 0; i < reading->nr; i++) {
		if (!strcmp(reading->samples[i].series, series))
			return reading->samples[i].value;
	}
	return -1;
}

/* As exact as a double is. */
static void assert_value(const struct reading *reading, const char *series, double expected)
{
	double value = value_of(reading, series);
	double off = value > expected ? value - expected : expected - value;

	if (off > 1e-12 && off > expected * 4e-16)
		fail_msg("%s is %.17g, not %.17g", series, value, expected);
}

/* --- the text --------------------------------------------------------------------------------- */

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

/* What is not known has no sample. */
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
	/* But counters of what has not happened are there from the start: rates need the zero. */
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
	/* A shed probe keeps its labels: it is the same series that goes to 0. */
	assert_value(&reading,
		     "thprace_probe_attached{point=\"split\",function=\"__folio_split\","
		     "kind=\"kprobe\"}",
		     0);
	assert_value(&reading, "thprace_probes_shed", 1);
	free(reading.text);
}

/* What the kernel's code says: nothing is said while it is not known, nor of a class of which it is not. */
static void fixed(void **state)
{
	struct reading reading;
	struct world world;
	int class;

	(void)state;
	make_full(&world);
	world.check.progress = CHECK_RUNNING;
	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		world.check.classes[class].word = CHECK_UNKNOWN;
	read_text(&reading, text_of(&world));
	assert_value(&reading, "thprace_class_fixed{class=\"split-unmap\"}", -1);
	assert_value(&reading, "thprace_class_possible{class=\"hwpoison-unmap\"}", 1);
	free(reading.text);
	world.check.progress = CHECK_DONE;
	world.check.classes[THPRACE_SPLIT_UNMAP].word = CHECK_FIXED;
	world.check.classes[THPRACE_SPLIT_MIGRATE].word = CHECK_VULNERABLE;
	world.check.classes[THPRACE_HWPOISON_UNMAP].word = CHECK_CANNOT_HAPPEN;
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

/* Every bucket has just the lengths up to its bound. */
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
	/* Light mode does not tell the phases apart: no zeros that mean nothing. */
	free(reading.text);
	text = text_of(&world);
	assert_non_null(strstr(text, "phase=\"whole\""));
	assert_null(strstr(text, "phase=\"phase1\""));
	assert_null(strstr(text, "phase=\"phase2\""));
	free(text);
	/* What was counted before a reload into light mode does not go. */
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

/* From a new daemon to a full one no counter falls, and none goes. */
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

/* --- the file --------------------------------------------------------------------------------- */

static char folder[] = "/tmp/test_metrics.XXXXXX";
static char path[sizeof(folder) + 16];

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/thprace.prom", folder);
	return 0;
}

static int teardown(void **state)
{
	char name[sizeof(path) + 256];
	struct dirent *entry;
	DIR *dir = opendir(folder);

	(void)state;
	while (dir && (entry = readdir(dir))) {
		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		unlink(name);
	}
	if (dir)
		closedir(dir);
	return rmdir(folder);
}

static size_t files(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t nr = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		nr += entry->d_name[0] != '.';
	closedir(dir);
	return nr;
}

/* What is in the file now; size bytes at most. */
static size_t content(char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	assert_true(fd >= 0);
	while ((got = read(fd, buffer + length, size - length)) > 0)
		length += (size_t)got;
	assert_int_equal(got, 0);
	close(fd);
	return length;
}

static void written(void **state)
{
	char buffer[100];
	struct stat st;
	mode_t before = umask(077);

	(void)state;
	assert_int_equal(metrics__write(path, "one 1\n"), 0);
	assert_int_equal(metrics__write(path, "two 22\n"), 0);
	umask(before);
	assert_int_equal(content(buffer, sizeof(buffer)), 7);
	assert_memory_equal(buffer, "two 22\n", 7);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(files(), 1);
}

#define SMALL 30000
#define LARGE 300000

static void write_forever(const char *small, const char *large)
{
	for (;;) {
		if (metrics__write(path, small) || metrics__write(path, large))
			_exit(1);
	}
}

/* Somebody who reads all the time sees one text or the other, never a part of one. */
static void atomically(void **state)
{
	static char small[SMALL + 1], large[LARGE + 1], buffer[LARGE + 1];
	size_t length, seen_small = 0, seen_large = 0;
	int reads, status;
	pid_t writer;

	(void)state;
	memset(small, 's', SMALL);
	memset(large, 'l', LARGE);
	assert_int_equal(metrics__write(path, small), 0);
	writer = fork();
	if (!writer)
		write_forever(small, large);
	assert_true(writer > 0);
	for (reads = 0; reads < 200000; reads++) {
		length = content(buffer, sizeof(buffer));
		seen_small += length == SMALL && !memcmp(buffer, small, SMALL);
		seen_large += length == LARGE && !memcmp(buffer, large, LARGE);
		if (seen_small + seen_large != (size_t)reads + 1)
			break;
		if (seen_small > 500 && seen_large > 500)
			break;
	}
	assert_int_equal(waitpid(writer, &status, WNOHANG), 0);
	kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	print_message("saw the small one %zu times, the large one %zu times\n", seen_small,
		      seen_large);
	assert_true(seen_small > 500 && seen_large > 500);
	/* The writer was killed: its temporary file may be left. */
	assert_true(files() <= 2);
}

/* A disk that takes no more: a limit on the size of files behaves like one. */
static void disk_full(void **state)
{
	static char text[100000];
	char buffer[100];
	struct rlimit before, limit;
	int err;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(metrics__write(path, "old 1\n"), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 50000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	err = metrics__write(path, text);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(content(buffer, sizeof(buffer)), 6);
	assert_memory_equal(buffer, "old 1\n", 6);
	assert_int_equal(files(), 1);
}

static void no_place(void **state)
{
	(void)state;
	assert_int_equal(metrics__write("/nonexistent/thprace.prom", "x 1\n"), -ENOENT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(metrics__write(path, "x 1\n"), -EISDIR);
	assert_int_equal(files(), 1);
	assert_int_equal(rmdir(path), 0);
}

/* --- main ------------------------------------------------------------------------------------- */

static int print(void (*make)(struct world *world))
{
	struct world world;
	char *text;

	make(&world);
	text = metrics__text(&world.state);
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
		cmocka_unit_test_setup_teardown(written, setup, teardown),
		cmocka_unit_test_setup_teardown(atomically, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(no_place, setup, teardown),
	};

	if (argc == 2 && !strcmp(argv[1], "--print"))
		return print(make_full);
	if (argc == 2 && !strcmp(argv[1], "--print-new"))
		return print(make_new);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
