// SPDX-License-Identifier: GPL-2.0-only
/* Traces written to a file, to a full disk and to a pipe, and read again. */
#include "trace_support.h"

static void test_round_trip(void **state)
{
	static struct thprace_record records[2 * BATCH + 100], context[BATCH + 1];
	static struct thprace_incident incidents[100];
	const size_t nr = sizeof(records) / sizeof(*records);
	const size_t nr_context = sizeof(context) / sizeof(*context);
	unsigned char *at[3] = {NULL, (unsigned char *)records, (unsigned char *)context};
	unsigned char *incident_at = (unsigned char *)incidents;
	struct trace_writer *writer;
	struct trace_reader *reader;
	struct trace_block block;
	uint64_t bytes;
	size_t i;
	char why[256];
	int json = 0;

	(void)state;
	assert_int_equal(trace_writer__open(&writer, file, 123, 456, THPRACE_TF_ALL), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, meta), 0);
	for (i = 0; i < nr; i++) {
		records[i] = some_record();
		assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &records[i]),
				 0);
	}
	for (i = 0; i < nr_context; i++) {
		context[i] = some_record();
		assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_CONTEXT, &context[i]),
				 0);
	}
	for (i = 0; i < 100; i++) {
		incidents[i] = some_incident();
		assert_int_equal(trace_writer__incident(writer, &incidents[i]), 0);
	}
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_RECORDS, meta), -EINVAL);
	assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_META, records), -EINVAL);
	assert_int_equal(trace_writer__flush(writer), 0);
	assert_int_equal(trace_writer__records(writer), nr + nr_context);
	assert_int_equal(trace_writer__lost(writer), 0);
	bytes = trace_writer__bytes(writer);
	assert_int_equal(bytes, file_size(file));
	assert_int_equal(trace_writer__close(writer), 0);
	assert_int_equal(file_size(file), bytes + sizeof(struct thprace_block_header));

	assert_int_equal(trace_reader__open(&reader, file, why, sizeof(why)), 0);
	assert_int_equal(trace_reader__header(reader)->started, 123);
	assert_int_equal(trace_reader__header(reader)->started_wall, 456);
	assert_int_equal(trace_reader__header(reader)->flags, THPRACE_TF_ALL);
	while (trace_reader__next(reader, &block) > 0) {
		if (block.type == THPRACE_BLOCK_META) {
			assert_string_equal(block.data, meta);
			json++;
		} else if (block.type == THPRACE_BLOCK_INCIDENTS) {
			assert_memory_equal(block.data, incident_at, block.size);
			incident_at += block.size;
		} else if (block.type != THPRACE_BLOCK_END) {
			assert_int_equal(block.size, block.count * sizeof(*records));
			assert_memory_equal(block.data, at[block.type - 1], block.size);
			at[block.type - 1] += block.size;
		}
	}
	assert_string_equal(trace_reader__why(reader), "");
	assert_int_equal(json, 1);
	assert_ptr_equal(at[1], records + nr);
	assert_ptr_equal(at[2], context + nr_context);
	assert_ptr_equal(incident_at, incidents + 100);
	assert_int_equal(trace_reader__ended(reader), 1);
	trace_reader__close(reader);
}

/* The output's size limit replaces a full disk. Returns the previous limit. */
static rlim_t limit_files(rlim_t to)
{
	struct rlimit limit;
	rlim_t before;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	before = limit.rlim_cur;
	limit.rlim_cur = to;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	return before;
}

/* Write as many records as make a block. Returns the result of the last one. */
static int write_batch(struct trace_writer *writer, uint64_t from)
{
	struct thprace_record record;
	int err = 0;
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		assert_int_equal(err, 0);
		record = some_record();
		record.ts = from + i;
		err = trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &record);
	}
	return err;
}

static void test_disk_full(void **state)
{
	struct thprace_incident incident = some_incident();
	struct trace_writer *writer;
	struct whole whole;
	rlim_t before;

	(void)state;
	assert_int_equal(trace_writer__open(&writer, file, 1, 2, 0), 0);
	assert_int_equal(write_batch(writer, 0), 0);
	/* Space for a part of the next block; then for none; then for all. */
	before = limit_files(trace_writer__bytes(writer) + 1000);
	assert_int_equal(write_batch(writer, BATCH), -EFBIG);
	assert_int_equal(trace_writer__lost(writer), BATCH);
	assert_int_equal(file_size(file), trace_writer__bytes(writer));
	limit_files(trace_writer__bytes(writer));
	assert_int_equal(trace_writer__incident(writer, &incident), 0);
	assert_int_equal(trace_writer__flush(writer), -EFBIG);
	assert_int_equal(trace_writer__lost(writer), BATCH + 1);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats), -EFBIG);
	limit_files(before);
	assert_int_equal(write_batch(writer, 2 * BATCH), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats), 0);
	assert_int_equal(trace_writer__records(writer), 2 * BATCH);
	assert_int_equal(trace_writer__close(writer), 0);

	assert_int_equal(read_file(file, &whole), 0);
	assert_int_equal(whole.errs, 0);
	assert_int_equal(whole.nr, 4);
	assert_int_equal(((struct thprace_record *)whole.blocks[0].data)->ts, 0);
	assert_int_equal(((struct thprace_record *)whole.blocks[1].data)->ts, 2 * BATCH);
	assert_int_equal(whole.blocks[2].block.type, THPRACE_BLOCK_STATS);
	assert_int_equal(whole.ended, 1);
	drop(&whole);
}

