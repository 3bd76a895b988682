// SPDX-License-Identifier: GPL-2.0-only
/* thprace top without its screen: rates from two answers, orders, the latest incidents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <json-c/json.h>
#include "base/json.h"
#include "base/names.h"
#include "class_ids.h"
#include "top.h"

static struct top top;

static int start(void **state)
{
	(void)state;
	memset(&top, 0, sizeof(top));
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
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"type\":\"status\",\"version\":\"1\",\"kernel\":\"6.1\",\"mode\":\"light\","
		 "\"started_ns\":%u000000000,\"now_ns\":%u000000000,\"totals\":{\"escapes\":%u,"
		 "\"likely\":1},\"classes\":[{\"class\":\"split-unmap\",\"observable\":false,"
		 "\"reason\":\"shed: busy\"},{\"class\":\"split-head\",\"observable\":true,"
		 "\"walkers\":7,\"overlaps\":3},{\"class\":\"truncate-unmap\",\"observable\":true,"
		 "\"walkers\":%u,\"overlaps\":2,\"escapes\":%u,\"remained\":1,\"unproven\":4}],"
		 "\"phases\":[{\"phase\":\"phase1\",\"count\":9},{\"phase\":\"whole\",\"count\":%u,"
		 "\"p50_ns\":1200,\"p99_ns\":9100,\"max_ns\":30000}],\"loss\":{\"seen\":1000,"
		 "\"lost\":%u},\"probes\":[{\"state\":\"shed\"},{\"state\":\"attached\"}],"
		 "\"overhead\":{\"measured\":true,\"share\":0.001,\"budget\":0.005}}",
		 started, now, escapes, walkers, escapes, windows, walkers / 10);
	status = object(text);
	top__status(&top, status);
	json_object_put(status);
}

static void rates(void **state)
{
	(void)state;
	answer(10, 20, 100, 2, 50);
	assert_int_equal(top.nr_classes, 3);
	assert_true(top.classes[2].walkers_per_s == 0);
	assert_int_equal(top.nr_spark, 0);
	answer(10, 22, 140, 2, 60);
	assert_true(top.classes[2].walkers_per_s == 20);
	assert_true(top.classes[1].walkers_per_s == 0);
	assert_true(top.windows_per_s == 5);
	assert_true(top.lost_per_s == 2);
	assert_int_equal(top.nr_spark, 1);
	assert_int_equal(top.classes[2].others, 5);
	assert_false(top.classes[0].observable);
	assert_string_equal(top.classes[0].reason, "shed: busy");
	assert_int_equal(top.whole.p99, 9100);
	assert_int_equal(top.escapes, 2);
	assert_int_equal(top.shed, 1);
	/* Another daemon: its counts are no growth. */
	answer(30, 31, 1000, 0, 1000);
	assert_true(top.classes[2].walkers_per_s == 0);
	assert_true(top.windows_per_s == 5);
	assert_int_equal(top.nr_spark, 1);
}

static void orders(void **state)
{
	unsigned int list[THPRACE_CLASS_MAX];

	(void)state;
	answer(10, 20, 100, 2, 50);
	answer(10, 22, 140, 2, 60);
	top__order(&top, TOP_BY_CLASS, list);
	assert_true(list[0] == 0 && list[1] == 1 && list[2] == 2);
	top__order(&top, TOP_BY_WALKERS, list);
	assert_true(list[0] == 2 && list[1] == 0 && list[2] == 1);
	top__order(&top, TOP_BY_OVERLAPS, list);
	assert_true(list[0] == 1 && list[1] == 2 && list[2] == 0);
	top__order(&top, TOP_BY_ESCAPES, list);
	assert_int_equal(list[0], 2);
}

static void sparks(void **state)
{
	char buf[TOP_SPARK_LEN];
	unsigned int i;

	(void)state;
	assert_string_equal(top__spark(&top, buf), "");
	answer(10, 20, 0, 0, 0);
	answer(10, 21, 0, 0, 0);
	answer(10, 22, 0, 0, 70);
	answer(10, 23, 0, 0, 100);
	assert_string_equal(top__spark(&top, buf), "_#-");
	top.utf8 = 1;
	assert_string_equal(top__spark(&top, buf), "▁█▄");
	for (i = 24; i < 124; i++)
		answer(10, i, 0, 0, 100 + i);
	assert_int_equal(top.nr_spark, TOP_SPARK);
	assert_int_equal(names__columns(top__spark(&top, buf)), TOP_SPARK);
}

static void incident(unsigned int number, const char *verdict)
{
	struct json_object *line;
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"type\":\"incident\",\"number\":%u,\"wall_ns\":5,\"class\":\"truncate-unmap\","
		 "\"verdict\":\"%s\",\"overlap_ns\":%s,\"window\":%s,\"walker\":{\"comm\":"
		 "\"a\\u001b[1m b\",\"pid\":4294967295}}",
		 number, verdict, number % 2 ? "700" : "null",
		 number % 2 ? "{\"comm\":\"0123456789abcdefghijklmnopqrstuvwxyz\",\"pid\":7}"
			    : "null");
	line = object(text);
	top__incident(&top, line);
	json_object_put(line);
}

static void incidents(void **state)
{
	struct json_object *end = object("{\"type\":\"end\",\"first\":1,\"next\":601}");
	const struct top_incident *list[TOP_INCIDENTS];
	unsigned int i;

	(void)state;
	assert_int_equal(top__latest(&top, 0, list, TOP_INCIDENTS), 0);
	for (i = 1; i <= 600; i++)
		incident(i, i % 100 ? "contained" : "escape");
	top__incident(&top, end);
	json_object_put(end);
	assert_int_equal(top.next, 601);
	assert_int_equal(top__latest(&top, 0, list, 3), 3);
	assert_int_equal(list[0]->number, 600);
	assert_int_equal(list[2]->number, 598);
	assert_int_equal(list[0]->class, THPRACE_TRUNCATE_UNMAP);
	assert_false(list[0]->overlap_known);
	assert_string_equal(list[0]->opener, "-");
	assert_string_equal(list[0]->walker, "a?[1m b/4294967295");
	assert_true(list[1]->overlap_known);
	assert_string_equal(list[1]->opener, "0123456789abcdefghij/7");
	/* Only the last ones are kept. */
	assert_int_equal(top__latest(&top, THPRACE_ESCAPE, list, TOP_INCIDENTS), 3);
	assert_int_equal(list[2]->number, 400);
	assert_int_equal(top__latest(&top, 0, list, TOP_INCIDENTS), TOP_INCIDENTS);
}

/* Members that are missing or of another type. */
static void odd_answers(void **state)
{
	struct json_object *odd =
		object("{\"classes\":7,\"phases\":{},\"loss\":[],\"now_ns\":\"x\"}");
	struct json_object *none = object("{\"type\":\"incident\",\"class\":\"none-such\"}");

	(void)state;
	top__status(&top, odd);
	top__status(&top, odd);
	top__incident(&top, none);
	top__incident(&top, odd);
	assert_int_equal(top.nr_classes, 0);
	assert_int_equal(top.nr_incidents, 1);
	assert_int_equal(top.incidents[0].class, 0);
	assert_string_equal(top.incidents[0].walker, "-");
	json_object_put(odd);
	json_object_put(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rates, start),
		cmocka_unit_test_setup(orders, start),
		cmocka_unit_test_setup(sparks, start),
		cmocka_unit_test_setup(incidents, start),
		cmocka_unit_test_setup(odd_answers, start),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
