// SPDX-License-Identifier: GPL-2.0-only
/* Lines of records, composed in place, compared with the same lines by printf(), in all formats. */
#include "trace_support.h"
#include <inttypes.h>
#include "base/names.h"
#include "report/record_lines.h"
#include "class_ids.h"

#define START 5000000000ULL
#define MANY 20000 /* several times more than the buffer holds */

static struct thprace_record records[MANY];
static struct record_place places[MANY];

/* Members whose meaning depends on the type: a letter for the format, and the name. */
struct labels {
	const char *arg; /* a: an address, t: a time, n: a number */
	const char *arg2;
	const char *value;
	int interval;
};

static const struct labels labels[THPRACE_REC_MAX + 1] = {
	[THPRACE_REC_ZAP_OPEN] = {"amm", "aaddress", NULL, 0},
	[THPRACE_REC_RMAP_PMD] = {NULL, NULL, NULL, 1},
	[THPRACE_REC_ZAP_CLOSE] = {"tremoved", "aaddress", "result", 1},
	[THPRACE_REC_RMAP_PTE] = {"apage", NULL, "pages", 0},
	[THPRACE_REC_WALK_ENTER] = {"attu", NULL, NULL, 0},
	[THPRACE_REC_WALK_RETURN] = {"attu", "aleft", "mapcount", 1},
	[THPRACE_REC_SPLIT_RETURN] = {"twalker", "nwalker_mapcount", "result", 1},
	[THPRACE_REC_CHECK] = {NULL, NULL, "mapcount", 0},
	[THPRACE_REC_COLLAPSE_ENTER] = {"afile", "noffset", "foreign", 0},
	[THPRACE_REC_COLLAPSE_RETURN] = {"afile", "noffset", "result", 1},
	[THPRACE_REC_POISON_ENTER] = {"apfn", NULL, NULL, 0},
	[THPRACE_REC_POISON_RETURN] = {"apfn", NULL, "result", 1},
	[THPRACE_REC_LOST] = {"nlost", NULL, NULL, 1},
	[THPRACE_REC_HOLD_RETURN] = {NULL, NULL, NULL, 1},
	[THPRACE_REC_RANGE] = {"tremoved", "npages", "left", 1},
	[THPRACE_REC_OUTER] = {"abefore", "anow", "order", 1},
	[THPRACE_REC_RACE_BEGIN] = {"afrom", "ato", "section", 0},
	[THPRACE_REC_RACE_EVENT] = {"nevent", NULL, "section", 1},
	[THPRACE_REC_RACE_END] = {"afrom", "ato", "section", 1},
};

static const struct labels *labels_of(const struct thprace_record *record)
{
	return &labels[record->type < THPRACE_REC_MAX ? record->type : THPRACE_REC_MAX];
}

static void json_member(FILE *out, const char *name, uint64_t value)
{
	if (name && *name == 'a')
		fprintf(out, ",\"%s\":\"0x%" PRIx64 "\"", name + 1, value);
	else if (name && *name == 't' && !value)
		fprintf(out, ",\"%s_ns\":null", name + 1);
	else if (name)
		fprintf(out, ",\"%s%s\":%" PRIu64, name + 1, *name == 't' ? "_ns" : "", value);
}

static void json(FILE *out, const struct thprace_record *record, int context)
{
	const struct labels *is = labels_of(record);

	fprintf(out,
		"{\"type\":\"record\",\"record\":\"%s\",\"source\":\"%s\",\"time_ns\":%" PRIu64
		",\"begin_ns\":%" PRIu64 ",\"cpu\":%u,\"pid\":%u,\"tgid\":%u,\"folio\":",
		names__record(record->type), context ? "context" : "stream", (uint64_t)record->ts,
		(uint64_t)record->entry, record->cpu, record->pid, record->tgid);
	if (record->folio)
		fprintf(out, "\"0x%" PRIx64 "\"", (uint64_t)record->folio);
	else
		fprintf(out, "null");
	fprintf(out, ",\"class\":\"%s\",\"kind\":\"%s\",\"flags\":%u", names__class(record->class),
		names__origin(record->origin), record->flags);
	if (record->type == THPRACE_REC_LOST)
		fprintf(out, ",\"cause\":\"%s\"", names__loss((unsigned int)record->value));
	if (is->value)
		fprintf(out, ",\"%s\":%d", is->value, record->value);
	json_member(out, is->arg, record->arg);
	if (record->type == THPRACE_REC_RANGE && record->arg2 >> 32)
		fprintf(out, ",\"pages\":%" PRIu32 ",\"taking_ns\":%" PRIu32,
			(uint32_t)record->arg2, (uint32_t)(record->arg2 >> 32));
	else
		json_member(out, is->arg2, record->arg2);
	fprintf(out, "}\n");
}

