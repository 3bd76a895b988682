// SPDX-License-Identifier: GPL-2.0-only
/*
 * thprace top without its screen: what it takes from a daemon's answers, the rates of two of them,
 * orders, pairs of stacks, the latest incidents. The daemon is the control socket with hooks of the
 * test.
 */
#include "cli_support.h"

#include <curses.h>
#include "base/json.h"
#include "incident_raw.h"
#include "report/summary.h"
#include "top.h"
#include "top_screen.h"
#include "top_source.h"

#define COLUMNS 80

static struct top *top;

static int begin(void **state)
{
	(void)state;
	top = top__new(0);
	return top ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	top__free(top);
	return 0;
}

static struct json_object *object(const char *text)
{
	struct json_object *result = NULL;

	assert_int_equal(json__parse(&result, text, strlen(text)), 0);
	return result;
}

/* The daemon that started at `started` answers at `now`, both in s. */
static void answer(unsigned int started, unsigned int now, unsigned int walkers,
		   unsigned int escapes, unsigned int windows)
{
	struct json_object *status;
	char text[2048];

	snprintf(
		text, sizeof(text),
		"{\"type\":\"status\",\"version\":\"1\\u001b[31m\",\"kernel\":\"6.1\","
		"\"mode\":\"light\",\"started_ns\":%u000000000,\"now_ns\":%u000000000,"
		"\"totals\":{\"escapes\":%u,\"likely\":1},\"classes\":[{\"class\":\"split-unmap\","
		"\"observable\":false,\"reason\":\"shed: busy\"},{\"class\":\"split-head\","
		"\"observable\":true,\"walkers\":7,\"overlaps\":3},{\"class\":\"truncate-unmap\","
		"\"observable\":true,\"walkers\":%u,\"overlaps\":2,\"escapes\":%u,\"remained\":1,"
		"\"unproven\":4}],\"phases\":[{\"phase\":\"phase1\",\"count\":9},{\"phase\":"
		"\"whole\",\"count\":%u,\"p50_ns\":1200,\"p99_ns\":9100,\"max_ns\":30000}],"
		"\"loss\":{\"seen\":1000,\"lost\":%u},\"probes\":[{\"point\":\"zap\",\"function\":"
		"\"the_zap\",\"state\":\"shed\"},{\"point\":\"lock\",\"function\":\"the_lock\","
		"\"state\":\"failed\"}],\"spool\":{\"skipped\":12},\"overhead\":{\"measured\":true,"
		"\"share\":0.001,\"budget\":0.005,\"cpu_ns\":%u00000000}}",
		started, now, escapes, walkers, escapes, windows, walkers / 10, now);
	status = object(text);
	top_source__status(top, status);
	json_object_put(status);
}

static void rates(void **state)
{
	(void)state;
	answer(10, 20, 100, 2, 50);
	assert_int_equal(top->now.nr_classes, 3);
	assert_true(top->walkers_per_s[2] == 0);
	assert_int_equal(top->windows.nr, 0);
	answer(10, 22, 140, 2, 60);
	assert_true(top->walkers_per_s[2] == 20);
	assert_true(top->walkers_per_s[1] == 0);
	assert_true(top->windows_per_s == 5);
	assert_true(top->lost_per_s == 2);
	assert_true(top->cpu_share > 0.099 && top->cpu_share < 0.101);
	assert_int_equal(top->windows.nr, 1);
	assert_int_equal(top->walkers[2].nr, 1);
	assert_int_equal(top->now.classes[2].others, 5);
	assert_false(top->now.classes[0].observable);
	assert_string_equal(top->now.classes[0].reason, "shed: busy");
	assert_string_equal(top->now.version, "1?[31m");
	assert_int_equal(top->now.phases[THPRACE_PHASE_WHOLE].p99, 9100);
	assert_int_equal(top->now.phases[THPRACE_PHASE_1].count, 9);
	assert_int_equal(top->now.escapes, 2);
	assert_int_equal(top->now.shed, 1);
	assert_int_equal(top->now.only_counted, 12);
	assert_string_equal(summary__function(top->names, "zap", "any"), "the_zap");
	assert_string_equal(summary__function(top->names, "lock", "any"), "any");
	/* Another daemon: its counts are no growth, and its past is another one. */
	answer(30, 31, 1000, 0, 1000);
	assert_true(top->walkers_per_s[2] == 0);
	assert_true(top->windows_per_s == 0);
	assert_int_equal(top->windows.nr, 0);
	answer(30, 32, 1010, 0, 1000);
	assert_true(top->walkers_per_s[2] == 10);
}

