// SPDX-License-Identifier: GPL-2.0-only
/*
 * Folding and limits of alerts: identical incidents become one message, a storm becomes a few, and
 * none is uncounted.
 */
#include "alert_support.h"
#include "class_ids.h"

static void identical(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);
	struct alert_state totals;
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++)
		alert__incident(alert, &incident, i + 1, "/x", START + i * S / 10);
	assert_int_equal(sent, 1);
	expect_sent_at(alert, START + 60 * S);
	assert_string_equal(kept[1].id, LOG_ID_FOLDED);
	assert_int_equal(kept[1].priority, LOG_CRIT);
	assert_string_equal(kept[1].text,
			    "99 more: escape: split-unmap, pte level: opener opens, walker walks "
			    "(split); within 9.800 s; the last: thprace show 100");
	expect_field(&kept[1], "THPRACE_COUNT", "99");
	expect_field(&kept[1], "THPRACE_ID", "100");
	expect_field(&kept[1], "THPRACE_FILE", "/x");
	expect_field(&kept[1], "THPRACE_CLASS", "split-unmap");
	expect_field(&kept[1], "THPRACE_VERDICT", "escape");
	expect_field(&kept[1], "THPRACE_OPENER_COMM", "opens");
	expect_field(&kept[1], "THPRACE_WALKER_COMM", "walks");
	expect_field(&kept[1], "THPRACE_WALKER_KIND", "split");
	expect_field(&kept[1], "THPRACE_FROM_NS", "1000100000000");
	expect_field(&kept[1], "THPRACE_TO_NS", "1009900000000");
	assert_int_equal(alert__deadline(alert), 0);
	/* The next one is sent at once again, but is not the first. */
	alert__incident(alert, &incident, 101, "/x", START + 61 * S);
	assert_int_equal(sent, 3);
	expect_field(&kept[2], "THPRACE_FIRST", "0");
	assert_int_equal(alert__deadline(alert), 0);
	alert__state(alert, &totals);
	assert_int_equal(totals.folded, 99);
	assert_int_equal(totals.sent, 3);
	alert__free(alert);
	assert_int_equal(sent, 3);
}

static void identical_without_window(void **state)
{
	struct alert *alert = begin(60, 10);
	struct thprace_incident incident = make(THPRACE_HWPOISON_UNMAP, THPRACE_UNATTRIBUTED);

	(void)state;
	no_window(&incident);
	alert__incident(alert, &incident, 1, NULL, START);
	alert__incident(alert, &incident, 2, NULL, START + S);
	alert__free(alert);
	assert_int_equal(sent, 2);
	assert_int_equal(kept[1].priority, LOG_ERR);
	assert_string_equal(kept[1].text, "1 more: unattributed: hwpoison-unmap: walker walks "
					  "(split); within 0 ns; the last: thprace show 2");
	assert_null(field(&kept[1], "THPRACE_LEVEL"));
	assert_null(field(&kept[1], "THPRACE_OPENER_COMM"));
}

/* The time is over but nobody called alert__tick(): the next incident ends the group. */
static void late_tick(void **state)
{
	struct alert *alert = begin(10, 10);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_ESCAPE);

	(void)state;
	alert__incident(alert, &incident, 1, NULL, START);
	alert__incident(alert, &incident, 2, NULL, START + 9 * S);
	alert__incident(alert, &incident, 3, NULL, START + 10 * S);
	assert_int_equal(sent, 3);
	assert_string_equal(kept[1].id, LOG_ID_FOLDED);
	expect_field(&kept[1], "THPRACE_COUNT", "1");
	expect_field(&kept[1], "THPRACE_ID", "2");
	expect_field(&kept[2], "THPRACE_ID", "3");
	alert__free(alert);
	assert_int_equal(sent, 3);
}

