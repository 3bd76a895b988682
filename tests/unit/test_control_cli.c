// SPDX-License-Identifier: GPL-2.0-only
/* The verbs that ask the daemon, against a control socket whose hooks are the test's own. */
#include "control_support.h"

#include <grp.h>
#include <locale.h>
#include <sys/wait.h>
#include <time.h>
#include "cli.h"
#include "base/names.h"
#include "trace/spool_dir.h"
#include "when.h"

#define WALL 1700000000000000000ULL /* when the spool's file began */
#define DAY 86400000000000ULL

static struct server *server;
static char spool_file[96], out[1 << 16], err[1 << 14];

/* A spool of five incidents, of which the daemon has 4 and later ones in memory. */
static void make_spool(void)
{
	static const char meta[] = "{\"kernel\":\"6.1.0\",\"probes\":[{\"point\":\"zap\","
				   "\"function\":\"the_zap\",\"state\":\"attached\"}]}";
	static const char symbols[] = "{\"0xffffffff81000000\":\"zap_huge_pmd+0x10\"}";
	struct thprace_incident incident;
	struct trace_writer *writer;
	uint64_t i;

	snprintf(spool_file, sizeof(spool_file), "%s/incidents-000000000001.thpr", server->folder);
	assert_int_equal(trace_writer__open(&writer, spool_file, 0, WALL, 0), 0);
	trace_writer__json(writer, THPRACE_BLOCK_META, meta);
	for (i = 1; i <= 5; i++) {
		incident = fake_incident(i);
		incident.walk.leave += i == 1 ? 0 : DAY;
		trace_writer__incident(writer, &incident);
	}
	trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, symbols);
	assert_int_equal(trace_writer__close(writer), 0);
}

static int start(void **state)
{
	(void)state;
	server = server_new();
	make_spool();
	server->fake.next = 4;
	server->fake.first = 4;
	server_start(server);
	poke(server, 'i');
	poke(server, 'i');
	return server->err;
}

static int stop(void **state)
{
	(void)state;
	server_stop(server);
	unlink(spool_file);
	server_free(server);
	return 0;
}

static void slurp(FILE *from, char *buf, size_t size)
{
	size_t got;

	rewind(from);
	got = fread(buf, 1, size - 1, from);
	buf[got] = '\0';
	fclose(from);
}

/* Run a verb; what it printed is in out and err. The last argument is NULL. */
static int run(int (*verb)(int argc, char **argv), ...)
{
	char *argv[16] = {(char *)"thprace verb"}, *arg;
	FILE *outs = tmpfile(), *errs = tmpfile();
	int kept_out, kept_err, argc = 1, status;
	va_list args;

	va_start(args, verb);
	while ((arg = va_arg(args, char *)) && argc < 15)
		argv[argc++] = arg;
	va_end(args);
	assert_non_null(outs);
	assert_non_null(errs);
	fflush(NULL);
	kept_out = dup(1);
	kept_err = dup(2);
	dup2(fileno(outs), 1);
	dup2(fileno(errs), 2);
	status = verb(argc, argv);
	fflush(NULL);
	dup2(kept_out, 1);
	dup2(kept_err, 2);
	close(kept_out);
	close(kept_err);
	slurp(outs, out, sizeof(out));
	slurp(errs, err, sizeof(err));
	return status;
}

#define RUN(verb, ...) run(verb, "--socket", server->socket, __VA_ARGS__, NULL)
#define RUN_ALONE(verb) run(verb, "--socket", server->socket, NULL)

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in: %s", part, text);
}

static void expect_narrow(const char *text)
{
	char line[512];
	size_t length;

	for (; *text; text += length + !!text[length]) {
		length = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (names__columns(line) > 100)
			fail_msg("too wide: %s", line);
	}
}

static unsigned int lines(const char *text)
{
	unsigned int nr = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		nr++;
	}
	return nr;
}

/* --- status, reload, metrics ----------------------------------------------------------------------- */

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
	assert_string_equal(word(answer, "type"), "status");
	json_object_put(answer);
	/* Without an escape, and with all that may be wrong. */
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