/* Of a race from a file: how long its windows are, and how near they came. */
static void race_from_a_file(void **state)
{
	static const char text[] =
		"{\"type\":\"status\",\"started_ns\":1,\"now_ns\":%u000000000,"
		"\"closest\":{\"distance_ns\":77},\"classes\":[{\"class\":\"split-unmap\"},"
		"{\"class\":\"a-race\",\"observable\":true,\"windows\":%u,\"lengths\":{"
		"\"count\":4,\"p50_ns\":5,\"p99_ns\":6,\"max_ns\":7},"
		"\"closest\":{\"distance_ns\":88}}]}";
	struct json_object *status;
	char answer[sizeof(text) + 20];
	unsigned int i;

	(void)state;
	for (i = 1; i <= 2; i++) {
		snprintf(answer, sizeof(answer), text, i, 10 * i);
		status = object(answer);
		top_source__status(top, status);
		json_object_put(status);
	}
	assert_int_equal(top->now.closest, 77);
	assert_false(top->now.classes[0].measured);
	assert_int_equal(top->now.classes[0].closest, 0);
	assert_true(top->now.classes[1].measured);
	assert_int_equal(top->now.classes[1].closest, 88);
	assert_int_equal(top->now.classes[1].lengths.p99, 6);
	assert_int_equal(top->now.classes[1].lengths.max, 7);
	assert_true(top->race_windows_per_s[1] == 10);
}

static void orders(void **state)
{
	unsigned int list[THPRACE_CLASS_MAX];

	(void)state;
	answer(10, 20, 100, 2, 50);
	answer(10, 22, 140, 2, 60);
	top__order(top, TOP_BY_CLASS, list);
	assert_true(list[0] == 0 && list[1] == 1 && list[2] == 2);
	top__order(top, TOP_BY_WALKERS, list);
	assert_true(list[0] == 2 && list[1] == 0 && list[2] == 1);
	top__order(top, TOP_BY_OVERLAPS, list);
	assert_true(list[0] == 1 && list[1] == 2 && list[2] == 0);
	top__order(top, TOP_BY_ESCAPES, list);
	assert_int_equal(list[0], 2);
}

static void sparks(void **state)
{
	char buf[TOP_SPARK_LEN];
	unsigned int i;

	(void)state;
	assert_string_equal(top__spark(&top->windows, 40, 0, buf), "");
	answer(10, 20, 0, 0, 0);
	answer(10, 21, 0, 0, 0);
	answer(10, 22, 0, 0, 70);
	answer(10, 23, 0, 0, 100);
	assert_string_equal(top__spark(&top->windows, 40, 0, buf), "_#-");
	assert_string_equal(top__spark(&top->windows, 40, 1, buf), "▁█▄");
	assert_string_equal(top__spark(&top->windows, 1, 0, buf), "#");
	assert_string_equal(top__spark(&top->windows, 0, 0, buf), "");
	for (i = 24; i < 124; i++)
		answer(10, i, 0, 0, 100 + i);
	assert_int_equal(top->windows.nr, TOP_SPARK);
	assert_int_equal(names__columns(top__spark(&top->windows, 1000, 1, buf)), TOP_SPARK);
}

/* Of one of several pairs of stacks. */
static void incident(unsigned int number, enum thprace_verdict verdict, uint64_t opener)
{
	struct thprace_incident one = fake_incident(number);

	one.verdict = verdict;
	one.opener_stack.ip[0] = opener;
	top__incident(top, number, 5, &one);
}

static void latest(void **state)
{
	static const struct top_incident *list[TOP_INCIDENTS];
	unsigned int i;

	(void)state;
	assert_int_equal(top__latest(top, 0, list, TOP_INCIDENTS), 0);
	for (i = 1; i <= TOP_INCIDENTS + 100; i++)
		incident(i, i % 100 ? THPRACE_CONTAINED : THPRACE_ESCAPE, 1);
	assert_int_equal(top__latest(top, 0, list, 3), 3);
	assert_int_equal(list[0]->number, TOP_INCIDENTS + 100);
	assert_int_equal(list[2]->number, TOP_INCIDENTS + 98);
	/* Only the last ones are kept. */
	assert_int_equal(top__latest(top, THPRACE_ESCAPE, list, TOP_INCIDENTS), 10);
	assert_int_equal(list[9]->number, 200);
	assert_int_equal(top__latest(top, 0, list, TOP_INCIDENTS), TOP_INCIDENTS);
	assert_null(top__find(top, 100));
	assert_int_equal(top__find(top, 101)->number, 101);
}

