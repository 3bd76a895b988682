// SPDX-License-Identifier: GPL-2.0-only
/* --until: when it holds, and what is reported as missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "until.h"
#include "class_ids.h"

static bool met(const struct until *until, const struct session_totals *totals)
{
	return until__met(until, totals, THPRACE_CLASS_NONE);
}

static void test_none(void **state)
{
	struct session_totals totals = {};
	struct until until = {};
	char lacks[64];

	(void)state;
	assert_false(met(&until, &totals));
	assert_string_equal(until__lacks(lacks, sizeof(lacks), &until, &totals, THPRACE_CLASS_NONE),
			    "");
}

static void test_all_have_to_hold(void **state)
{
	struct session_totals totals = {};
	struct until until = {};
	char lacks[128];

	(void)state;
	until__parse(&until, "overlaps:truncate-unmap=3", NULL);
	until__parse(&until, "walkers:split-head=1", NULL);
	totals.classes[THPRACE_TRUNCATE_UNMAP].overlaps = 2;
	totals.classes[THPRACE_SPLIT_UNMAP].overlaps = 9; /* another class's */
	assert_false(met(&until, &totals));
	assert_string_equal(until__lacks(lacks, sizeof(lacks), &until, &totals, THPRACE_CLASS_NONE),
			    "overlaps:truncate-unmap 2 of 3, walkers:split-head 0 of 1");
	totals.counters.sum.walkers[THPRACE_SPLIT_HEAD] = 1;
	assert_false(met(&until, &totals));
	totals.classes[THPRACE_TRUNCATE_UNMAP].overlaps = 3;
	assert_true(met(&until, &totals));
	assert_string_equal(until__lacks(lacks, sizeof(lacks), &until, &totals, THPRACE_CLASS_NONE),
			    "");
}

static void test_each_count(void **state)
{
	static const char *const words[] = {"overlaps=1", "contained=1",    "escapes=1",
					    "remained=1", "unattributed=1", "walkers=1"};
	struct session_totals totals;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct until until = {};

		memset(&totals, 0, sizeof(totals));
		until__parse(&until, words[i], NULL);
		assert_false(met(&until, &totals));
		totals.classes[2].overlaps = i == 0;
		totals.classes[2].contained = i == 1;
		totals.classes[2].escapes = i == 2;
		totals.classes[2].remained = i == 3;
		totals.classes[2].unattributed = i == 4;
		totals.counters.sum.walkers[2] = i == 5;
		assert_true(met(&until, &totals));
	}
}

/* Without a class: all together, or the present class of the caller. */
static void test_without_a_class(void **state)
{
	struct session_totals totals = {};
	struct until until = {};

	(void)state;
	until__parse(&until, "contained=3", NULL);
	totals.classes[THPRACE_SPLIT_UNMAP].contained = 1;
	totals.classes[THPRACE_TRUNCATE_UNMAP].contained = 2;
	assert_true(met(&until, &totals));
	assert_false(until__met(&until, &totals, THPRACE_SPLIT_UNMAP));
	totals.classes[THPRACE_SPLIT_UNMAP].contained = 3;
	assert_true(until__met(&until, &totals, THPRACE_SPLIT_UNMAP));
}

/* More is missing than there is space for: truncated, and nothing is written after it. */
static void test_little_room(void **state)
{
	struct session_totals totals = {};
	struct until until = {};
	char lacks[20];
	int i;

	(void)state;
	for (i = 0; i < UNTIL_MAX; i++)
		until__parse(&until, "overlaps:invalidate-unmap=3", NULL);
	until__lacks(lacks, sizeof(lacks), &until, &totals, THPRACE_CLASS_NONE);
	assert_string_equal(lacks, "overlaps:invalidate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),	    cmocka_unit_test(test_all_have_to_hold),
		cmocka_unit_test(test_each_count),  cmocka_unit_test(test_without_a_class),
		cmocka_unit_test(test_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
