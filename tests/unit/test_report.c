// SPDX-License-Identifier: GPL-2.0-only
/* From a trace file to its report, as text and as JSON. */
#include "report_support.h"

#include "session/stats_json.h"
#include "trace/trace_classes.h"
#include "class_ids.h"
#include "classes/race_class.h"

/* A machine with a clock of jiffies, and a kprobe that runs no program. */
static const char coarse_meta[] =
	"{\"kernel\":\"5.10.7\",\"mode\":\"precise\",\"clock\":\"CLOCK_MONOTONIC\","
	"\"clock_source\":\"refined-jiffies\",\"clock_step_ns\":4000000,\"clock_ticks\":true}";

static const char silent_stats[] =
	"{\"silent\":[{\"point\":\"unmap\",\"returns\":45,\"reason\":\"try_to_unmap: the program at "
	"its entry never ran\"}],\"not_observable\":[{\"class\":\"split-unmap\",\"reason\":"
	"\"try_to_unmap: the program at its entry never ran\"}]}";

static const char quiet_stats[] =
	"{\"seen\":12,\"submitted\":9,\"filtered\":2,\"lost\":{\"stream\":0},\"closest\":{"
	"\"distance\":12300,\"window\":{\"open\":1000000001000,\"close\":1000000002000,\"folio\":"
	"18446719884535758848,\"pid\":7,\"comm\":\"o\\u001b[2Jx\"},\"walk\":{\"enter\":"
	"1000000014300,\"leave\":1000000020000,\"pid\":8,\"class\":\"split-unmap\"}}}";

/* A narrow terminal: nothing is wider, and everything is there. */
static void narrow_report(void **state)
{
	int width;
	char *text;

	(void)state;
	write_trace(1);
	for (width = 60; width < 100; width += 7) {
		text = report_of_width(3, 0, width);
		assert_has(text, "escapes 1");
		assert_has(text, "cannot happen here: ");
		assert_has(text, "folio_remove_rmap_pmd(): ");
		assert_has(text, "zap_huge_pmd+0x1a3");
		assert_fits(text, (size_t)width);
		free(text);
	}
}

/* Proved, likely, and no race are distinguished, in any width. */
static void likely_and_remained(void **state)
{
	static const int widths[] = {60, 80, 100, 140};
	struct thprace_incident likely = incident(THPRACE_ESCAPE, 300000);
	struct thprace_incident alone = incident(THPRACE_REMAINED, 500000);
	struct trace_writer *writer = begin(0);
	char *text;
	size_t i;

	(void)state;
	likely.attribution = THPRACE_LIKELY;
	memset(&alone.window, 0, sizeof(alone.window));
	alone.walk.residual = alone.walk.left.entire = 1;
	add_incident(writer, THPRACE_ESCAPE, 100000);
	assert_int_equal(trace_writer__incident(writer, &likely), 0);
	assert_int_equal(trace_writer__incident(writer, &alone), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		text = report_of_width(3, 0, widths[i]);
		assert_has(text, "1 of the escapes likely, not proved");
		assert_has(text, "remained: this kernel leaves pages");
		assert_has(text, "causal escape");
		assert_has(text, "likely escape");
		assert_has(text, "truncate-unmap, remained");
		assert_has(text, "(nobody unmapping)");
		assert_fits(text, (size_t)widths[i]);
		free(text);
	}
	text = report(3, 1);
	assert_has(text, "\"likely\":1");
	assert_has(text, "\"remained\":1");
	assert_has(text, "\"attribution\":\"causal\"");
	assert_has(text, "\"attribution\":\"likely\"");
	assert_has(text, "\"attribution\":null");
	free(text);
}

