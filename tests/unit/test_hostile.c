// SPDX-License-Identifier: GPL-2.0-only
/* Traces made to do harm: JSON beyond the limits, in bounded time and memory. */
#include "trace_support.h"

#include "bounded.h"
#include "cli.h"
#include "base/json_bounds.h"
#include "report/summary.h"
#include "class_ids.h"

/* Blocks that our writer would not write. */
static FILE *begin(uint32_t flags)
{
	struct thprace_trace_header header = {
		.magic = THPRACE_TRACE_MAGIC,
		.version = THPRACE_TRACE_VERSION,
		.header_size = sizeof(header),
		.started = 1,
		.flags = flags,
	};
	FILE *out = fopen(file, "wbe");

	assert_non_null(out);
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header,
				     offsetof(struct thprace_trace_header, crc));
	assert_int_equal(fwrite(&header, sizeof(header), 1, out), 1);
	return out;
}

static void add_block(FILE *out, unsigned int type, const void *data, size_t size, uint32_t count)
{
	uLongf stored = compressBound(size);
	struct thprace_block_header block = {
		.magic = THPRACE_BLOCK_MAGIC,
		.type = (uint16_t)type,
		.codec = THPRACE_CODEC_ZLIB,
		.raw_size = (uint32_t)size,
		.count = count,
	};
	unsigned char *packed = malloc(stored);

	assert_non_null(packed);
	assert_int_equal(compress2(packed, &stored, data, size, 1), Z_OK);
	block.stored_size = (uint32_t)stored;
	block.crc = (uint32_t)crc32(0, packed, (uInt)stored);
	block.header_crc = (uint32_t)crc32(0, (const Bytef *)&block,
					   offsetof(struct thprace_block_header, header_crc));
	assert_int_equal(fwrite(&block, sizeof(block), 1, out), 1);
	assert_int_equal(fwrite(packed, 1, stored, out), stored);
	free(packed);
}

static void end(FILE *out)
{
	add_block(out, THPRACE_BLOCK_END, "", 0, 0);
	assert_int_equal(fclose(out), 0);
}

/* head, then `part` this many times, then tail; malloc'ed. */
static char *repeat(const char *head, const char *part, size_t times, const char *tail)
{
	size_t length = strlen(part), i;
	char *text = malloc(strlen(head) + times * length + strlen(tail) + 1), *at = text;

	assert_non_null(text);
	at = stpcpy(at, head);
	for (i = 0; i < times; i++, at += length)
		memcpy(at, part, length);
	strcpy(at, tail);
	return text;
}

/* Returns the verb's result. Its message is in the file `other`, its output is discarded. */
static int run(int (*verb)(int argc, char **argv), const char *first, const char *second)
{
	char args[4][128] = {"thprace verb"};
	char *argv[5] = {args[0], args[1], args[2], args[3], NULL};
	int argc = 1, status;

	if (first)
		snprintf(args[argc++], sizeof(args[0]), "%s", first);
	if (second)
		snprintf(args[argc++], sizeof(args[0]), "%s", second);
	snprintf(args[argc++], sizeof(args[0]), "%s", file);
	argv[argc] = NULL;
	if (!freopen("/dev/null", "w", stdout) || !freopen(other, "w", stderr))
		return 98;
	status = verb(argc, argv);
	fflush(NULL);
	return status;
}

static int report(void *ctx)
{
	(void)ctx;
	return run(cmd_report, "--verbose", NULL);
}

static int report_json(void *ctx)
{
	(void)ctx;
	return run(cmd_report, "--format", "json");
}

static int export_perfetto(void *ctx)
{
	(void)ctx;
	return run(cmd_export, "--perfetto", NULL);
}

static int export_chrome(void *ctx)
{
	(void)ctx;
	return run(cmd_export, "--chrome-json", NULL);
}

static int crosscheck(void *ctx)
{
	(void)ctx;
	return run(cmd_report, "--crosscheck", NULL);
}

static int dump(void *ctx)
{
	(void)ctx;
	return run(cmd_dump, "--format", "json");
}

/* One line that contains this. */
static void assert_message(const char *because)
{
	char text[2048];
	size_t size = load(other, (unsigned char *)text, sizeof(text) - 1);

	text[size] = '\0';
	if (!strstr(text, because) || strchr(text, '\n') != text + size - 1)
		fail_msg("'%s' is not one line that says '%s'", text, because);
}

static void refused(const char *because)
{
	assert_int_equal(bounded(report, NULL), CLI_FAILED);
	assert_message(because);
	assert_int_equal(bounded(report_json, NULL), CLI_FAILED);
	assert_message(because);
	assert_int_equal(bounded(crosscheck, NULL), CLI_FAILED);
	assert_message(because);
	assert_int_equal(bounded(export_perfetto, NULL), CLI_FAILED);
	assert_message(because);
}

/* One block, made of these, and why it is refused. */
struct hostile {
	unsigned int type;
	const char *head, *part, *tail;
	size_t times;
	const char *because;
};

