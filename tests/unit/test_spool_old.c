// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spools of older versions, tests/traces/spool-vN, as a killed daemon left them: the daemon of today
 * reads them, goes on with numbers that they have not used, and leaves them as they are.
 */
#include "spool_support.h"

#include <inttypes.h>
#include <libgen.h>
#include <thprace/trace.h>

#define FILE_MAX 65536
/* The note at the start, and one file without an end: spool_files__number(). */
#define NEXT 5000

static char traces[512];

/* Bytes from their hexadecimal digits; blanks and line ends are skipped. */
static size_t unhex(unsigned char *bytes, const char *text)
{
	unsigned int byte;
	size_t nr = 0;

	for (; *text; text++) {
		if (*text == '\n')
			continue;
		assert_int_equal(sscanf(text++, "%2x", &byte), 1);
		bytes[nr++] = (unsigned char)byte;
	}
	return nr;
}

/* Copy one file of an old spool into the test's folder; NAME.hex becomes NAME. */
static void copy_file(const char *from, const char *name)
{
	static char text[FILE_MAX];
	static unsigned char bytes[FILE_MAX];
	char path[1024], to[64];
	size_t length;
	char *hex;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", from, name);
	in = fopen(path, "r");
	assert_non_null(in);
	length = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	text[length] = '\0';
	snprintf(to, sizeof(to), "%.60s", name);
	hex = strstr(to, ".hex");
	if (!hex) {
		store(to, text, length);
		return;
	}
	*hex = '\0';
	store(to, bytes, unhex(bytes, text));
}

/* Returns the number of files, 0: there is no spool of that version. */
static unsigned int copy_spool(unsigned int version)
{
	struct dirent *entry;
	unsigned int nr = 0;
	char from[600];
	DIR *list;

	snprintf(from, sizeof(from), "%s/spool-v%u", traces, version);
	list = opendir(from);
	if (!list)
		return 0;
	remove_all(folder);
	assert_int_equal(mkdir(folder, 0750), 0);
	while ((entry = readdir(list)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		copy_file(from, entry->d_name);
		nr++;
	}
	closedir(list);
	return nr;
}

/* The incidents of a file, each with the time that its number says (fill.h). */
static unsigned int read_file(const char *name, unsigned int version, unsigned int from)
{
	const struct thprace_incident *incidents;
	struct trace_reader *reader;
	struct trace_block block;
	unsigned int nr = 0, i;
	char why[256];
	int got;

	assert_int_equal(trace_reader__open(&reader, in_folder(name), why, sizeof(why)), 0);
	assert_int_equal(trace_reader__header(reader)->version, version);
	while ((got = trace_reader__next(reader, &block)) != 0) {
		assert_int_equal(got, 1);
		if (block.type != THPRACE_BLOCK_INCIDENTS)
			continue;
		incidents = block.data;
		for (i = 0; i < block.count; i++, nr++)
			assert_int_equal(incidents[i].walk.enter,
					 1000000000000ULL + 1000000ULL * (from + nr) + 3100);
	}
	trace_reader__close(reader);
	return nr;
}

static void take_over(unsigned int version)
{
	struct spool_state state;
	struct spool *spool;
	char path[512];

	spool = open_spool();
	assert_int_equal(healths, 0);
	spool__state(spool, &state);
	assert_int_equal(state.files, 2);
	assert_int_equal(state.next_id, NEXT);
	assert_int_equal(state.removed_files, 0);
	/* Also by number: `thprace show` of an old alert. */
	assert_true(spool__file_of(spool, 2, path, sizeof(path)));
	assert_non_null(strstr(path, "/incidents-000000000001.thpr"));
	assert_int_equal(add_incident(spool, NEXT, THPRACE_ESCAPE), NEXT);
	spool__close(spool);
	assert_int_equal(trace_files(), 3);
	assert_int_equal(read_file("incidents-000000000001.thpr", version, 1), 3);
	assert_int_equal(read_file("incidents-000000000004.thpr", version, 4), 2);
	assert_true(ends_in_order(NEXT));
	/* And again, now from a spool of which only the last file is today's. */
	spool = open_spool();
	spool__state(spool, &state);
	assert_int_equal(state.files, 3);
	assert_int_equal(state.next_id, NEXT + 1);
	spool__close(spool);
}

/* Each version has a spool here: whoever raises the version adds one. */
static void of_each_version(void **state)
{
	unsigned int version;

	(void)state;
	for (version = THPRACE_TRACE_VERSION_OLDEST; version <= THPRACE_TRACE_VERSION; version++) {
		/* Two files and next-number; later ones have `clock` and `last-boot`, too. */
		assert_true(copy_spool(version) >= (version < 3 ? 3 : 5));
		take_over(version);
	}
}

/* Without the newest file, the note alone keeps the numbers. */
static void note_alone(void **state)
{
	struct spool_state now;
	struct spool *spool;
	unsigned int version;

	(void)state;
	for (version = THPRACE_TRACE_VERSION_OLDEST; version <= THPRACE_TRACE_VERSION; version++) {
		assert_true(copy_spool(version) > 0);
		assert_int_equal(unlink(in_folder("incidents-000000000001.thpr")), 0);
		assert_int_equal(unlink(in_folder("incidents-000000000004.thpr")), 0);
		spool = open_spool();
		spool__state(spool, &now);
		assert_int_equal(now.next_id, 4001);
		spool__close(spool);
	}
}

/* The clock's note is used: one that was wrong a year ago is not believed, whichever version. */
static void clock_note(void **state)
{
	struct spool_clock clock;
	struct spool_instant now;
	unsigned int version;

	(void)state;
	for (version = 3; version <= THPRACE_TRACE_VERSION; version++) {
		uint64_t wall = 0;
		FILE *in;

		assert_true(copy_spool(version) > 0);
		in = fopen(in_folder("clock"), "r");
		assert_non_null(in);
		assert_int_equal(fscanf(in, "%20" SCNu64, &wall), 1);
		fclose(in);
		memset(&clock, 0, sizeof(clock));
		memset(&now, 0, sizeof(now));
		snprintf(now.boot_id, sizeof(now.boot_id), "another");
		now.wall = wall + SECOND;
		assert_true(spool_clock__check(&clock, folder, &now, 0));
		assert_true(copy_spool(version) > 0);
		memset(&clock, 0, sizeof(clock));
		now.wall = wall + 365 * 24 * SPOOL_HOUR_NS;
		assert_false(spool_clock__check(&clock, folder, &now, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(of_each_version),
		SPOOL_TEST(note_alone),
		SPOOL_TEST(clock_note),
	};
	char self[] = __FILE__;

	snprintf(traces, sizeof(traces), "%s/../traces", dirname(self));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
