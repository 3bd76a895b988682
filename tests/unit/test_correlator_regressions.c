// SPDX-License-Identifier: GPL-2.0-only
/*
 * Schedules that once went wrong, step by step: a task is delayed at one place of a BPF program,
 * and the correlator must still name the right window.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "correlator_schedule.h"
#include "class_ids.h"

/* The arguments of the functions of a test. */
static struct bpf_model_call like;

static struct schedule *by_hand(enum thprace_mode mode)
{
	static struct schedule schedule;
	struct bpf_model_options options = {.mode = mode, .buckets = 1};

	memset(&schedule, 0, sizeof(schedule));
	like = (struct bpf_model_call){.class = THPRACE_TRUNCATE_UNMAP};
	schedule.model = bpf_model__new(&options);
	return &schedule;
}

static void start(struct schedule *schedule, unsigned int who, enum bpf_model_program program)
{
	like.program = program;
	bpf_model__call(schedule->model, who, &like);
}

static bool step(struct schedule *schedule, unsigned int who)
{
	schedule->model->now += 100;
	return bpf_model__step(schedule->model, who);
}

static void end(struct schedule *schedule, unsigned int who)
{
	while (!step(schedule, who))
		;
}

static void run(struct schedule *schedule, unsigned int who, enum bpf_model_program program)
{
	start(schedule, who, program);
	end(schedule, who);
}

/* A run, until its next step is at a place for the first time. */
static void run_until(struct schedule *schedule, unsigned int who, enum bpf_model_program program,
		      enum bpf_model_place place)
{
	start(schedule, who, program);
	do {
		assert_false(step(schedule, who));
	} while (bpf_model__next(schedule->model, who) != place);
}

static void open_window(struct schedule *schedule, unsigned int who)
{
	run(schedule, who, BPF_MODEL_ZAP_ENTER);
	run(schedule, who, BPF_MODEL_ZAP_LOCK);
}

static void close_window(struct schedule *schedule, unsigned int who)
{
	run(schedule, who, BPF_MODEL_RMAP_PMD);
	run(schedule, who, BPF_MODEL_ZAP_RETURN);
}

struct expected {
	unsigned int escapes;
	unsigned int contained;
	unsigned int remained;
	unsigned int unattributed;
};

static void check_by_hand(struct schedule *schedule, struct expected expected)
{
	unsigned long sum[SUM_MAX] = {0};

	correlator_schedule__check(schedule, sum);
	assert_int_equal(sum[THPRACE_ESCAPE], expected.escapes);
	assert_int_equal(sum[THPRACE_CONTAINED], expected.contained);
	assert_int_equal(sum[THPRACE_REMAINED], expected.remained);
	assert_int_equal(sum[THPRACE_UNATTRIBUTED], expected.unattributed);
	bpf_model__free(schedule->model);
}

/* An opener is delayed after its last stamp: a later walker takes its window for open. */
static void test_held_up_closing(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	open_window(schedule, 0);
	run(schedule, 0, BPF_MODEL_RMAP_PMD);
	run_until(schedule, 0, BPF_MODEL_ZAP_RETURN, BPF_MODEL_WALKERS);
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 1, BPF_MODEL_WALK_END);
	end(schedule, 0);
	check_by_hand(schedule, (struct expected){0});
}

/*
 * An opener is delayed before its window is published or even stamped: a walker that returns then
 * misses nothing.
 */
static void test_held_up_opening(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_ZAP_ENTER);
	run_until(schedule, 0, BPF_MODEL_ZAP_LOCK, BPF_MODEL_OPEN_FOLIO);
	run(schedule, 1, BPF_MODEL_WALK_END);
	end(schedule, 0);
	close_window(schedule, 0);
	check_by_hand(schedule, (struct expected){0});
}

/*
 * A walker finds a slot; its owner closes that window and opens the next, which is not stamped yet,
 * after this many of the walker's steps. Returns whether there were as many.
 */