/* A difference in any member of the identity makes another message. */
static void not_identical(void **state)
{
	struct alert *alert = begin(60, 1000);
	struct thprace_incident base = make(THPRACE_SPLIT_UNMAP, THPRACE_UNPROVEN), other;

	(void)state;
	alert__incident(alert, &base, 1, NULL, START);
	other = base;
	other.walk.class = THPRACE_TRUNCATE_UNMAP;
	alert__incident(alert, &other, 1, NULL, START);
	other = base;
	other.verdict = THPRACE_UNATTRIBUTED;
	alert__incident(alert, &other, 1, NULL, START);
	other = base;
	other.window.level = THPRACE_LEVEL_PMD;
	alert__incident(alert, &other, 1, NULL, START);
	other = base;
	other.walk.origin = THPRACE_ORIGIN_OTHER;
	alert__incident(alert, &other, 1, NULL, START);
	other = base;
	other.window.comm[0] = 'x';
	alert__incident(alert, &other, 1, NULL, START);
	other = base;
	other.walk.comm[0] = 'x';
	alert__incident(alert, &other, 1, NULL, START);
	other = base;
	other.opener_stack.cgroup = 1;
	alert__incident(alert, &other, 1, NULL, START);
	assert_int_equal(sent, 8);
	/* A difference in other members does not. */
	other = base;
	other.window.pid++;
	other.walk.pid++;
	other.walk.cpu++;
	other.walk.residual++;
	other.walker_stack.uid = 1;
	other.window.comm[THPRACE_COMM_LEN - 1] = 'x'; /* after the NUL */
	alert__incident(alert, &other, 1, NULL, START);
	assert_int_equal(sent, 8);
	alert__free(alert);
	assert_int_equal(sent, 9);
}

static void limit(void **state)
{
	struct alert *alert = begin(60, 3);
	struct thprace_incident incident;
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		incident = make(THPRACE_SPLIT_UNMAP, i < 5 ? THPRACE_UNPROVEN : THPRACE_ESCAPE);
		incident.walk.comm[0] = (char)('a' + i);
		alert__incident(alert, &incident, i + 1, "/x", START + i * S);
	}
	/* Three, and the first escape: a change of state has no limit, and uses up none. */
	assert_int_equal(sent, 4);
	expect_field(&kept[3], "THPRACE_FIRST", "1");
	expect_field(&kept[3], "THPRACE_ID", "6");
	/* Another class has its own limit. */
	incident = make(THPRACE_SPLIT_HEAD, THPRACE_UNPROVEN);
	alert__incident(alert, &incident, 100, NULL, START + 20 * S);
	assert_int_equal(sent, 5);
	assert_int_equal(alert__deadline(alert), START + 60 * S);
	alert__tick(alert, START + 60 * S);
	assert_int_equal(sent, 6);
	assert_string_equal(kept[5].id, LOG_ID_FOLDED);
	assert_string_equal(
		kept[5].text,
		"6 more, above the limit of 3 messages a minute: split-unmap: 4 escape, 2 "
		"unproven; the last: thprace show 10");
	assert_int_equal(kept[5].priority, LOG_CRIT);
	expect_field(&kept[5], "THPRACE_COUNT", "6");
	expect_field(&kept[5], "THPRACE_CLASS", "split-unmap");
	expect_field(&kept[5], "THPRACE_VERDICT", "escape");
	assert_string_equal(field_at(&kept[5], "THPRACE_VERDICT", 1), "unproven");
	expect_field(&kept[5], "THPRACE_ID", "10");
	assert_int_equal(alert__deadline(alert), 0);
	/* It was the first of the next minute. */
	for (i = 0; i < 5; i++) {
		incident = make(THPRACE_SPLIT_UNMAP, THPRACE_UNPROVEN);
		incident.walk.comm[0] = (char)('k' + i);
		alert__incident(alert, &incident, 0, NULL, START + 61 * S);
	}
	assert_int_equal(sent, 8);
	alert__free(alert);
	assert_int_equal(sent, 9);
	expect_field(&kept[8], "THPRACE_COUNT", "3");
	assert_null(field(&kept[8], "THPRACE_ID"));
}

