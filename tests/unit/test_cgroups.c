// SPDX-License-Identifier: GPL-2.0-only
/* From a cgroup's number to its path. */
#include <limits.h>
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

#include "kernel/cgroups.h"

static char root[] = "/tmp/thprace-cgroup-XXXXXX";
static const char *const folders[] = {"/system.slice", "/system.slice/ssh.service", "/user.slice",
				      "/user.slice/user-1000.slice",
				      "/user.slice/user-1000.slice/session-3.scope"};

#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

static uint64_t number(const char *folder)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", root, folder);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* All that is found by steps of so many entries. */
static void find_all(unsigned int entries)
{
	struct cgroups *cgroups = cgroups__new(root);
	unsigned int steps = 1;
	size_t i;

	assert_non_null(cgroups);
	cgroups__want(cgroups, ~0ULL);
	for (i = 0; i < FOLDERS; i++)
		cgroups__want(cgroups, number(folders[i]));
	cgroups__want(cgroups, number(""));
	cgroups__want(cgroups, 0);
	assert_int_equal(cgroups__count(cgroups), FOLDERS + 2);
	assert_true(cgroups__any_untried(cgroups));
	while (!cgroups__step(cgroups, entries))
		steps++;
	/* Each folder has an entry in another one, "." and "..", and an end. */
	assert_int_equal(steps, entries > 1000 ? 1 : (4 * FOLDERS + 3 + entries - 1) / entries);
	assert_false(cgroups__any_untried(cgroups));
	for (i = 0; i < FOLDERS; i++)
		assert_string_equal(cgroups__path(cgroups, number(folders[i])), folders[i]);
	assert_string_equal(cgroups__path(cgroups, number("")), "/");
	assert_null(cgroups__path(cgroups, ~0ULL));
	assert_null(cgroups__path(cgroups, 0));
	cgroups__free(cgroups);
}

static void test_path(void **state)
{
	(void)state;
	find_all(UINT_MAX);
	find_all(1000);
	find_all(7);
	find_all(1);
}

/* One that comes while a search is under way is looked for by the next one. */
static void test_meanwhile(void **state)
{
	struct cgroups *cgroups = cgroups__new(root);

	(void)state;
	cgroups__want(cgroups, ~0ULL);
	assert_false(cgroups__step(cgroups, 10));
	cgroups__want(cgroups, number(folders[0]));
	while (!cgroups__step(cgroups, 1))
		;
	assert_string_equal(cgroups__path(cgroups, number(folders[0])), folders[0]);
	cgroups__free(cgroups);
}

/* At once, but not twice within a moment. */
static void test_find(void **state)
{
	struct cgroups *cgroups = cgroups__new(root);

	(void)state;
	assert_string_equal(cgroups__find(cgroups, number(folders[1])), folders[1]);
	assert_null(cgroups__find(cgroups, number(folders[2])));
	assert_true(cgroups__any_untried(cgroups));
	usleep(110000);
	assert_string_equal(cgroups__find(cgroups, number(folders[2])), folders[2]);
	assert_null(cgroups__find(cgroups, 0));
	cgroups__free(cgroups);
}

static void count_one(void *ctx, uint64_t id, const char *path)
{
	assert_int_equal(id, number(path));
	++*(unsigned int *)ctx;
}

static void test_limit(void **state)
{
	struct cgroups *cgroups = cgroups__new(root);
	unsigned int count = 0;
	uint64_t id;

	(void)state;
	cgroups__want(cgroups, number(folders[3]));
	for (id = 1ULL << 60; !cgroups__full(cgroups); id++)
		cgroups__want(cgroups, id);
	assert_int_equal(cgroups__count(cgroups), 1024);
	assert_null(cgroups__find(cgroups, number(folders[1])));
	cgroups__each(cgroups, 0, count_one, &count);
	assert_int_equal(count, 1);
	cgroups__each(cgroups, 1, count_one, &count);
	assert_int_equal(count, 1);
	cgroups__clear(cgroups);
	assert_int_equal(cgroups__count(cgroups), 0);
	usleep(110000);
	assert_string_equal(cgroups__find(cgroups, number(folders[1])), folders[1]);
	cgroups__free(cgroups);
	cgroups = cgroups__new("/nowhere");
	assert_null(cgroups__find(cgroups, 1));
	assert_false(cgroups__any_untried(cgroups));
	cgroups__free(cgroups);
	cgroups__free(NULL);
}

static int set_up(void **state)
{
	char path[256];
	size_t i;

	(void)state;
	if (!mkdtemp(root))
		return -1;
	for (i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s%s", root, folders[i]);
		if (mkdir(path, 0755))
			return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	char path[256];
	size_t i;

	(void)state;
	for (i = FOLDERS; i--;) {
		snprintf(path, sizeof(path), "%s%s", root, folders[i]);
		rmdir(path);
	}
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_meanwhile),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests_name("cgroups", tests, set_up, tear_down);
}
