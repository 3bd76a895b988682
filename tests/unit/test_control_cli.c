// SPDX-License-Identifier: GPL-2.0-only
/* status and reload, with a control socket whose hooks are the test's own. */
#include "cli_support.h"
#include "class_ids.h"
#include "classes/race_class.h"

#include <grp.h>

static void test_status(void **state)
{
	struct json_object *answer;

	(void)state;
	assert_int_equal(RUN_ALONE(cmd_status), CLI_FOUND);
	expect(out, "on 6.1.0-test, light mode, up 3 h 12 min: 2 escapes\n");
	expect(out,
	       "  split-unmap               -        0        0         0       2        0       0"
	       "        0     0.25\n");
	expect(out, " 0       0        0        -\n");
	expect(out, "kernel     its code is being read");
	expect(out, "loss       3 of 0: 3 slot\n");
	expect(out, "0.012% of all CPUs' time, budget 0.5%");
	expect(out, "messages to the journal");
	expect_narrow(out);
	assert_string_equal(err, "");
	assert_int_equal(RUN(cmd_status, "--format=json"), CLI_FOUND);
	assert_int_equal(lines(out), 1);
	answer = json_tokener_parse(out);
	assert_string_equal(text_of(answer, "type"), "status");
	json_object_put(answer);
	/* Without an escape, and with everything that may be wrong. */
	server->fake.totals.escapes = 0;
	server->fake.state.spool.health = SPOOL_DEGRADED;
	server->fake.state.spool.reason = "No space left on device";
	server->fake.state.overhead.over = true;
	server->fake.plan.probe[THPRACE_POINT_HOLD].state = PROBE_SHED;
	server->fake.plan.probe[THPRACE_POINT_CHECK].state = PROBE_SHED;
	server->fake.plan.probe[0].state = PROBE_FAILED;
	memset(server->fake.plan.probe[0].reason, 'r', 40);
	assert_int_equal(RUN_ALONE(cmd_status), CLI_DONE);
	expect(out, ": no escapes\n");
	expect(out, "degraded: No space left");
	expect(out, "; 2 probes shed: check, hold; over budget");
	expect(out, "zap: rrrrrr");
	expect(out, "not observable: ");
	expect_narrow(out);
}

/* The line of a text with this beginning, or NULL. */
static const char *line_of(const char *text, const char *begin)
{
	for (; text && strncmp(text, begin, strlen(begin)) != 0; text = text ? text + 1 : NULL)
		text = strchr(text, '\n');
	return text;
}

/* A class whose probe is shed never looks like a watched one, whatever was counted before. */
static void test_shed_class(void **state)
{
	struct probe *probe = &server->fake.plan.probe[THPRACE_POINT_MIGRATE];
	struct json_object *answer, *class;
	const char *line;

	(void)state;
	server->fake.totals.counters.sum.walkers[THPRACE_SPLIT_MIGRATE] = 535;
	probe->state = PROBE_SHED;
	strcpy(probe->reason, NAMES_SHED "it was too dear");
	RUN_ALONE(cmd_status);
	line = line_of(out, "  split-migrate ");
	assert_non_null(line);
	expect(line,
	       "  split-migrate    not observed now: shed: it was too dear\n    before that ");
	expect(line, " 535 ");
	RUN(cmd_status, "--format=json");
	answer = json_tokener_parse(out);
	class = json_object_array_get_idx(json_object_object_get(answer, "classes"), 1);
	assert_string_equal(text_of(class, "class"), "split-migrate");
	assert_false(json_object_get_boolean(json_object_object_get(class, "observable")));
	assert_true(json_object_get_boolean(json_object_object_get(class, "shed")));
	assert_string_equal(text_of(class, "reason"), "shed: it was too dear");
	json_object_put(answer);
	probe->state = PROBE_ATTACHED;
	server->fake.totals.counters.sum.walkers[THPRACE_SPLIT_MIGRATE] = 0;
}

/*
 * If an entry never runs while its return does, neither its probe nor its classes look like watched
 * ones.
 */
static void test_silent_entry(void **state)
{
	struct probe *probe = &server->fake.plan.probe[THPRACE_POINT_MIGRATE];
	const char *line;

	(void)state;
	probe__ran(probe, 0, 45);
	RUN_ALONE(cmd_status);
	expect(out, "silent: migrate: try_to_migrate: the program at its entry");
	expect(out, "ran 45 times");
	line = line_of(out, "  split-migrate ");
	assert_non_null(line);
	expect(line, "  split-migrate    not observable: try_to_migrate: the program at its entry");
	RUN(cmd_status, "--format=json");
	expect(out, "\"silent\":45");
	probe__ran(probe, 1, 46);
	RUN_ALONE(cmd_status);
	assert_null(strstr(out, "silent"));
}

