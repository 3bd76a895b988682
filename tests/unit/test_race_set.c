// SPDX-License-Identifier: GPL-2.0-only
/* The races of a configuration: files that are taken, and when two sets are the same. */
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

#include "race_set.h"

#define RACE(name)                                                                         \
	"[race]\nname = " name "\ntitle = x\n[window]\nopen = f entry\nclose = f return\n" \
	"key = x\n"

static char folder[] = "/tmp/thprace-race-set-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

/* /tmp is everybody's, so what is in it is never taken, and the reason is told. */
static void not_taken(void **state)
{
	struct race_set *set;
	char names[256], why[1024];

	(void)state;
	write_file("a.race", RACE("a"));
	snprintf(names, sizeof(names), "%s/a.race /does/not/exist.race no-such-race", folder);
	assert_true(race_set__read(&set, names, why, sizeof(why)) < 0);
	assert_null(set);
	assert_non_null(strstr(why, geteuid() ? "belongs to user" : "may be written to by others"));
	assert_non_null(strstr(why, "\n/does/not/exist.race: No such file or directory\n"));
	assert_non_null(strstr(why, "\n[observe] races=: there is no race 'no-such-race' in the "
				    "folders of thprace.race(5)"));
	assert_true(race_set__check(names, why, 20) < 0);
}

static void none(void **state)
{
	struct race_set *a, *b;
	char why[64];
	size_t count;

	(void)state;
	assert_int_equal(race_set__read(&a, "", why, sizeof(why)), 0);
	assert_int_equal(race_set__read(&b, "", why, sizeof(why)), 0);
	race_set__list(a, &count);
	assert_int_equal(count, 0);
	assert_true(race_set__same(a, b));
	race_set__free(a);
	race_set__free(b);
	race_set__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_taken),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