/* By the report and the crosscheck. dumped: also by dump, which does not interpret the JSON. */
static void refuse_each(const struct hostile *cases, size_t nr, bool dumped)
{
	size_t i;
	char *text;
	FILE *out;

	for (i = 0; i < nr; i++) {
		text = repeat(cases[i].head, cases[i].part, cases[i].times, cases[i].tail);
		out = begin(THPRACE_TF_ALL);
		add_block(out, cases[i].type, text, strlen(text), 0);
		end(out);
		free(text);
		refused(cases[i].because);
		if (!dumped)
			continue;
		assert_int_equal(bounded(dump, NULL), CLI_FAILED);
		assert_message(cases[i].because);
	}
}

static void beyond_the_bounds(void **state)
{
	static const struct hostile cases[] = {
		{THPRACE_BLOCK_META, "{\"a\":[{}", ",{}", "]}", 1398000, "20,480 objects"},
		{THPRACE_BLOCK_STATS, "{\"a\":[[]", ",[]", "]}", 1398000, "20,480 objects"},
		{THPRACE_BLOCK_META, "{\"probes\":[0", ",0", "]}", 2000000, "131,072 values"},
		{THPRACE_BLOCK_SYMBOLS, "{\"0x1\":\"\"", ",\"\":\"\"", "}", 600000,
		 "131,072 values"},
		{THPRACE_BLOCK_TASKS, "[{}", ",{}", "]", 1398000, "20,480 objects"},
		{THPRACE_BLOCK_META, "{\"a\":", "[", "", 4000000, "16 levels"},
		{THPRACE_BLOCK_META, "{\"", "a", "\":1}", 4000000, "a name of more"},
		/*
		 * json-c accepts these quotes and comments, and what they hide would not be
		 * counted.
		 */
		{THPRACE_BLOCK_META, "{'\"':[{}", ",{}", "],'\"':1}", 1000000, "not JSON"},
		{THPRACE_BLOCK_META, "{/*\"*/\"a\":[{}", ",{}", "]/*\"*/}", 1000000, "not JSON"},
		{THPRACE_BLOCK_META, "{\"a\":\"\\\\\",\"b\":[{}", ",{}", "]}", 1000000,
		 "20,480 objects"},
	};

	(void)state;
	refuse_each(cases, sizeof(cases) / sizeof(cases[0]), true);
}

/* Within the limits of JSON, but thprace does not write this. */
static void names_and_lists(void **state)
{
	static const struct hostile cases[] = {
		{THPRACE_BLOCK_META, "{\"mode\":\"light\",\"probes\":[0", ",0", "]}", 1000,
		 "256 probes"},
		{THPRACE_BLOCK_STATS, "{\"programs\":[{}", ",{}", "]}", 1000, "or programs"},
		{THPRACE_BLOCK_META, "{\"kernel\":\"\\u001b]0;x", "x", "\"}", 1,
		 "cannot be printed"},
		{THPRACE_BLOCK_META, "{\"probes\":[{\"function\":\"\\n", "x", "\"}]}", 1,
		 "cannot be printed"},
		{THPRACE_BLOCK_STATS, "{\"programs\":[{\"name\":\"\302\233", "x", "\"}]}", 1,
		 "cannot be printed"},
	};

	(void)state;
	refuse_each(cases, sizeof(cases) / sizeof(cases[0]), false);
}

/* As much as the limits allow, in every block: it is read, in bounded memory. */
static void at_the_bounds(void **state)
{
	char *objects = repeat("{\"a\":[{}", ",{}", JSON_CONTAINERS_MAX - 3, "]}");
	char *pairs = repeat("{\"0x1\":\"a\"", ",\"0x2222222222222222\":\"b\"", 60000, "}");
	char *tasks_of = repeat("[{}", ",{\"pid\":1,\"comm\":\"x\",\"tgid\":1}", 20000, "]");
	unsigned int i;
	FILE *out = begin(0);

	(void)state;
	assert_null(json_bounds__check(objects, strlen(objects), NULL));
	assert_null(json_bounds__check(pairs, strlen(pairs), NULL));
	for (i = 0; i < 2; i++) {
		add_block(out, THPRACE_BLOCK_META, objects, strlen(objects), 0);
		add_block(out, THPRACE_BLOCK_STATS, objects, strlen(objects), 0);
		add_block(out, THPRACE_BLOCK_SYMBOLS, pairs, strlen(pairs), 0);
		add_block(out, THPRACE_BLOCK_TASKS, tasks_of, strlen(tasks_of), 0);
	}
	end(out);
	assert_int_equal(bounded(report, NULL), CLI_DONE);
	assert_int_equal(bounded(report_json, NULL), CLI_DONE);
	assert_int_equal(bounded(dump, NULL), CLI_DONE);
	assert_int_equal(bounded(export_chrome, NULL), CLI_DONE);
	free(objects);
	free(pairs);
	free(tasks_of);
}

/* The same block this many times, each within the limits. */
static void write_many(unsigned int type, char *text, int times)
{
	FILE *out = begin(THPRACE_TF_ALL);

	while (times--)
		add_block(out, type, text, strlen(text), 0);
	end(out);
	free(text);
}

