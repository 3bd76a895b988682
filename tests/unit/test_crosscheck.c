// SPDX-License-Identifier: GPL-2.0-only
/* The crosscheck: the kernel's incidents in a trace compared with those that its records show. */
#include "report_support.h"

#include <zlib.h>
#include "replay/crosscheck.h"

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
static void write_races(unsigned int races, unsigned int reported, enum thprace_verdict last,
			const char *text, int end)
{
	struct trace_writer *writer = begin(THPRACE_TF_ALL);
	unsigned int i;

	for (i = 1; i <= races; i++)
		write_race(writer, i * 100000);
	for (i = 1; i <= reported; i++) {
		struct thprace_incident one = incident(THPRACE_CONTAINED, i * 100000);

		if (i == reported)
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
	unsigned int races;
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
	/* One that the kernel did not report; one that the records do not show. */
	for (races = 19; races <= 20; races++) {
		write_races(races, 39 - races, THPRACE_CONTAINED, "{}", 1);
		result = check(&text);
		assert_int_equal(result.only_detector, races == 20);
		assert_int_equal(result.only_kernel, races == 19);
		assert_false(result.same);
		free(text);
	}
}

/* The same verdict, but proved only on one side. */
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
		/*
		 * If a walker remained, the kernel's side is lowered in the end: that is no
		 * difference.
		 */
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

/* The trace is refused with this reason. */
static void refuse(const char *reason)
{
	struct crosscheck *crosscheck = NULL;
	struct trace_reader *reader = NULL;
	char why[256];

	assert_int_equal(trace_reader__open(&reader, path, why, sizeof(why)), 0);
	assert_true(crosscheck__run(&crosscheck, reader, why, sizeof(why)) < 0);
	assert_has(why, reason);
	trace_reader__close(reader);
}

static void crosscheck_refuses(void **state)
{
	struct trace_writer *writer;

	(void)state;
	assert_int_equal(trace_writer__close(begin(0)), 0);
	refuse("--all");
	assert_int_equal(trace_writer__open(&writer, path, START, WALL, THPRACE_TF_ALL), 0);
	write_race(writer, 0);
	assert_int_equal(trace_writer__close(writer), 0);
	refuse("mode");
	/* Its records do not show what was left mapped: each failed walker would be a difference. */
	write_races(20, 20, THPRACE_CONTAINED, "{}", 1);
	set_version(2);
	refuse("format version 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crosscheck_equal),	  cmocka_unit_test(crosscheck_different),
		cmocka_unit_test(crosscheck_attribution), cmocka_unit_test(crosscheck_after_loss),
		cmocka_unit_test(crosscheck_refuses),
	};

	return cmocka_run_group_tests_name("crosscheck", tests, make_file, remove_file);
}