/* The line of a text that begins so, or NULL. */
static const char *line_of(const char *text, const char *begin)
{
	for (; text && strncmp(text, begin, strlen(begin)) != 0; text = text ? text + 1 : NULL)
		text = strchr(text, '\n');
	return text;
}

/* A class whose probe is shed never looks like one that is watched, whatever was counted before. */
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
	assert_string_equal(word(class, "class"), "split-migrate");
	assert_false(json_object_get_boolean(json_object_object_get(class, "observable")));
	assert_true(json_object_get_boolean(json_object_object_get(class, "shed")));
	assert_string_equal(word(class, "reason"), "shed: it was too dear");
	json_object_put(answer);
	probe->state = PROBE_ATTACHED;
	server->fake.totals.counters.sum.walkers[THPRACE_SPLIT_MIGRATE] = 0;
}

/* An entry that never runs while its return does: neither its probe nor its classes look like watched ones. */
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

/* What the kernel's code says stands in a column, and why it is vulnerable. */
static void test_checked(void **state)
{
	static struct check_state check;
	int class;

	(void)state;
	check.progress = CHECK_DONE;
	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		check.classes[class].word = CHECK_UNKNOWN;
	check.classes[THPRACE_SPLIT_UNMAP].word = CHECK_FIXED;
	check.classes[THPRACE_SPLIT_HEAD].word = CHECK_CANNOT_HAPPEN;
	check.classes[THPRACE_TRUNCATE_UNMAP].word = CHECK_VULNERABLE;
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
	check.classes[THPRACE_TRUNCATE_UNMAP].word = CHECK_UNKNOWN;
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

/* Who is not allowed reads which group is. */
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

/* --- incidents ------------------------------------------------------------------------------------- */

/* Are these the numbers of what was listed, one per line? */
static void expect_numbers(const char *numbers)
{
	char found[128] = "", *line, *rest = NULL, copy[sizeof(out)];
	size_t used = 0;

	expect_narrow(out);
	memcpy(copy, out, sizeof(out));
	for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strtoul(line, NULL, 10))
			used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%lu",
						 used ? " " : "", strtoul(line, NULL, 10));
	}
	assert_string_equal(found, numbers);
}

static void test_incidents(void **state)
{
	(void)state;
	/* 1 to 3 from the file, 4 and 5 from memory. */
	assert_int_equal(RUN_ALONE(cmd_incidents), CLI_DONE);
	expect_numbers("1 2 3 4 5");
	expect(out, " opener/7 ");
	expect(out, " walk?[2Jer/8\n");
	assert_int_equal(RUN(cmd_incidents, "-n", "3"), CLI_DONE);
	expect_numbers("3 4 5");
	assert_int_equal(RUN(cmd_incidents, "-n", "1"), CLI_DONE);
	expect_numbers("5");
	assert_int_equal(RUN(cmd_incidents, "-n", "0"), CLI_DONE);
	expect_numbers("");
	assert_int_equal(RUN(cmd_incidents, "--verdict=escape"), CLI_DONE);
	expect_numbers("2 4");
	assert_int_equal(RUN(cmd_incidents, "--class=truncate-unmap"), CLI_DONE);
	expect_numbers("3");
	assert_int_equal(RUN(cmd_incidents, "--verdict=contained", "-n", "2"), CLI_DONE);
	expect_numbers("3 5");
	/* What the machine's clock made of the two in memory is today; the file's are of 2023. */
	assert_int_equal(RUN(cmd_incidents, "--since=2023-11-15 18:00"), CLI_DONE);
	expect_numbers("2 3 4 5");
	assert_string_equal(err, "");
}

static void test_incidents_json(void **state)
{
	struct json_object *line;
	char *end;

	(void)state;
	assert_int_equal(RUN(cmd_incidents, "--format=json"), CLI_DONE);
	assert_int_equal(lines(out), 5);
	end = strchr(out, '\n');
	*end = '\0';
	line = json_tokener_parse(out);
	assert_int_equal(count(line, "number"), 1);
	assert_int_equal(count(line, "wall_ns"), WALL + 1900);
	assert_string_equal(word(line, "file"), spool_file);
	json_object_put(line);
}

