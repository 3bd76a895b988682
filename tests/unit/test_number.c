// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers from options, the configuration, the kernel's log and traces: the whole text, or nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/number.h"

static void whole_text(void **state)
{
	static const char *const bad[] = {"",	" ", "-1", "+1",  " 1",	 "1 ",
					  "1x", "x", "1.", "0x1", "1e3", "1\n"};
	uint64_t value = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(number__parse(bad[i], 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(number__parse("9", 10, 20, &value), -ERANGE);
	assert_int_equal(number__parse("21", 10, 20, &value), -ERANGE);
	assert_int_equal(number__parse("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(number__parse("99999999999999999999999999", 0, UINT64_MAX, &value),
			 -ERANGE);
	/* Too large, and not a number: what is wrong with the text is reported first. */
	assert_int_equal(number__parse("18446744073709551616x", 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(value, 7);
	assert_int_equal(number__parse("010", 10, 20, &value), 0);
	assert_int_equal(value, 10);
	assert_int_equal(number__parse("18446744073709551615", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
}

static void either_base(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(number__parse_any("0x", &value), -EINVAL);
	assert_int_equal(number__parse_any("0xg", &value), -EINVAL);
	assert_int_equal(number__parse_any("0x1 ", &value), -EINVAL);
	assert_int_equal(number__parse_any("x1", &value), -EINVAL);
	assert_int_equal(number__parse_any("0x10000000000000000", &value), -ERANGE);
	assert_int_equal(value, 7);
	assert_int_equal(number__parse_any("0xffffFFFF81000aBc", &value), 0);
	assert_true(value == 0xffffffff81000abcULL);
	assert_int_equal(number__parse_any("0", &value), 0);
	assert_int_equal(value, 0);
}

/* A number that is too large is also skipped completely. */
static void moves_on(void **state)
{
	const char *text = "12345678901234567890123,0x1f:";
	uint64_t value;

	(void)state;
	assert_int_equal(number__take(&text, 10, &value), -ERANGE);
	assert_true(value == UINT64_MAX);
	assert_string_equal(text, ",0x1f:");
	assert_int_equal(number__take(&text, 10, &value), -EINVAL);
	assert_string_equal(text, ",0x1f:");
	text += strlen(",0x");
	assert_int_equal(number__take(&text, 16, &value), 0);
	assert_int_equal(value, 0x1f);
	assert_string_equal(text, ":");
}

static void releases(void **state)
{
	static const char *const bad[] = {"", "5", "5.", "5.x", "v5.10", "-5.10", " 5.10", "5,10"};
	const char *text = "5.10.262-generic";
	uint64_t major, minor;
	size_t i;

	(void)state;
	assert_true(number__release(&text, &major, &minor));
	assert_int_equal(major, 5);
	assert_int_equal(minor, 10);
	assert_string_equal(text, ".262-generic");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		text = bad[i];
		assert_false(number__release(&text, &major, &minor));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_text),
		cmocka_unit_test(either_base),
		cmocka_unit_test(moves_on),
		cmocka_unit_test(releases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
