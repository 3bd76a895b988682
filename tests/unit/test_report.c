// SPDX-License-Identifier: GPL-2.0-only
/* From a trace file to what report, dump and the crosscheck say about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include <json-c/json.h>
#include <thprace/verdict.h>
#include "replay/crosscheck.h"
#include "filter.h"
#include "base/names.h"
#include "report/render_json.h"
#include "report/record_lines.h"
#include "report/render_record.h"
#include "report/render_text.h"
#include "report/summary.h"
#include "trace/trace_reader.h"
#include "trace/trace_writer.h"

#define START 1000000000000ULL
#define WALL 1700000000000000000ULL
#define FOLIO 0xffffea0004e38000ULL

static char path[] = "/tmp/thprace-report-XXXXXX";

static const char meta[] =
	"{\"tool\":\"thprace\",\"version\":\"0.1\",\"kernel\":\"6.1.0-test\",\"machine\":"
	"\"x86_64\",\"cpus\":2,\"mode\":\"precise\",\"all\":true,\"attach\":\"auto\",\"clock\":"
	"\"CLOCK_MONOTONIC\",\"command\":[\"stress\",\"a b\"],\"probes\":[{\"point\":\"zap\","
	"\"function\":\"zap_huge_pmd\",\"kind\":\"fentry+fexit\",\"state\":\"attached\"},{"
	"\"point\":\"rmap-pmd\",\"function\":\"folio_remove_rmap_pmd\",\"kind\":\"fexit\","
	"\"state\":\"attached\"},{\"point\":\"truncate\",\"function\":\"truncate_cleanup_page\","
	"\"kind\":\"kprobe\",\"state\":\"absent\",\"reason\":\"not in BTF\"}],"
	"\"not_observable\":[{\"class\":\"hwpoison-unmap\",\"reason\":\"no memory_failure\"},{"
	"\"class\":\"collapse-reuse\",\"reason\":\"cannot happen here: collapse_file takes no huge "
	"page from its caller, so none that it revoked is carried over to its next call\"}]}";

static const char stats[] =
	"{\"ended\":1000500000000,\"seconds\":0.5,\"seen\":12,\"submitted\":9,\"filtered\":3,"
	"\"lost\":{\"stream\":0,\"incident\":0},\"identity\":true,\"windows\":4,\"classes\":{"
	"\"truncate-unmap\":{\"walkers\":7,\"overlaps\":7,\"contained\":7}},\"phases\":{"
	"\"phase1\":{\"count\":4,\"max\":12900,\"sum\":40000,\"buckets\":[[49,4]]}},"
	"\"programs\":[{\"name\":\"zap_enter\",\"runs\":4,\"run_ns\":400,\"missed\":0}],"
	"\"collapses\":{\"count\":2,\"failed\":1}}";

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

static struct thprace_record record(enum thprace_record_type type, uint64_t ts, uint64_t entry,
				    uint32_t pid, uint16_t cpu)
{
	struct thprace_record result = {
		.ts = START + ts,
		.entry = START + entry,
		.folio = FOLIO,
		.pid = pid,
		.tgid = 810,
		.cpu = cpu,
		.type = type,
	};

	if (type == THPRACE_REC_WALK_ENTER || type == THPRACE_REC_WALK_RETURN) {
		result.class = THPRACE_TRUNCATE_UNMAP;
		result.kind = THPRACE_KIND_TRUNCATE;
	}
	return result;
}

static struct thprace_incident incident(enum thprace_verdict verdict, uint64_t base)
{
	struct thprace_incident result = {
		.type = THPRACE_MSG_INCIDENT,
		.verdict = verdict,
		.said = verdict,
		.mode = THPRACE_PRECISE,
		.window = {.open = START + base,
			   .removed = START + base + 12900,
			   .close = START + base + 17300,
			   .folio = FOLIO,
			   .pid = 812,
			   .tgid = 810,
			   .cpu = 0,
			   .flags = THPRACE_WF_SETTLED,
			   .comm = "opener"},
		.walk = {.enter = START + base + 3100,
			 .leave = START + base + 15000,
			 .folio = FOLIO,
			 .pid = 813,
			 .tgid = 810,
			 .cpu = 1,
			 .class = THPRACE_TRUNCATE_UNMAP,
			 .kind = THPRACE_KIND_TRUNCATE,
			 .comm = "walker"},
		.opener_stack = {.nr = 1, .ip = {0xffffffff81234567}},
		.walker_stack = {.nr = 2, .ip = {0xffffffff81000001, 0xffffffff81000002}},
	};

	if (verdict == THPRACE_ESCAPE) {
		result.walk.leave = START + base + 10000;
		result.walk.residual = 1;
		result.walk.left.entire = 1;
		result.attribution = THPRACE_CAUSAL;
	}
	return result;
}

/* The records of which incident(CONTAINED, base) is made. */
static void write_race_records(struct thprace_record records[5], uint64_t base)
{
	records[0] = record(THPRACE_REC_ZAP_OPEN, base, base, 812, 0);
	records[1] = record(THPRACE_REC_WALK_ENTER, base + 3100, base + 3100, 813, 1);
	records[2] = record(THPRACE_REC_RMAP_PMD, base + 12900, base, 812, 0);
	records[3] = record(THPRACE_REC_WALK_RETURN, base + 15000, base + 3100, 813, 1);
	records[4] = record(THPRACE_REC_ZAP_CLOSE, base + 17300, base, 812, 0);
	records[4].arg = START + base + 12900;
	records[4].flags = thprace_left_word(0);
}