/* Without a daemon: from a folder that is named. */
static void test_incidents_alone(void **state)
{
	(void)state;
	assert_int_equal(run(cmd_incidents, "--spool", server->folder, NULL), CLI_DONE);
	expect_numbers("1 2 3 4 5");
	assert_int_equal(run(cmd_incidents, "--spool", server->folder, "-n", "2", NULL), CLI_DONE);
	expect_numbers("4 5");
	assert_int_equal(run(cmd_incidents, "--spool", "/nowhere", NULL), CLI_FAILED);
	expect(err, "/nowhere");
}

/* Damage is told, and the rest is listed. */
static void test_incidents_damaged(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(spool_file, &st), 0);
	assert_int_equal(truncate(spool_file, st.st_size - 5), 0);
	assert_int_equal(run(cmd_incidents, "--spool", server->folder, NULL), CLI_DONE);
	expect_numbers("1 2 3 4 5");
	assert_int_equal(truncate(spool_file, 20), 0);
	assert_int_equal(RUN_ALONE(cmd_incidents), CLI_DONE);
	expect_numbers("4 5");
	expect(err, spool_file);
}

static void test_follow(void **state)
{
	char *argv[] = {
		(char *)"thprace incidents", (char *)"--socket", server->socket, (char *)"--follow",
		(char *)"--format=json",     (char *)"-n",	 (char *)"1",	 NULL};
	char line[4096], begin[64];
	unsigned int i;
	int ends[2];
	FILE *from;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(ends[1], 1);
		close(ends[0]);
		_exit(cmd_incidents(7, argv));
	}
	close(ends[1]);
	from = fdopen(ends[0], "r");
	for (i = 5; i < 9; i++) {
		snprintf(begin, sizeof(begin), "{\"type\":\"incident\",\"number\":%u,", i);
		assert_non_null(fgets(line, sizeof(line), from));
		expect(line, begin);
		poke(server, 'i');
	}
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fclose(from);
}

/* --- show, dump --live ----------------------------------------------------------------------------- */

static void test_show(void **state)
{
	(void)state;
	assert_int_equal(RUN(cmd_show, "2"), CLI_DONE);
	expect(out, spool_file);
	expect(out, "incident 2: split-unmap");
	expect(out, "the_zap()");
	expect(out, "zap_huge_pmd+0x10");
	expect_narrow(out);
	assert_int_equal(RUN(cmd_show, "--no-stacks", "5"), CLI_DONE);
	assert_null(strstr(out, "zap_huge_pmd+0x10"));
	assert_int_equal(server->fake.flushes, 2);
	/* Only in memory. */
	poke(server, 'i');
	assert_int_equal(RUN(cmd_show, "6"), CLI_DONE);
	expect(out, "in the daemon's memory only");
	expect(out, "incident 6: truncate-unmap");
	expect(out, "0xffffffff81000000");
	assert_int_equal(RUN(cmd_show, "7"), CLI_FAILED);
	expect(err, "no incident 7");
	assert_string_equal(out, "");
	/* Without a daemon. */
	assert_int_equal(run(cmd_show, "--spool", server->folder, "1", NULL), CLI_DONE);
	expect(out, "incident 1: ");
	assert_int_equal(run(cmd_show, "--spool", server->folder, "6", NULL), CLI_FAILED);
	assert_int_equal(run(cmd_show, "--socket", "/nowhere/c", "--spool", "/nowhere", "6", NULL),
			 CLI_FAILED);
}