/* A trace without its counters does not say that it ended normally. */
static void test_disk_stays_full(void **state)
{
	struct trace_writer *writer;
	struct whole whole;
	rlim_t before;

	(void)state;
	assert_int_equal(trace_writer__open(&writer, "/dev/full", 1, 2, 0), -ENOSPC);
	assert_null(writer);
	assert_int_equal(trace_writer__open(&writer, folder, 1, 2, 0), -EISDIR);
	assert_int_equal(trace_writer__open(&writer, "/nonexistent/file", 1, 2, 0), -ENOENT);

	assert_int_equal(trace_writer__open(&writer, file, 1, 2, 0), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, meta), 0);
	before = limit_files(trace_writer__bytes(writer) + 5);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats), -EFBIG);
	limit_files(before);
	assert_int_equal(trace_writer__close(writer), 0);
	assert_int_equal(read_file(file, &whole), 0);
	assert_int_equal(whole.nr, 1);
	assert_int_equal(whole.errs, 0);
	assert_int_equal(whole.ended, 0);
	drop(&whole);
}

/* stdout that already has content: it stays, with and without appending. */
static void test_stdout(void **state)
{
	unsigned char bytes[8192];
	struct trace_reader *reader;
	struct whole whole;
	int append, fd, kept;

	(void)state;
	for (append = 0; append < 2; append++) {
		struct trace_writer *writer;
		rlim_t before;

		store(file, "before", 6);
		fd = open(file, O_WRONLY | O_CLOEXEC | (append ? O_APPEND : 0));
		assert_true(fd >= 0);
		assert_int_equal(lseek(fd, append ? 0 : 6, SEEK_SET), append ? 0 : 6);
		fflush(stdout);
		kept = become(fd, STDOUT_FILENO);
		fd = trace_writer__open(&writer, "-", 1, 2, 0);
		restore(kept, STDOUT_FILENO);
		assert_int_equal(fd, 0);
		before = limit_files(6 + sizeof(struct thprace_trace_header) + 10);
		assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, meta), -EFBIG);
		limit_files(before);
		assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, meta), 0);
		assert_int_equal(trace_writer__close(writer), 0);
		load(file, bytes, 6);
		assert_memory_equal(bytes, "before", 6);
		fd = open(file, O_RDONLY | O_CLOEXEC);
		assert_int_equal(lseek(fd, 6, SEEK_SET), 6);
		assert_int_equal(trace_reader__open_fd(&reader, fd, (char *)bytes, sizeof(bytes)),
				 0);
		take_all(reader, &whole);
		assert_int_equal(whole.nr, 2);
		assert_int_equal(whole.errs, 0);
		drop(&whole);
		assert_int_equal(close(fd), 0);
	}
}

/* Nobody reads: reported, counted, and not tried again. */
static void test_broken_pipe(void **state)
{
	struct trace_writer *writer;
	int pipes[2], kept, err;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	fflush(stdout);
	kept = become(pipes[1], STDOUT_FILENO);
	err = trace_writer__open(&writer, "-", 1, 2, 0);
	restore(kept, STDOUT_FILENO);
	assert_int_equal(err, 0);
	close(pipes[0]);
	assert_int_equal(write_batch(writer, 0), -EPIPE);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats), -EPIPE);
	assert_int_equal(write_batch(writer, 0), -EPIPE);
	assert_int_equal(trace_writer__lost(writer), 2 * BATCH);
	assert_int_equal(trace_writer__close(writer), 0);
}

/* stdin is a pipe that delivers a few bytes at a time. */
static void test_pipe(void **state)
{
	unsigned char bytes[8192];
	struct whole whole;
	int pipes[2], kept, err, status;
	size_t size, at;
	pid_t child;

	(void)state;
	write_small(file);
	size = load(file, bytes, sizeof(bytes));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		for (at = 0; at < size; at += 7)
			if (write(pipes[1], bytes + at, size - at < 7 ? size - at : 7) < 0)
				_exit(1);
		_exit(0);
	}
	close(pipes[1]);
	kept = become(pipes[0], STDIN_FILENO);
	err = read_file("-", &whole);
	restore(kept, STDIN_FILENO);
	assert_int_equal(err, 0);
	assert_int_equal(whole.nr, 8);
	assert_int_equal(whole.errs, 0);
	assert_int_equal(whole.ended, 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	drop(&whole);
}

/* The largest possible block, and one byte more. */
static void test_largest(void **state)
{
	char *text = malloc(THPRACE_BLOCK_MAX + 2);
	struct trace_writer *writer;
	struct whole whole;
	size_t i;

	(void)state;
	assert_non_null(text);
	/* One string, hard to compress. */
	for (i = 0; i <= THPRACE_BLOCK_MAX; i++) {
		text[i] = (char)(1 + next_random() % 255);
		if (!i || text[i] == '"' || text[i] == '\\')
			text[i] = i ? 'x' : '"';
	}
	text[THPRACE_BLOCK_MAX + 1] = 0;
	assert_int_equal(trace_writer__open(&writer, file, 1, 2, 0), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, text), -EFBIG);
	text[THPRACE_BLOCK_MAX] = 0;
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, text), 0);
	memset(text, ' ', THPRACE_BLOCK_MAX);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, text), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_TASKS, ""), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	assert_int_equal(read_file(file, &whole), 0);
	assert_int_equal(whole.errs, 0);
	assert_int_equal(whole.nr, 4);
	assert_int_equal(whole.blocks[0].block.size, THPRACE_BLOCK_MAX);
	assert_string_equal(whole.blocks[1].data, text);
	assert_int_equal(whole.blocks[2].block.size, 0);
	drop(&whole);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),	cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_disk_stays_full), cmocka_unit_test(test_stdout),
		cmocka_unit_test(test_broken_pipe),	cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