static void write_race(struct trace_writer *writer, uint64_t base)
{
	struct thprace_record records[5];
	unsigned int i;

	write_race_records(records, base);
	for (i = 0; i < 5; i++)
		assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &records[i]),
				 0);
}

static struct trace_writer *begin(uint32_t flags)
{
	struct trace_writer *writer = NULL;

	assert_int_equal(trace_writer__open(&writer, path, START, WALL, flags), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, meta), 0);
	return writer;
}

static void add_incident(struct trace_writer *writer, enum thprace_verdict verdict, uint64_t base)
{
	struct thprace_incident one = incident(verdict, base);

	assert_int_equal(trace_writer__incident(writer, &one), 0);
}

/* Seven contained ones, of which the sixth is the longest; with an escape if asked for. */
static void write_trace(int escape)
{
	struct trace_writer *writer = begin(THPRACE_TF_ALL);
	struct thprace_incident long_one = incident(THPRACE_CONTAINED, 600000);
	unsigned int i;

	for (i = 1; i <= 7; i++) {
		write_race(writer, i * 100000);
		if (i == 6) {
			long_one.walk.enter = long_one.window.open + 10;
			assert_int_equal(trace_writer__incident(writer, &long_one), 0);
		} else {
			add_incident(writer, THPRACE_CONTAINED, i * 100000);
		}
	}
	if (escape)
		add_incident(writer, THPRACE_ESCAPE, 900000);
	assert_int_equal(trace_writer__flush(writer), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS,
					    "{\"0xffffffff81234567\":\"zap_huge_pmd+0x1a3\"}"),
			 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_TASKS,
					    "[{\"pid\":813,\"tgid\":810,\"comm\":\"walker\","
					    "\"windows\":0,\"walks\":7},{\"pid\":812,\"tgid\":810,"
					    "\"comm\":\"opener\",\"windows\":9}]"),
			 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats), 0);
	assert_int_equal(trace_writer__close(writer), 0);
}

static struct summary *read_summary(void)
{
	struct trace_reader *reader = NULL;
	struct summary *summary = NULL;
	char why[256];

	assert_int_equal(trace_reader__open(&reader, path, why, sizeof(why)), 0);
	assert_int_equal(summary__read(&summary, reader, why, sizeof(why)), 0);
	trace_reader__close(reader);
	return summary;
}

static char *report_of_width(unsigned int incidents, int json, int width)
{
	struct render_options options = {.incidents = incidents, .stacks = 1, .width = width};
	struct summary *summary = read_summary();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (json)
		assert_int_equal(render_json__report(out, summary, &options), 0);
	else
		render_text__report(out, summary, &options);
	fclose(out);
	summary__free(summary);
	return text;
}

static char *report(unsigned int incidents, int json)
{
	return report_of_width(incidents, json, 0);
}

/* Takes text apart. */
static void assert_fits(char *text, size_t width)
{
	char *line, *rest = NULL;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (names__columns(line) > width)
			fail_msg("wider than %zu columns: %s", width, line);
	}
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static unsigned int occurrences(const char *text, const char *part)
{
	unsigned int nr = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		nr++;
	return nr;
}

/* A narrow terminal: nothing is wider, and all is there. */
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