/* Escapes first, then the most frequent; of the incidents that are kept. */
static void pairs(void **state)
{
	const struct incident_group *list[TOP_PAIRS];
	char name[INCIDENT_GROUP_NAME_LEN];
	unsigned int i;

	(void)state;
	assert_int_equal(top__group(top), 0);
	assert_int_equal(top__pairs(top, 0, list, TOP_PAIRS), 0);
	for (i = 0; i < 40; i++)
		incident(3 * i + 1, THPRACE_CONTAINED, i % 4 ? 0x1000 : 0x2000);
	incident(301, THPRACE_ESCAPE, 0x1000);
	assert_int_equal(top__group(top), 0);
	assert_int_equal(top__pairs(top, 0, list, TOP_PAIRS), 3);
	assert_int_equal(list[0]->verdict, THPRACE_ESCAPE);
	assert_int_equal(list[1]->count, 30);
	assert_int_equal(list[2]->count, 10);
	assert_int_equal(top__pairs(top, 0, list, 2), 2);
	assert_int_equal(list[1]->count, 30);
	assert_int_equal(top__pairs(top, THPRACE_CONTAINED, list, TOP_PAIRS), 2);
	assert_true(top__unnamed(top, &list[0]->example.incident));
	top__name(top, 0x1000, "__x64_sys_munmap+0x1a");
	top__name(top, 0x1000, "another+0x1");
	top__name(top, 0x2000, "not\x1b[2Jplain");
	assert_false(top__unnamed(top, &list[0]->example.incident));
	assert_true(top__unnamed(top, &list[1]->example.incident));
	assert_int_equal(top__group(top), 0);
	top__pairs(top, THPRACE_CONTAINED, list, TOP_PAIRS);
	assert_string_equal(incident_groups__name(name, sizeof(name), list[0], 0), "munmap <-> ?");
	assert_string_equal(list[1]->opener, "?");
}

/* More names than there is space for, in no order. */
static void many_names(void **state)
{
	char name[32];
	uint64_t i;

	(void)state;
	for (i = 0; i < TOP_SYMBOLS + 100; i++) {
		snprintf(name, sizeof(name), "f%u", (unsigned int)(i * 7919 % 20011));
		top__name(top, 1 + i * 7919 % 20011, name);
	}
	assert_int_equal(top->names->nr_symbols, TOP_SYMBOLS);
	assert_string_equal(summary__symbol(top->names, 1 + 7919), "f7919");
	for (i = 0; i < SUMMARY_LISTED_MAX + 100; i++) {
		snprintf(name, sizeof(name), "p%u", (unsigned int)i);
		top__function(top, name, "f");
	}
	assert_int_equal(top->names->nr_probes, SUMMARY_LISTED_MAX);
}

static void tasks(void **state)
{
	char buf[TOP_TASK_LEN];

	(void)state;
	assert_string_equal(top__task(buf, "a\x1b[1m b", 16, 4294967295, 0), "a?[1m b/4294967295");
	assert_string_equal(top__task(buf, "0123456789abcdef", 16, 7, 0), "0123456789abcdef/7");
	assert_string_equal(top__task(buf, "", 0, 0, 0), "-");
}

/* Members that are missing or of another type. */
static void odd_answers(void **state)
{
	struct json_object *odd =
		object("{\"classes\":7,\"phases\":{},\"loss\":[],\"now_ns\":\"x\"}");
	struct json_object *none = object("{\"type\":\"incident\",\"raw\":\"00\"}");
	struct json_object *end = object("{\"type\":\"end\",\"first\":90,\"next\":95}");

	(void)state;
	top_source__status(top, odd);
	top_source__status(top, odd);
	top_source__line(top, none);
	top_source__line(top, odd);
	assert_int_equal(top->now.nr_classes, 0);
	assert_int_equal(top->nr_incidents, 0);
	/* What the daemon had dropped before it was asked is counted, but not the first time. */
	top_source__line(top, end);
	assert_int_equal(top->missed, 0);
	top->next = 80;
	top_source__line(top, end);
	assert_int_equal(top->missed, 10);
	assert_int_equal(top->next, 95);
	json_object_put(odd);
	json_object_put(none);
	json_object_put(end);
}

static int begin_served(void **state)
{
	return start(state) || begin(state);
}

static int finish_served(void **state)
{
	return finish(state) || stop(state);
}

