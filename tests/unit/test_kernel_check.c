// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's run of `thprace check`, replaced by scripts. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <errno.h>

#include <cmocka.h>

#include "kernel_check.h"
#include "classes/race_class.h"
#include "class_ids.h"

static char folder[] = "/tmp/thprace-kernel-check-XXXXXX";
static char program[64];
static int ended; /* number of notifications */
static struct check_state shown;

static void on_done(void *ctx, const struct check_state *state)
{
	assert_string_equal(ctx, "context");
	shown = *state;
	ended++;
}

static void write_program(const char *script)
{
	FILE *file = fopen(program, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(program, 0755), 0);
}

/* Run a script to its end. */
static void run(const char *script, int image)
{
	struct kernel_check *check;
	sd_event *event;

	write_program(script);
	ended = 0;
	assert_true(sd_event_new(&event) >= 0);
	check = kernel_check__start(event, program, image, on_done, (void *)"context");
	assert_non_null(check);
	while (!ended)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_int_equal(ended, 1);
	assert_int_equal(kernel_check__state(check)->progress, shown.progress);
	kernel_check__free(check);
	sd_event_unref(event);
	/* Nothing of it is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

#define LINE(class, status)                                                                              \
	"echo '{\"class\":\"" class                                                                      \
		"\",\"word\":\"" status                                                                  \
		"\",\"evidence\":[{\"kind\":\"code\",\"text\":\"it is so\"},{\"kind\":\"BTF\",\"text\":" \
		"\"and so\"}],\"missing\":[],\"commit\":\"0123456789abcdef\",\"subject\":\"mm: mend\","  \
		"\"since\":\"5.13\"}'\n"
#define REST                                \
	LINE("split-head", "cannot happen") \
	LINE("hwpoison-unmap", "fixed")     \
	LINE("truncate-unmap", "fixed")     \
	LINE("invalidate-unmap", "fixed")   \
	LINE("collapse-reuse", "unknown")

static void test_statuses(void **state)
{
	(void)state;
	run("[ \"$1\" = check ] && [ \"$2\" = --format=json ] || exit 9\n" LINE(
		    "split-unmap", "fixed") LINE("split-migrate", "vulnerable") REST "exit 3",
	    -1);
	assert_int_equal(shown.progress, CHECK_DONE);
	assert_int_equal(shown.classes[THPRACE_SPLIT_UNMAP].status, CHECK_FIXED);
	assert_int_equal(shown.classes[THPRACE_SPLIT_MIGRATE].status, CHECK_VULNERABLE);
	assert_int_equal(shown.classes[THPRACE_SPLIT_HEAD].status, CHECK_CANNOT_HAPPEN);
	assert_int_equal(shown.classes[THPRACE_COLLAPSE_REUSE].status, CHECK_UNKNOWN);
	assert_string_equal(shown.classes[THPRACE_SPLIT_MIGRATE].evidence, "it is so; and so");
	assert_string_equal(shown.classes[THPRACE_SPLIT_MIGRATE].fix,
			    "0123456789ab \"mm: mend\" (5.13)");
}

static void expect_failed(const char *reason)
{
	unsigned int class;

	assert_int_equal(shown.progress, CHECK_FAILED);
	if (!strstr(shown.reason, reason))
		fail_msg("no '%s' in: %s", reason, shown.reason);
	for (class = 1; class < race_class__end(); class ++)
		assert_int_equal(shown.classes[class].status, CHECK_UNKNOWN);
}

/* Output for only some classes, or incomprehensible output, is no statement. */
static void test_failures(void **state)
{
	(void)state;
	run("echo 'thprace check: it broke' >&2; exit 1", -1);
	expect_failed("thprace check: it broke");
	run(LINE("split-unmap", "vulnerable") "exit 0", -1);
	expect_failed("before its output was complete");
	run("exit 0", -1);
	expect_failed("before its output was complete");
	run("kill -SEGV $$", -1);
	expect_failed("before its output was complete");
	run(LINE("split-unmap", "nonsense") LINE("split-migrate", "fixed") REST, -1);
	expect_failed("");
	run("while :; do echo '{'; done", -1);
	expect_failed("");
	run("exec /nowhere", -1);
	expect_failed("/nowhere");
}

/* It inherits only the image, whatever is open here, and no capability. */
static void test_what_it_has(void **state)
{
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC),
	    image = open(program, O_RDONLY | O_CLOEXEC);
	char script[512];

	(void)state;
	assert_true(other > 2 && image > 2);
	snprintf(
		script, sizeof(script),
		"[ \"$3\" = --image-fd=%d ] || { echo 'no image in its arguments'; exit; }\n"
		"read -r first <&%d && [ \"$first\" = '#!/bin/sh' ] || { echo 'not its image'; exit; }\n"
		"[ ! -e /proc/self/fd/%d ] || { echo 'another file is open'; exit; }\n"
		"grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && [ \"$(id -u)\" != 0 ] && echo 'capable'\n"
		"grep -q 'NoNewPrivs:.*1' /proc/self/status || echo 'may get privileges'\n"
		"grep 'Max core file size  *0 ' /proc/self/limits >/dev/null || echo 'no limits'\n"
		"echo all well",
		image, image, other);
	run(script, image);
	expect_failed("all well");
	close(other);
	close(image);
}

static void test_ended_early(void **state)
{
	struct kernel_check *check;
	sd_event *event;

	(void)state;
	write_program("exec sleep 1000");
	assert_true(sd_event_new(&event) >= 0);
	check = kernel_check__start(event, program, -1, on_done, (void *)"context");
	assert_int_equal(kernel_check__state(check)->progress, CHECK_RUNNING);
	kernel_check__free(check);
	sd_event_unref(event);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(program, sizeof(program), "%s/program", folder);
	write_program("");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(program);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_what_it_has),
		cmocka_unit_test(test_ended_early),
	};

	return cmocka_run_group_tests_name("kernel_check", tests, set_up, tear_down);
}
