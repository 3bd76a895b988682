// SPDX-License-Identifier: GPL-2.0-only
/* The spool: numbers, files, limits, and queries. */
#include "base/incident_time.h"
#include "spool_support.h"
#include "class_ids.h"

/* --- files and numbers ----------------------------------------------------------------------------- */

static void test_round_trip(void **state)
{
	struct spool *spool = open_spool();
	struct spool_state now;
	struct found found;
	struct stat st;

	(void)state;
	assert_int_equal(trace_files(), 0);
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 100), 1);
	spool__flush(spool, true);
	spool__state(spool, &now);
	assert_int_equal(now.stored, 100);
	assert_int_equal(now.memory, 0);
	assert_int_equal(now.files, 1);
	assert_int_equal(now.next_id, 101);
	assert_int_equal(now.health, SPOOL_OK);
	assert_true(now.oldest_wall > 0);
	/* Readable while it grows, without an end. */
	read_spool(&found);
	assert_int_equal(found.incidents, 100);
	assert_int_equal(found.ended, 0);
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.files, 1);
	assert_int_equal(found.incidents, 100);
	assert_int_equal(found.ended, 1);
	assert_int_equal(found.metas, 1);
	assert_int_equal(found.stats, 1);
	assert_int_equal(stat(in_folder("incidents-000000000001.thpr"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(healths, 0);
}

static void test_nothing_seen_no_file(void **state)
{
	struct spool *spool = open_spool();
	struct thprace_record record = {.ts = 1, .type = THPRACE_REC_ZAP_OPEN};
	struct thprace_record lost = {.ts = 1, .type = THPRACE_REC_LOST, .arg = 3};
	struct found found;

	(void)state;
	spool__flush(spool, true);
	spool__record(spool, &record, true);
	spool__record(spool, &lost, false);
	spool__rotate(spool);
	spool__flush(spool, true);
	assert_int_equal(trace_files(), 0);
	/* They come with the first incident. */
	add_incidents(spool, THPRACE_CONTAINED, 1);
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.context, 1);
	assert_int_equal(found.records, 1);
}

static void test_rotation_by_size(void **state)
{
	struct spool *spool = open_spool();
	struct spool_file *files;
	struct found found;
	size_t nr, i;

	(void)state;
	add_incidents(spool, THPRACE_ESCAPE, 3000);
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.incidents, 3000);
	assert_true(found.files > 3);
	assert_int_equal(found.ended, found.files);
	assert_int_equal(spool_dir__list(folder, &files, &nr), 0);
	for (i = 0; i < nr; i++)
		assert_in_range(files[i].size, 1, 2 * config.spool.file_size);
	free(files);
}

static void test_rotation_by_age_and_order(void **state)
{
	struct spool *spool;
	int tries;

	(void)state;
	config.spool.file_age = 1;
	spool = open_spool();
	add_incidents(spool, THPRACE_ESCAPE, 1);
	for (tries = 0; tries < 100 && !ends_in_order(1); tries++) {
		usleep(50000);
		spool__flush(spool, false);
	}
	assert_true(ends_in_order(1));
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 2);
	spool__rotate(spool);
	assert_true(ends_in_order(2));
	spool__rotate(spool);
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 3);
	spool__close(spool);
	assert_true(ends_in_order(3));
	assert_int_equal(trace_files(), 3);
}

static void test_numbers_over_restarts(void **state)
{
	struct spool *spool;
	struct spool_state now;

	(void)state;
	spool = open_spool();
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 5), 1);
	spool__close(spool);
	/* Nothing seen in between: no number skipped. */
	spool__close(open_spool());
	spool = open_spool();
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 5), 6);
	spool__close(spool);
	/* The files are gone, but their numbers are not free again. */
	unlink(in_folder("incidents-000000000001.thpr"));
	unlink(in_folder("incidents-000000000006.thpr"));
	spool = open_spool();
	spool__state(spool, &now);
	assert_int_equal(now.next_id, 11);
	spool__close(spool);
}

