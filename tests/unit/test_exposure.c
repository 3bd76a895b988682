// SPDX-License-Identifier: GPL-2.0-only
/* Exposure: the formula compared with a simulation, its limits, and meminfo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "exposure.h"
#include "classes/race_class.h"
#include "session/session.h"
#include "class_ids.h"

#define SECOND 1000000000ULL
#define DAY 86400.0

static const bool all_observable[THPRACE_CLASS_MAX] = {false, true, true, true,
						       true,  true, true, true};

/* --- a simulation ----------------------------------------------------------------------------- */

static uint64_t random_state;

/* A number in (0, 1]: xorshift64*. */
static double uniform(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return ((double)((random_state * 0x2545f4914f6cdd1dULL) >> 11) + 1) / 9007199254740992.0;
}

/* Lengths with three distributions of the same mean. */
enum shape {
	FIXED,
	SPREAD,
	RARELY_LONG
};

static double length_of(enum shape shape, double mean)
{
	if (shape == FIXED)
		return mean;
	if (shape == SPREAD)
		return 2 * uniform() * mean;
	return uniform() < 0.02 ? mean * 40.2 : mean * 0.2;
}

struct interval {
	double from;
	double to;
	unsigned int folio;
};

static int by_begin(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* nr independent intervals, uniformly distributed over the folios and the time; sorted. */
static struct interval *scatter(size_t nr, double ns, unsigned int folios, enum shape shape,
				double mean)
{
	struct interval *intervals = calloc(nr, sizeof(*intervals));
	size_t i;

	assert_non_null(intervals);
	for (i = 0; i < nr; i++) {
		intervals[i].from = uniform() * ns;
		intervals[i].to = intervals[i].from + length_of(shape, mean);
		intervals[i].folio = (unsigned int)(uniform() * folios);
	}
	qsort(intervals, nr, sizeof(*intervals), by_begin);
	return intervals;
}

static double lengths(const struct interval *intervals, size_t nr)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		sum += intervals[i].to - intervals[i].from;
	return sum;
}

/*
 * Pairs that overlap on the same folio. at_begin: the window must be open when the walker begins,
 * as for split-head.
 */
static double meetings(const struct interval *windows, size_t nr_windows,
		       const struct interval *walkers, size_t nr_walkers, bool at_begin)
{
	double longest = 0, count = 0;
	size_t i, j, first = 0;

	for (i = 0; i < nr_windows; i++) {
		if (windows[i].to - windows[i].from > longest)
			longest = windows[i].to - windows[i].from;
	}
	for (i = 0; i < nr_walkers; i++) {
		double last = at_begin ? walkers[i].from : walkers[i].to;

		while (first < nr_windows && windows[first].from < walkers[i].from - longest)
			first++;
		for (j = first; j < nr_windows && windows[j].from <= last; j++)
			count += windows[j].to >= walkers[i].from &&
				 windows[j].folio == walkers[i].folio;
	}
	return count;
}

struct world {
	enum thprace_class class;
	enum shape windows_shape, walkers_shape;
	size_t windows, walkers;
	unsigned int folios;
	double seconds, window_ns, walker_ns;
};

/* The formula's answer must be the simulated count within five standard deviations. */
static void simulate(const struct world *world)
{
	struct interval *windows = scatter(world->windows, world->seconds * SECOND, world->folios,
					   world->windows_shape, world->window_ns);
	struct interval *walkers = scatter(world->walkers, world->seconds * SECOND, world->folios,
					   world->walkers_shape, world->walker_ns);
	struct exposure_sample from = {.when = 5 * SECOND}, to = from;
	struct exposure exposure;
	double count, expected;

	count = meetings(windows, world->windows, walkers, world->walkers,
			 world->class == THPRACE_SPLIT_HEAD);
	to.when += (uint64_t)(world->seconds * SECOND);
	to.windows = to.phase2 = world->windows;
	to.window_ns = to.phase2_ns = (uint64_t)lengths(windows, world->windows);
	to.walkers[world->class] = world->walkers;
	to.walker_ns[world->class] = (uint64_t)lengths(walkers, world->walkers);
	to.overlaps[world->class] = (uint64_t)count;
	exposure__between(&exposure, &from, &to, world->folios, all_observable);
	expected = exposure.classes[world->class].expected_per_day / DAY * world->seconds;
	print_message("%.0f met, %.1f expected\n", count, expected);
	assert_true(count > 1000);
	assert_true((count - expected) * (count - expected) < 25 * expected);
	assert_true(fabs(exposure.classes[world->class].overlaps_per_day / DAY * world->seconds -
			 count) < 0.5);
	free(windows);
	free(walkers);
}

