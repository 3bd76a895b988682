// SPDX-License-Identifier: GPL-2.0-only
/* Percentiles, and numbers for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/histogram.h"
#include "base/names.h"
#include "classes/race_class.h"

static void empty(void **state)
{
	struct histogram histogram = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(histogram__percentile(&histogram, 500), 0);
	assert_int_equal(histogram__mean(&histogram), 0);
	histogram__print(&histogram, out, 2, 40, 1);
	fclose(out);
	assert_string_equal(text, "");
	free(text);
}

static void one_length(void **state)
{
	static const uint64_t lengths[] = {4, 5, 7, 8, 1000, 123456789, 1ULL << 41, UINT64_MAX};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct histogram histogram = {0};
		uint64_t p;

		histogram__add(&histogram, lengths[i]);
		assert_int_equal(histogram.max, lengths[i]);
		assert_int_equal(histogram__percentile(&histogram, 1000), lengths[i]);
		p = histogram__percentile(&histogram, 500);
		assert_true(p <= lengths[i]);
		if (lengths[i] < 1ULL << 40)
			assert_true(p >= lengths[i] - lengths[i] / 4);
	}
}

/* Compared with the exact result, for lengths of several distributions. */
static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void percentiles_within_a_bucket(void **state)
{
	static const unsigned int permilles[] = {1, 10, 100, 250, 500, 900, 990, 999};
	static uint64_t lengths[10000];
	unsigned int seed = 7, shape, i;

	(void)state;
	for (shape = 0; shape < 4; shape++) {
		struct histogram histogram = {0};

		for (i = 0; i < 10000; i++) {
			uint64_t r = (uint64_t)rand_r(&seed);

			lengths[i] = shape == 0	  ? r % 100000
				     : shape == 1 ? 4ULL << (r % 29)
				     : shape == 2 ? (r % 100 ? 5000 + r % 500 : 40000000)
						  : 4 + r % 5;
			histogram__add(&histogram, lengths[i]);
		}
		qsort(lengths, 10000, sizeof(lengths[0]), ascending);
		assert_int_equal(histogram.count, 10000);
		assert_int_equal(histogram.max, lengths[9999]);
		for (i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++) {
			uint64_t exact = lengths[permilles[i] * 10 - 1];
			uint64_t got = histogram__percentile(&histogram, permilles[i]);
			uint64_t width = exact / 4 + 1;

			assert_true(got + width >= exact && got <= exact + width);
		}
	}
}

static void counts_of_a_damaged_file(void **state)
{
	struct histogram histogram = {.count = 3, .max = 50};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	unsigned int b;

	(void)state;
	for (b = 0; b < THPRACE_BUCKETS; b++)
		histogram.buckets[b] = UINT64_MAX - b;
	for (b = 0; b <= 1000; b += 100)
		assert_true(histogram__percentile(&histogram, b) <= 50);
	histogram__print(&histogram, out, 2, 40, 0);
	fclose(out);
	free(text);
}

static void bars(void **state)
{
	struct histogram histogram = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	unsigned int i;

	(void)state;
	for (i = 0; i < 2000; i++)
		histogram__add(&histogram, 9000);
	histogram__add(&histogram, 40000);
	histogram__print(&histogram, out, 2, 10, 0);
	fclose(out);
	assert_string_equal(text, "     8.1 us ..   16.3 us        2,000  ##########\n"
				  "    16.3 us ..   32.7 us            0\n"
				  "    32.7 us ..   65.5 us            1  #\n");
	free(text);
}

static void durations(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 ns"},
		{999, "999 ns"},
		{1000, "1.0 µs"},
		{53299, "53.2 µs"},
		{999999, "999.9 µs"},
		{1204000, "1.204 ms"},
		{61000000000, "61.000 s"},
		{UINT64_MAX, "18446744073.709 s"},
	};
	char buf[NAMES_NUMBER_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(names__duration(buf, sizeof(buf), cases[i].ns, 1),
				    cases[i].text);
	assert_string_equal(names__duration(buf, sizeof(buf), 53299, 0), "53.2 us");
}