static void test_numbers_after_unclean_ends(void **state)
{
	struct spool *spool;
	struct found found;

	(void)state;
	spool = open_spool();
	add_incidents(spool, THPRACE_ESCAPE, 5);
	spool__close(spool);
	/* Without END, as after a kill, and without the note. */
	unlink(in_folder("next-number"));
	assert_int_equal(truncate(in_folder("incidents-000000000001.thpr"),
				  size_of("incidents-000000000001.thpr") - 1),
			 0);
	spool = open_spool();
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 5000);
	spool__close(spool);
	/* An empty file with the highest number, as after a power loss. */
	store("incidents-000000007000.thpr", "", 0);
	spool = open_spool();
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 11000);
	spool__close(spool);
	/* Its content is not a trace. */
	store("incidents-000000012000.thpr", "0123456789012345678901234567890123456789\n", 41);
	store("next-number", "garbage", 7);
	spool = open_spool();
	assert_true(add_incidents(spool, THPRACE_ESCAPE, 1) > 16000);
	spool__close(spool);
	unlink(in_folder("incidents-000000007000.thpr"));
	unlink(in_folder("incidents-000000012000.thpr"));
	read_spool(&found);
	assert_int_equal(found.incidents, 4 + 4);
}

static void test_foreign_files(void **state)
{
	static const char *const names[] = {
		"incidents-1.thpr",
		"incidents-000000000009.thpr.gz",
		"incidents-00000000000x.thpr",
		"incidents-000000000000.thpr",
		"Xincidents-000000000009.thpr",
		"incidents-0000000000009.thpr",
		"incidents-99999999999999999999999",
		"notes",
	};
	const size_t nr = sizeof(names) / sizeof(*names);
	struct spool *spool;
	size_t i;

	(void)state;
	config.spool.max_age = 0;
	config.spool.max_size = 1 << 20;
	mkdir(folder, 0750);
	for (i = 0; i < nr; i++)
		store(names[i], "mine", 4);
	assert_int_equal(mkdir(in_folder("incidents-000000000077.thpr"), 0700), 0);
	assert_int_equal(symlink("notes", in_folder("incidents-000000000078.thpr")), 0);
	spool = open_spool();
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 70), 1);
	spool__close(spool);
	for (i = 0; i < nr; i++)
		assert_int_equal(size_of(names[i]), 4);
	assert_int_equal(rmdir(in_folder("incidents-000000000077.thpr")), 0);
	assert_int_equal(unlink(in_folder("incidents-000000000078.thpr")), 0);
}

static void test_directory_names(void **state)
{
	char name[SPOOL_NAME_LEN];
	struct spool_file *files;
	size_t nr;

	(void)state;
	spool_dir__name(name, 7);
	assert_string_equal(name, "incidents-000000000007.thpr");
	spool_dir__name(name, UINT64_MAX);
	assert_string_equal(name, "incidents-18446744073709551615.thpr");
	assert_int_equal(spool_dir__list("/nonexistent", &files, &nr), -ENOENT);
	mkdir(folder, 0750);
	store(name, "123", 3);
	store("incidents-000000000010.thpr", "1", 1);
	store("incidents-000000000009.thpr", "12", 2);
	assert_int_equal(spool_dir__list(folder, &files, &nr), 0);
	assert_int_equal(nr, 3);
	assert_int_equal(files[0].first, 9);
	assert_int_equal(files[0].size, 2);
	assert_int_equal(files[1].first, 10);
	assert_true(files[2].first == UINT64_MAX);
	assert_true(files[0].mtime > 1000000000ULL * SECOND);
	free(files);
}

/* --- limits ------------------------------------------------------------------------------------------ */

static void test_max_size(void **state)
{
	struct spool *spool = open_spool();
	struct spool_state now;
	struct found found;
	int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		add_incidents(spool, THPRACE_ESCAPE, 100);
		spool__flush(spool, false);
		assert_in_range(folder_size(), 0, config.spool.max_size);
	}
	spool__state(spool, &now);
	assert_int_equal(now.bytes, folder_size());
	assert_int_equal(now.files, trace_files());
	assert_true(now.removed_files > 0);
	assert_int_equal(now.stored, 20000);
	spool__close(spool);
	/* The newest are there, without a gap. */
	read_spool(&found);
	assert_int_equal(found.last, 20000);
	assert_int_equal(found.incidents, found.last - found.first + 1);
	assert_true(found.incidents > 2000);
}

/* An incident comes with more data than the space that is kept free. */
static void test_max_size_with_context(void **state)
{
	struct spool *spool;
	struct thprace_record record = {.type = THPRACE_REC_ZAP_OPEN};
	struct thprace_incident random;
	struct found found;
	uint64_t i, n;

	(void)state;
	config.spool.file_size = 16 << 10;
	spool = open_spool();
	for (i = 1; i <= 30; i++) {
		for (n = 0; n < 1000 + i * 397 % 4000; n++) {
			make_incident(&random, i * SPOOL_BACKLOG_CONTEXT + n, 0);
			memcpy(&record, random.opener_stack.ip, 40);
			spool__record(spool, &record, true);
		}
		add_incidents(spool, THPRACE_ESCAPE, 1);
		spool__flush(spool, false);
		assert_in_range(folder_size(), 0, config.spool.max_size);
	}
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.last, 30);
	assert_in_range(found.context, 2000, found.incidents * SPOOL_BACKLOG_CONTEXT);
}

