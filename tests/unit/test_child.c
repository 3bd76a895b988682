// SPDX-License-Identifier: GPL-2.0-only
/* What a verb's exit status says about the command that it ran. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "cli.h"

/* Run a command to its end. */
static void run(struct child *child, const char *const argv[])
{
	struct timespec tick = {.tv_nsec = 1000000};

	assert_int_equal(child__start(child, "test", (char *const *)argv, -1, -1, -1), 0);
	child__release(child, "test");
	while (!child->ended) {
		nanosleep(&tick, NULL);
		child__check(child);
	}
}

static int failure_of(const char *script)
{
	struct child child;

	run(&child, (const char *const[]){"sh", "-c", script, NULL});
	return child__failure(&child);
}

static void test_status_is_passed_on(void **state)
{
	(void)state;
	assert_int_equal(failure_of("exit 0"), 0);
	assert_int_equal(failure_of("exit 5"), 5);
	assert_int_equal(failure_of("exit 255"), 255);
	assert_int_equal(failure_of("kill -TERM $$"), 128 + SIGTERM);
}

/* A command's 3 must not look like an escape. */
static void test_own_statuses_keep_their_meaning(void **state)
{
	(void)state;
	assert_int_equal(failure_of("exit 1"), CLI_FAILED);
	assert_int_equal(failure_of("exit 2"), CLI_FAILED);
	assert_int_equal(failure_of("exit 3"), CLI_FAILED);
	assert_int_equal(failure_of("exit 4"), CLI_FAILED);
}

static void test_not_run(void **state)
{
	struct child child;

	(void)state;
	run(&child, (const char *const[]){"/nowhere/command", NULL});
	assert_int_equal(child__failure(&child), CHILD_NOT_RUN);
	assert_int_equal(child__failure(&(struct child){0}), 0);
}

static void test_stopped(void **state)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	struct child child;

	(void)state;
	assert_int_equal(child__start(&child, "test", (char *const *)argv, -1, -1, -1), 0);
	child__release(&child, "test");
	child__end(&child);
	assert_true(child.ended);
	assert_int_equal(child__failure(&child), 0);
}

/* What the command has started is ended with it, and has the time to tidy up. */
static void test_group(void **state)
{
	const char *const argv[] = {"sh", "-c",
				    "sh -c 'trap \"sleep 0.2; printf t; exit\" TERM; printf r; "
				    "while :; do sleep 0.05; done' & wait",
				    NULL};
	struct child child;
	int pipes[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(child__start_group(&child, "test", (char *const *)argv, -1, pipes[1], -1),
			 0);
	close(pipes[1]);
	child__release(&child, "test");
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	assert_int_equal(byte, 'r');
	child__end(&child);
	assert_true(child.ended);
	assert_int_equal(child__failure(&child), 0);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	assert_int_equal(byte, 't');
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	close(pipes[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_is_passed_on),
		cmocka_unit_test(test_own_statuses_keep_their_meaning),
		cmocka_unit_test(test_not_run),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_group),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
