// SPDX-License-Identifier: GPL-2.0-only
/* Output on a terminal: its width, and the line of progress. */
#include <fcntl.h>
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

#include "cli.h"
#include "progress.h"

#define NARROW 47

static int terminal = -1; /* the user's side */
static int saved = -1; /* standard error before */

/* Standard error becomes a terminal of this many columns. */
static int start(void **state)
{
	struct winsize size = {.ws_row = 25, .ws_col = NARROW};
	int fd;

	(void)state;
	unsetenv("COLUMNS");
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
	assert_string_equal(seen(), wanted);
	progress__show("short");
	assert_string_equal(seen(), "\rshort\033[K");
	progress__clear();
	assert_string_equal(seen(), "\r\033[K");
	progress__clear();
	assert_string_equal(seen(), "");
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
	const struct CMUnitTest tests[] = {TEST(test_columns), TEST(test_progress),
					   TEST(test_colour)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