/* What is proved, what is likely and what is no race is told apart, in any width. */
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
	assert_has(text, " absent\n               not in BTF\n");
	assert_has(text, "collapse_file ran 2 times, and failed 1 time\n");
	/* Busiest first. */
	assert_true(strstr(text, "  opener ") < strstr(text, "  walker "));
	/* The escape, then the longest, then the first of the rest. */
	assert_int_equal(occurrences(text, "  incident "), 3);
	assert_true(strstr(text, "  incident 8: ") < strstr(text, "  incident 6: "));
	assert_true(strstr(text, "  incident 6: ") < strstr(text, "  incident 1: "));
	assert_has(text, "the 3 that matter most of 8");
	assert_has(text, "folio_remove_rmap_pmd(): mapcount");
	assert_has(text, "zap_huge_pmd+0x1a3");
	assert_has(text, "0xffffffff81000002");
	assert_fits(text, 100);
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
	assert_int_equal(classes, THPRACE_CLASS_MAX - 1);
	assert_int_equal(incidents, 5);
	free(text);
}

/* No digits that the clock has not, and an entry that saw nothing is told. */
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

/* Escapes found by the STATS alone, and by incidents alone, both count. */
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

/* The file ends after any byte, or any byte is flipped: what is read is shown, nothing crashes. */
static void damaged_files(void **state)
{
	unsigned char *whole;
	unsigned int cut = 0, flips = 0;
	long size, at;
	FILE *file;
	char *text;

	(void)state;
	write_trace(1);
	file = fopen(path, "rb");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	whole = malloc((size_t)size);
	assert_int_equal(fread(whole, 1, (size_t)size, file), size);
	fclose(file);
	for (at = 40; at < size; at += 7) {
		assert_int_equal(truncate(path, 0), 0);
		file = fopen(path, "wb");
		fwrite(whole, 1, (size_t)at, file);
		fclose(file);
		text = report(5, 0);
		cut += occurrences(text, "cut off");
		free(text);
		file = fopen(path, "wb");
		whole[at] ^= 0x10;
		fwrite(whole, 1, (size_t)size, file);
		whole[at] ^= 0x10;
		fclose(file);
		text = report(5, 1);
		flips += occurrences(text, "\"complete\":false");
		free(text);
	}
	assert_true(cut >= (unsigned int)((size - 40) / 7));
	assert_true(flips >= (unsigned int)((size - 40) / 7));
	free(whole);
}

static void wrong_json_is_no_crash(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{",
		"{}",
		"[1,2]",
		"null",
		"{\"classes\":[],\"phases\":7}",
		"{\"phases\":{\"phase1\":{\"buckets\":[[1],[2,3,4],5,[999,1],[\"x\",-1],"
		"[5,1e300]]}},\"programs\":[1,null,{}],\"lost\":[],\"closest\":{}}",
		"{\"probes\":[null,3,{\"point\":5}],\"command\":[1,null,\"x\"],\"mode\":3,"
		"\"not_observable\":[{\"class\":\"?\"},9]}",
		"[{\"pid\":-1},7,null,{\"comm\":\"0123456789abcdefghi\"}]",
		"{\"0x1\":5,\"\":null}"};
	static const enum thprace_block_type types[] = {THPRACE_BLOCK_META, THPRACE_BLOCK_STATS,
							THPRACE_BLOCK_SYMBOLS, THPRACE_BLOCK_TASKS};
	struct trace_writer *writer;
	size_t i, t;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (t = 0; t < 4; t++) {
			writer = begin(0);
			add_incident(writer, THPRACE_CONTAINED, 100000);
			trace_writer__json(writer, types[t], texts[i]);
			assert_int_equal(trace_writer__close(writer), 0);
			free(report(5, 0));
			free(report(5, 1));
		}
	}
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

