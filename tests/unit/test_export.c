// SPDX-License-Identifier: GPL-2.0-only
/* Timelines: what is drawn of a trace, the same in both formats. */
#include "export_support.h"

#include "chance.h"
#include "classes/race_class.h"
#include "trace/trace_classes.h"

static void a_race(void **state)
{
	unsigned int i, flows = 0;
	char *text;

	(void)state;
	write_trace(1);
	text = export_both();
	/* In the thread and on the CPU; the phases in the thread alone. */
	assert_int_equal(count_shown("window", 100000, 117300), 2);
	assert_int_equal(count_shown("phase 1", 100000, 112900), 1);
	assert_int_equal(count_shown("phase 2", 112900, 117300), 1);
	assert_int_equal(count_shown("truncate-unmap walker", 103100, 115000), 2);
	/* Incidents: from records and on their own, each side once. */
	assert_int_equal(count_shown("overlap", 103100, 103100), 1);
	assert_int_equal(count_shown("contained", 115000, 115000), 1);
	assert_int_equal(count_shown("escape", 910000, 910000), 1);
	assert_int_equal(count_shown("window", 900000, 917300), 2);
	assert_int_equal(count_shown("truncate-unmap walker", 903100, 910000), 2);
	for (i = 0; i < nr_packets; i++) {
		assert_true(!packets[i].flow || packets[i].type == 3);
		flows += !!packets[i].flow;
		flows += !!packets[i].flow_end;
	}
	assert_int_equal(flows, 2 * 8);
	assert_int_equal(occurrences(text, "\"ph\":\"s\""), 8);
	assert_has(text, "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":810,\"tid\":812,"
			 "\"args\":{\"name\":\"opener\"}}");
	assert_has(text, "\"args\":{\"name\":\"CPU 1\"}");
	assert_has(text, "\"ts\":1000000100.000,\"pid\":810,\"tid\":812,\"dur\":17.300,");
	assert_has(text,
		   "\"folio\":\"0xffffea0004e38000\",\"result\":0,\"left\":0,\"address\":\"0x0\",");
	assert_has(text, "\"class\":\"truncate-unmap\",\"verdict\":\"escape\","
			 "\"attribution\":\"causal\",");
	assert_has(text, "\"words\":\"ESCAPE: the walker returned while ");
	assert_has(text, "\"proof\":\"residual mapcount 1 at the walker's return");
	assert_has(text, "\"stack\":[\"zap_huge_pmd+0x1a3\"]");
	assert_has(text, "\"stack\":[\"0xffffffff81000001\",\"0xffffffff81000002\"]");
	free(text);
}

static void add_record(struct trace_writer *writer, struct thprace_record record)
{
	assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &record), 0);
}

/* A window in the zap of a range, and a walker in a split. */
static void nested_slices(void **state)
{
	struct trace_writer *writer = begin(THPRACE_TF_ALL);
	struct thprace_record split = record(THPRACE_REC_SPLIT_RETURN, 9000, 1000, 5, 0);
	struct thprace_record range = record(THPRACE_REC_RANGE, 9500, 500, 6, 1);
	char *text;

	(void)state;
	split.arg = START + 5000;
	range.arg2 = 3 | 700ULL << 32;
	add_record(writer, record(THPRACE_REC_SPLIT_ENTER, 1000, 1000, 5, 0));
	add_record(writer, record(THPRACE_REC_WALK_ENTER, 2000, 2000, 5, 0));
	add_record(writer, record(THPRACE_REC_WALK_RETURN, 5000, 2000, 5, 0));
	add_record(writer, split);
	add_record(writer, record(THPRACE_REC_ZAP_CLOSE, 8000, 600, 6, 1));
	add_record(writer, range);
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	assert_int_equal(count_shown("split", 1000, 9000), 2);
	assert_int_equal(count_shown("unmapped", 5000, 9000), 1);
	assert_int_equal(count_shown("truncate-unmap walker", 2000, 5000), 2);
	assert_int_equal(count_shown("zap of a range", 500, 9500), 2);
	assert_has(text, "\"pages\":3,\"taking_ns\":700");
	/* All in the first lane: no track is there for slices at the same time. */
	assert_int_equal(occurrences(text, "thread_name"), 2);
	assert_int_equal(occurrences(text, "not recorded"), 0);
	free(text);
}