static void text_report(void **state)
{
	char *text;

	(void)state;
	write_trace(1);
	text = report(3, 0);
	assert_has(text, "kernel     6.1.0-test, x86_64, 2 CPUs\n");
	assert_has(text, "mode       precise");
	assert_has(text, "2023-11-14 22:13:20 UTC, 0.5 s; 35 records (all: --all)");
	assert_has(text, "command    stress a b\n");
	assert_has(text, "  hwpoison-unmap    not observable: no memory_failure\n");
	assert_has(text,
		   "  collapse-reuse    cannot happen here: collapse_file takes no huge page");
	assert_has(text,
		   "\n                    that it revoked is carried over to its next call\n");
	assert_has(text, "seen 12 = submitted 9 + filtered 3 + lost 0\n");
	assert_has(text, "collapse_file ran 2 times, and failed 1 time\n");
	/* Busiest first. */
	assert_true(strstr(text, "  opener ") < strstr(text, "  walker "));
	/* The escape, then the first of the closest, then the longest of the rest. */
	assert_int_equal(occurrences(text, "  incident "), 3);
	assert_true(strstr(text, "  incident 8: ") < strstr(text, "  incident 1: "));
	assert_true(strstr(text, "  incident 1: ") < strstr(text, "  incident 6: "));
	assert_has(text, "the 3 that matter most of 8");
	assert_has(text, "folio_remove_rmap_pmd(): mapcount");
	assert_has(text, "zap_huge_pmd+0x1a3");
	assert_has(text, "0xffffffff81000002");
	assert_fits(text, 100);
	free(text);
}

/* The answer comes first, then classes, incidents, and the rest. */
static void order_of_parts(void **state)
{
	static const char *const parts[] = {
		"1 escape proved (truncate-unmap); 7 overlaps contained, nothing lost\n"
		"kernel 6.1.0-test, precise mode\n",
		"\nrace classes\n",
		"\nincidents\n  truncate-unmap    causal escape: zap_huge_pmd <-> ? x1 at pmd level, overlap up to "
		"6.9 us\n                    (incident 8)\n                    contained: zap_huge_pmd <-> ? x7 at pmd level, "
		"closest "
		"2.1 us (incident 1)\n",
		"\n  incident 8: ",
		"\n  incident 1: ",
		"\n\nwindows\n",
		"\n\nbusiest tasks\n",
		"\n\nloss\n",
		"\n\nrecording\nkernel ",
	};
	char *text, *at;
	size_t i;

	(void)state;
	write_trace(1);
	text = at = report(2, 0);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		assert_has(at, parts[i]);
		at = strstr(at, parts[i]);
		if (!i)
			assert_ptr_equal(at, text);
	}
	assert_null(strstr(text, "\n\n\n"));
	free(text);
}

static const char faulty_meta[] =
	"{\"kernel\":\"6.1.0-test\",\"mode\":\"light\",\"probes\":[{\"point\":\"zap\",\"function\":"
	"\"zap_huge_pmd\",\"kind\":\"fentry+fexit\",\"state\":\"attached\"},{\"point\":\"split\","
	"\"function\":\"__folio_split\",\"kind\":\"fexit\",\"state\":\"failed\",\"reason\":"
	"\"no such symbol\"}]}";

static const char skipped_stats[] =
	"{\"programs\":[{\"name\":\"zap_enter\",\"runs\":4,\"missed\":0},{\"name\":"
	"\"split_return\",\"runs\":9,\"missed\":3}]}";

/* Histograms, probes and programs in full with -v only; what is wrong with them, always. */
static void verbose(void **state)
{
	struct trace_writer *writer = NULL;
	char *text;

	(void)state;
	write_trace(1);
	text = report(0, 0);
	assert_null(strstr(text, "probes\n"));
	assert_null(strstr(text, "programs\n"));
	assert_null(strstr(text, "not in BTF"));
	assert_null(strstr(text, "#"));
	assert_has(text, "phase 1: lock held to rmap removed         4   p50 ");
	free(text);
	text = report_verbose(0);
	assert_has(text, "\nprobes\n  zap          zap_huge_pmd");
	assert_has(text, " absent\n               not in BTF\n");
	assert_has(text, "\nprograms\n");
	assert_has(text, "  zap_enter ");
	assert_has(text, "#");
	assert_fits(text, 100);
	free(text);
	assert_int_equal(trace_writer__open(&writer, path, START, WALL, 0), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, faulty_meta), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, skipped_stats), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = report(0, 0);
	assert_has(text, "\nprobes\n  split        __folio_split");
	assert_has(text, "no such symbol\n");
	assert_null(strstr(text, "zap_huge_pmd"));
	assert_has(text, "\nprograms that the kernel skipped\n");
	assert_has(text, "  split_return ");
	assert_null(strstr(text, "zap_enter"));
	free(text);
}