static void chance(void **state)
{
	static const struct world worlds[] = {
		{THPRACE_SPLIT_UNMAP, FIXED, FIXED, 200000, 200000, 16, 60, 20e3, 60e3},
		{THPRACE_TRUNCATE_UNMAP, SPREAD, SPREAD, 300000, 100000, 1, 60, 10e3, 2e3},
		{THPRACE_SPLIT_MIGRATE, RARELY_LONG, SPREAD, 200000, 100000, 50, 20, 50e3, 400e3},
		{THPRACE_INVALIDATE_UNMAP, SPREAD, RARELY_LONG, 50000, 400000, 7, 100, 70e3, 1e3},
		{THPRACE_SPLIT_HEAD, SPREAD, FIXED, 200000, 200000, 4, 30, 10e3, 90e3},
	};
	size_t i;

	(void)state;
	random_state = 0x7468707261636531ULL;
	for (i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++)
		simulate(&worlds[i]);
}

/* --- limits ----------------------------------------------------------------------------------- */

/* Everything is a finite number that is not negative. */
static void assert_sane(const struct exposure *exposure)
{
	const struct exposure_class *class;
	int i;

	assert_true(isfinite(exposure->seconds) && exposure->seconds >= 0);
	assert_true(isfinite(exposure->folios) && exposure->folios >= 1);
	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		class = &exposure->classes[i];
		assert_true(isfinite(class->windows_per_s) && class->windows_per_s >= 0);
		assert_true(isfinite(class->walkers_per_s) && class->walkers_per_s >= 0);
		assert_true(isfinite(class->window_ns) && class->window_ns >= 0);
		assert_true(isfinite(class->walker_ns) && class->walker_ns >= 0);
		assert_true(isfinite(class->expected_per_day) && class->expected_per_day >= 0);
		assert_true(isfinite(class->overlaps_per_day) && class->overlaps_per_day >= 0);
	}
}

/* Each count is 0, 1, or as large as possible, at the start and at the end. */
static void never_nan(void **state)
{
	static const uint64_t values[] = {0, 1, UINT64_MAX};
	static const double folios[] = {0, -1, 1, 1e18, NAN};
	struct exposure_sample samples[2];
	struct exposure exposure;
	unsigned int round, pick, side, word, digits;

	(void)state;
	random_state = 0x7468707261636532ULL;
	for (round = 0; round < 100000; round++) {
		for (side = 0; side < 2; side++) {
			uint64_t *words = (uint64_t *)&samples[side];

			for (word = 0; word < sizeof(samples[0]) / sizeof(*words); word++) {
				digits = (unsigned int)(uniform() * 2999);
				words[word] = values[digits % 3];
			}
		}
		pick = (unsigned int)(uniform() * 4.999);
		exposure__between(&exposure, &samples[0], &samples[1], folios[pick],
				  all_observable);
		assert_sane(&exposure);
	}
}

/* A state in which each class has something of everything. */
static void fill(struct exposure_sample *from, struct exposure_sample *to)
{
	int i;

	memset(from, 0, sizeof(*from));
	from->when = SECOND;
	*to = *from;
	to->when += 100 * SECOND;
	to->windows = 5000;
	to->window_ns = 5000 * 20000;
	to->collapses_failed = 300;
	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		to->walkers[i] = 1000;
		to->walker_ns[i] = 1000 * 30000;
		to->overlaps[i] = 2;
	}
}

static void zero_rates(void **state)
{
	struct exposure_sample from, to;
	struct exposure exposure;

	(void)state;
	fill(&from, &to);
	to.windows = to.window_ns = 0;
	exposure__between(&exposure, &from, &to, 10, all_observable);
	assert_sane(&exposure);
	assert_true(exposure.classes[THPRACE_SPLIT_UNMAP].estimated);
	assert_true(exposure.classes[THPRACE_SPLIT_UNMAP].expected_per_day == 0);
	assert_true(exposure.classes[THPRACE_SPLIT_UNMAP].walkers_per_s == 10);

	fill(&from, &to);
	memset(to.walkers, 0, sizeof(to.walkers));
	memset(to.walker_ns, 0, sizeof(to.walker_ns));
	exposure__between(&exposure, &from, &to, 10, all_observable);
	assert_sane(&exposure);
	assert_true(exposure.classes[THPRACE_TRUNCATE_UNMAP].expected_per_day == 0);
	assert_true(exposure.classes[THPRACE_TRUNCATE_UNMAP].windows_per_s == 50);
}