/* A begin without an end, and the end that came before it in the file. */
static void ends_that_lack(void **state)
{
	struct trace_writer *writer = begin(THPRACE_TF_ALL);
	char *text;

	(void)state;
	add_record(writer, record(THPRACE_REC_ZAP_OPEN, 1000, 1000, 5, 0));
	add_record(writer, record(THPRACE_REC_ZAP_CLOSE, 3000, 2000, 6, 1));
	assert_int_equal(trace_writer__flush(writer), 0);
	add_record(writer, record(THPRACE_REC_ZAP_OPEN, 2000, 2000, 6, 1));
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	assert_int_equal(count_shown("window: end not recorded", 1000, 1000), 1);
	assert_int_equal(occurrences(text, "not recorded"), 1);
	free(text);
}

/* Two tasks at the same time on one CPU: the second is in another lane of it. */
static void at_the_same_time(void **state)
{
	struct trace_writer *writer = begin(THPRACE_TF_ALL);
	char *text;

	(void)state;
	add_record(writer, record(THPRACE_REC_WALK_RETURN, 5000, 1000, 5, 0));
	add_record(writer, record(THPRACE_REC_WALK_RETURN, 6000, 2000, 6, 0));
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	assert_int_equal(occurrences(text, "{\"name\":\"CPU 0\"}"), 2);
	free(text);
}

/* Context is written around each incident: the same records again. */
static void drawn_once(void **state)
{
	struct trace_writer *writer = begin(0);
	struct thprace_record one = record(THPRACE_REC_WALK_RETURN, 5000, 1000, 5, 0);
	unsigned int i;
	char *text;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_CONTEXT, &one), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	assert_int_equal(count_shown("truncate-unmap walker", 1000, 5000), 2);
	free(text);
}

#define A_RACE 9

/* A trace whose class A_RACE is a race from a file. */
static struct trace_writer *begin_race(uint32_t flags)
{
	struct trace_writer *writer = NULL;

	race_class__forget_foreign();
	assert_int_equal(trace_writer__open(&writer, path, START, WALL, flags), 0);
	assert_int_equal(
		trace_writer__json(writer, THPRACE_BLOCK_META,
				   "{\"classes\":[{\"id\":9,\"name\":\"a-race\",\"shape\":\"file\","
				   "\"saved\":[\"\",\"order page\"]},"
				   "{\"id\":10,\"name\":\"b-race\",\"shape\":\"file\"}]}"),
		0);
	return writer;
}

static struct thprace_record of_race(enum thprace_record_type type, uint64_t ts, uint64_t entry,
				     uint32_t pid, uint16_t flags)
{
	struct thprace_record result = record(type, ts, entry, pid, 1);

	result.class = A_RACE;
	result.flags = flags;
	result.value = flags & THPRACE_RF_WALKER ? 1 : 0; /* section */
	return result;
}

