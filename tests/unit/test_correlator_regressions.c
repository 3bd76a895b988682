// SPDX-License-Identifier: GPL-2.0-only
/*
 * Schedules that went wrong once, step by step: a task is held up at one place of a BPF program, and the correlator
 * must blame the right window all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "correlator_schedule.h"
#include "class_ids.h"

static struct schedule *by_hand(enum thprace_mode mode)
{
	static struct schedule schedule;
	struct bpf_model_options options = {.mode = mode, .buckets = 1};

	memset(&schedule, 0, sizeof(schedule));
	schedule.model = bpf_model__new(&options);
	return &schedule;
}

static void run(struct schedule *schedule, unsigned int who, enum bpf_model_program program)
{
	const struct bpf_model_call program_call = {
		.program = program, .class = THPRACE_TRUNCATE_UNMAP, .pages = 1};

	bpf_model__run(schedule->model, who, &program_call, 100);
}

/* The first steps of a run: until its message, its look at something, … */
static void begin(struct schedule *schedule, unsigned int who, enum bpf_model_program program,
		  unsigned int steps)
{
	const struct bpf_model_call program_call = {
		.program = program, .class = THPRACE_TRUNCATE_UNMAP, .pages = 1};

	bpf_model__call(schedule->model, who, &program_call);
	while (steps--) {
		schedule->model->now += 100;
		assert_false(bpf_model__step(schedule->model, who));
	}
}

static void end(struct schedule *schedule, unsigned int who)
{
	do {
		schedule->model->now += 100;
	} while (!bpf_model__step(schedule->model, who));
}

static void check_by_hand(struct schedule *schedule, unsigned int escapes, unsigned int contained)
{
	unsigned long sum[SUM_MAX] = {0};

	correlator_schedule__check(schedule, sum);
	assert_int_equal(sum[THPRACE_ESCAPE], escapes);
	assert_int_equal(sum[THPRACE_CONTAINED], contained);
	assert_int_equal(sum[THPRACE_UNATTRIBUTED], 0);
	bpf_model__free(schedule->model);
}

/* An opener is held up after its last stamp: a later walker takes its window for open. */
static void test_held_up_closing(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	run(schedule, 0, BPF_MODEL_ZAP_LOCK);
	run(schedule, 0, BPF_MODEL_RMAP_PMD);
	begin(schedule, 0, BPF_MODEL_ZAP_RETURN, 2);
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 1, BPF_MODEL_WALK_END);
	end(schedule, 0);
	check_by_hand(schedule, 0, 0);
}

/* A walker finds a slot; its owner closes that window and opens the next, not stamped yet. */
static void test_next_window_opening(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);
	unsigned int steps;

	(void)state;
	run(schedule, 0, BPF_MODEL_ZAP_LOCK);
	run(schedule, 1, BPF_MODEL_WALK_BEGIN);
	run(schedule, 0, BPF_MODEL_RMAP_PMD);
	/* Up to the copying of the window, wherever that begins. */
	for (steps = 5; steps < 25; steps++) {
		begin(schedule, 1, BPF_MODEL_WALK_END, steps);
		run(schedule, 0, BPF_MODEL_ZAP_RETURN);
		begin(schedule, 0, BPF_MODEL_ZAP_LOCK, 7);
		end(schedule, 1);
		end(schedule, 0);
		run(schedule, 0, BPF_MODEL_RMAP_PMD);
		run(schedule, 0, BPF_MODEL_ZAP_RETURN);
		check_by_hand(schedule, 0, 1);
		schedule = by_hand(THPRACE_PRECISE);
		run(schedule, 0, BPF_MODEL_ZAP_LOCK);
		run(schedule, 1, BPF_MODEL_WALK_BEGIN);
		run(schedule, 0, BPF_MODEL_RMAP_PMD);
	}
	bpf_model__free(schedule->model);
}

/* Removals come between a walker's publication and its stamp; it waited for the next one. */
static void test_removals_beside_entry(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);

	(void)state;
	begin(schedule, 1, BPF_MODEL_WALK_BEGIN, 5);
	run(schedule, 0, BPF_MODEL_RMAP_PTES);
	run(schedule, 0, BPF_MODEL_RMAP_PTES);
	end(schedule, 1);
	run(schedule, 0, BPF_MODEL_RMAP_PTES);
	run(schedule, 1, BPF_MODEL_WALK_END);
	check_by_hand(schedule, 0, 1);
}

/* A zap of small pages that two walkers of one folio fail beside, one after the other, explains both. */
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
	check_by_hand(schedule, 2, 0);
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
	begin(schedule, 0, BPF_MODEL_RMAP_PTES, 6);
	run(schedule, 1, BPF_MODEL_WALK_END);
	end(schedule, 0);
	check_by_hand(schedule, 0, 1);
}

/* As many windows as a walker reports, and slots behind them. */
static void test_eight_windows(void **state)
{
	struct schedule *schedule = by_hand(THPRACE_PRECISE);
	unsigned int who;

	(void)state;
	run(schedule, 8, BPF_MODEL_WALK_BEGIN);
	for (who = 0; who < 8; who++)
		run(schedule, who, BPF_MODEL_ZAP_LOCK);
	run(schedule, 8, BPF_MODEL_WALK_END);
	for (who = 0; who < 8; who++) {
		run(schedule, who, BPF_MODEL_RMAP_PMD);
		run(schedule, who, BPF_MODEL_ZAP_RETURN);
	}
	check_by_hand(schedule, 0, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held_up_closing),
		cmocka_unit_test(test_next_window_opening),
		cmocka_unit_test(test_removals_beside_entry),
		cmocka_unit_test(test_failed_twice),
		cmocka_unit_test(test_removal_noted),
		cmocka_unit_test(test_eight_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
