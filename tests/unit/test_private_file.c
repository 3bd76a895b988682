// SPDX-License-Identifier: GPL-2.0-only
/* Where traces are written: who can read them, and what other users may have put there. */
#include <errno.h>
#include <fcntl.h>
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

#include "cli.h"
#include "base/private_file.h"
#include "trace/trace_writer.h"

#define NEIGHBOUR 65534

static char base[64]; /* only the caller's */
static char shared[80]; /* as /tmp */
static char secret[80]; /* a file of the caller, elsewhere */

static const char *in_shared(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", shared, name);
	return path;
}

static void write_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "before", 6), 6);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int start(void **state)
{
	(void)state;
	umask(0);
	snprintf(base, sizeof(base), "/tmp/test_private.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(shared, sizeof(shared), "%s/shared", base);
	snprintf(secret, sizeof(secret), "%s/secret", base);
	if (mkdir(shared, 0700) || chmod(shared, 01777))
		return -1;
	write_file(secret, 0640);
	return 0;
}

static int stop(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", base);
	return system(command);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Writes a trace to path; returns as trace_writer__open() does. */
static int write_trace(const char *path)
{
	struct trace_writer *writer;
	int err = trace_writer__open(&writer, path, 1, 2, 0);

	if (!err)
		assert_int_equal(trace_writer__close(writer), 0);
	return err;
}

/* With any umask, nobody else can read it: a new one, and one that everybody could read before. */
static void test_mode(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/trace", base);
	assert_int_equal(write_trace(path), 0);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(write_trace(path), 0);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(write_trace(in_shared("trace")), 0);
	assert_int_equal(mode_of(in_shared("trace")), 0600);
	/* The user's own file is overwritten there too. */
	assert_int_equal(write_trace(in_shared("trace")), 0);
}

/* A symbolic link at the end or on the way, and a hard link: the target stays unchanged. */
static void test_links(void **state)
{
	char to[160];

	(void)state;
	assert_int_equal(symlink(secret, in_shared("link")), 0);
	assert_int_equal(write_trace(in_shared("link")), -ELOOP);
	snprintf(to, sizeof(to), "%s/new", base);
	assert_int_equal(symlink(to, in_shared("dangling")), 0);
	assert_int_equal(write_trace(in_shared("dangling")), -ELOOP);
	assert_int_equal(access(to, F_OK), -1);
	assert_int_equal(symlink(base, in_shared("folder")), 0);
	assert_int_equal(write_trace(in_shared("folder/secret")), -ELOOP);
	assert_int_equal(write_trace(in_shared("./folder/new")), -ELOOP);
	assert_int_equal(link(secret, in_shared("other-name")), 0);
	assert_int_equal(write_trace(in_shared("other-name")), -EPERM);
	assert_int_equal(unlink(in_shared("other-name")), 0);
	assert_int_equal(size_of(secret), 6);
	assert_int_equal(mode_of(secret), 0640);
	/* A link where nobody else can put one is the caller's wish. */
	snprintf(to, sizeof(to), "%s/own", base);
	assert_int_equal(symlink(secret, to), 0);
	assert_int_equal(write_trace(to), 0);
	assert_true(size_of(secret) > 6);
}

/* A file that another user has made, and would read. */
static void test_others(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	write_file(in_shared("theirs"), 0666);
	assert_int_equal(chown(in_shared("theirs"), NEIGHBOUR, NEIGHBOUR), 0);
	assert_int_equal(write_trace(in_shared("theirs")), -EPERM);
	assert_int_equal(size_of(in_shared("theirs")), 6);
	assert_int_equal(mkfifo(in_shared("fifo"), 0666), 0);
	assert_int_equal(chown(in_shared("fifo"), NEIGHBOUR, NEIGHBOUR), 0);
	assert_int_equal(write_trace(in_shared("fifo")), -EPERM);
	/* Another user's folder, with any mode. */
	assert_int_equal(mkdir(in_shared("home"), 0755), 0);
	assert_int_equal(symlink(secret, in_shared("home/link")), 0);
	assert_int_equal(chown(in_shared("home"), NEIGHBOUR, NEIGHBOUR), 0);
	assert_int_equal(write_trace(in_shared("home/link")), -ELOOP);
	assert_int_equal(write_trace(in_shared("home/trace")), 0);
	assert_int_equal(mode_of(in_shared("home/trace")), 0600);
}

static void test_neither_file_nor_folder(void **state)
{
	(void)state;
	assert_int_equal(write_trace("/dev/null"), 0);
	assert_int_equal(write_trace(""), -ENOENT);
	assert_int_equal(write_trace("/"), -EISDIR);
	assert_int_equal(write_trace("."), -EISDIR);
	assert_int_equal(write_trace(in_shared("")), -EISDIR);
	assert_int_equal(write_trace(in_shared("none/trace")), -ENOENT);
	assert_int_equal(write_trace(in_shared("../secret/x")), -ENOTDIR);
}

/* By name, and as standard output, for a recording and for a live trace. */
static void test_terminal(void **state)
{
	char *live[] = {"dump", "--live", "-o", "-", "--socket", "/nonexistent/socket", NULL};
	int terminal = posix_openpt(O_RDWR | O_NOCTTY), fd, kept, made, dumped;

	(void)state;
	assert_true(terminal >= 0 && !grantpt(terminal) && !unlockpt(terminal));
	assert_int_equal(write_trace(ptsname(terminal)), -ENOTTY);
	assert_non_null(strstr(private_file__why(-ENOTTY), "terminal"));
	fd = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	fflush(stdout);
	kept = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	made = write_trace("-");
	dumped = cmd_dump(6, live);
	dup2(kept, STDOUT_FILENO);
	assert_int_equal(made, -ENOTTY);
	assert_int_equal(dumped, CLI_FAILED);
	close(kept);
	close(fd);
	close(terminal);
}

/*
 * A live trace is not requested if it cannot be written, and leaves no empty file if there is none.
 */
static void test_live(void **state)
{
	char place[256];
	char *live[] = {"dump", "--live", "-o", place, "--socket", "/nonexistent/socket", NULL};
	char logged[512] = "";
	int pipes[2], kept;

	(void)state;
	assert_int_equal(symlink(secret, in_shared("live")), 0);
	snprintf(place, sizeof(place), "%s", in_shared("live"));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	fflush(stderr);
	kept = dup(STDERR_FILENO);
	dup2(pipes[1], STDERR_FILENO);
	assert_int_equal(cmd_dump(6, live), CLI_FAILED);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_true(read(pipes[0], logged, sizeof(logged) - 1) > 0);
	assert_non_null(strstr(logged, "a link in a folder that others may write to"));
	close(pipes[0]);
	close(pipes[1]);
	snprintf(place, sizeof(place), "%s", in_shared("none"));
	assert_int_equal(cmd_dump(6, live), CLI_FAILED);
	assert_int_equal(access(place, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mode, start, stop),
		cmocka_unit_test_setup_teardown(test_links, start, stop),
		cmocka_unit_test_setup_teardown(test_others, start, stop),
		cmocka_unit_test_setup_teardown(test_neither_file_nor_folder, start, stop),
		cmocka_unit_test_setup_teardown(test_terminal, start, stop),
		cmocka_unit_test_setup_teardown(test_live, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
