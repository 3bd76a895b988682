/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of reports: a trace file with races in it, and its report. */
#ifndef TESTS_REPORT_SUPPORT_H
#define TESTS_REPORT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <json-c/json.h>
#include <thprace/verdict.h>
#include "base/names.h"
#include "build_incident.h"
#include "report/render_json.h"
#include "report/render_text.h"
#include "report/summary.h"
#include "trace/trace_reader.h"
#include "trace/trace_writer.h"
#include "class_ids.h"

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

static inline struct thprace_record record(enum thprace_record_type type, uint64_t ts,
					   uint64_t entry, uint32_t pid, uint16_t cpu)
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
		result.origin = THPRACE_ORIGIN_TRUNCATE;
	}
	return result;
}

static inline struct thprace_incident incident(enum thprace_verdict verdict, uint64_t base)
{
	struct thprace_incident result = build_race(THPRACE_TRUNCATE_UNMAP, verdict, START + base);

	result.window.flags = THPRACE_WF_SETTLED;
	strcpy(result.window.comm, "opener");
	result.walk.origin = THPRACE_ORIGIN_TRUNCATE;
	strcpy(result.walk.comm, "walker");
	result.opener_stack.nr = 1;
	result.opener_stack.ip[0] = 0xffffffff81234567;
	result.walker_stack.nr = 2;
	result.walker_stack.ip[0] = 0xffffffff81000001;
	result.walker_stack.ip[1] = 0xffffffff81000002;
	if (verdict == THPRACE_ESCAPE) {
		result.walk.leave = START + base + 10000;
		build_left(&result.walk, 1, 0);
		result.attribution = THPRACE_CAUSAL;
	}
	return result;
}

/* The records for incident(CONTAINED, base). */
static inline void write_race_records(struct thprace_record records[5], uint64_t base)
{
	records[0] = record(THPRACE_REC_ZAP_OPEN, base, base, 812, 0);
	records[1] = record(THPRACE_REC_WALK_ENTER, base + 3100, base + 3100, 813, 1);
	records[2] = record(THPRACE_REC_RMAP_PMD, base + 12900, base, 812, 0);
	records[3] = record(THPRACE_REC_WALK_RETURN, base + 15000, base + 3100, 813, 1);
	records[4] = record(THPRACE_REC_ZAP_CLOSE, base + 17300, base, 812, 0);
	records[4].arg = START + base + 12900;
	records[4].flags = thprace_left_encode(0);
}

static inline void write_race(struct trace_writer *writer, uint64_t base)
{
	struct thprace_record records[5];
	unsigned int i;

	write_race_records(records, base);
	for (i = 0; i < 5; i++)
		assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &records[i]),
				 0);
}

static inline struct trace_writer *begin(uint32_t flags)
{
	struct trace_writer *writer = NULL;

	assert_int_equal(trace_writer__open(&writer, path, START, WALL, flags), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, meta), 0);
	return writer;
}

static inline void add_incident(struct trace_writer *writer, enum thprace_verdict verdict,
				uint64_t base)
{
	struct thprace_incident one = incident(verdict, base);

	assert_int_equal(trace_writer__incident(writer, &one), 0);
}

/* Seven contained ones, of which the sixth is the longest; with an escape on request. */
static inline void write_trace(int escape)
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

static inline struct summary *read_summary(void)
{
	struct trace_reader *reader = NULL;
	struct summary *summary = NULL;
	char why[256];

	assert_int_equal(trace_reader__open(&reader, path, why, sizeof(why)), 0);
	assert_int_equal(summary__read(&summary, reader, why, sizeof(why)), 0);
	trace_reader__close(reader);
	return summary;
}

static inline char *report_with(struct render_options options, int json)
{
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

static inline char *report_of_width(unsigned int incidents, int json, int width)
{
	return report_with(
		(struct render_options){.incidents = incidents, .stacks = 1, .width = width}, json);
}

/* As with -v. */
static inline char *report_verbose(unsigned int incidents)
{
	return report_with((struct render_options){.incidents = incidents, .verbose = 1}, 0);
}

static inline char *report(unsigned int incidents, int json)
{
	return report_of_width(incidents, json, 0);
}

/* Destroys text. */
static inline void assert_fits(char *text, size_t width)
{
	char *line, *rest = NULL;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (names__columns(line) > width)
			fail_msg("wider than %zu columns: %s", width, line);
	}
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

static inline unsigned int occurrences(const char *text, const char *part)
{
	unsigned int nr = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		nr++;
	return nr;
}

static inline int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	return close(fd);
}

static inline int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

#endif
