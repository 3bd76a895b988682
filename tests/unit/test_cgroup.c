// SPDX-License-Identifier: GPL-2.0-only
/* From a cgroup's number to its path, and to the unit in it. */
#include <errno.h>
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

#include "cgroup.h"

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

static void test_path(void **state)
{
	char path[128];
	size_t i;

	(void)state;
	for (i = 0; i < FOLDERS; i++) {
		assert_int_equal(cgroup__path(root, number(folders[i]), path, sizeof(path)), 0);
		assert_string_equal(path, folders[i]);
	}
	assert_int_equal(cgroup__path(root, number(""), path, sizeof(path)), 0);
	assert_string_equal(path, "/");
	assert_int_equal(cgroup__path(root, 0, path, sizeof(path)), -ENOENT);
	assert_int_equal(cgroup__path(root, ~0ULL, path, sizeof(path)), -ENOENT);
	assert_int_equal(cgroup__path("/nowhere", 1, path, sizeof(path)), -ENOENT);
}

static void test_unit(void **state)
{
	static const char *const units[][2] = {
		{"/", ""},
		{"", ""},
		{"/.slice", ""},
		{"/system.slice", "system.slice"},
		{"/system.slice/ssh.service", "ssh.service"},
		{"/system.slice/ssh.service/payload", "ssh.service"},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
		 "app-x.scope"},
		{"/docker/0123", ""},
	};
	char unit[64], small[4];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		assert_string_equal(cgroup__unit(units[i][0], unit, sizeof(unit)), units[i][1]);
	assert_string_equal(cgroup__unit("/a.service", small, sizeof(small)), "a.s");
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
		cmocka_unit_test(test_unit),
	};

	return cmocka_run_group_tests_name("cgroup", tests, set_up, tear_down);
}
