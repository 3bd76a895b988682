// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of the metrics: a reader never finds a part of it, and the old one stays if the disk is
 * full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "metrics.h"

static char folder[] = "/tmp/test_metrics.XXXXXX";
static char path[sizeof(folder) + 16];

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/thprace.prom", folder);
	return 0;
}

static int teardown(void **state)
{
	char name[sizeof(path) + 256];
	struct dirent *entry;
	DIR *dir = opendir(folder);

	(void)state;
	while (dir && (entry = readdir(dir))) {
		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		unlink(name);
	}
	if (dir)
		closedir(dir);
	return rmdir(folder);
}

static size_t files(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t nr = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		nr += entry->d_name[0] != '.';
	closedir(dir);
	return nr;
}

/* The present content of the file; at most size bytes. */
static size_t content(char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	assert_true(fd >= 0);
	while ((got = read(fd, buffer + length, size - length)) > 0)
		length += (size_t)got;
	assert_int_equal(got, 0);
	close(fd);
	return length;
}

static void written(void **state)
{
	char buffer[100];
	struct stat st;
	mode_t before = umask(077);

	(void)state;
	assert_int_equal(metrics__write(path, "one 1\n"), 0);
	assert_int_equal(metrics__write(path, "two 22\n"), 0);
	umask(before);
	assert_int_equal(content(buffer, sizeof(buffer)), 7);
	assert_memory_equal(buffer, "two 22\n", 7);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(files(), 1);
}

#define SMALL 30000
#define LARGE 300000

static void write_forever(const char *small, const char *large)
{
	for (;;) {
		if (metrics__write(path, small) || metrics__write(path, large))
			_exit(1);
	}
}

/* A process that reads all the time sees one text or the other, never a part of one. */
static void atomically(void **state)
{
	static char small[SMALL + 1], large[LARGE + 1], buffer[LARGE + 1];
	size_t length, seen_small = 0, seen_large = 0;
	int reads, status;
	pid_t writer;

	(void)state;
	memset(small, 's', SMALL);
	memset(large, 'l', LARGE);
	assert_int_equal(metrics__write(path, small), 0);
	writer = fork();
	if (!writer)
		write_forever(small, large);
	assert_true(writer > 0);
	for (reads = 0; reads < 200000; reads++) {
		length = content(buffer, sizeof(buffer));
		seen_small += length == SMALL && !memcmp(buffer, small, SMALL);
		seen_large += length == LARGE && !memcmp(buffer, large, LARGE);
		if (seen_small + seen_large != (size_t)reads + 1)
			break;
		if (seen_small > 500 && seen_large > 500)
			break;
	}
	assert_int_equal(waitpid(writer, &status, WNOHANG), 0);
	kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	print_message("saw the small one %zu times, the large one %zu times\n", seen_small,
		      seen_large);
	assert_true(seen_small > 500 && seen_large > 500);
	/* The writer was killed: its temporary file may be left. */
	assert_true(files() <= 2);
}

/* A full disk: a limit on the size of files behaves the same. */
static void disk_full(void **state)
{
	static char text[100000];
	char buffer[100];
	struct rlimit before, limit;
	int err;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(metrics__write(path, "old 1\n"), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 50000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	err = metrics__write(path, text);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(err, -EFBIG);
	assert_int_equal(content(buffer, sizeof(buffer)), 6);
	assert_memory_equal(buffer, "old 1\n", 6);
	assert_int_equal(files(), 1);
}

static void no_place(void **state)
{
	(void)state;
	assert_int_equal(metrics__write("/nonexistent/thprace.prom", "x 1\n"), -ENOENT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(metrics__write(path, "x 1\n"), -EISDIR);
	assert_int_equal(files(), 1);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(written, setup, teardown),
		cmocka_unit_test_setup_teardown(atomically, setup, teardown),
		cmocka_unit_test_setup_teardown(disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(no_place, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