/* Killed after many incidents, and then all files were removed. */
static void test_numbers_are_noted(void **state)
{
	struct spool *spool = open_spool();
	uint64_t next = 0;

	(void)state;
	add_incidents(spool, THPRACE_ESCAPE, SPOOL_LEAP + 100);
	spool__rotate(spool);
	while (trace_files()) {
		struct spool_file *files;
		size_t nr;

		assert_int_equal(spool_dir__list(folder, &files, &nr), 0);
		unlink(in_folder(files[0].name));
		free(files);
	}
	assert_int_equal(spool_files__number(folder, &next), 0);
	assert_true(next > SPOOL_LEAP + 100);
	spool__close(spool);
}

static void test_max_age(void **state)
{
	struct spool *spool;
	struct spool_state now;

	(void)state;
	spool = open_spool();
	add_incidents(spool, THPRACE_ESCAPE, 1);
	spool__rotate(spool);
	add_incidents(spool, THPRACE_ESCAPE, 1);
	spool__rotate(spool);
	add_incidents(spool, THPRACE_ESCAPE, 1);
	spool__close(spool);
	make_older("incidents-000000000001.thpr", config.spool.max_age + 10);
	make_older("incidents-000000000002.thpr", config.spool.max_age - 10);
	spool = open_spool();
	spool__state(spool, &now);
	assert_int_equal(now.files, 2);
	assert_int_equal(now.removed_files, 1);
	/* The one being written stays, however old; the others are removed at the next check. */
	add_incidents(spool, THPRACE_ESCAPE, 1);
	spool__flush(spool, false);
	make_older("incidents-000000000002.thpr", config.spool.max_age + 10);
	make_older("incidents-000000000004.thpr", config.spool.max_age + 10);
	spool__flush(spool, false);
	assert_int_equal(trace_files(), 3);
	spool->folder.pruned_at = 0;
	spool__flush(spool, false);
	assert_int_equal(trace_files(), 2);
	assert_true(size_of("incidents-000000000004.thpr") > 0);
	spool__close(spool);
	/* All of them: the numbers continue. */
	make_older("incidents-000000000003.thpr", config.spool.max_age + 10);
	make_older("incidents-000000000004.thpr", config.spool.max_age + 10);
	spool__close(open_spool());
	assert_int_equal(trace_files(), 0);
	spool = open_spool();
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 5);
	spool__close(spool);
}

static void test_contained_per_hour(void **state)
{
	struct spool_quota quota = {0};
	struct thprace_incident incident;
	struct spool_state now;
	struct spool *spool;

	(void)state;
	config.spool.contained_per_hour = 3;
	spool = open_spool();
	assert_int_equal(add_incidents(spool, THPRACE_CONTAINED, 3), 1);
	make_incident(&incident, 0, THPRACE_CONTAINED);
	assert_int_equal(spool__incident(spool, &incident), 0);
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 4);
	assert_int_equal(add_incidents(spool, THPRACE_UNATTRIBUTED, 1), 5);
	assert_int_equal(add_incidents(spool, THPRACE_UNPROVEN, 1), 6);
	incident.walk.class = THPRACE_SPLIT_HEAD;
	incident.walk.enter = 7;
	assert_int_equal(spool__incident(spool, &incident), 7);
	spool__state(spool, &now);
	assert_int_equal(now.skipped, 1);
	spool__close(spool);

	assert_true(spool_quota__take(&quota, 1, 1, 5));
	assert_false(spool_quota__take(&quota, 1, 1, 5 + SPOOL_HOUR_NS - 1));
	assert_true(spool_quota__take(&quota, 2, 1, 5 + SPOOL_HOUR_NS - 1));
	assert_true(spool_quota__take(&quota, 1, 1, 5 + SPOOL_HOUR_NS));
	assert_false(spool_quota__take(&quota, 1, 0, 5 + 2 * SPOOL_HOUR_NS));
}

/*
 * --- queries
 * -----------------------------------------------------------------------------------------
 */

