// SPDX-License-Identifier: GPL-2.0-only
/*
 * incidents, show and dump --live, with the daemon's memory and a spool's files; times as users
 * write them.
 */
#include "cli_support.h"

#include <time.h>
#include "trace/spool_dir.h"
#include "when.h"

/* Are these the numbers of the listed incidents, one per line? */
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
	/*
	 * The two in memory have today's times, from the machine's clock; those in the file are of
	 * 2023.
	 */
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
	assert_string_equal(text_of(line, "file"), spool_file);
	json_object_put(line);
}

/* Without a daemon: from a given folder. */
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

/* Damage is reported, and the rest is listed. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