/* What the kernel's image shows is beside what was seen. */
static void with_image(void **state)
{
	struct render_options options = {0};
	struct summary *summary;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	write_trace(0);
	summary = read_summary();
	summary->class[THPRACE_SPLIT_UNMAP].checked = summary->class[THPRACE_SPLIT_HEAD].checked =
		1;
	summary->class[THPRACE_TRUNCATE_UNMAP].checked = 1;
	summary->class[THPRACE_SPLIT_HEAD].check = CHECK_CANNOT_HAPPEN;
	summary->class[THPRACE_TRUNCATE_UNMAP].check = CHECK_VULNERABLE;
	render_text__report(out, summary, &options);
	render_json__report(out, summary, &options);
	fclose(out);
	summary__free(summary);
	assert_has(text, "not told: this kernel is vulnerable (truncate-unmap), hwpoison-unmap not "
			 "observed; 7 overlaps\n  contained\n");
	assert_int_equal(occurrences(text, "vulnerable: the kernel's image does not have the fix"),
			 1);
	assert_int_equal(occurrences(text, "cannot happen, as the kernel's image shows"), 1);
	assert_int_equal(occurrences(text, "\"check\":\"fixed\""), 1);
	assert_int_equal(occurrences(text, "\"check\":\"vulnerable\""), 1);
	assert_int_equal(occurrences(text, "\"check\":\"cannot happen\""), 1);
	assert_int_equal(occurrences(text, "\"check\":null"), race_class__end() - 4);
	free(text);
}

/* A line for each of the first groups, and the rest in numbers; all of them with -v. */
static void many_groups(void **state)
{
	struct trace_writer *writer = begin(0);
	struct thprace_incident one;
	unsigned int i;
	char *text;

	(void)state;
	for (i = 0; i < 25; i++) {
		one = incident(THPRACE_CONTAINED, 100000 * (i + 1));
		one.walker_stack.ip[1] += i;
		assert_int_equal(trace_writer__incident(writer, &one), 0);
	}
	assert_int_equal(trace_writer__incident(writer, &one), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = report(1, 0);
	assert_int_equal(occurrences(text, ", closest "), 20);
	assert_has(text, "  truncate-unmap    contained: ? <-> ? x2 at pmd level, closest 2.1 us "
			 "(incident 25)\n");
	assert_has(text, "\n  and 5 groups of 5 incidents: see --verbose\n");
	free(text);
	text = report_verbose(1);
	assert_int_equal(occurrences(text, ", closest "), 25);
	assert_null(strstr(text, "--verbose"));
	free(text);
}

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value))
		fail_msg("no member %s in %s", name, json_object_to_json_string(object));
	return value;
}

static const char *type_of(struct json_object *object)
{
	return json_object_get_string(member(object, "type"));
}

static void json_report(void **state)
{
	char *text, *line, *rest = NULL;
	unsigned int nr = 0, classes = 0, incidents = 0;

	(void)state;
	write_trace(1);
	text = report(5, 1);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct json_object *object = json_tokener_parse(line);

		assert_true(json_object_is_type(object, json_type_object));
		if (!nr++) {
			assert_string_equal(type_of(object), "header");
			assert_true(json_object_get_uint64(member(object, "started_ns")) == START);
			assert_true(json_object_get_uint64(member(object, "started_wall_ns")) ==
				    WALL);
			assert_true(json_object_get_boolean(member(object, "complete")));
		}
		if (!strcmp(type_of(object), "class"))
			classes++;
		if (!strcmp(type_of(object), "incident") && !incidents++) {
			struct json_object *window = member(object, "window");

			assert_int_equal(json_object_get_int(member(object, "number")), 8);
			assert_string_equal(json_object_get_string(member(object, "verdict")),
					    "escape");
			assert_true(json_object_get_uint64(member(window, "open_ns")) ==
				    START + 900000);
			assert_string_equal(json_object_get_string(member(window, "folio")),
					    "0xffffea0004e38000");
		}
		json_object_put(object);
	}
	assert_int_equal(classes, race_class__end() - 1);
	assert_int_equal(incidents, 5);
	free(text);
}

