// SPDX-License-Identifier: GPL-2.0-only
/* Totals of several sessions, and of a part of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "classes/race_class.h"
#include "session/session.h"
#include "session/stats_json.h"

/* Every counter is k times its own number. */
static void fill(struct session_totals *totals, uint64_t k)
{
	uint64_t *sum = (uint64_t *)&totals->counters.sum;
	size_t i;

	memset(totals, 0, sizeof(*totals));
	for (i = 0; i < sizeof(totals->counters.sum) / sizeof(*sum); i++)
		sum[i] = k * (i + 1);
	for (i = 0; i < sizeof(totals->counters.race) / (sizeof(uint64_t)); i++)
		((uint64_t *)totals->counters.race)[i] = k * (i + 1);
	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		totals->classes[i].overlaps = k * (i + 10);
		totals->classes[i].contained = k * (i + 5);
		totals->classes[i].escapes = k;
		totals->classes[i].unattributed = 2 * k;
		totals->classes[i].unproven = 3 * k;
	}
	totals->counters.missed = k;
	totals->counters.identity = true;
	totals->records = 7 * k;
	totals->bytes = 9 * k;
	totals->seconds = (double)k;
	session__sum(totals);
}

/* Known for a part: everything except its closest pass and its longest windows. */
static void test_span(void **state)
{
	struct session_totals span, before, wanted;
	int i;

	(void)state;
	fill(&before, 3);
	fill(&span, 5);
	fill(&wanted, 2);
	session__subtract(&span, &before);
	memset(&wanted.counters.sum.closest, 0, sizeof(wanted.counters.sum.closest));
	for (i = 0; i < THPRACE_PHASE_MAX; i++)
		wanted.counters.sum.phase[i].max = 0;
	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		wanted.counters.race[i].window.max = 0;
		memset(&wanted.counters.race[i].closest, 0, sizeof(struct thprace_closest));
	}
	assert_memory_equal(&span, &wanted, sizeof(span));
	assert_int_equal(span.escapes, 2 * THPRACE_CLASS_MAX);
}

/* Of two sessions: sums, the longest window, and the closest pass, of each race from a file. */
static void test_sum(void **state)
{
	struct session_totals sum, other;
	struct thprace_race_measured *race = &other.counters.race[9];

	(void)state;
	fill(&sum, 2);
	fill(&other, 3);
	race->window.max = 5;
	race->closest.distance = 7;
	sum.counters.race[10].closest.distance = 0;
	session__add(&sum, &other);
	assert_int_equal(sum.counters.race[9].window.max, 2 * race->window.bucket[0] / 3 - 2);
	assert_int_equal(sum.counters.race[9].window.bucket[4], 5 * race->window.bucket[4] / 3);
	assert_int_equal(sum.counters.race[9].window.sum, 5 * race->window.sum / 3);
	assert_memory_equal(&sum.counters.race[9].closest, &race->closest, sizeof(race->closest));
	assert_int_equal(sum.counters.race[10].closest.distance,
			 other.counters.race[10].closest.distance);
	assert_int_equal(sum.counters.sum.windows[9], 5 * other.counters.sum.windows[9] / 3);
	assert_int_equal(sum.counters.missed, 5);
}

/* Programs of races from files count their intervals by class alone. */
static void test_intervals(void **state)
{
	struct thprace_counters cpu = {.seen = 10, .filtered = 6};

	(void)state;
	cpu.walkers[race_class__end() - 1] = 5; /* built in: among those that were seen */
	cpu.walkers[race_class__end()] = 3;
	cpu.windows[race_class__end() + 1] = 2;
	engine__count_intervals(&cpu);
	assert_int_equal(cpu.seen, 15);
	assert_int_equal(cpu.filtered, 11);
}

/* Its STATS do not include the engine's own time. */
static void test_stats_of_span(void **state)
{
	struct json_object *stats, *phases, *whole;
	struct session_totals span;
	char *text;

	(void)state;
	fill(&span, 2);
	memset(&span.counters.sum.closest, 0, sizeof(span.counters.sum.closest));
	span.counters.sum.phase[THPRACE_PHASE_WHOLE].max = 0;
	text = stats_json__span(&span, 100);
	assert_non_null(text);
	stats = json_tokener_parse(text);
	assert_non_null(stats);
	assert_true(json_object_get_double(json_object_object_get(stats, "seconds")) == 2);
	assert_null(json_object_object_get(stats, "per_cpu"));
	assert_null(json_object_object_get(stats, "programs"));
	assert_null(json_object_object_get(stats, "closest"));
	phases = json_object_object_get(stats, "phases");
	whole = json_object_object_get(phases, "whole");
	assert_non_null(json_object_object_get(whole, "count"));
	assert_null(json_object_object_get(whole, "max"));
	json_object_put(stats);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_stats_of_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