static void too_much_of_it(void **state)
{
	(void)state;
	write_many(THPRACE_BLOCK_META, repeat("{\"a\":\"", "x", THPRACE_BLOCK_MAX - 8, "\"}"), 17);
	refused("64 MiB of JSON");
	write_many(THPRACE_BLOCK_SYMBOLS, repeat("{\"0x1\":\"a\"", ",\"0x2\":\"b\"", 60000, "}"),
		   10);
	refused("524,288 values");
}

/* Records of one instant: the detector must hold all of them. */
static void crosscheck_in_bounds(void **state)
{
	const size_t count = THPRACE_BLOCK_MAX / sizeof(struct thprace_record);
	static const char light[] = "{\"mode\":\"light\"}";
	struct thprace_record *records;
	uint32_t pid = 0;
	FILE *out;
	size_t i;
	int block;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its memory is not bounded */
#endif
	out = begin(THPRACE_TF_ALL);
	records = calloc(count, sizeof(*records));
	assert_non_null(records);
	add_block(out, THPRACE_BLOCK_META, light, sizeof(light) - 1, 0);
	for (block = 0; block < 20; block++) {
		for (i = 0; i < count; i++)
			records[i] = (struct thprace_record){.ts = 5000,
							     .pid = ++pid,
							     .type = THPRACE_REC_WALK_ENTER,
							     .class = THPRACE_SPLIT_UNMAP};
		add_block(out, THPRACE_BLOCK_RECORDS, records, count * sizeof(*records),
			  (uint32_t)count);
	}
	end(out);
	free(records);
	assert_int_equal(bounded(crosscheck, NULL), CLI_FAILED);
	assert_message("64 MiB");
}

/* Thousands of windows that touch thousands of walkers, on one folio. */
static void crosscheck_in_time(void **state)
{
	static const char light[] = "{\"mode\":\"light\"}";
	const uint32_t pairs = 15000, count = 4 * pairs;
	struct thprace_record *records = calloc(count, sizeof(*records)), *record = records;
	FILE *out = begin(THPRACE_TF_ALL);
	uint32_t i, kind;

	(void)state;
	assert_non_null(records);
	for (kind = 0; kind < 4; kind++) {
		static const uint8_t types[] = {THPRACE_REC_ZAP_OPEN, THPRACE_REC_ZAP_CLOSE,
						THPRACE_REC_WALK_ENTER, THPRACE_REC_WALK_RETURN};

		for (i = 0; i < pairs; i++, record++)
			*record = (struct thprace_record){
				.ts = 1000 + 1000 * ((kind + 1) / 2),
				.entry = 1000 + 1000 * (kind / 2),
				.folio = 0x1000,
				.pid = i + 1 + pairs * (kind / 2),
				.type = types[kind],
				.class = THPRACE_SPLIT_UNMAP,
			};
	}
	add_block(out, THPRACE_BLOCK_META, light, sizeof(light) - 1, 0);
	add_block(out, THPRACE_BLOCK_RECORDS, records, count * sizeof(*records), count);
	end(out);
	free(records);
	assert_int_equal(bounded(crosscheck, NULL), CLI_FAILED);
	assert_message("than any kernel has");
}

/* Hundreds of thousands of threads, and slices that overlap as many others as possible. */
static void export_in_bounds(void **state)
{
	const size_t count = THPRACE_BLOCK_MAX / sizeof(struct thprace_record);
	struct thprace_record *records = calloc(count, sizeof(*records));
	FILE *out = begin(THPRACE_TF_ALL);
	uint32_t pid = 0, block;
	size_t i;

	(void)state;
	assert_non_null(records);
	for (block = 0; block < 10; block++) {
		for (i = 0; i < count; i++)
			records[i] = (struct thprace_record){
				.ts = 1000000 + i,
				.entry = 1 + (i * 7919 + block) % count,
				.pid = block % 2 ? ++pid : 1,
				.cpu = (uint16_t)(block % 3 ? i : 0),
				.type = i % 4 ? THPRACE_REC_WALK_RETURN : THPRACE_REC_WALK_ENTER,
				.class = THPRACE_SPLIT_UNMAP};
		add_block(out, THPRACE_BLOCK_RECORDS, records, count * sizeof(*records),
			  (uint32_t)count);
	}
	end(out);
	free(records);
	assert_int_equal(bounded(export_perfetto, NULL), CLI_DONE);
	assert_int_equal(bounded(export_chrome, NULL), CLI_DONE);
}

/* The writer refuses what the reader would. */
static void writer_refuses(void **state)
{
	char *text = repeat("[{}", ",{}", JSON_CONTAINERS_MAX, "]");
	struct trace_writer *writer;

	(void)state;
	assert_int_equal(trace_writer__open(&writer, file, 1, 2, 0), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_TASKS, text), -E2BIG);
	trace_writer__close(writer);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beyond_the_bounds),	cmocka_unit_test(names_and_lists),
		cmocka_unit_test(at_the_bounds),	cmocka_unit_test(too_much_of_it),
		cmocka_unit_test(crosscheck_in_bounds), cmocka_unit_test(crosscheck_in_time),
		cmocka_unit_test(export_in_bounds),	cmocka_unit_test(writer_refuses),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