static struct thprace_incident from(uint64_t opener, uint64_t walker, unsigned int kind)
{
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_UNPROVEN);

	incident.opener_stack.cgroup = opener;
	incident.walker_stack.cgroup = walker;
	snprintf(incident.walk.comm, sizeof(incident.walk.comm), "%u", kind);
	return incident;
}

static void give(struct alert *alert, uint64_t opener, uint64_t walker, unsigned int count)
{
	struct thprace_incident incident;
	unsigned int i;

	for (i = 0; i < count; i++) {
		incident = from(opener, walker, i);
		alert__incident(alert, &incident, i + 1, NULL, START);
	}
}

/* One cgroup cannot use up the messages of another one. */
static void limit_of_a_source(void **state)
{
	struct alert *alert = begin(60, 3);
	struct thprace_incident incident;

	(void)state;
	give(alert, 100, 7, 10);
	assert_int_equal(sent, 3);
	give(alert, 101, 7, 2);
	assert_int_equal(sent, 5);
	/* Without an opener's it is the walker's, and without both the class's. */
	incident = from(0, 100, 50);
	alert__incident(alert, &incident, 1, NULL, START);
	assert_int_equal(sent, 5);
	give(alert, 0, 7, 4);
	assert_int_equal(sent, 8);
	give(alert, 0, 0, 4);
	assert_int_equal(sent, 11);
	assert_int_equal(alert__deadline(alert), START + 60 * S);
	alert__tick(alert, START + 60 * S);
	assert_int_equal(sent, 14);
	expect_field(&kept[11], "THPRACE_COUNT", "1");
	assert_null(field(&kept[11], "THPRACE_SOURCE_CGROUP"));
	expect_field(&kept[12], "THPRACE_COUNT", "8");
	assert_string_equal(kept[12].text, "8 more, above the limit of 3 messages a minute: "
					   "split-unmap: 8 unproven; by cgroup 100; the last: "
					   "thprace show 1");
	expect_field(&kept[13], "THPRACE_COUNT", "1");
	alert__free(alert);
	assert_int_equal(accounted[THPRACE_SPLIT_UNMAP], 21);
}

/* However many cgroups there are, a class has a bounded number of messages, and counts the rest. */
static void many_sources(void **state)
{
	struct alert *alert = begin(60, 3);
	unsigned int i;

	(void)state;
	for (i = 1; i <= 500; i++)
		give(alert, i, 0, 4);
	assert_int_equal(sent, (8 + 1) * 3);
	alert__tick(alert, START + 60 * S);
	assert_int_equal(sent, (8 + 1) * 4);
	/* Old ones make room for new ones. */
	give(alert, 1000, 0, 1);
	alert__tick(alert, START + 120 * S);
	sent = 0;
	give(alert, 2000, 0, 4);
	assert_int_equal(sent, 3);
	alert__free(alert);
	assert_int_equal(accounted[THPRACE_SPLIT_UNMAP], 2005);
}

/* A group ends when its class has no message left: the message about the limit has its evidence. */
static void group_above_limit(void **state)
{
	struct alert *alert = begin(20, 1);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_UNPROVEN);

	(void)state;
	alert__incident(alert, &incident, 1, "/x", START);
	alert__incident(alert, &incident, 2, "/y", START + S);
	alert__incident(alert, &incident, 3, "/z", START + 2 * S);
	alert__tick(alert, START + 20 * S);
	assert_int_equal(sent, 1);
	assert_int_equal(alert__deadline(alert), START + 60 * S);
	alert__tick(alert, START + 60 * S);
	assert_int_equal(sent, 2);
	expect_field(&kept[1], "THPRACE_COUNT", "2");
	expect_field(&kept[1], "THPRACE_ID", "3");
	expect_field(&kept[1], "THPRACE_FILE", "/z");
	expect_field(&kept[1], "THPRACE_FROM_NS", "1001000000000");
	expect_field(&kept[1], "THPRACE_TO_NS", "1002000000000");
	alert__free(alert);
}

