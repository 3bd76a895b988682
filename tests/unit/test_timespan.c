// SPDX-License-Identifier: GPL-2.0-only
/* Lengths of time as users write them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/timespan.h"

#define S TIMESPAN_SECOND
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void test_lengths(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"0", 0},
		{"90", 90 * S},
		{"1.5", S * 3 / 2},
		{"1.5s", S * 3 / 2},
		{"1 s", S},
		{"500ms", S / 2},
		{"20us", 20000},
		{"20µs", 20000},
		{"20μs", 20000},
		{"7ns", 7},
		{"0.0000000019", 1},
		{"12.000000001", 12 * S + 1},
		{"0.33333333333333333333333333 d", 28799999999999},
		{"1m", 60 * S},
		{"1.5min", 90 * S},
		{"1h 30min", 5400 * S},
		{"1h30m1s", 5401 * S},
		{"2 days 3 hours", 51 * 3600 * S},
		{"1w", 7 * 86400 * S},
		{"30000w", 30000ULL * 7 * 86400 * S},
		{"18446744073709551615ns", UINT64_MAX},
	};
	uint64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(timespan__parse(good[i].text, S, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	assert_int_equal(timespan__parse("300", 1000, &ns), 0);
	assert_int_equal(ns, 300000);
	assert_int_equal(timespan__parse("300ms", 1000, &ns), 0);
	assert_int_equal(ns, 300000000);
}

static void test_refused(void **state)
{
	static const char *const wrong[] = {"",	   " ",	  "x",	 "s",	   "-1",    "+1",    "1.",
					    ".5",  "1e3", "1y",	 "1 2",	   "1h 30", "30 1h", "1,5s",
					    "0x1", "1S",  "nan", "1month", "1s x",  "1\xc2s"};
	static const char *const over[] = {"99999999999999999999", "18446744073709551616ns",
					   "18446744073709551615ns 1ns", "100000w",
					   "99999999999999999999w"};
	uint64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(timespan__parse(wrong[i], S, &ns), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(over); i++)
		assert_int_equal(timespan__parse(over[i], S, &ns), -ERANGE);
}

static void test_printed(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} shown[] = {{0, "0s"},		{1, "1ns"},
		     {300000, "300us"}, {S / 2, "500ms"},
		     {S, "1s"},		{90 * S, "90s"},
		     {120 * S, "2min"}, {7200 * S, "2h"},
		     {86400 * S, "1d"}, {86400 * S + 1, "86400000000001ns"}};
	char buf[32];
	uint64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		assert_string_equal(timespan__print(buf, sizeof(buf), shown[i].ns), shown[i].text);
		assert_int_equal(timespan__parse(buf, S, &ns), 0);
		assert_int_equal(ns, shown[i].ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
