// SPDX-License-Identifier: GPL-2.0-only
/* A wall clock that jumps: nothing is removed because of an age that only the clock caused. */
#include <inttypes.h>

#include "spool_support.h"

#define MINUTE (60 * SECOND)
#define DAY (24 * SPOOL_HOUR_NS)
#define YEAR (365 * DAY)

static int aged; /* the last value for the hook; -1: none */

static void on_ageless(void *ctx, bool ageless)
{
	(void)ctx;
	aged = ageless;
}

static struct spool *open_with_hook(void)
{
	static const struct spool_hooks hooks = {
		.meta = hook_meta,
		.stats = hook_stats,
		.health = hook_health,
		.ageless = on_ageless,
	};
	struct spool *spool;

	aged = -1;
	assert_int_equal(spool__open(&spool, &config, &hooks), 0);
	return spool;
}

/* Advance both clocks by this much, a minute at a time; the last result. */
static bool go_on(struct spool_clock *clock, struct spool_instant *now, uint64_t time)
{
	bool believed = false;
	uint64_t step;

	for (; time; time -= step) {
		step = time < MINUTE ? time : MINUTE;
		now->wall += step;
		now->boot += step;
		believed = spool_clock__check(clock, folder, now, 0);
	}
	return believed;
}

static void start_at(struct spool_instant *now, const char *boot_id, uint64_t wall, uint64_t boot)
{
	memset(now, 0, sizeof(*now));
	now->wall = wall;
	now->boot = boot;
	snprintf(now->boot_id, sizeof(now->boot_id), "%s", boot_id);
}

static void test_steps(void **state)
{
	struct spool_clock clock = {0};
	struct spool_instant now;

	(void)state;
	assert_int_equal(mkdir(folder, 0750), 0);
	start_at(&now, "a", 50 * YEAR, DAY);
	assert_true(spool_clock__check(&clock, folder, &now, 0));
	assert_true(go_on(&clock, &now, 3 * SPOOL_HOUR_NS));
	/* A correction. */
	now.wall += 10 * SPOOL_HOUR_NS;
	assert_true(go_on(&clock, &now, MINUTE));
	now.wall += 2 * YEAR;
	assert_false(go_on(&clock, &now, DAY - MINUTE));
	/* In the other direction. */
	now.wall -= 2 * YEAR;
	assert_false(go_on(&clock, &now, DAY));
	assert_true(go_on(&clock, &now, MINUTE));
	/* Suspended: both have advanced. */
	now.wall += 30 * DAY;
	now.boot += 30 * DAY;
	assert_true(go_on(&clock, &now, MINUTE));
}

/* As if the daemon is started again and again: a new clock, and what is noted. */
static bool restart(struct spool_clock *clock, const struct spool_instant *now)
{
	memset(clock, 0, sizeof(*clock));
	return spool_clock__check(clock, folder, now, 0);
}

static void test_restarts(void **state)
{
	struct spool_clock clock = {0};
	struct spool_instant now;

	(void)state;
	assert_int_equal(mkdir(folder, 0750), 0);
	start_at(&now, "a", 50 * YEAR, DAY);
	assert_true(restart(&clock, &now));
	assert_true(go_on(&clock, &now, 90 * MINUTE));
	assert_true(restart(&clock, &now));
	/* The clock advanced while no daemon ran, for long, in the same boot. */
	now.wall += 10 * DAY;
	now.boot += 10 * DAY;
	assert_true(restart(&clock, &now));
	/* Set while no daemon ran. */
	now.wall += 2 * YEAR;
	assert_false(restart(&clock, &now));
	assert_false(go_on(&clock, &now, DAY / 2));
	/* The doubt survives a restart, and a boot; the agreement counts. */
	assert_false(restart(&clock, &now));
	start_at(&now, "b", now.wall + 5 * MINUTE, MINUTE);
	assert_false(restart(&clock, &now));
	assert_false(go_on(&clock, &now, DAY / 2 - SPOOL_HOUR_NS));
	assert_true(go_on(&clock, &now, 2 * SPOOL_HOUR_NS));
	/* A boot with a clock that is years behind. */
	start_at(&now, "c", 1 * YEAR, MINUTE);
	assert_false(restart(&clock, &now));
}

/* Without a note the time of the newest file counts; a damaged note counts as none. */
static void test_notes(void **state)
{
	struct spool_clock clock = {0};
	struct spool_instant now;

	(void)state;
	assert_int_equal(mkdir(folder, 0750), 0);
	start_at(&now, "a", 50 * YEAR, DAY);
	assert_false(spool_clock__check(&clock, folder, &now, 48 * YEAR));
	unlink(in_folder("clock"));
	memset(&clock, 0, sizeof(clock));
	assert_true(spool_clock__check(&clock, folder, &now, 50 * YEAR - DAY / 2));
	store("clock", "garbage", 7);
	assert_true(restart(&clock, &now));
	store("clock", "1 2", 3);
	assert_true(restart(&clock, &now));
}

/* The daemon ran a moment ago, by its own clock: then somebody set the clock ahead by this much. */
static void note_before_step(uint64_t step)
{
	struct spool_instant now;
	char text[128];
	int length;

	spool_clock__now(&now);
	assert_true(now.boot_id[0]);
	length = snprintf(text, sizeof(text), "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %s\n",
			  now.wall - step, now.boot, (uint64_t)DAY, now.boot_id);
	store("clock", text, (size_t)length);
}

static void make_files(unsigned int count)
{
	struct spool *spool = open_spool();

	while (count--) {
		add_incidents(spool, THPRACE_ESCAPE, 40);
		spool__rotate(spool);
	}
	spool__close(spool);
}

static void test_evidence_stays(void **state)
{
	struct spool_state now;
	struct spool *spool;
	unsigned int i;
	char name[SPOOL_NAME_LEN];

	(void)state;
	config.spool.max_age = 30 * DAY / SECOND;
	make_files(3);
	for (i = 0; i < 3; i++) {
		spool_dir__name(name, 1 + 40 * i);
		make_older(name, 2 * YEAR / SECOND);
	}
	note_before_step(2 * YEAR);
	spool = open_with_hook();
	assert_int_equal(trace_files(), 3);
	assert_int_equal(aged, 1);
	spool->folder.pruned_at = 0;
	spool__flush(spool, false);
	assert_int_equal(trace_files(), 3);
	spool__close(spool);
	/* The limit of size holds. */
	config.spool.max_size = 2 * size_of(name) + 2000;
	config.spool.file_size = 1000;
	spool = open_with_hook();
	spool__state(spool, &now);
	assert_true(now.bytes <= config.spool.max_size);
	assert_int_equal(now.files, 2);
	/* A day later the clock is right. */
	spool->folder.clock.agreed = DAY;
	spool->folder.pruned_at = 0;
	spool__flush(spool, false);
	assert_int_equal(aged, 0);
	assert_int_equal(trace_files(), 0);
	spool__close(spool);
}

/* A file that was written while the clock was years behind is not older than the one before it. */
static void test_written_in_the_past(void **state)
{
	(void)state;
	make_files(3);
	make_older("incidents-000000000041.thpr", 2 * YEAR / SECOND);
	spool__close(open_with_hook());
	assert_int_equal(aged, -1);
	assert_int_equal(trace_files(), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(test_steps),
		SPOOL_TEST(test_restarts),
		SPOOL_TEST(test_notes),
		SPOOL_TEST(test_evidence_stays),
		SPOOL_TEST(test_written_in_the_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
