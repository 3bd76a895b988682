// SPDX-License-Identifier: GPL-2.0-only
/* Reports of damaged traces: what can be read is shown, and nothing crashes. */
#include "report_support.h"

/* The file ends after any byte, or any byte is flipped: what was read is shown, nothing crashes. */
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
			free(report_verbose(5));
			free(report(5, 1));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(wrong_json_is_no_crash),
	};

	return cmocka_run_group_tests_name("damaged reports", tests, make_file, remove_file);
}