static void filters(void **state)
{
	struct thprace_record one = record(THPRACE_REC_WALK_ENTER, 1500000, 1500000, 813, 1);
	struct thprace_incident pair = incident(THPRACE_CONTAINED, 1500000);
	struct filter filter = {0};

	(void)state;
	assert_true(filter__record(&filter, &one, START));
	assert_true(filter__incident(&filter, &pair, START));
	assert_int_equal(filter__set_pid(&filter, "812"), 0);
	assert_false(filter__record(&filter, &one, START));
	assert_true(filter__incident(&filter, &pair, START));
	assert_int_equal(filter__set_pid(&filter, "810"), 0);
	assert_true(filter__record(&filter, &one, START));
	/* One side alone is enough, and no third one is. */
	pair.window.tgid = 1;
	assert_true(filter__incident(&filter, &pair, START));
	pair.window.tgid = 810;
	pair.walk.tgid = 1;
	assert_true(filter__incident(&filter, &pair, START));
	pair.window.tgid = 1;
	assert_false(filter__incident(&filter, &pair, START));
	pair = incident(THPRACE_CONTAINED, 1500000);
	assert_int_equal(filter__set_cpu(&filter, "0"), 0);
	assert_false(filter__record(&filter, &one, START));
	assert_true(filter__incident(&filter, &pair, START));
	assert_int_equal(filter__set_cpu(&filter, "2"), 0);
	assert_false(filter__incident(&filter, &pair, START));
	memset(&filter, 0, sizeof(filter));
	filter__set_class(&filter, THPRACE_SPLIT_UNMAP);
	assert_false(filter__record(&filter, &one, START));
	assert_false(filter__incident(&filter, &pair, START));
	filter__set_class(&filter, THPRACE_TRUNCATE_UNMAP);
	assert_true(filter__record(&filter, &one, START));
	filter__set_verdict(&filter, THPRACE_ESCAPE);
	assert_false(filter__record(&filter, &one, START));
	assert_false(filter__incident(&filter, &pair, START));
	filter__set_verdict(&filter, THPRACE_CONTAINED);
	assert_true(filter__incident(&filter, &pair, START));
	memset(&filter, 0, sizeof(filter));
	filter.since = 1500000;
	assert_true(filter__record(&filter, &one, START));
	filter.since++;
	assert_false(filter__record(&filter, &one, START));
	assert_true(filter__incident(&filter, &pair, START));
	filter.since = 0;
	filter.until = 1500000;
	assert_true(filter__record(&filter, &one, START));
	filter.until--;
	assert_false(filter__record(&filter, &one, START));
	assert_false(filter__incident(&filter, &pair, START));
}

static void filter_words(void **state)
{
	struct filter filter = {0};

	(void)state;
	assert_true(filter__set_pid(&filter, "-1") < 0);
	assert_true(filter__set_cpu(&filter, "4294967296") < 0);
	assert_true(filter__set_cpu(&filter, "1x") < 0);
	assert_int_equal(filter__set_cpu(&filter, "1"), 0);
}

static unsigned int fields(const char *line)
{
	unsigned int nr = 1;
	int quoted = 0;

	for (; *line && *line != '\n'; line++) {
		if (*line == '"')
			quoted = !quoted;
		nr += *line == ',' && !quoted;
	}
	return nr;
}

/* Every line of CSV has as many fields as the first; every line of JSON is an object. */
static void dumped_lines(void **state)
{
	struct thprace_trace_header header = {.started = START, .started_wall = WALL};
	struct thprace_incident pair = incident(THPRACE_ESCAPE, 5000), alone = pair;
	struct render_record render = {.started = START};
	unsigned int format, type;

	(void)state;
	memset(&alone.window, 0, sizeof(alone.window));
	memcpy(alone.walk.comm, "a\",\n\xff", 6);
	for (format = RENDER_TEXT; format <= RENDER_CSV; format++) {
		char *text = NULL, *line, *rest = NULL;
		unsigned int nr = 0, width = 0;
		struct record_lines *lines;
		size_t size = 0;

		render.out = open_memstream(&text, &size);
		render.format = format;
		lines = record_lines__new(&render);
		assert_non_null(lines);
		assert_int_equal(render_record__header(&render, &header), 0);
		for (type = 0; type <= THPRACE_REC_MAX; type++) {
			struct thprace_record one =
				record((enum thprace_record_type)type, 9000, 8000, 5, 1);

			record_lines__print(lines, render.out, &(struct record_place){0, &one}, 1,
					    type % 2);
		}
		assert_int_equal(render_record__incident(&render, 1, &pair), 0);
		assert_int_equal(render_record__incident(&render, 2, &alone), 0);
		fclose(render.out);
		for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
			if (!nr++)
				width = fields(line);
			if (format == RENDER_CSV)
				assert_int_equal(fields(line), width);
			if (format == RENDER_JSON) {
				struct json_object *object = json_tokener_parse(line);

				assert_true(json_object_is_type(object, json_type_object));
				json_object_put(object);
			}
		}
		assert_int_equal(nr, 1 + THPRACE_REC_MAX + 1 + 2);
		record_lines__free(lines);
		free(text);
	}
}