/* From a control socket: the counts, the incidents, each once, and the names of their stacks. */
static void from_a_daemon(void **state)
{
	struct top_source *source = top_source__daemon(server->socket);
	char why[512];

	(void)state;
	assert_non_null(source);
	assert_int_equal(source->ask(source, top, why, sizeof(why)), 0);
	assert_int_equal(top->now.escapes, 2);
	assert_string_equal(top->now.kernel, "6.1.0-test");
	assert_true(top->now.budget == 0.005);
	assert_int_equal(top->nr_incidents, 2);
	assert_int_equal(top->incidents[0].number, 4);
	assert_memory_equal(&top->incidents[0].incident, &server->fake.incidents[4],
			    sizeof(struct thprace_incident));
	poke(server, 'i');
	assert_int_equal(source->ask(source, top, why, sizeof(why)), 0);
	assert_int_equal(top->nr_incidents, 3);
	assert_true(top__unnamed(top, &top->incidents[0].incident));
	source->name(source, top, &top->incidents[0]);
	assert_false(top__unnamed(top, &top->incidents[0].incident));
	assert_string_equal(summary__symbol(top->names, 0xffffffff81000000),
			    "__x64_sys_munmap+0x1a");
	server_stop(server);
	assert_int_not_equal(source->ask(source, top, why, sizeof(why)), 0);
	expect(why, "nobody answers on ");
	source->name(source, top, &top->incidents[0]);
	server_start(server);
	assert_int_equal(source->ask(source, top, why, sizeof(why)), 0);
	source->close(source);
}

/* A row of the screen. */
static const char *screen_row(int y)
{
	static char text[COLUMNS + 1];

	mvinnstr(y, 0, text, COLUMNS);
	return text;
}

/* What must stay in sight on a terminal of 80 columns, however long the figures are. */
static void narrow_screen(void **state)
{
	struct top_phase long_ones = {9999999, 915700, 931800000, 999482000000};
	struct top_view view = {.order = TOP_BY_CLASS};
	struct top_class *race = &top->now.classes[0];
	int kept = dup(1), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	snprintf(race->name, sizeof(race->name), "a-race-whose-name-takes-31-byte");
	race->observable = race->measured = true;
	race->lengths = long_ones;
	race->closest = 275500;
	top->now.nr_classes = 1;
	top->now.phases[THPRACE_PHASE_WHOLE] = long_ones;
	top->now.closest = 999500000;
	top->windows_per_s = 9999999;
	top->windows = (struct top_history){.rate = {1, 7, 3}, .nr = 3};
	setenv("TERM", "vt100", 1);
	setenv("COLUMNS", "80", 1);
	setenv("LINES", "24", 1);
	dup2(nowhere, 1);
	assert_true(top_screen__begin(false));
	top_screen__draw(top, &view);
	expect(screen_row(1), "no escapes, closest pass 999.500 ms");
	expect(screen_row(4),
	       "windows  9,999,999/s, p50 915.7 us, p99 931.800 ms, max 999.482 s  .#-");
	/* A figure that was cut off looks cut off. */
	assert_non_null(
		strstr(screen_row(5), "  a-race-whose-name-takes-31-byte: 0.0/s, p50 915.7 us"));
	assert_int_equal(screen_row(5)[COLUMNS - 1], '>');
	top->now.escapes = 3;
	top_screen__draw(top, &view);
	expect(screen_row(1), "3 escapes, 3 proved, closest pass 999.500 ms");
	top_screen__end();
	fflush(stdout);
	dup2(kept, 1);
	close(kept);
	close(nowhere);
}

/* It needs a terminal, and says so once. */
static void no_terminal(void **state)
{
	(void)state;
	assert_int_equal(run(cmd_top, NULL), CLI_FAILED);
	assert_string_equal(err, "thprace top: it needs a terminal; 'thprace status' prints the "
				 "same once\n");
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rates, begin, finish),
		cmocka_unit_test_setup_teardown(race_from_a_file, begin, finish),
		cmocka_unit_test_setup_teardown(orders, begin, finish),
		cmocka_unit_test_setup_teardown(sparks, begin, finish),
		cmocka_unit_test_setup_teardown(latest, begin, finish),
		cmocka_unit_test_setup_teardown(pairs, begin, finish),
		cmocka_unit_test_setup_teardown(many_names, begin, finish),
		cmocka_unit_test_setup_teardown(tasks, begin, finish),
		cmocka_unit_test_setup_teardown(odd_answers, begin, finish),
		cmocka_unit_test_setup_teardown(from_a_daemon, begin_served, finish_served),
		cmocka_unit_test_setup_teardown(narrow_screen, begin, finish),
		cmocka_unit_test(no_terminal),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