/* No digits that the clock does not have; an entry that saw nothing is reported. */
static void coarse_clock_silent_entry(void **state)
{
	struct thprace_incident one = incident(THPRACE_ESCAPE, 8000000);
	struct trace_writer *writer = NULL;
	char *text;

	(void)state;
	one.window.open = START + 8000000;
	one.window.removed = START + 16000000;
	one.window.close = START + 24000000;
	one.walk.enter = START + 8000000;
	one.walk.leave = START + 12000000;
	assert_int_equal(trace_writer__open(&writer, path, START, WALL, 0), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, coarse_meta), 0);
	assert_int_equal(trace_writer__incident(writer, &one), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, silent_stats), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = report(5, 0);
	assert_has(text, "clock      refined-jiffies, ticks every 4 ms (measured)");
	assert_has(text, "silent     unmap: try_to_unmap: the program at its entry never ran");
	assert_has(text, "  split-unmap       not observable: try_to_unmap: the program");
	assert_has(text, " 4 ms");
	assert_null(strstr(text, ".000 "));
	assert_null(strstr(text, " us"));
	free(text);
	text = report(5, 1);
	assert_has(text, "\"clock_source\":\"refined-jiffies\",\"clock_step_ns\":4000000,"
			 "\"clock_ticks\":true");
	assert_has(text, "{\"type\":\"silent\",\"point\":\"unmap\",\"returns\":45");
	free(text);
	/* The next trace has its own clock. */
	write_trace(1);
	text = report(3, 0);
	assert_has(text, ".0 us");
	assert_null(strstr(text, "clock      "));
	free(text);
}

static void nothing_overlapped(void **state)
{
	struct trace_writer *writer;
	char *text;

	(void)state;
	writer = begin(0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, quiet_stats), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	text = report(5, 0);
	assert_has(text, "closest pass: split-unmap, missed each other by 12.3 us");
	assert_has(text, "folio 0xffffea0004e38000");
	assert_has(text, "o?[2Jx/7");
	assert_has(text, "DOES NOT HOLD");
	assert_null(strchr(text, '\033'));
	free(text);
	text = report(5, 1);
	assert_has(text, "\"type\":\"closest\"");
	assert_has(text, "\"identity\":false");
	free(text);
}

/* Escapes that are only in STATS, and escapes that are only among the incidents, both count. */
/* A trace of a race from a file, with what a session measured of it. */
static void write_measured(uint64_t overlaps)
{
	static const char *const event[RACE_EVENTS] = {"f entry", "f return", "g entry", NULL};
	const unsigned int class = race_class__add_file("a-race", event);
	struct json_object *object = json_object_new_object();
	struct session_totals *totals = calloc(1, sizeof(*totals));
	struct thprace_race_measured *race = &totals->counters.race[class];
	struct thprace_incident one = incident(THPRACE_CONTAINED, 5000);
	struct trace_writer *writer = NULL;
	char *text;

	race_class__save(class, 3, "order page");
	totals->counters.sum.windows[class] = 12;
	totals->classes[class].overlaps = overlaps;
	race->window.bucket[thprace_bucket(1000)] = 12;
	race->window.sum = 12000;
	race->window.max = 1001;
	race->closest = (struct thprace_closest){
		.distance = 12300,
		.folio = 0x77,
		.window_close = START + 1000,
		.walk_enter = START + 13300,
		.window_pid = 812,
		.walk_pid = class << THPRACE_WALK_CLASS_SHIFT | 813,
	};
	json_object_object_add(object, "classes", trace_classes__json());
	assert_int_equal(trace_writer__open(&writer, path, START, WALL, 0), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META,
					    json_object_to_json_string(object)),
			 0);
	if (overlaps) {
		one.walk.class = (uint8_t) class;
		one.walker_stack.values = 2;
		one.walker_stack.section = 3;
		one.walker_stack.ip[THPRACE_STACK_MAX - 1] = 7;
		one.walker_stack.ip[THPRACE_STACK_MAX - 2] = 0xffff888000000000;
		assert_int_equal(trace_writer__incident(writer, &one), 0);
		assert_int_equal(trace_writer__flush(writer), 0);
	}
	text = stats_json__span(totals, START + 1000000);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, text), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	free(text);
	free(totals);
	json_object_put(object);
	race_class__forget_foreign();
}