static void test_dump_live(void **state)
{
	char path[96];
	struct stat st;

	(void)state;
	server->fake.incidents[1] = fake_incident(1);
	assert_int_equal(RUN(cmd_dump, "--live", "-d", "3"), CLI_DONE);
	assert_int_equal(lines(out), 4);
	expect(out, "split-unmap");
	assert_false(server->fake.live_from_now);
	assert_int_equal(RUN(cmd_dump, "--live", "-d", "2", "--from-now", "--format=csv"),
			 CLI_DONE);
	assert_int_equal(lines(out), 3);
	assert_true(server->fake.live_from_now);
	snprintf(path, sizeof(path), "%s/taken", server->folder);
	assert_int_equal(RUN(cmd_dump, "--live", "-o", path), CLI_DONE);
	assert_string_equal(out, "");
	assert_int_equal(stat(path, &st), 0);
	assert_true(server->fake.live_seconds == 0);
	assert_int_equal(run(cmd_dump, path, NULL), CLI_DONE);
	unlink(path);
	server->fake.live_error = "the flight recorder sleeps";
	assert_int_equal(RUN(cmd_dump, "--live"), CLI_FAILED);
	expect(err, "the flight recorder sleeps");
}

/* --- times ----------------------------------------------------------------------------------------- */

static void test_when(void **state)
{
	static const char *const wrong[] = {"",
					    "x",
					    "--1h",
					    "-",
					    " ago",
					    "-today",
					    "2h3",
					    "1y",
					    "2023-13-01",
					    "12:00",
					    "2023-02-31",
					    "99999999999999999w",
					    "2023-11-14 22:13:20x"};
	const uint64_t now = WALL; /* 2023-11-14 22:13:20 UTC */
	const uint64_t second = 1000000000;
	uint64_t ns = 0;
	char buf[WHEN_LEN];
	size_t i;

	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	assert_int_equal(when__parse("90s", now, &ns), 0);
	assert_int_equal(ns, now - 90 * second);
	assert_int_equal(when__parse("10min", now, &ns), 0);
	assert_int_equal(ns, now - 600 * second);
	assert_int_equal(when__parse("90", now, &ns), 0);
	assert_int_equal(ns, now - 90 * second);
	assert_int_equal(when__parse("-1h 30min", now, &ns), 0);
	assert_int_equal(ns, now - 5400 * second);
	assert_int_equal(when__parse("1.5min ago", now, &ns), 0);
	assert_int_equal(ns, now - 90 * second);
	assert_int_equal(when__parse("now", now, &ns), 0);
	assert_int_equal(ns, now);
	assert_int_equal(when__parse("2h", now, &ns), 0);
	assert_int_equal(ns, now - 7200 * second);
	assert_int_equal(when__parse("1d", now, &ns), 0);
	assert_int_equal(ns, now - DAY);
	assert_int_equal(when__parse("100000w", now, &ns), -EINVAL);
	assert_int_equal(when__parse("20000d", now, &ns), 0);
	assert_int_equal(ns, 0);
	assert_int_equal(when__parse("2023-11-14 22:13:20", now, &ns), 0);
	assert_int_equal(ns, now);
	assert_int_equal(when__parse("2023-11-14 22:13", now, &ns), 0);
	assert_int_equal(ns, now - 20 * second);
	assert_int_equal(when__parse("today", now, &ns), 0);
	assert_int_equal(ns, now - (22 * 3600 + 13 * 60 + 20) * second);
	assert_int_equal(when__parse("2023-11-14", now, &ns), 0);
	assert_int_equal(ns, now - (22 * 3600 + 13 * 60 + 20) * second);
	assert_int_equal(when__parse("yesterday", now, &ns), 0);
	assert_int_equal(ns, now - DAY - (22 * 3600 + 13 * 60 + 20) * second);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(when__parse(wrong[i], now, &ns), -EINVAL);
	assert_string_equal(when__long(buf, sizeof(buf), now + 1234567),
			    "2023-11-14 22:13:20.001234 +0000");
	assert_string_equal(when__short(buf, sizeof(buf), now), "11-14 22:13:20");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),	    TEST(test_nobody),
		TEST(test_shed_class),	    TEST(test_silent_entry),
		TEST(test_checked),	    TEST(test_over_budget),
		TEST(test_not_allowed),	    TEST(test_reload),
		TEST(test_incidents),	    TEST(test_incidents_json),
		TEST(test_incidents_alone), TEST(test_incidents_damaged),
		TEST(test_follow),	    TEST(test_show),
		TEST(test_dump_live),	    cmocka_unit_test(test_when),
	};

	setenv("TZ", "UTC0", 1);
	setenv("NO_COLOR", "1", 1);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
