// SPDX-License-Identifier: GPL-2.0-only
/* Kernel logs in files: which lines of which formats reach the parser of complaints. */
#include "complaint_support.h"
#include "complaint/log_reader.h"

#define BAD "BUG: Bad page cache in process x  pfn:10a200"
#define DUMPED "page dumped because: still mapped when deleted"

struct read {
	struct found found;
	struct log_reader_counts counts;
	int err;
};

static void read_bytes(struct read *read, const char *bytes, size_t length)
{
	struct complaint_kernel kernel = {0};
	struct complaint_parser *parser;
	FILE *in = length ? fmemopen((void *)(uintptr_t)bytes, length, "r")
			  : fopen("/dev/null", "r");

	memset(read, 0, sizeof(*read));
	assert_non_null(in);
	parser = complaint_parser__new(&kernel, keep_found, &read->found);
	assert_non_null(parser);
	read->err = log_reader__read(in, parser, &read->counts);
	complaint_parser__finish(parser);
	complaint_parser__free(parser);
	fclose(in);
}

static void read_text(struct read *read, const char *text)
{
	read_bytes(read, text, strlen(text));
}

static void test_lines(void **state)
{
	struct read read;

	(void)state;
	read_text(&read, "");
	assert_int_equal(read.err, 0);
	assert_int_equal(read.counts.lines, 0);
	read_text(&read, "\n\n[    1.000001] " BAD "\n[    1.000002] " DUMPED);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.counts.lines, 2);
	assert_int_equal(read.found.nr, 1);
	assert_int_equal(read.found.complaint[0].kind, COMPLAINT_PAGE_CACHE);
	assert_int_equal(read.found.complaint[0].when, 1000001000);
}

/* A line without an end, or with arbitrary bytes, is only a line without meaning. */
static void test_long_line(void **state)
{
	const size_t length = 3 * LOG_READER_LINE;
	char *text = malloc(length + 200);
	struct read read;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', length);
	memset(text + 10, '\0', 100);
	strcpy(text + length, "\n[    1.000001] " BAD "\n");
	read_bytes(&read, text, length + strlen(text + length));
	assert_int_equal(read.counts.lines, 2);
	assert_int_equal(read.found.nr, 1);
	free(text);
}

/* journalctl -o json: only the kernel's own entries count, by the transport that journald adds. */
static void test_json(void **state)
{
	struct read read;

	(void)state;
	read_text(
		&read,
		"{\"MESSAGE\":\"" BAD "\",\"_TRANSPORT\":\"kernel\","
		"\"__MONOTONIC_TIMESTAMP\":\"7\",\"_SOURCE_MONOTONIC_TIMESTAMP\":\"5\"}\n"
		"{\"_TRANSPORT\":\"kernel\",\"MESSAGE\":[112,97,103,101,32,100,117,109,112,101,100]}\n"
		"{\"_TRANSPORT\":\"syslog\",\"SYSLOG_IDENTIFIER\":\"kernel\",\"MESSAGE\":\"" BAD
		"\"}\n"
		"{\"_TRANSPORT\":\"kernel\"}\n"
		"{\"_TRANSPORT\":\"kernel\",\"MESSAGE\":null}\n"
		"no object\n[1]\n{\"MESSAGE\":\n");
	assert_int_equal(read.err, 0);
	assert_int_equal(read.found.nr, 1);
	assert_int_equal(read.found.complaint[0].when, 5000);
	assert_int_equal(read.counts.lines, 2);
	assert_int_equal(read.counts.others, 1);
	assert_int_equal(read.counts.unread, 3);
}

/* journalctl -o export. */
static void test_export(void **state)
{
	static const char text[] =
		"__CURSOR=s=1\n__MONOTONIC_TIMESTAMP=3\n_TRANSPORT=kernel\nMESSAGE=" BAD "\n\n"
		"__CURSOR=s=2\n_TRANSPORT=stdout\nMESSAGE=" BAD "\n\n"
		"__CURSOR=s=3\n_TRANSPORT=kernel\nMESSAGE\n"
		"\x0b\0\0\0\0\0\0\0page dumped\n\n"
		"__CURSOR=s=4\n_TRANSPORT=kernel\nMESSAGE=the last";
	struct read read;
	size_t cut;

	(void)state;
	read_bytes(&read, text, sizeof(text) - 1);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.found.nr, 1);
	assert_int_equal(read.found.complaint[0].when, 3000);
	assert_int_equal(read.counts.lines, 3);
	assert_int_equal(read.counts.others, 1);
	assert_int_equal(read.counts.unread, 0);
	/* Truncated anywhere, it has no complaint that the whole log does not have. */
	for (cut = 0; cut < sizeof(text); cut++) {
		read_bytes(&read, text, cut);
		assert_int_equal(read.err, 0);
		assert_true(read.found.nr <= 1);
	}
	/* A wrong length. */
	read_bytes(&read, "__CURSOR=s\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff" BAD,
		   27 + strlen(BAD));
	assert_int_equal(read.found.nr, 0);
	assert_int_equal(read.counts.unread, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_export),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