/* Lengths of windows and the closest pass of a race from a file, if nothing overlapped. */
static void race_from_a_file(void **state)
{
	char *text;

	(void)state;
	write_measured(0);
	text = report(5, 0);
	assert_has(text, "\nclosest pass\nnothing overlapped; this came nearest\n\n"
			 "  closest pass: a-race, missed each other by 12.3 us\n  key 0x77\n");
	assert_has(text, " g entry\n");
	assert_has(text, "  a-race                                     12   p50 ");
	assert_has(text, "   max 1.0 us\n");
	assert_null(strstr(text, "no window was seen"));
	free(text);
	text = report(5, 1);
	assert_has(text,
		   "\"type\":\"phase\",\"phase\":\"whole\",\"class\":\"a-race\",\"count\":12,");
	assert_has(text, "\"buckets\":[[896,12]]");
	assert_has(text, "\"class\":\"a-race\",\"windows\":12,\"walkers\":0,");
	assert_has(text, "\"type\":\"closest\",\"distance_ns\":12300,\"class\":\"a-race\",");
	assert_int_equal(occurrences(text, "\"type\":\"closest\""), 1);
	free(text);
	/* Something came nearer. */
	write_measured(3);
	text = report(5, 0);
	assert_null(strstr(text, "closest pass"));
	free(text);
	text = report(5, 1);
	assert_null(strstr(text, "\"type\":\"closest\""));
	/* What one side has saved. */
	assert_has(text, "\"walker_saved\":{\"order\":\"0x7\",\"page\":\"0xffff888000000000\"}");
	assert_null(strstr(text, "opener_saved"));
	free(text);
	race_class__forget_foreign();
}

static void escapes_are_never_hidden(void **state)
{
	struct summary *summary;

	(void)state;
	write_trace(1);
	summary = read_summary();
	assert_int_equal(summary__total(summary, THPRACE_ESCAPE), 1);
	assert_int_equal(summary__total(summary, THPRACE_CONTAINED), 7);
	assert_int_equal(summary__overlaps(summary), 8);
	summary__free(summary);
	write_trace(0);
	summary = read_summary();
	assert_int_equal(summary__total(summary, THPRACE_ESCAPE), 0);
	summary__free(summary);
}

/* More incidents than are kept: memory is bounded, the longest stay. */
static void keeps_the_most_telling(void **state)
{
	const struct summary_incident *list[3];
	struct trace_writer *writer;
	struct summary *summary;
	struct thprace_incident one;
	unsigned int i;

	(void)state;
	writer = begin(0);
	for (i = 0; i < 1000; i++) {
		one = incident(THPRACE_CONTAINED, i * 100000);
		one.walk.enter += i % 500;
		assert_int_equal(trace_writer__incident(writer, &one), 0);
	}
	assert_int_equal(trace_writer__close(writer), 0);
	summary = read_summary();
	assert_int_equal(summary->incidents, 1000);
	assert_int_equal(summary->class[THPRACE_TRUNCATE_UNMAP].contained, 1000);
	assert_int_equal(summary__matter(summary, list, 3), 3);
	assert_int_equal(list[0]->number, 1);
	assert_int_equal(list[1]->number, 501);
	assert_int_equal(list[2]->number, 2);
	summary__free(summary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_report),
		cmocka_unit_test(order_of_parts),
		cmocka_unit_test(verbose),
		cmocka_unit_test(many_groups),
		cmocka_unit_test(with_image),
		cmocka_unit_test(likely_and_remained),
		cmocka_unit_test(narrow_report),
		cmocka_unit_test(json_report),
		cmocka_unit_test(coarse_clock_silent_entry),
		cmocka_unit_test(nothing_overlapped),
		cmocka_unit_test(escapes_are_never_hidden),
		cmocka_unit_test(race_from_a_file),
		cmocka_unit_test(keeps_the_most_telling),
	};

	return cmocka_run_group_tests_name("report", tests, make_file, remove_file);
}