static bool next_window_opening(unsigned int steps)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);
	bool over = false;

	open_window(schedule, 0);
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_RMAP_PMD);
	start(schedule, 1, BPF_MODEL_WALK_END);
	while (steps-- && !over)
		over = step(schedule, 1);
	run(schedule, 0, BPF_MODEL_ZAP_RETURN);
	run(schedule, 0, BPF_MODEL_ZAP_ENTER);
	run_until(schedule, 0, BPF_MODEL_ZAP_LOCK, BPF_MODEL_CLOCK);
	if (!over)
		end(schedule, 1);
	end(schedule, 0);
	close_window(schedule, 0);
	check_by_hand(schedule, (struct expected){.contained = 1});
	return !over;
}

static void test_next_window_opening(void **state)
{
	unsigned int steps = 0;

	(void)state;
	while (next_window_opening(steps))
		steps++;
	assert_true(steps > 15);
}

/* Removals come between a walker's publication and its stamp; it waited for the next one. */
static void test_removals_beside_entry(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	run(schedule, 0, BPF_MODEL_RANGE_ENTER);
	run_until(schedule, 1, BPF_MODEL_WALK_BEGIN, BPF_MODEL_CLOCK);
	run(schedule, 0, BPF_MODEL_RMAP_PTES);
	run(schedule, 0, BPF_MODEL_RMAP_PTES);
	end(schedule, 1);
	run(schedule, 0, BPF_MODEL_RMAP_PTES);
	run(schedule, 1, BPF_MODEL_WALK_END);
	run(schedule, 0, BPF_MODEL_RANGE_RETURN);
	check_by_hand(schedule, (struct expected){.contained = 1});
}

/*
 * A zap of small pages beside which two walkers of one folio fail, one after the other, explains
 * both.
 */
static void failed_twice(enum thprace_mode mode)
{
	struct schedule *schedule = by_hand(mode);
	uint64_t began;

	schedule->model->mapped[0].small = 1;
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	began = schedule->model->now;
	run(schedule, 0, BPF_MODEL_RANGE_ENTER);
	run(schedule, 1, BPF_MODEL_WALK_END);
	run(schedule, 2, BPF_MODEL_WALK_BEGIN);
	run(schedule, 2, BPF_MODEL_WALK_END);
	schedule->task[0].began = began;
	correlator_schedule__take(schedule, 0, THPRACE_LEVEL_PTE);
	if (mode == THPRACE_PRECISE)
		run(schedule, 0, BPF_MODEL_RMAP_PTES);
	run(schedule, 0, BPF_MODEL_RANGE_RETURN);
	check_by_hand(schedule, (struct expected){.escapes = 2});
}

static void test_failed_twice(void **state)
{
	(void)state;
	failed_twice(THPRACE_LIGHT);
	failed_twice(THPRACE_PRECISE);
}

/* A removal is stamped; a walker that was there returns before the removal looks for walkers. */
static void test_removal_noted(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_RANGE_ENTER);
	run_until(schedule, 0, BPF_MODEL_RMAP_PTES, BPF_MODEL_WALKERS);
	run(schedule, 1, BPF_MODEL_WALK_END);
	end(schedule, 0);
	run(schedule, 0, BPF_MODEL_RANGE_RETURN);
	check_by_hand(schedule, (struct expected){.contained = 1});
}

/* As many windows as a walker reports, and slots after them. */
static void test_eight_windows(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);
	unsigned int who;

	(void)state;
	run(schedule, 8, BPF_MODEL_WALK_BEGIN);
	for (who = 0; who < 8; who++)
		open_window(schedule, who);
	run(schedule, 8, BPF_MODEL_WALK_END);
	for (who = 0; who < 8; who++)
		close_window(schedule, who);
	check_by_hand(schedule, (struct expected){.contained = 8});
}

/*
 * The kernel dumped a page at its check point, and now nobody maps it: it is reported all the same.
 */
static void test_dumped_and_gone(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_LIGHT);

	(void)state;
	run(schedule, 0, BPF_MODEL_CHECK);
	like.dumped = true;
	run(schedule, 0, BPF_MODEL_CHECK);
	check_by_hand(schedule, (struct expected){.unattributed = 1});
}

/*
 * Nobody was unmapping: what a failed walker left is still there when the function around it
 * returns.
 */
