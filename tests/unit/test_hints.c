// SPDX-License-Identifier: GPL-2.0-only
/*
 * The warnings of a report before "nothing was found" is taken for an answer; and the setting of
 * THP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/summary.h"
#include "kernel/thp.h"

static char folder[] = "/tmp/thprace-hints-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void take(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	remove(path);
}

static void test_thp(void **state)
{
	char buf[32], path[128];

	(void)state;
	assert_string_equal(thp__enabled("/nowhere", buf, sizeof(buf)), "");
	write_file("enabled", "always madvise [never]\n");
	assert_string_equal(thp__enabled(folder, buf, sizeof(buf)), "never");
	write_file("enabled", "always [madvise] never\n");
	assert_string_equal(thp__enabled(folder, buf, sizeof(buf)), "madvise");
	/* 6.8 and later: the size of a pmd may have another setting. */
	write_file("hpage_pmd_size", "2097152\n");
	snprintf(path, sizeof(path), "%s/hugepages-2048kB", folder);
	assert_int_equal(mkdir(path, 0755), 0);
	write_file("hugepages-2048kB/enabled", "always [inherit] madvise never\n");
	assert_string_equal(thp__enabled(folder, buf, sizeof(buf)), "madvise");
	write_file("hugepages-2048kB/enabled", "always inherit madvise [never]\n");
	assert_string_equal(thp__enabled(folder, buf, sizeof(buf)), "never");
	write_file("enabled", "no brackets\n");
	take("hugepages-2048kB/enabled");
	assert_string_equal(thp__enabled(folder, buf, sizeof(buf)), "");
	take("hugepages-2048kB");
	take("hpage_pmd_size");
	take("enabled");
}

static unsigned int hints_of(const struct summary *summary, const char *word)
{
	char hints[SUMMARY_HINTS_MAX][SUMMARY_HINT_LEN];
	unsigned int i, found = 0, count = summary__hints(summary, hints);

	for (i = 0; i < count; i++) {
		found += strstr(hints[i], word) != NULL;
		assert_int_equal(hints[i][strlen(hints[i]) - 1], '.'); /* nothing is cut off */
	}
	return found;
}

static void test_hints(void **state)
{
	struct summary *summary = calloc(1, sizeof(*summary));

	(void)state;
	assert_non_null(summary);
	/* Without counters it is not known. */
	assert_int_equal(hints_of(summary, ""), 0);
	summary->has_stats = 1;
	assert_int_equal(hints_of(summary, "no window was seen"), 1);
	summary->windows = 1;
	assert_int_equal(hints_of(summary, ""), 0);
	summary->windows = 0;
	summary->pte_removals = 1;
	assert_int_equal(hints_of(summary, ""), 0);
	strcpy(summary->thp_enabled, "madvise");
	assert_int_equal(hints_of(summary, ""), 0);
	strcpy(summary->thp_enabled, "never");
	assert_int_equal(hints_of(summary, "set to never"), 1);
	summary->pte_removals = 0;
	assert_int_equal(hints_of(summary, ""), 2);
	free(summary);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thp),
		cmocka_unit_test(test_hints),
	};

	return cmocka_run_group_tests_name("hints", tests, set_up, tear_down);
}