/* The result of reading the kernel's code is in a column, with the reason if it is vulnerable. */
static void test_checked(void **state)
{
	static struct check_state check;
	unsigned int class;

	(void)state;
	check.progress = CHECK_DONE;
	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		check.classes[class].status = CHECK_UNKNOWN;
	check.classes[THPRACE_SPLIT_UNMAP].status = CHECK_FIXED;
	check.classes[THPRACE_SPLIT_HEAD].status = CHECK_CANNOT_HAPPEN;
	check.classes[THPRACE_TRUNCATE_UNMAP].status = CHECK_VULNERABLE;
	strcpy(check.classes[THPRACE_TRUNCATE_UNMAP].evidence, "it does not call it");
	server->fake.state.check = &check;
	RUN_ALONE(cmd_status);
	expect(out, "  split-unmap           fixed ");
	expect(out, "  split-migrate       unknown ");
	expect(out, "  split-head       impossible ");
	expect(out, "  truncate-unmap   vulnerable ");
	expect(out,
	       "kernel     vulnerable, truncate-unmap: it does not call it; see: thprace check\n");
	expect_narrow(out);
	RUN(cmd_status, "--format=json");
	expect(out, "\"check\":{\"state\":\"done\",\"reason\":null}");
	expect(out, "\"check\":\"cannot happen\"");
	expect(out, "\"check\":\"vulnerable\",\"check_evidence\":\"it does not call it\"");
	check.progress = CHECK_FAILED;
	check.classes[THPRACE_TRUNCATE_UNMAP].status = CHECK_UNKNOWN;
	strcpy(check.reason, "no such program");
	RUN_ALONE(cmd_status);
	expect(out, "kernel     whether it has the fixes is not known: no such program\n");
	server->fake.state.check = NULL;
}

static void test_over_budget(void **state)
{
	const struct zapper_state zapper = {.uid = 65534,
					    .tgid = 321,
					    .comm = "zapflood",
					    .unit = "flood.service",
					    .calls = 1000,
					    .zaps = 990,
					    .part = 0.97};

	(void)state;
	server->fake.state.overhead.over = true;
	server->fake.state.overhead.zappers = &zapper;
	server->fake.state.overhead.nr_zappers = 1;
	RUN_ALONE(cmd_status);
	expect(out, "; over budget");
	expect(out, "97% of the zaps are those of uid 65534, flood.service, zapflood/321\n");
	expect_narrow(out);
	RUN(cmd_status, "--format=json");
	expect(out, "\"zappers\":[{\"uid\":65534,\"tgid\":321,\"comm\":\"zapflood\","
		    "\"unit\":\"flood.service\"");
	server->fake.state.overhead.nr_zappers = 0;
	server->fake.state.overhead.over = false;
}

static void test_nobody(void **state)
{
	(void)state;
	assert_int_equal(run(cmd_status, "--socket", "/nowhere/control.sock", NULL), CLI_FAILED);
	expect(err, "systemctl status thpraced");
	assert_string_equal(out, "");
	assert_int_equal(run(cmd_metrics, "--socket", "/nowhere/control.sock", NULL), CLI_FAILED);
	assert_int_equal(run(cmd_reload, "--socket", "/nowhere/control.sock", NULL), CLI_FAILED);
	assert_int_equal(run(cmd_incidents, "--socket", "/nowhere/control.sock", "--follow", NULL),
			 CLI_FAILED);
	expect(err, "systemctl status thpraced");
}

/* A user who is not allowed is told which group is. */
static void test_not_allowed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(9);
		if (RUN_ALONE(cmd_status) != CLI_FAILED)
			_exit(1);
		_exit(strstr(err, "group 'daemon'") && strstr(err, "adduser nobody daemon") ? 0
											    : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_reload(void **state)
{
	(void)state;
	assert_int_equal(RUN_ALONE(cmd_reload), CLI_DONE);
	assert_string_equal(out, "applied\n");
	server->fake.complaint = "a.conf:1: unknown key 'x'\na.conf:2: bad \x1b value";
	assert_int_equal(RUN_ALONE(cmd_reload), CLI_FAILED);
	assert_string_equal(err, "thprace reload: not applied:\na.conf:1: unknown key 'x'\n"
				 "a.conf:2: bad ? value\n");
	assert_int_equal(RUN_ALONE(cmd_metrics), CLI_DONE);
	assert_string_equal(out, "# HELP a b\nthprace_up{a=\"b\"} 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),	 TEST(test_nobody),  TEST(test_shed_class),
		TEST(test_silent_entry), TEST(test_checked), TEST(test_over_budget),
		TEST(test_not_allowed),	 TEST(test_reload),
	};

	setenv("TZ", "UTC0", 1);
	setenv("NO_COLOR", "1", 1);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
