// SPDX-License-Identifier: GPL-2.0-only
/* Numbers composed in place equal those of printf(), and nothing beyond the slack is touched. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/names.h"
#include "base/format.h"

#define ROOM 64

static char buf[ROOM + 2 * FORMAT_SLACK];

/* The place to write; the bytes around it are checked. */
static char *place(void)
{
	memset(buf, '~', sizeof(buf));
	return buf + FORMAT_SLACK;
}

__attribute__((format(printf, 2, 3))) static void is(const char *end, const char *format, ...)
{
	const char *begin = buf + FORMAT_SLACK, *at;
	char expected[ROOM];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	assert_int_equal(end - begin, length);
	assert_memory_equal(begin, expected, (size_t)length);
	for (at = buf; at < begin; at++)
		assert_int_equal(*at, '~');
	for (at = end + FORMAT_SLACK; at < buf + sizeof(buf); at++)
		assert_int_equal(*at, '~');
}

static void check_number(uint64_t number)
{
	unsigned int width;

	is(format__number(place(), number), "%" PRIu64, number);
	is(format__signed(place(), (int64_t)number), "%" PRId64, (int64_t)number);
	is(format__hex(place(), number), "%" PRIx64, number);
	is(format__hex16(place(), number), "%016" PRIx64, number);
	for (width = 1; width <= 8; width++)
		is(format__right(place(), width, number), "%*" PRIu64, (int)width, number);
	if (number >= 100000000)
		return;
	is(format__short(place(), (uint32_t)number), "%" PRIu64, number);
	is(format__fixed(place(), 8, (uint32_t)number), "%08" PRIu64, number);
	is(format__fixed(place(), 3, (uint32_t)number), "%03" PRIu64, number % 1000);
	is(format__fixed(place(), 1, (uint32_t)number), "%" PRIu64, number % 10);
}

/* Around every power of 10 and of 2, which includes the limits of all types of numbers. */
static void edges(void **state)
{
	static const uint64_t others[] = {9, 99, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
	uint64_t power = 1, around;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		check_number(others[i]);
	for (i = 0; i < 20; i++, power *= 10) {
		for (around = power - 3; around != power + 4; around++)
			check_number(around);
	}
	for (i = 0; i < 64; i++) {
		for (around = (1ULL << i) - 3; around != (1ULL << i) + 4; around++)
			check_number(around);
	}
	is(format__signed(place(), INT64_MIN), "-9223372036854775808");
	is(format__signed(place(), INT32_MIN), "-2147483648");
	is(format__hex(place(), 0), "0");
}

/* Digits are made in two independent halves: all values of each. */
static void all_halves(void **state)
{
	uint32_t half;

	(void)state;
	for (half = 0; half < 10000; half++) {
		check_number(half);
		check_number(half * 10000);
		check_number(half * 10000 + 9999);
		check_number(99990000 + half);
	}
	for (half = 0; half <= UINT16_MAX; half++) {
		is(format__hex16(place(), half), "%016" PRIx32, half);
		is(format__hex16(place(), (uint64_t)half << 48 | (uint64_t)half << 16),
		   "%04" PRIx32 "0000%04" PRIx32 "0000", half, half);
	}
}

static void check_time(uint64_t ns, const char *duration)
{
	uint64_t length = (int64_t)ns < 0 ? 0 - ns : ns;
	char text[NAMES_NUMBER_LEN];

	is(format__seconds(place(), (int64_t)ns), "%s%" PRIu64 ".%09" PRIu64,
	   (int64_t)ns < 0 ? "-" : "", length / 1000000000, length % 1000000000);
	is(format__duration(place(), ns, 1), "%s", duration);
	is(format__duration(place(), ns, 1), "%s", names__duration(text, sizeof(text), ns, 1));
	is(format__seconds(place(), (int64_t)ns), "%s",
	   names__offset(text, sizeof(text), (int64_t)ns));
}

static void times(void **state)
{
	(void)state;
	check_time(0, "0 ns");
	check_time(999, "999 ns");
	check_time(1000, "1.0 µs");
	check_time(1099, "1.0 µs");
	check_time(999999, "999.9 µs");
	check_time(1000000, "1.000 ms");
	check_time(1204999, "1.204 ms");
	check_time(999999999, "999.999 ms");
	check_time(1000000000, "1.000 s");
	check_time(61000999999, "61.000 s");
	check_time(INT64_MAX, "9223372036.854 s");
	check_time((uint64_t)INT64_MIN, "9223372036.854 s");
	check_time(UINT64_MAX, "18446744073.709 s");
	is(format__duration(place(), 53299, 0), "53.2 us");
}

static void text(void **state)
{
	char *end = place();

	(void)state;
	end = format__text(end, "two ");
	is(format__text(end, "words"), "two words");
	is(format__text(place(), ""), "%s", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(all_halves),
		cmocka_unit_test(times),
		cmocka_unit_test(text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