static void test_recent_and_file_of(void **state)
{
	struct spool *spool = open_spool();
	struct thprace_incident incident;
	char path[256];

	(void)state;
	assert_int_equal(spool__recent_first(spool), 1);
	assert_int_equal(spool__recent(spool, 1, &incident), -ENOENT);
	assert_false(spool__file_of(spool, 1, path, sizeof(path)));
	add_incidents(spool, THPRACE_ESCAPE, 10);
	spool__rotate(spool);
	add_incidents(spool, THPRACE_ESCAPE, SPOOL_MEMORY);
	assert_int_equal(spool__recent_first(spool), 11);
	assert_int_equal(spool__recent(spool, 10, &incident), -ENOENT);
	assert_int_equal(spool__recent(spool, 500, &incident), 0);
	assert_int_equal(incident.walk.enter, 500);
	assert_int_equal(spool__recent(spool, 11 + SPOOL_MEMORY, &incident), -ENOENT);
	assert_true(spool__file_of(spool, 10, path, sizeof(path)));
	assert_string_equal(path, in_folder("incidents-000000000001.thpr"));
	assert_true(spool__file_of(spool, 11, path, sizeof(path)));
	assert_string_equal(path, in_folder("incidents-000000000011.thpr"));
	assert_false(spool__file_of(spool, 11 + SPOOL_MEMORY, path, sizeof(path)));
	assert_false(spool__file_of(spool, 0, path, sizeof(path)));
	spool__close(spool);
}

/* Queries and readers of the file see the same time, however much the clocks drift meanwhile. */
static void test_wall(void **state)
{
	struct spool *spool = open_spool();
	struct trace_reader *reader = NULL;
	const struct thprace_trace_header *header;
	struct thprace_incident incident;
	uint64_t wall;
	char why[256];

	(void)state;
	assert_int_equal(spool__wall_of(spool, 1), 0);
	add_incidents(spool, THPRACE_ESCAPE, 2);
	wall = spool__wall_of(spool, 2);
	assert_int_equal(spool__wall_of(spool, 3), 0);
	assert_int_equal(spool__recent(spool, 2, &incident), 0);
	spool__close(spool);
	assert_int_equal(trace_reader__open(&reader, in_folder("incidents-000000000001.thpr"), why,
					    sizeof(why)),
			 0);
	header = trace_reader__header(reader);
	assert_int_equal(wall,
			 header->started_wall + (incident_time__of(&incident) - header->started));
	trace_reader__close(reader);
}

static void test_configure(void **state)
{
	struct spool *spool = open_spool();
	struct config other = config;
	struct found found;

	(void)state;
	add_incidents(spool, THPRACE_ESCAPE, 3);
	snprintf(other.spool.directory, sizeof(other.spool.directory), "%s.other", folder);
	spool__configure(spool, &other);
	assert_true(ends_in_order(1));
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 4);
	/* Back, with other limits. */
	config.spool.contained_per_hour = 0;
	spool__configure(spool, &config);
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 5);
	assert_int_equal(add_incident(spool, 0, THPRACE_CONTAINED), 0);
	spool__close(spool);
	read_spool(&found);
	assert_int_equal(found.incidents, 4);
	assert_int_equal(healths, 0);
	remove_all(other.spool.directory);
}

static void test_refuses_what_no_reader_takes(void **state)
{
	struct spool *spool = open_spool();
	struct thprace_incident incident;
	struct spool_state now;

	(void)state;
	make_incident(&incident, 1, THPRACE_VERDICT_MAX);
	assert_int_equal(spool__incident(spool, &incident), 0);
	spool__state(spool, &now);
	assert_int_equal(now.dropped, 1);
	assert_int_equal(add_incidents(spool, THPRACE_ESCAPE, 1), 1);
	spool__close(spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(test_round_trip),
		SPOOL_TEST(test_nothing_seen_no_file),
		SPOOL_TEST(test_rotation_by_size),
		SPOOL_TEST(test_rotation_by_age_and_order),
		SPOOL_TEST(test_numbers_over_restarts),
		SPOOL_TEST(test_numbers_after_unclean_ends),
		SPOOL_TEST(test_foreign_files),
		SPOOL_TEST(test_directory_names),
		SPOOL_TEST(test_max_size),
		SPOOL_TEST(test_max_size_with_context),
		SPOOL_TEST(test_numbers_are_noted),
		SPOOL_TEST(test_max_age),
		SPOOL_TEST(test_contained_per_hour),
		SPOOL_TEST(test_recent_and_file_of),
		SPOOL_TEST(test_wall),
		SPOOL_TEST(test_configure),
		SPOOL_TEST(test_refuses_what_no_reader_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