static void not_known_yet(void **state)
{
	struct exposure_sample from, to, none = {0};
	struct exposure exposure;

	(void)state;
	fill(&from, &to);
	exposure__between(&exposure, &none, &to, 10, all_observable);
	assert_true(exposure.seconds == 0);
	assert_false(exposure.classes[THPRACE_SPLIT_UNMAP].estimated);
	assert_true(exposure.classes[THPRACE_SPLIT_UNMAP].observable);
	exposure__between(&exposure, &to, &to, 10, all_observable);
	assert_true(exposure.seconds == 0);
	exposure__between(&exposure, &to, &from, 10, all_observable);
	assert_true(exposure.seconds == 0);
	assert_sane(&exposure);
}

/* The example of docs/exposure.md: 50 windows/s of 20 µs, 10 walkers/s of 30 µs, 400 huge pages. */
static void by_hand(void **state)
{
	struct exposure_sample from, to;
	struct exposure exposure;
	const struct exposure_class *class;

	(void)state;
	fill(&from, &to);
	exposure__between(&exposure, &from, &to, 400, all_observable);
	class = &exposure.classes[THPRACE_SPLIT_UNMAP];
	assert_true(exposure.seconds == 100);
	assert_true(class->window_ns == 20000);
	assert_true(class->walker_ns == 30000);
	assert_true(fabs(class->expected_per_day - 5.4) < 1e-9);
	assert_true(fabs(class->overlaps_per_day - 1728) < 1e-9);

	/*
	 * split-head: its walker's length does not count; the length of phase 2, if measured, does.
	 */
	class = &exposure.classes[THPRACE_SPLIT_HEAD];
	assert_true(fabs(class->expected_per_day - 2.16) < 1e-9);
	to.phase2 = 5000;
	to.phase2_ns = 5000 * 2000;
	exposure__between(&exposure, &from, &to, 400, all_observable);
	assert_true(class->window_ns == 2000);
	assert_true(fabs(class->expected_per_day - 0.216) < 1e-9);
	assert_true(exposure.classes[THPRACE_SPLIT_UNMAP].window_ns == 20000);
}

static void not_estimated(void **state)
{
	bool observable[THPRACE_CLASS_MAX];
	struct exposure_sample from, to;
	struct exposure exposure;

	(void)state;
	memcpy(observable, all_observable, sizeof(observable));
	observable[THPRACE_SPLIT_MIGRATE] = false;
	fill(&from, &to);
	exposure__between(&exposure, &from, &to, 400, observable);
	assert_false(exposure.classes[THPRACE_SPLIT_MIGRATE].observable);
	assert_false(exposure.classes[THPRACE_SPLIT_MIGRATE].estimated);
	assert_true(exposure.classes[THPRACE_SPLIT_MIGRATE].expected_per_day == 0);
	assert_true(exposure.classes[THPRACE_HWPOISON_UNMAP].observable);
	assert_false(exposure.classes[THPRACE_HWPOISON_UNMAP].estimated);
	assert_true(exposure.classes[THPRACE_HWPOISON_UNMAP].windows_per_s == 0);
	assert_true(exposure.classes[THPRACE_HWPOISON_UNMAP].overlaps_per_day > 0);
	assert_true(exposure.classes[THPRACE_COLLAPSE_REUSE].observable);
	assert_false(exposure.classes[THPRACE_COLLAPSE_REUSE].estimated);
	assert_true(exposure.classes[THPRACE_COLLAPSE_REUSE].windows_per_s == 3);
	assert_true(exposure.classes[THPRACE_COLLAPSE_REUSE].expected_per_day == 0);
	assert_false(exposure.classes[THPRACE_CLASS_NONE].estimated);
}