static void csv(FILE *out, const struct thprace_record *record, int context)
{
	fprintf(out,
		"%s,,%" PRIu64 ",%" PRIu64 ",%s,%s,%s,%u,%u,%u,0x%" PRIx64 ",%d,%u,0x%" PRIx64
		",0x%" PRIx64 ",,,,,,,,,,,,,,,,,,,"
		",,,,,,,,,,,,,,\n",
		context ? "context" : "record", (uint64_t)record->ts, (uint64_t)record->entry,
		names__record(record->type), names__class(record->class),
		names__origin(record->origin), record->cpu, record->pid, record->tgid,
		(uint64_t)record->folio, record->value, record->flags, (uint64_t)record->arg,
		(uint64_t)record->arg2);
}

static void text_member(FILE *out, const char *name, uint64_t value)
{
	char text[NAMES_NUMBER_LEN];

	if (name && *name == 'a')
		fprintf(out, " %s=0x%" PRIx64, name + 1, value);
	else if (name && *name == 'n')
		fprintf(out, " %s=%" PRIu64, name + 1, value);
	else if (name)
		fprintf(out, " %s=%s", name + 1,
			value ? names__offset(text, sizeof(text), (int64_t)(value - START))
			      : "unknown");
}

static void text_flags(FILE *out, unsigned int flags)
{
	if (flags & THPRACE_RF_OWN_FAILED)
		fprintf(out, " own=still-mapped");
	else if (flags & THPRACE_RF_OWN)
		fprintf(out, " own=unmapped");
	fprintf(out, "%s%s%s%s%s%s%s%s%s%s%s%s%s%s", flags & THPRACE_RF_MIGRATE ? " migrate" : "",
		flags & THPRACE_RF_FAILED ? " failed" : "",
		flags & THPRACE_RF_AGAIN ? " again" : "",
		flags & THPRACE_RF_ELSEWHERE ? " elsewhere" : "",
		flags & THPRACE_RF_LOCKED ? " locked" : "",
		flags & THPRACE_RF_REMAP ? " remaps" : "",
		flags & THPRACE_RF_VAGUE ? " began-unknown" : "",
		flags & THPRACE_RF_BLIND ? " ranges-unwatched" : "",
		flags & THPRACE_RF_WALKER ? " walker" : "",
		flags & THPRACE_RF_ESCAPED ? " escape-holds" : "",
		flags & THPRACE_RF_JUDGED ? " judged" : "",
		flags & THPRACE_RF_DROPPED ? " dropped" : "",
		flags & THPRACE_RF_INSTANT ? " instant" : "",
		flags & THPRACE_RF_UNENDED ? " unended" : "");
}

static void text(FILE *out, const struct thprace_record *record, int context)
{
	const struct labels *is = labels_of(record);
	char number[NAMES_NUMBER_LEN];

	fprintf(out, "%15s %5u %8u %8u  %-15s 0x%016" PRIx64,
		names__offset(number, sizeof(number), (int64_t)(record->ts - START)), record->cpu,
		record->pid, record->tgid, names__record(record->type), (uint64_t)record->folio);
	if (record->class)
		fprintf(out, " class=%s", names__class(record->class));
	if (record->origin)
		fprintf(out, " kind=%s", names__origin(record->origin));
	if (is->interval && record->ts >= record->entry)
		fprintf(out, " %s=%s", record->type == THPRACE_REC_LOST ? "within" : "took",
			names__duration(number, sizeof(number), record->ts - record->entry, 1));
	if (record->type == THPRACE_REC_LOST)
		fprintf(out, " cause=%s", names__loss((unsigned int)record->value));
	if (is->value)
		fprintf(out, " %s=%d", is->value, record->value);
	if (record->type == THPRACE_REC_ZAP_CLOSE && record->flags == 1)
		fprintf(out, " left=%d", THPRACE_LEFT_LATE);
	else if (record->type == THPRACE_REC_ZAP_CLOSE && record->flags)
		fprintf(out, " left=%d", record->flags - 2);
	else
		text_flags(out, record->flags);
	text_member(out, is->arg, record->arg);
	if (record->type == THPRACE_REC_RANGE && record->arg2 >> 32)
		fprintf(out, " pages=%" PRIu32 " taking=%s", (uint32_t)record->arg2,
			names__duration(number, sizeof(number), record->arg2 >> 32, 1));
	else
		text_member(out, is->arg2, record->arg2);
	fprintf(out, "%s\n", context ? " context" : "");
}

