// SPDX-License-Identifier: GPL-2.0-only
/* Output on a terminal: its width, and the line of progress. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "cli.h"
#include "progress.h"

#define NARROW 47
#define PATIENCE_MS 60000
#define NOTHING_MS 1500 /* longer than a line needs to appear */

static int terminal = -1; /* the user's side */
static int saved = -1; /* standard error before */

/* Standard error becomes a terminal of this many columns. */
static int start(void **state)
{
	struct winsize size = {.ws_row = 25, .ws_col = NARROW};
	int fd;

	(void)state;
	unsetenv("COLUMNS");
	setenv("TERM", "xterm", 1);
	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
		return -1;
	fd = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	if (fd < 0 || ioctl(fd, TIOCSWINSZ, &size))
		return -1;
	saved = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(terminal);
	unsetenv("COLUMNS");
	return 0;
}

static const char *seen(void)
{
	static char text[1024];
	ssize_t got;

	fflush(stderr);
	got = read(terminal, text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

static void test_columns(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	assert_int_equal(cli__columns(stderr), NARROW);
	assert_int_equal(cli__columns(file), CLI_COLUMNS);
	setenv("COLUMNS", "61", 1);
	assert_int_equal(cli__columns(stderr), 61);
	assert_int_equal(cli__columns(file), 61);
	assert_int_equal(cli__width(file), 61);
	setenv("COLUMNS", "300", 1);
	assert_int_equal(cli__columns(file), 300);
	assert_int_equal(cli__width(file), CLI_COLUMNS);
	setenv("COLUMNS", "2", 1);
	assert_int_equal(cli__columns(file), CLI_COLUMNS_LEAST);
	setenv("COLUMNS", "wide", 1);
	assert_int_equal(cli__columns(file), CLI_COLUMNS);
	fclose(file);
}

/* What the terminal gets once something is drawn; "" if nothing is. */
static const char *drawn_within(int ms)
{
	struct pollfd ready = {.fd = terminal, .events = POLLIN};

	poll(&ready, 1, ms);
	return seen();
}

static const char *drawn(void)
{
	return drawn_within(PATIENCE_MS);
}

/* The line after another one, which may be drawn once more before. */
static const char *drawn_after(const char *before)
{
	const char *text;

	do
		text = drawn();
	while (!strcmp(text, before));
	return text;
}

/* It stays on one line of the terminal, whatever its text, and is removed completely. */
static void test_progress(void **state)
{
	char wanted[NARROW + 16] = "\r";

	(void)state;
	progress__clear();
	assert_string_equal(seen(), "");
	progress__show("%*d", 200, 1);
	memset(wanted + 1, ' ', NARROW - 1);
	strcpy(wanted + NARROW, "\033[K");
	assert_string_equal(drawn(), wanted);
	progress__show("short");
	assert_string_equal(drawn_after(wanted), "\rshort\033[K");
	progress__clear();
	assert_string_equal(drawn_after("\rshort\033[K"), "\r\033[K");
	progress__clear();
	assert_string_equal(seen(), "");
}

/* What is done within a second shows nothing. A machine on which this takes longer tries again. */
static void test_progress_quick(void **state)
{
	const char *text;
	uint64_t began;
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		began = clock__now();
		progress__show("quick");
		assert_false(progress__due());
		progress__clear();
		text = seen();
		if (clock__now() - began < 1000000000)
			break;
	}
	assert_string_equal(text, "");
}

/* How much of the work is done, as another thread may count it. */
static void test_progress_work(void **state)
{
	struct work work = {0};

	(void)state;
	work__begin(&work, "reading", 4000000);
	work__done(&work, 1000000);
	progress__work(&work);
	assert_memory_equal(drawn(), "\rreading: 25 % of 4.0 MB, ", 26);
	progress__clear();
	seen();
	work__begin(&work, "reading", 0);
	work__done(&work, 1500000);
	progress__work(&work);
	assert_memory_equal(drawn(), "\rreading: 1.5 MB, ", 18);
	progress__clear();
	seen();
	progress__step("waiting");
	assert_memory_equal(drawn(), "\rwaiting: ", 10);
	assert_false(progress__beside(stderr));
	progress__clear();
}

/* Not where the line cannot be erased. */
static void test_progress_dumb(void **state)
{
	static const char *const terms[] = {"dumb", "", NULL};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		if (terms[i])
			setenv("TERM", terms[i], 1);
		else
			unsetenv("TERM");
		progress__show("text");
		assert_string_equal(drawn_within(NOTHING_MS), "");
		assert_false(progress__due());
		progress__clear();
		assert_string_equal(seen(), "");
	}
}

static void test_colour(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	unsetenv("NO_COLOR");
	assert_true(cli__colour(stderr));
	assert_false(cli__colour(file));
	setenv("NO_COLOR", "1", 1);
	assert_false(cli__colour(stderr));
	cli__set_colour(CLI_COLOUR_ALWAYS);
	assert_true(cli__colour(file));
	cli__set_colour(CLI_COLOUR_NEVER);
	unsetenv("NO_COLOR");
	assert_false(cli__colour(stderr));
	cli__set_colour(CLI_COLOUR_AUTO);
	fclose(file);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_columns),	      TEST(test_progress),
					   TEST(test_progress_quick), TEST(test_progress_work),
					   TEST(test_progress_dumb),  TEST(test_colour)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