/* A race from a file: rates and lengths, and no estimate, because nobody knows how many keys it has. */
static void race_from_a_file(void **state)
{
	const char *const event[RACE_EVENTS] = {0};
	const unsigned int class = race_class__add_file("a-race", event);
	bool observable[THPRACE_CLASS_MAX] = {false};
	struct exposure_sample from, to;
	struct exposure exposure;

	(void)state;
	observable[class] = true;
	fill(&from, &to);
	to.of_race[class] = from.of_race[class] + 20;
	to.of_race_ns[class] = from.of_race_ns[class] + 8000;
	to.walkers[class] = from.walkers[class] + 30;
	to.walker_ns[class] = from.walker_ns[class] + 900;
	exposure__between(&exposure, &from, &to, 1, observable);
	assert_true(exposure.classes[class].windows_per_s * exposure.seconds == 20);
	assert_true(exposure.classes[class].window_ns == 400);
	assert_true(exposure.classes[class].walker_ns == 30);
	assert_false(exposure.classes[class].estimated);
	race_class__forget_foreign();
}

/* --- the source of the numbers -------------------------------------------------------------- */

static void sample(void **state)
{
	struct session_totals totals;
	struct exposure_sample sample;
	struct thprace_counters *sum = &totals.counters.sum;

	(void)state;
	memset(&totals, 0, sizeof(totals));
	totals.windows = 7;
	sum->phase[THPRACE_PHASE_WHOLE].sum = 700;
	sum->phase[THPRACE_PHASE_2].sum = 50;
	sum->phase[THPRACE_PHASE_2].bucket[3] = 2;
	sum->phase[THPRACE_PHASE_2].bucket[THPRACE_BUCKETS - 1] = 3;
	sum->collapses_failed = 11;
	sum->walkers[THPRACE_SPLIT_HEAD] = 13;
	sum->walker_ns[THPRACE_SPLIT_HEAD] = 1300;
	totals.classes[THPRACE_COLLAPSE_REUSE].overlaps = 17;
	sum->windows[9] = 19;
	totals.counters.race[9].window.sum = 1900;
	exposure__sample(&sample, &totals, 42);
	assert_int_equal(sample.when, 42);
	assert_int_equal(sample.windows, 7);
	assert_int_equal(sample.window_ns, 700);
	assert_int_equal(sample.phase2, 5);
	assert_int_equal(sample.phase2_ns, 50);
	assert_int_equal(sample.collapses_failed, 11);
	assert_int_equal(sample.walkers[THPRACE_SPLIT_HEAD], 13);
	assert_int_equal(sample.walker_ns[THPRACE_SPLIT_HEAD], 1300);
	assert_int_equal(sample.overlaps[THPRACE_COLLAPSE_REUSE], 17);
	assert_int_equal(sample.of_race[9], 19);
	assert_int_equal(sample.of_race_ns[9], 1900);
}

static double folios_of(const char *meminfo)
{
	char path[] = "/tmp/test_exposure.XXXXXX";
	int fd = mkstemp(path);
	double folios;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, meminfo, strlen(meminfo)), strlen(meminfo));
	close(fd);
	folios = exposure__folios(path);
	unlink(path);
	return folios;
}

/* The size of a huge page on this machine; 2 MiB if it does not say. */
static double size_here(void)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "re");
	double size = 0;

	if (file && fscanf(file, "%lf", &size) != 1)
		size = 0;
	if (file)
		fclose(file);
	return size > 0 ? size : 2 << 20;
}

static void folios(void **state)
{
	double one, many;

	(void)state;
	assert_true(exposure__folios("/nonexistent/meminfo") == 1);
	assert_true(folios_of("") == 1);
	assert_true(folios_of("garbage\n:\nAnonHugePages:\nAnonHugePages: x kB\n") == 1);
	assert_true(folios_of("MemTotal: 99999999 kB\nAnonPages: 1048576 kB\n"
			      "ShmemPmdMapped: 1048576 kB\nHugePages_Total: 512\n"
			      "AnonHugePages: 0 kB\n") == 1);
	one = folios_of("AnonHugePages:   4194304 kB\n");
	assert_true(one == 4294967296.0 / size_here());
	many = folios_of("MemFree: 1 kB\nAnonHugePages:   4194304 kB\nShmemHugePages: 4194304 kB\n"
			 "FileHugePages:   8388608 kB\n");
	assert_true(many == 4 * one);
	assert_true(exposure__folios("/proc/meminfo") >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chance),	    cmocka_unit_test(never_nan),
		cmocka_unit_test(zero_rates),	    cmocka_unit_test(not_known_yet),
		cmocka_unit_test(by_hand),	    cmocka_unit_test(not_estimated),
		cmocka_unit_test(sample),	    cmocka_unit_test(folios),
		cmocka_unit_test(race_from_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