static void remained(uint8_t class)
{
	struct schedule *schedule = by_hand(THPRACE_LIGHT);

	like.class = class;
	like.result = -11;
	schedule->model->mapped[0].small = 1;
	run(schedule, 1, BPF_MODEL_OUTER_ENTER);
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 1, BPF_MODEL_WALK_END);
	run(schedule, 1, BPF_MODEL_OUTER_RETURN);
	check_by_hand(schedule, (struct expected){.remained = 1});
}

static void test_remained(void **state)
{
	(void)state;
	remained(THPRACE_SPLIT_UNMAP);
	remained(THPRACE_SPLIT_MIGRATE);
	remained(THPRACE_HWPOISON_UNMAP);
}

/* Nobody was unmapping, and the zap that took the mapping began after the walker's return: it is reported. */
static void test_taken_later(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_LIGHT);

	(void)state;
	schedule->model->mapped[0].entire = 1;
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 1, BPF_MODEL_WALK_END);
	open_window(schedule, 0);
	correlator_schedule__take(schedule, 0, THPRACE_LEVEL_PMD);
	run(schedule, 0, BPF_MODEL_ZAP_RETURN);
	check_by_hand(schedule, (struct expected){.remained = 1});
}

/*
 * A range that took nothing is delayed before it reads what is left; another one, which began
 * later, takes the mapping meanwhile. Such a late count is no proof against the first.
 */
static void test_count_read_late(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_LIGHT);

	(void)state;
	schedule->model->mapped[0].small = 1;
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_RANGE_ENTER);
	run(schedule, 1, BPF_MODEL_WALK_END);
	run_until(schedule, 0, BPF_MODEL_RANGE_RETURN, BPF_MODEL_COUNTS);
	schedule->model->now += 2 * THPRACE_READ_NS;
	schedule->task[2].began = schedule->model->now;
	run(schedule, 2, BPF_MODEL_RANGE_ENTER);
	correlator_schedule__take(schedule, 2, THPRACE_LEVEL_PTE);
	run(schedule, 2, BPF_MODEL_RANGE_RETURN);
	schedule->event[0].ended = schedule->model->now;
	end(schedule, 0);
	check_by_hand(schedule,
		      (struct expected){.escapes = 1}); /* likely: check_truth() has more */
}

/*
 * Two mappings of a range are taken before a walker's return; the removal of the second is seen
 * after it. That the count was low after the first is no proof.
 */
static void test_removal_before_return(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	schedule->model->mapped[0].small = 1;
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_RANGE_ENTER);
	correlator_schedule__take(schedule, 0, THPRACE_LEVEL_PTE);
	run(schedule, 0, BPF_MODEL_RMAP_PTES);
	schedule->model->mapped[0].small = 2;
	correlator_schedule__take(schedule, 0, THPRACE_LEVEL_PTE);
	run(schedule, 1, BPF_MODEL_WALK_END);
	run(schedule, 0, BPF_MODEL_RMAP_PTES);
	run(schedule, 0, BPF_MODEL_RANGE_RETURN);
	check_by_hand(schedule, (struct expected){.unattributed = 1});
}

/* The same with windows: the first took its own before the walker's return. */
static void test_window_count_read_late(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_LIGHT);

	(void)state;
	schedule->model->mapped[0].entire = 2;
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	open_window(schedule, 0);
	correlator_schedule__take(schedule, 0, THPRACE_LEVEL_PMD);
	run(schedule, 1, BPF_MODEL_WALK_END);
	run_until(schedule, 0, BPF_MODEL_ZAP_RETURN, BPF_MODEL_COUNTS);
	schedule->event[0].ended = schedule->model->now;
	schedule->model->now += 2 * THPRACE_READ_NS;
	schedule->task[2].began = schedule->model->now;
	open_window(schedule, 2);
	correlator_schedule__take(schedule, 2, THPRACE_LEVEL_PMD);
	run(schedule, 2, BPF_MODEL_ZAP_RETURN);
	schedule->event[1].ended = schedule->model->now;
	end(schedule, 0);
	check_by_hand(schedule,
		      (struct expected){.escapes = 1}); /* likely: check_truth() has more */
}