static struct crosscheck_result check(char **text)
{
	struct crosscheck_result result;
	struct crosscheck *crosscheck = NULL;
	struct trace_reader *reader = NULL;
	char why[256], *json = NULL;
	size_t size = 0;
	FILE *out;

	assert_int_equal(trace_reader__open(&reader, path, why, sizeof(why)), 0);
	assert_int_equal(crosscheck__run(&crosscheck, reader, why, sizeof(why)), 0);
	trace_reader__close(reader);
	result = *crosscheck__result(crosscheck);
	out = open_memstream(text, &size);
	crosscheck__print(crosscheck, out);
	fclose(out);
	out = open_memstream(&json, &size);
	assert_int_equal(crosscheck__print_json(crosscheck, out), 0);
	fclose(out);
	free(json);
	crosscheck__free(crosscheck);
	return result;
}

/* races in the records; incidents of the first `told` of them, the last with verdict `last`. */
static void write_races(unsigned int races, unsigned int told, enum thprace_verdict last,
			const char *text, int end)
{
	struct trace_writer *writer = begin(THPRACE_TF_ALL);
	unsigned int i;

	for (i = 1; i <= races; i++)
		write_race(writer, i * 100000);
	for (i = 1; i <= told; i++) {
		struct thprace_incident one = incident(THPRACE_CONTAINED, i * 100000);

		if (i == told)
			one.verdict = last;
		if (one.verdict == THPRACE_ESCAPE)
			one.attribution = THPRACE_CAUSAL;
		assert_int_equal(trace_writer__incident(writer, &one), 0);
	}
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, text), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	if (!end) {
		FILE *file = fopen(path, "r+b");

		fseek(file, 0, SEEK_END);
		assert_int_equal(ftruncate(fileno(file), ftell(file) - 1), 0);
		fclose(file);
	}
}

static void crosscheck_equal(void **state)
{
	struct crosscheck_result result;
	char *text;

	(void)state;
	write_races(20, 20, THPRACE_CONTAINED, "{}", 1);
	result = check(&text);
	assert_int_equal(result.records, 100);
	assert_int_equal(result.kernel, 20);
	assert_int_equal(result.equal, 20);
	assert_true(result.same);
	assert_has(text, "\ncrosscheck: equal\n");
	free(text);
}

static void crosscheck_different(void **state)
{
	struct crosscheck_result result;
	char *text;

	(void)state;
	/* Another verdict. */
	write_races(20, 20, THPRACE_ESCAPE, "{}", 1);
	result = check(&text);
	assert_int_equal(result.differs, 1);
	assert_int_equal(result.settled_otherwise, 1);
	assert_int_equal(result.equal, 19);
	assert_false(result.same);
	assert_has(text, "kernel    causal escape truncate-unmap, walker 813 at 0.002003100 s");
	assert_has(text, "detector  contained truncate-unmap, walker 813 at 0.002003100 s");
	assert_has(text, "\ncrosscheck: DIFFERENT\n");
	free(text);
	/* One that the kernel didn't tell; one that the records don't show. */
	write_races(20, 19, THPRACE_CONTAINED, "{}", 1);
	result = check(&text);
	assert_int_equal(result.only_detector, 1);
	assert_false(result.same);
	free(text);
	write_races(19, 20, THPRACE_CONTAINED, "{}", 1);
	result = check(&text);
	assert_int_equal(result.only_kernel, 1);
	assert_false(result.same);
	free(text);
}

/* The same verdict, and one side holds for proved what the other does not. */
static void crosscheck_attribution(void **state)
{
	struct thprace_record records[5];
	struct crosscheck_result result;
	struct trace_writer *writer;
	char *text;
	int attribution, remained;
	unsigned int i;

	(void)state;
	for (attribution = THPRACE_LIKELY; attribution <= THPRACE_EXACT; attribution++) {
		/* Where a walker remained, the kernel's side is lowered in the end: that is no difference. */
		for (remained = 0; remained <= 1; remained++) {
			struct thprace_incident one = incident(THPRACE_ESCAPE, 100000);
			struct thprace_incident other = incident(THPRACE_REMAINED, 900000);

			writer = begin(THPRACE_TF_ALL);
			write_race_records(records, 100000);
			records[3].ts = one.walk.leave;
			records[3].value = 1;
			records[3].arg2 = THPRACE_COUNTS(1, 0);
			for (i = 0; i < 5; i++)
				assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_RECORDS,
								      &records[i]),
						 0);
			one.attribution = attribution;
			assert_int_equal(trace_writer__incident(writer, &one), 0);
			memset(&other.window, 0, sizeof(other.window));
			if (remained)
				assert_int_equal(trace_writer__incident(writer, &other), 0);
			assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, "{}"), 0);
			assert_int_equal(trace_writer__close(writer), 0);
			result = check(&text);
			assert_int_equal(result.equal, remained || attribution == THPRACE_EXACT);
			assert_int_equal(result.differs, !result.equal);
			if (!remained && attribution == THPRACE_LIKELY) {
				assert_has(text, "kernel    likely escape truncate-unmap");
				assert_has(text, "detector  exact escape truncate-unmap");
			}
			free(text);
		}
	}
}

