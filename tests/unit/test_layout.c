// SPDX-License-Identifier: GPL-2.0-only
/* Paragraphs and tables in pages of any width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/layout.h"
#include "base/names.h"

static char *text;
static size_t size;

static FILE *begin(void)
{
	free(text);
	return open_memstream(&text, &size);
}

static void expect_wrapped(size_t width, const char *content, size_t column, size_t indent,
			   const char *expected)
{
	FILE *out = begin();

	layout__wrap(out, width, content, column, indent);
	fclose(out);
	assert_string_equal(text, expected);
}

static void test_wrap(void **state)
{
	(void)state;
	expect_wrapped(20, "", 0, 0, "\n");
	expect_wrapped(20, "one two", 0, 0, "one two\n");
	expect_wrapped(20, "  one   two ", 0, 0, "one two\n");
	expect_wrapped(10, "one two three", 0, 0, "one two\nthree\n");
	expect_wrapped(10, "12345 7890", 0, 0, "12345 7890\n");
	expect_wrapped(10, "12345 78901", 0, 0, "12345\n78901\n");
	expect_wrapped(12, "one two three", 4, 4, "one two\n    three\n");
	/* The text already on the line counts; a first word that does not fit begins the next. */
	expect_wrapped(12, "one two", 10, 2, "\n  one two\n");
	/* Characters count, not bytes. */
	expect_wrapped(10, "12 µs µs µs", 0, 0, "12 µs µs\nµs\n");
	/* Longer than a line: broken. */
	expect_wrapped(6, "ab 0123456789abcdef x", 0, 2,
		       "ab\n  0123\n  4567\n  89ab\n  cdef\n  x\n");
	expect_wrapped(6, "0123456789 x", 2, 2, "0123\n  4567\n  89 x\n");
}

static const struct layout_column columns[] = {{"walkers", 9}, {"overlaps", 9}, {"escapes", 8}};

static void expect_table(size_t width, const char *expected)
{
	static const char *const cells[] = {"978", "82,700", "1"}, *const none[] = {"0", "0", "-"};
	struct layout_table table = {
		.width = width, .indent = 2, .name_width = 10, .columns = columns, .nr = 3};

	table.out = begin();
	layout__head(&table, "class");
	layout__row(&table, "split", cells, 2, "<", ">");
	layout__row(&table, "a long name", none, 3, "<", ">");
	layout__row_text(&table, "other", "cannot happen here: not in this kernel");
	fclose(table.out);
	assert_string_equal(text, expected);
}

static void test_table(void **state)
{
	(void)state;
	expect_table(42, "  class        walkers  overlaps  escapes\n"
			 "  split            978    82,700        <1>\n"
			 "  a long name         0         0        -\n"
			 "  other      cannot happen here: not in\n"
			 "             this kernel\n");
	expect_table(40, "  split      walkers 978, overlaps\n"
			 "             82,700, escapes 1\n"
			 "  a long name walkers 0\n"
			 "  other      cannot happen here: not in\n"
			 "             this kernel\n");
}

static void test_counted(void **state)
{
	(void)state;
	assert_string_equal(COUNTED(0, "walker"), "0 walkers");
	assert_string_equal(COUNTED(1, "walker"), "1 walker");
	assert_string_equal(COUNTED(1234, "proved escape"), "1,234 proved escapes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_counted),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(text);
	return failed;
}