/*
 * A walker copies the window of a removal, whose task is in a real one before the copy is complete.
 */
static void test_window_after_removal(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_RANGE_ENTER);
	run_until(schedule, 0, BPF_MODEL_RMAP_PTES, BPF_MODEL_WALKERS);
	run_until(schedule, 1, BPF_MODEL_WALK_END, BPF_MODEL_WINDOW);
	end(schedule, 0);
	assert_false(step(schedule, 1));
	run(schedule, 0, BPF_MODEL_RANGE_RETURN);
	open_window(schedule, 0);
	end(schedule, 1);
	close_window(schedule, 0);
	check_by_hand(schedule, (struct expected){.contained = 1});
}

/* A window's folio becomes known while a walker looks where windows are counted. */
static void test_window_moves(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	like.unknown = true;
	open_window(schedule, 0);
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run_until(schedule, 1, BPF_MODEL_WALK_END, BPF_MODEL_WINDOWS);
	assert_false(step(schedule, 1));
	run(schedule, 0, BPF_MODEL_RMAP_PMD);
	end(schedule, 1);
	run(schedule, 0, BPF_MODEL_ZAP_RETURN);
	check_by_hand(schedule, (struct expected){.contained = 1});
}

/* A PMD mapping is removed between the readings of a folio's two counts: no PTE mapping was. */
static void test_counts_apart(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_LIGHT);

	(void)state;
	schedule->model->mapped[0] = (struct thprace_counts){.entire = 1, .small = 1};
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_RANGE_ENTER);
	run(schedule, 1, BPF_MODEL_WALK_END);
	run_until(schedule, 0, BPF_MODEL_RANGE_RETURN, BPF_MODEL_COUNTS);
	assert_false(step(schedule, 0));
	correlator_schedule__take(schedule, 2, THPRACE_LEVEL_PMD);
	end(schedule, 0);
	check_by_hand(schedule, (struct expected){.unattributed = 1});
}

/*
 * A range ends beside a walker that failed and one that is under way and took the mapping itself:
 * it is not known who took what the first had left, whichever of them is in the first place.
 */
static void range_beside_two(unsigned int older, unsigned int newer)
{
	struct schedule *schedule = by_hand(THPRACE_LIGHT);

	schedule->model->mapped[0].small = 1;
	run(schedule, older, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_RANGE_ENTER);
	run(schedule, older, BPF_MODEL_WALK_END);
	like.class = THPRACE_SPLIT_UNMAP;
	like.anonymous = true;
	run(schedule, newer, BPF_MODEL_OUTER_ENTER);
	run(schedule, newer, BPF_MODEL_WALK_BEGIN);
	schedule->model->mapped[0].small = 0;
	run(schedule, 0, BPF_MODEL_RANGE_RETURN);
	run(schedule, newer, BPF_MODEL_WALK_END);
	run(schedule, newer, BPF_MODEL_OUTER_RETURN);
	check_by_hand(schedule,
		      (struct expected){.escapes = 1}); /* likely: check_truth() has more */
}

static void test_range_beside_two(void **state)
{
	(void)state;
	range_beside_two(1, 2);
	range_beside_two(2, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held_up_closing),
		cmocka_unit_test(test_held_up_opening),
		cmocka_unit_test(test_next_window_opening),
		cmocka_unit_test(test_removals_beside_entry),
		cmocka_unit_test(test_failed_twice),
		cmocka_unit_test(test_removal_noted),
		cmocka_unit_test(test_eight_windows),
		cmocka_unit_test(test_dumped_and_gone),
		cmocka_unit_test(test_remained),
		cmocka_unit_test(test_taken_later),
		cmocka_unit_test(test_count_read_late),
		cmocka_unit_test(test_window_count_read_late),
		cmocka_unit_test(test_removal_before_return),
		cmocka_unit_test(test_window_after_removal),
		cmocka_unit_test(test_window_moves),
		cmocka_unit_test(test_counts_apart),
		cmocka_unit_test(test_range_beside_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
