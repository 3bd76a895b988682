/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests of the metrics' text: states of a daemon, and a strict reader of the format.
 */
#ifndef TESTS_METRICS_SUPPORT_H
#define TESTS_METRICS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/histogram.h"
#include "classes/race_class.h"
#include "metrics.h"
#include "class_ids.h"

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
static inline void make_new(struct world *world)
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

static inline void fill_totals(struct session_totals *totals)
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
	for (i = 1; i < race_class__end(); i++) {
		sum->walkers[i] = 1000 + i;
		sum->failed[i] = 10 + i;
		sum->walker_ns[i] = 30000 * (1000 + i) + 1;
		totals->classes[i] = (struct verdict_counts){
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

static inline void fill_exposure(struct exposure *exposure)
{
	unsigned int i;

	exposure->seconds = 60;
	exposure->folios = 123.5;
	for (i = 1; i < race_class__end(); i++)
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

/* One with something of everything. */
static inline void make_full(struct world *world)
{
	struct state *state = &world->state;
	unsigned int i;

	make_new(world);
	fill_totals(&world->totals);
	fill_exposure(&state->exposure);
	for (i = 0; i < ARRAY_SIZE(world->programs); i++)
		world->programs[i] = (struct engine_program){
			.name = i ? "walk_enter" : "zap_enter",
			.unit = i ? THPRACE_POINT_UNMAP : THPRACE_POINT_ZAP,
			.function = i ? "try_to_unmap" : "zap_huge_pmd",
			.kind = i == 2 ? "kprobe" : "fentry",
			.runs = 100 + i,
			.run_ns = 3 * SECOND + i,
			.missed = i,
		};
	for (i = 0; i < THPRACE_CLASS_MAX; i++)
		world->check.classes[i].status = i % 3 ? CHECK_FIXED : CHECK_VULNERABLE;
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

static inline char *text_in(const struct world *world, enum metrics_set set)
{
	char *text = metrics__text(&world->state, set);

	assert_non_null(text);
	return text;
}

static inline char *text_of(const struct world *world)
{
	return text_in(world, METRICS_ALL);
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

static inline void expect_name(const char **at)
{
	const char *begin = *at;

	assert_true(isalpha((unsigned char)**at) || **at == '_');
	while (isalnum((unsigned char)**at) || **at == '_')
		(*at)++;
	assert_true(*at > begin);
}

/* {name="value",…}; backslashes only before what must be escaped. */
static inline void expect_labels(const char **at)
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

static inline void read_family(struct reading *reading, char *help, char *type)
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

/* The sample's name is its family's, for a histogram with a suffix. */
static inline void expect_family(const struct reading *reading, const char *name, size_t length)
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

static inline void read_sample(struct reading *reading, char *line)
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
static inline void read_text(struct reading *reading, char *text)
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

/* A sample's value, or -1 if there is none. */
static inline double value_of(const struct reading *reading, const char *series)
{
	size_t i;

	for (i = 0; i < reading->nr; i++) {
		if (!strcmp(reading->samples[i].series, series))
			return reading->samples[i].value;
	}
	return -1;
}

/* As exact as a double is. */
static inline void assert_value(const struct reading *reading, const char *series, double expected)
{
	double value = value_of(reading, series);
	double off = value > expected ? value - expected : expected - value;

	if (off > 1e-12 && off > expected * 4e-16)
		fail_msg("%s is %.17g, not %.17g", series, value, expected);
}

#endif