/* A clock that ticks has no digits below its tick. */
static void coarse_durations(void **state)
{
	static const struct {
		uint64_t tick;
		uint64_t ns;
		const char *text;
	} cases[] = {
		{4000000, 0, "0 ms"},
		{4000000, 3999999, "<4 ms"},
		{4000000, 4000000, "4 ms"},
		{4000000, 124000000, "124 ms"},
		{4000000, 1204000000, "1.204 s"},
		{10000000, 1230000000, "1.23 s"},
		{10000000, 61000000000, "61.00 s"},
		{1000000000, 61000000000, "61 s"},
		{100000, 300000, "300 us"},
		{100000, 1200000, "1.2 ms"},
		{1000, 53299, "53 us"},
		{40, 53280, "53.2 us"},
		{40, 873, "870 ns"},
		{40, 39, "<40 ns"},
	};
	char buf[NAMES_NUMBER_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		names__set_resolution(cases[i].tick);
		assert_string_equal(names__duration(buf, sizeof(buf), cases[i].ns, 0),
				    cases[i].text);
	}
	names__set_resolution(0);
	assert_string_equal(names__duration(buf, sizeof(buf), 873, 0), "873 ns");
}

static void numbers(void **state)
{
	char buf[NAMES_NUMBER_LEN];

	(void)state;
	assert_string_equal(names__count(buf, sizeof(buf), 0), "0");
	assert_string_equal(names__count(buf, sizeof(buf), 999), "999");
	assert_string_equal(names__count(buf, sizeof(buf), 1826), "1,826");
	assert_string_equal(names__count(buf, sizeof(buf), UINT64_MAX),
			    "18,446,744,073,709,551,615");
	assert_string_equal(names__offset(buf, sizeof(buf), -1500), "-0.000001500");
	assert_string_equal(names__offset(buf, sizeof(buf), INT64_MIN), "-9223372036.854775808");
}

static void names_both_ways(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < race_class__end(); i++)
		assert_int_equal(names__find_class(names__class(i)), i);
	for (i = 0; i < THPRACE_VERDICT_MAX; i++)
		assert_int_equal(names__find_verdict(names__verdict(i)), i);
	for (i = 0; i < THPRACE_REC_MAX; i++)
		assert_int_equal(names__find_record(names__record(i)), i);
	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		assert_int_equal(names__find_loss(names__loss(i)), i);
	assert_string_equal(names__class(race_class__end()), "?");
	assert_string_equal(names__verdict(~0U), "?");
	assert_true(names__find_class("?") < 0);
	assert_true(names__find_mode(NULL) < 0);
}

static void terminals_get_no_control_characters(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(names__clean(buf, sizeof(buf), "a\033[2Jb\n", 16, 1), "a?[2Jb?");
	assert_string_equal(names__clean(buf, sizeof(buf), "m\xc3\xa4rz", 16, 1), "m\xc3\xa4rz");
	assert_string_equal(names__clean(buf, sizeof(buf), "m\xc3\xa4rz", 16, 0), "m?rz");
	/* Truncated inside a character, C1 controls, overlong, a change of direction. */
	assert_string_equal(names__clean(buf, sizeof(buf), "x\xc3\xa4", 2, 1), "x?");
	assert_string_equal(names__clean(buf, sizeof(buf), "\xc2\x9b", 16, 1), "??");
	assert_string_equal(names__clean(buf, sizeof(buf), "\xc0\x80", 16, 1), "??");
	assert_string_equal(names__clean(buf, sizeof(buf), "\xe2\x80\xae", 16, 1), "???");
	assert_string_equal(names__clean(buf, 4, "abcdef", 16, 1), "abc");
	assert_string_equal(names__clean(buf, 4, "abc\xc3\xa4", 16, 1), "abc");
	assert_string_equal(names__clean(buf, sizeof(buf), NULL, 16, 1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(one_length),
		cmocka_unit_test(percentiles_within_a_bucket),
		cmocka_unit_test(counts_of_a_damaged_file),
		cmocka_unit_test(bars),
		cmocka_unit_test(durations),
		cmocka_unit_test(coarse_durations),
		cmocka_unit_test(numbers),
		cmocka_unit_test(names_both_ways),
		cmocka_unit_test(terminals_get_no_control_characters),
	};

	return cmocka_run_group_tests_name("histogram and names", tests, NULL, NULL);
}