static void count_group(void *ctx, const struct alert_dedup_group *group)
{
	*(uint64_t *)ctx += group->count;
}

static void count_withheld(void *ctx, unsigned int class, const struct alert_dedup_limit *withheld)
{
	*(uint64_t *)ctx += withheld->withheld[THPRACE_ESCAPE];
	assert_int_equal(class, THPRACE_SPLIT_UNMAP);
}

/* An exempt incident is sent, even if it is identical or above the limit. */
static void exempt(void **state)
{
	static struct alert_dedup dedup;
	uint64_t counted = 0;
	struct alert_dedup_hooks hooks = {count_group, count_withheld, NULL, &counted};
	struct alert_dedup_key key = {.class = THPRACE_SPLIT_UNMAP, .verdict = THPRACE_ESCAPE};

	(void)state;
	alert_dedup__init(&dedup, &hooks);
	alert_dedup__configure(&dedup, 60 * S, 1);
	assert_true(alert_dedup__incident(&dedup, &key, 1, NULL, false, START));
	assert_false(alert_dedup__incident(&dedup, &key, 2, NULL, false, START));
	assert_true(alert_dedup__incident(&dedup, &key, 3, NULL, true, START));
	key.level = 1;
	assert_true(alert_dedup__incident(&dedup, &key, 4, NULL, true, START));
	key.level = 2;
	assert_false(alert_dedup__incident(&dedup, &key, 5, NULL, false, START));
	alert_dedup__finish(&dedup, START);
	assert_int_equal(counted, 2);
}

/* More kinds of incidents than groups: the limit applies to them. */
static void many_kinds(void **state)
{
	struct alert *alert = begin(60, 1000);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_UNPROVEN);
	unsigned int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		snprintf(incident.walk.comm, sizeof(incident.walk.comm), "%u", i);
		alert__incident(alert, &incident, 0, NULL, START);
	}
	assert_int_equal(sent, 1000);
	alert__free(alert);
	assert_int_equal(accounted[THPRACE_SPLIT_UNMAP], 5000);
	assert_true(sent <= 1001);
}

static void reconfigured(void **state)
{
	struct alert *alert = begin(60, 1000);
	struct thprace_incident incident = make(THPRACE_SPLIT_UNMAP, THPRACE_UNPROVEN);
	struct config config;

	(void)state;
	alert__incident(alert, &incident, 0, NULL, START);
	alert__incident(alert, &incident, 0, NULL, START);
	config__defaults(&config);
	config.alerts.fold = 5;
	config.alerts.per_minute = 2;
	alert__configure(alert, &config);
	/* A group that has begun keeps its time. */
	assert_int_equal(alert__deadline(alert), START + 60 * S);
	incident.walk.comm[0] = 'a';
	alert__incident(alert, &incident, 0, NULL, START);
	alert__incident(alert, &incident, 0, NULL, START);
	assert_int_equal(alert__deadline(alert), START + 5 * S);
	incident.walk.comm[0] = 'b';
	alert__incident(alert, &incident, 0, NULL, START);
	assert_int_equal(sent, 2);
	alert__free(alert);
	assert_int_equal(accounted[THPRACE_SPLIT_UNMAP], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identical),	cmocka_unit_test(identical_without_window),
		cmocka_unit_test(late_tick),	cmocka_unit_test(not_identical),
		cmocka_unit_test(limit),	cmocka_unit_test(many_kinds),
		cmocka_unit_test(reconfigured), cmocka_unit_test(group_above_limit),
		cmocka_unit_test(exempt),	cmocka_unit_test(limit_of_a_source),
		cmocka_unit_test(many_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