/* Both outputs, of all formats. */
static void compare(size_t count, int context)
{
	static void (*const print[])(FILE *, const struct thprace_record *, int) = {text, json,
										    csv};
	struct render_record render = {.started = START, .utf8 = 1};
	size_t i, size[2];
	char *lines[2];
	FILE *out[2];

	for (render.format = RENDER_TEXT; render.format <= RENDER_CSV; render.format++) {
		struct record_lines *composed = record_lines__new(&render);

		assert_non_null(composed);
		for (i = 0; i < 2; i++)
			out[i] = open_memstream(&lines[i], &size[i]);
		for (i = 0; i < count; i++) {
			places[i] = (struct record_place){records[i].ts, &records[i]};
			print[render.format](out[0], &records[i], context);
		}
		record_lines__print(composed, out[1], places, count, context);
		for (i = 0; i < 2; i++)
			fclose(out[i]);
		assert_string_equal(lines[0], lines[1]);
		assert_int_equal(size[0], size[1]);
		for (i = 0; i < 2; i++)
			free(lines[i]);
		record_lines__free(composed);
	}
}

/* A number of any length. */
static uint64_t some_number(void)
{
	uint64_t number = (uint64_t)next_random() << 32 | next_random();

	return number >> next_random() % 64;
}

/* Also values that a trace may not have: the reader refuses them, and here they are named "?". */
static void any_record(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		records[i] = some_record();
		records[i].ts = next_random() % 8 ? START + some_number() : some_number();
		records[i].entry = next_random() % 2 ? records[i].ts
						     : records[i].ts - some_number() % 100000000000;
		records[i].folio = next_random() % 8 ? some_number() : 0;
		records[i].arg = next_random() % 4 ? some_number() : 0;
		records[i].arg2 = some_number();
		records[i].pid = (__u32)some_number();
		records[i].tgid = (__u32)some_number();
		records[i].value = (__s32)(next_random() % 2 ? some_number() : 0 - some_number());
		records[i].cpu = (__u16)some_number();
		records[i].flags = (__u16)(next_random() % 4 ? some_number() : next_random() % 4);
		records[i].type = (__u8)(next_random() % (THPRACE_REC_MAX + 2));
		records[i].class = (__u8)(next_random() % (THPRACE_CLASS_MAX + 2));
		records[i].origin = (__u8)(next_random() % (THPRACE_ORIGIN_MAX + 2));
	}
	compare(MANY, 0);
	compare(MANY, 1);
	compare(0, 0);
}

/* All members at their limits: the longest lines and the shortest. */
static void longest_and_shortest(void **state)
{
	unsigned int type, nr = 0;

	(void)state;
	for (type = 0; type <= THPRACE_REC_MAX; type++) {
		memset(&records[nr], 0xff, sizeof(*records));
		records[nr].value = INT32_MIN;
		records[nr].class = THPRACE_INVALIDATE_UNMAP;
		records[nr].origin = THPRACE_ORIGIN_INVALIDATE;
		records[nr++].type = (__u8)type;
		memset(&records[nr], 0, sizeof(*records));
		records[nr++].type = (__u8)type;
	}
	compare(nr, 0);
	compare(nr, 1);
}

static ssize_t full(void *writes, const char *data, size_t size)
{
	(void)data;
	(void)size;
	++*(unsigned int *)writes;
	errno = ENOSPC;
	return 0;
}

/* The first failed write ends it; errno says why. */
static void failed_write(void **state)
{
	struct render_record render = {.format = RENDER_JSON};
	struct record_lines *lines = record_lines__new(&render);
	unsigned int writes = 0;
	FILE *out = fopencookie(&writes, "w", (cookie_io_functions_t){.write = full});
	size_t i;

	(void)state;
	assert_non_null(lines);
	assert_non_null(out);
	for (i = 0; i < MANY; i++)
		places[i] = (struct record_place){0, &records[i]};
	errno = 0;
	record_lines__print(lines, out, places, MANY, 0);
	assert_int_equal(errno, ENOSPC);
	assert_true(ferror(out));
	assert_int_equal(writes, 1);
	fclose(out);
	record_lines__free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_record),
		cmocka_unit_test(longest_and_shortest),
		cmocka_unit_test(failed_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
