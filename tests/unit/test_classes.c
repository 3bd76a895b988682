// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of race classes: ids, names, the walkers of each, and classes that only a trace knows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/names.h"
#include "class_ids.h"
#include "classes/race_class.h"

/* Old traces use 1 to 7 for these, and old readers do so for new traces. */
static void test_the_seven(void **state)
{
	static const char *const names[] = {
		[THPRACE_SPLIT_UNMAP] = "split-unmap",
		[THPRACE_SPLIT_MIGRATE] = "split-migrate",
		[THPRACE_SPLIT_HEAD] = "split-head",
		[THPRACE_HWPOISON_UNMAP] = "hwpoison-unmap",
		[THPRACE_TRUNCATE_UNMAP] = "truncate-unmap",
		[THPRACE_INVALIDATE_UNMAP] = "invalidate-unmap",
		[THPRACE_COLLAPSE_REUSE] = "collapse-reuse",
	};
	unsigned int id;

	(void)state;
	assert_true(race_class__end() >= 8);
	for (id = 1; id < 8; id++) {
		assert_string_equal(race_class__of(id)->name, names[id]);
		assert_int_equal(race_class__find(names[id]), id);
		assert_int_equal(race_class__of(id)->number, id);
	}
	for (; id < race_class__end(); id++)
		assert_int_equal(race_class__of(id)->number, 0);
	assert_null(race_class__of(0));
	assert_null(race_class__of(race_class__end()));
	assert_null(race_class__of(~0U));
}

/* Each has its own name, and no walker belongs to two. */
static void test_no_two_alike(void **state)
{
	uint8_t table[THPRACE_POINT_MAX][THPRACE_ORIGIN_SLOTS] = {{0}};
	unsigned int id, i, point, origin, walkers = 0, entries = 0;
	const struct race_class *race;

	(void)state;
	race_class__walkers(table);
	for (id = 1; id < race_class__end(); id++) {
		race = race_class__of(id);
		assert_true(race_class__is_name(race->name));
		assert_int_equal(race_class__find(race->name), id);
		assert_true(race->points[0].point[0] > 0);
		assert_true(race->commit.hash && race->commit.subject && race->commit.version);
		for (i = 0; i < RACE_WALKERS_MAX && race->walkers[i].point; i++, walkers++)
			assert_int_equal(table[race->walkers[i].point][race->walkers[i].origin],
					 id);
		assert_true(i > 0);
	}
	for (point = 0; point < THPRACE_POINT_MAX; point++)
		for (origin = 0; origin < THPRACE_ORIGIN_SLOTS; origin++)
			entries += table[point][origin] != 0;
	assert_int_equal(entries, walkers);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(race_class__is_name("a"));
	assert_true(race_class__is_name("thirty-one-characters-are-right"));
	assert_false(race_class__is_name("thirty-two-characters-are-as-bad"));
	assert_false(race_class__is_name(""));
	assert_false(race_class__is_name("Upper"));
	assert_false(race_class__is_name("a_b"));
	assert_false(race_class__is_name("a b"));
	assert_false(race_class__is_name("a\033[2J"));
}

static void test_foreign(void **state)
{
	char name[16], function[200];
	struct race_class class = {.name = name, .function = function, .shape = RACE_SPLIT};
	unsigned int end = race_class__end(), id, i;

	(void)state;
	memset(function, 'f', sizeof(function) - 1);
	function[sizeof(function) - 1] = '\0';
	for (i = end; i < THPRACE_CLASS_MAX; i++) {
		snprintf(name, sizeof(name), "foreign-%u", i);
		assert_int_equal(race_class__add_foreign(&class), i);
		assert_int_equal(race_class__add_foreign(&class), i);
	}
	strcpy(name, "one-too-many");
	assert_int_equal(race_class__add_foreign(&class), 0);
	assert_int_equal(race_class__foreign_end(), THPRACE_CLASS_MAX);
	assert_int_equal(race_class__end(), end);
	id = (unsigned int)names__find_class("foreign-31");
	assert_int_equal(id, 31);
	assert_string_equal(names__class(id), "foreign-31");
	assert_int_equal(race_class__shape(id), RACE_SPLIT);
	assert_int_equal(strlen(race_class__of(id)->function), 63);
	/* One that this build has is not changed. */
	strcpy(name, "split-unmap");
	assert_int_equal(race_class__add_foreign(&class), THPRACE_SPLIT_UNMAP);
	assert_int_equal(race_class__shape(THPRACE_SPLIT_UNMAP), RACE_WALK);
	race_class__forget_foreign();
	assert_int_equal(race_class__foreign_end(), end);
	assert_string_equal(names__class(id), "?");
	strcpy(name, "Upper");
	assert_int_equal(race_class__add_foreign(&class), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_seven),
		cmocka_unit_test(test_no_two_alike),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