/* Both sides are slices, instants and events are instants, and what was no interval is not drawn. */
static void races_from_files(void **state)
{
	struct trace_writer *writer = begin_race(THPRACE_TF_ALL);
	struct thprace_record other = of_race(THPRACE_REC_RACE_BEGIN, 2500, 2500, 5, 0);
	struct thprace_incident one = incident(THPRACE_ESCAPE, 0);
	char *text;

	(void)state;
	add_record(writer, of_race(THPRACE_REC_RACE_BEGIN, 1000, 1000, 5, 0));
	add_record(writer, of_race(THPRACE_REC_RACE_BEGIN, 2000, 2000, 5, THPRACE_RF_WALKER));
	other.class = A_RACE + 1;
	add_record(writer, other); /* of another race, by the same task: never ends */
	add_record(writer, of_race(THPRACE_REC_RACE_EVENT, 3000, 1000, 5, 0));
	add_record(writer, of_race(THPRACE_REC_RACE_END, 4000, 2000, 5, THPRACE_RF_WALKER));
	add_record(writer, of_race(THPRACE_REC_RACE_END, 5000, 1000, 5, THPRACE_RF_ESCAPED));
	add_record(writer, of_race(THPRACE_REC_RACE_END, 4500, 4500, 6,
				   THPRACE_RF_WALKER | THPRACE_RF_INSTANT));
	add_record(writer, of_race(THPRACE_REC_RACE_BEGIN, 6000, 6000, 6, 0));
	add_record(writer, of_race(THPRACE_REC_RACE_END, 7000, 6000, 6, THPRACE_RF_DROPPED));
	add_record(writer, of_race(THPRACE_REC_RACE_BEGIN, 8000, 8000, 6, 0));
	add_record(writer, of_race(THPRACE_REC_RACE_END, 9000, 8000, 6,
				   THPRACE_RF_DROPPED | THPRACE_RF_UNENDED));
	/* Its window is drawn already, its walker is an instant whose record lacks. */
	one.opener_stack.values = 2;
	one.opener_stack.section = 1;
	one.opener_stack.ip[THPRACE_STACK_MAX - 1] = 7;
	one.opener_stack.ip[THPRACE_STACK_MAX - 2] = 0xffff888000000000;
	one.walk.class = A_RACE;
	one.window.open = START + 1000;
	one.window.close = START + 5000;
	one.window.pid = 5;
	one.window.tgid = one.walk.tgid = 810;
	one.walk.pid = 7;
	one.walk.enter = one.walk.leave = START + 4200;
	assert_int_equal(trace_writer__incident(writer, &one), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	/* In the thread and on the CPU. */
	assert_int_equal(count_shown("a-race window", 1000, 5000), 2);
	assert_int_equal(count_shown("a-race walker", 2000, 4000), 2);
	assert_int_equal(count_shown("a-race event", 3000, 3000), 1);
	assert_int_equal(count_shown("a-race walker", 4500, 4500), 1);
	assert_int_equal(count_shown("a-race walker", 4200, 4200), 1);
	assert_int_equal(count_shown("b-race window: end not recorded", 2500, 2500), 1);
	assert_int_equal(count_shown("a-race window: end not recorded", 8000, 8000), 1);
	assert_int_equal(count_shown("a-race window", 6000, 7000), 0);
	assert_int_equal(count_shown("a-race window", 8000, 9000), 0);
	assert_int_equal(occurrences(text, "not recorded"), 2);
	assert_int_equal(count_shown("escape", 4200, 4200), 1);
	assert_has(text, "\"class\":\"a-race\"");
	assert_has(text, "\"escape-holds\":\"yes\"");
	assert_has(text, "\"saved\":\"order=7 page=0xffff888000000000\"");
	free(text);
}

/* Of an incident whose records are not in the file both sides are drawn; alone, one side. */
static void race_without_records(void **state)
{
	struct trace_writer *writer = begin_race(0);
	struct thprace_incident one = incident(THPRACE_CONTAINED, 5000), alone;
	char *text;

	(void)state;
	one.walk.class = A_RACE;
	alone = one;
	alone.verdict = THPRACE_UNATTRIBUTED;
	memset(&alone.window, 0, sizeof(alone.window));
	alone.walk.enter += 100000;
	alone.walk.leave += 100000;
	assert_int_equal(trace_writer__incident(writer, &one), 0);
	assert_int_equal(trace_writer__incident(writer, &alone), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	assert_int_equal(count_shown("a-race window", 5000, 22300), 2);
	assert_int_equal(count_shown("a-race walker", 8100, 20000), 2);
	assert_int_equal(count_shown("a-race walker", 108100, 120000), 2);
	assert_int_equal(occurrences(text, "\"phase 1\""), 0);
	free(text);
}

static void losses(void **state)
{
	struct trace_writer *writer = begin(THPRACE_TF_ALL);
	struct thprace_record lost = record(THPRACE_REC_LOST, 5000, 1000, 0, 3);
	char *text;

	(void)state;
	lost.arg = 77;
	lost.value = THPRACE_LOSS_MISSED;
	add_record(writer, lost);
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	assert_int_equal(count_shown("records lost", 1000, 5000), 1);
	assert_has(text, "\"records\":77,\"cause\":\"missed\",\"cpu\":3");
	free(text);
	/* Only counted: at any time of the recording. */
	writer = begin(THPRACE_TF_ALL);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS,
					    "{\"ended\":1000500000000,\"lost\":{\"slot\":4}}"),
			 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	assert_int_equal(count_shown("lost, at a time that is not known", 0, 500000000), 1);
	assert_has(text, "\"records\":4");
	free(text);
}

/* Names from outside cannot leave their string, and have no control characters. */
static void hostile_names(void **state)
{
	struct trace_writer *writer = begin(0);
	struct thprace_incident one = incident(THPRACE_ESCAPE, 5000);
	size_t size = 0, i;
	char *text;

	(void)state;
	memcpy(one.walk.comm, "\"},\\\n\033[1m\xff\xe2\x80\xae", 14);
	memcpy(one.window.comm, "</script>", 10);
	assert_int_equal(trace_writer__incident(writer, &one), 0);
	assert_int_equal(trace_writer__flush(writer), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_TASKS,
					    "[{\"pid\":9,\"tgid\":9,\"comm\":\"\\u001b\\\"x\"}]"),
			 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = export_both();
	assert_has(text, "\"walker\":\"\\\"},\\\\??[1m????\"");
	for (i = 0; text[i]; i++)
		assert_true(text[i] == '\n' || (unsigned char)text[i] >= 0x20);
	free(text);
	text = exported(TIMELINE_PERFETTO, &size);
	assert_non_null(memmem(text, size, "\"},\\??[1m????", 13));
	assert_null(memmem(text, size, "\033[1m", 4));
	assert_null(memmem(text, size, "\xff\xe2", 2));
	free(text);
}

static struct thprace_record any_record(uint64_t *random)
{
	struct thprace_record record = {
		.ts = START + below(random, 3000),
		.folio = one_in(random, 4) ? 0 : FOLIO,
		.arg = one_in(random, 2) ? START + below(random, 3000) : any(random),
		.arg2 = any(random),
		.pid = (uint32_t)below(random, 6),
		.tgid = (uint32_t)below(random, 2),
		.value = (int32_t)any(random),
		.cpu = (uint16_t)below(random, 3),
		.type = (uint8_t)(1 + below(random, THPRACE_REC_MAX - 1)),
		.class = (uint8_t)below(random, race_class__end() + 1),
		.flags = (uint16_t)any(random),
		.origin = (uint8_t)below(random, THPRACE_ORIGIN_MAX),
	};

	record.entry = one_in(random, 20) ? 0 : START + below(random, 3000);
	if (record.type == THPRACE_REC_LOST)
		record.value = (int32_t)below(random, THPRACE_LOSS_MAX);
	return record;
}

static struct thprace_incident any_incident(uint64_t *random)
{
	struct thprace_incident one = incident(THPRACE_ESCAPE, below(random, 3000));
	__u64 *times[] = {&one.window.open, &one.window.removed, &one.window.close, &one.walk.enter,
			  &one.walk.leave};
	unsigned int i;

	for (i = 0; i < 5; i++)
		*times[i] = one_in(random, 5) ? 0 : START + below(random, 3000);
	one.type = one_in(random, 8) ? THPRACE_MSG_CHECK : THPRACE_MSG_INCIDENT;
	one.verdict = (uint8_t)below(random, THPRACE_VERDICT_MAX);
	one.window.level = (uint8_t)below(random, THPRACE_LEVEL_MAX);
	one.window.flags = (uint8_t)any(random);
	one.window.pid = (uint32_t)below(random, 6);
	one.walk.pid = (uint32_t)below(random, 6);
	one.walk.class = (uint8_t)below(random, race_class__end() + 1);
	one.opener_stack.nr = (uint32_t)below(random, THPRACE_STACK_MAX + 1);
	return one;
}

/* Whatever a trace has: slices are nested, both formats agree, every arrow has two ends. */
static void any_trace(void **state)
{
	const char *const event[RACE_EVENTS] = {0};
	struct json_object *object = json_object_new_object();
	const char *every_class;
	uint64_t seed, random;
	unsigned int i;

	(void)state;
	/* The last one is a race from a file. */
	race_class__forget_foreign();
	assert_int_equal(race_class__add_file("a-race", event), race_class__end());
	json_object_object_add(object, "classes", trace_classes__json());
	every_class = json_object_to_json_string(object);
	for (seed = 1; seed <= 40; seed++) {
		struct trace_writer *writer = begin(THPRACE_TF_ALL);

		assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, every_class), 0);
		random = seed;
		for (i = 0; i < 1500; i++) {
			struct thprace_incident one = any_incident(&random);

			add_record(writer, any_record(&random));
			if (one_in(&random, 20))
				assert_int_equal(trace_writer__incident(writer, &one), 0);
			if (one_in(&random, 100))
				assert_int_equal(trace_writer__flush(writer), 0);
		}
		assert_int_equal(trace_writer__close(writer), 0);
		free(export_both());
		assert_true(json_shown.nr > 500);
	}
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_race),	    cmocka_unit_test(nested_slices),
		cmocka_unit_test(ends_that_lack),   cmocka_unit_test(drawn_once),
		cmocka_unit_test(at_the_same_time), cmocka_unit_test(losses),
		cmocka_unit_test(hostile_names),    cmocka_unit_test(any_trace),
		cmocka_unit_test(races_from_files), cmocka_unit_test(race_without_records),
	};

	return cmocka_run_group_tests_name("export", tests, make_file, remove_file);
}