static void crosscheck_after_loss(void **state)
{
	struct crosscheck_result result;
	char *text;

	(void)state;
	write_races(20, 20, THPRACE_UNPROVEN, "{\"lost\":{\"stream\":3}}", 1);
	result = check(&text);
	assert_int_equal(result.equal, 19);
	assert_int_equal(result.left_out, 1);
	assert_false(result.same);
	assert_has(text, "cannot compare: 3 records lost");
	free(text);
	write_races(20, 20, THPRACE_CONTAINED, "{}", 0);
	result = check(&text);
	assert_false(result.complete);
	assert_false(result.same);
	assert_has(text, "crosscheck: DIFFERENT\n");
	free(text);
}

/* The file, as if an older version had written it. */
static void set_version(uint32_t version)
{
	struct thprace_trace_header header;
	FILE *file = fopen(path, "r+b");

	assert_non_null(file);
	assert_int_equal(fread(&header, sizeof(header), 1, file), 1);
	header.version = version;
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header, offsetof(typeof(header), crc));
	rewind(file);
	assert_int_equal(fwrite(&header, sizeof(header), 1, file), 1);
	assert_int_equal(fclose(file), 0);
}

static void crosscheck_refuses(void **state)
{
	struct crosscheck *crosscheck = NULL;
	struct trace_reader *reader = NULL;
	struct trace_writer *writer;
	char why[256];

	(void)state;
	assert_int_equal(trace_writer__close(begin(0)), 0);
	assert_int_equal(trace_reader__open(&reader, path, why, sizeof(why)), 0);
	assert_true(crosscheck__run(&crosscheck, reader, why, sizeof(why)) < 0);
	assert_has(why, "--all");
	trace_reader__close(reader);
	assert_int_equal(trace_writer__open(&writer, path, START, WALL, THPRACE_TF_ALL), 0);
	write_race(writer, 0);
	assert_int_equal(trace_writer__close(writer), 0);
	assert_int_equal(trace_reader__open(&reader, path, why, sizeof(why)), 0);
	assert_true(crosscheck__run(&crosscheck, reader, why, sizeof(why)) < 0);
	assert_has(why, "mode");
	trace_reader__close(reader);
	/* Its records do not tell what was left mapped: each failed walker would be a difference. */
	write_races(20, 20, THPRACE_CONTAINED, "{}", 1);
	set_version(2);
	assert_int_equal(trace_reader__open(&reader, path, why, sizeof(why)), 0);
	assert_true(crosscheck__run(&crosscheck, reader, why, sizeof(why)) < 0);
	assert_has(why, "format version 2");
	trace_reader__close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_report),
		cmocka_unit_test(likely_and_remained),
		cmocka_unit_test(narrow_report),
		cmocka_unit_test(json_report),
		cmocka_unit_test(coarse_clock_silent_entry),
		cmocka_unit_test(nothing_overlapped),
		cmocka_unit_test(escapes_are_never_hidden),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(wrong_json_is_no_crash),
		cmocka_unit_test(keeps_the_most_telling),
		cmocka_unit_test(filters),
		cmocka_unit_test(filter_words),
		cmocka_unit_test(dumped_lines),
		cmocka_unit_test(crosscheck_equal),
		cmocka_unit_test(crosscheck_different),
		cmocka_unit_test(crosscheck_attribution),
		cmocka_unit_test(crosscheck_after_loss),
		cmocka_unit_test(crosscheck_refuses),
	};
	int failed, file = mkstemp(path);

	if (file < 0)
		return 1;
	close(file);
	failed = cmocka_run_group_tests_name("report", tests, NULL, NULL);
	unlink(path);
	return failed;
}
