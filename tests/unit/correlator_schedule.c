// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "correlator_schedule.h"
#include "chance.h"
#include "class_ids.h"

#define PENDING_MANY 16 /* half of the places */

/*
 * Has a walker looked at this folio without having returned? Then nothing is mapped again, so that
 * the walker does not find that instead of what it left. The kernel holds the folio's lock here, so
 * only a fork can map it.
 */
static bool is_looked_at(const struct schedule *schedule, unsigned int folio)
{
	unsigned int lock = schedule->locked[folio];

	return lock && schedule->task[lock - 1].looked;
}

static void choose(struct schedule *schedule, unsigned int who)
{
	static const uint8_t walks[] = {THPRACE_HWPOISON_UNMAP, THPRACE_TRUNCATE_UNMAP,
					THPRACE_INVALIDATE_UNMAP};
	bool precise = schedule->model->options.mode == THPRACE_PRECISE;
	struct task *task = &schedule->task[who];

	memset(task, 0, sizeof(*task));
	task->does = ZAP + below(&schedule->random, SPLIT);
	task->folio = below(&schedule->random, schedule->folios);
	task->empty = one_in(&schedule->random, 10);
	task->unknown = one_in(&schedule->random, 6);
	task->own = one_in(&schedule->random, 2);
	task->nested = one_in(&schedule->random, 8) && !schedule->fixed;
	task->checks = one_in(&schedule->random, 3);
	task->dumped = one_in(&schedule->random, 4);
	task->remaps = one_in(&schedule->random, 2);
	task->result = one_in(&schedule->random, 2) ? 0 : -16;
	task->removals = 1 + below(&schedule->random, one_in(&schedule->random, 4) ? 12 : 3);
	if (task->does == SPLIT)
		task->class = one_in(&schedule->random, 2) ? THPRACE_SPLIT_UNMAP
							   : THPRACE_SPLIT_MIGRATE;
	else
		task->class = walks[below(&schedule->random, sizeof(walks))];
	/* One task never walks, so its check points stand alone. */
	if (who == 0 && (task->does == WALK || task->does == SPLIT))
		task->does = CHECK_POINT;
	/*
	 * If entries are not understood, no window has a folio in light mode, and nothing is said.
	 */
	if (!precise)
		task->unknown = false;
	/* What will be zapped must be mapped before: at another time. */
	if (is_looked_at(schedule, task->folio))
		task->does = IDLE;
	else if (task->does == PTE_ZAP)
		schedule->model->mapped[task->folio].small += task->removals;
	else if ((task->does == ZAP || task->nested) && !task->empty)
		schedule->model->mapped[task->folio].entire++;
}

/* A zap takes a mapping. */
void correlator_schedule__take(struct schedule *schedule, unsigned int who, uint8_t level)
{
	struct task *task = &schedule->task[who];
	struct thprace_counts *mapped = &schedule->model->mapped[task->folio];

	if (level == THPRACE_LEVEL_PMD)
		mapped->entire--;
	else
		mapped->small--;
	assert_true(schedule->events < EVENTS_MAX);
	schedule->event[schedule->events++] = (struct event){
		.time = schedule->model->now,
		.began = task->began,
		.who = who,
		.folio = task->folio,
		.level = level,
	};
}

static void zap_ended(struct schedule *schedule, unsigned int who)
{
	size_t i;

	for (i = schedule->events; i; i--)
		if (schedule->event[i - 1].who == who && !schedule->event[i - 1].ended)
			schedule->event[i - 1].ended = schedule->model->now;
}

static void call(struct schedule *schedule, unsigned int who, enum bpf_model_program program)
{
	struct task *task = &schedule->task[who];
	struct bpf_model_call call = {
		.program = program,
		.folio = task->folio,
		.class = task->class,
		.unknown = task->unknown,
		.empty = task->empty,
		.anonymous = task->does == SPLIT && task->remaps,
		.own = task->own,
		.own_failed = task->mapped,
		.dumped = task->dumped,
		.result = task->result,
	};

	bpf_model__call(schedule->model, who, &call);
	task->running = program;
}

/* Returns whether the zap is over. */
static bool zap(struct schedule *schedule, unsigned int who, unsigned int phase)
{
	const bool precise = schedule->model->options.mode == THPRACE_PRECISE;
	struct task *task = &schedule->task[who];

	switch (phase) {
	case 0:
		task->began = schedule->model->now;
		call(schedule, who, BPF_MODEL_ZAP_ENTER);
		return false;
	case 1:
		call(schedule, who, BPF_MODEL_ZAP_LOCK);
		return false;
	case 2:
		if (!task->empty && precise)
			call(schedule, who, BPF_MODEL_RMAP_PMD_ENTER);
		return false;
	case 3:
		if (!task->empty)
			correlator_schedule__take(schedule, who, THPRACE_LEVEL_PMD);
		return false;
	case 4:
		if (!task->empty && precise)
			call(schedule, who, BPF_MODEL_RMAP_PMD);
		return false;
	case 5:
		call(schedule, who, BPF_MODEL_ZAP_RETURN);
		return false;
	default:
		zap_ended(schedule, who);
		return true;
	}
}

static bool pte_zap(struct schedule *schedule, unsigned int who, unsigned int phase)
{
	const bool precise = schedule->model->options.mode == THPRACE_PRECISE;
	struct task *task = &schedule->task[who];
	unsigned int removal = (phase - 1) / 3;

	if (phase == 0) {
		task->began = schedule->model->now;
		call(schedule, who, BPF_MODEL_RANGE_ENTER);
	} else if (removal < task->removals && phase % 3 == 2) {
		correlator_schedule__take(schedule, who, THPRACE_LEVEL_PTE);
	} else if (removal < task->removals && precise) {
		call(schedule, who, phase % 3 ? BPF_MODEL_RMAP_PTES_ENTER : BPF_MODEL_RMAP_PTES);
	} else if (removal == task->removals && phase % 3 == 1) {
		call(schedule, who, BPF_MODEL_RANGE_RETURN);
	} else if (removal == task->removals) {
		zap_ended(schedule, who);
		return true;
	}
	return false;
}

/* A walker, and its check point. Returns whether it is over. */
static bool walk(struct schedule *schedule, unsigned int who, unsigned int phase)
{
	struct task *task = &schedule->task[who];
	struct thprace_counts *mapped = &schedule->model->mapped[task->folio];

	if (phase == 0) {
		call(schedule, who, BPF_MODEL_WALK_BEGIN);
		return false;
	}
	if (task->nested && phase <= 6) {
		zap(schedule, who, phase - 1);
		return false;
	}
	switch (task->nested ? phase - 6 : phase) {
	case 1:
		/* If the race is fixed, it waits for those that are removing theirs. */
		if (schedule->fixed && mapped->entire + mapped->small > 0) {
			task->phase--;
			return false;
		}
		if (task->does == SPLIT && task->remaps) {
			task->taken = below(&schedule->random, schedule->stays[task->folio] + 1);
			mapped->small -= task->taken;
		}
		task->mapped = mapped->entire + mapped->small > 0;
		task->looked = true;
		return false;
	case 2:
		call(schedule, who, BPF_MODEL_WALK_END);
		return false;
	case 3:
		task->looked = false;
		if (task->checks && task->class != THPRACE_HWPOISON_UNMAP && task->does == WALK)
			call(schedule, who, BPF_MODEL_CHECK);
		return false;
	default:
		return true;
	}
}

/* A walker inside its caller. Returns whether it is over. */
static bool outer(struct schedule *schedule, unsigned int who, unsigned int phase)
{
	struct task *task = &schedule->task[who];

	if (phase == 0) {
		call(schedule, who, BPF_MODEL_OUTER_ENTER);
	} else if (phase < 50 && walk(schedule, who, phase - 1)) {
		task->phase = 50;
	} else if (phase == 50) {
		/* It needs all that it found mapped. */
		if (task->mapped)
			task->result = -11;
		schedule->model->mapped[task->folio].small += task->taken;
		call(schedule, who, BPF_MODEL_OUTER_RETURN);
	}
	return phase > 50;
}

/* The task continues outside of BPF programs. */
static void go_on(struct schedule *schedule, unsigned int who)
{
	struct task *task = &schedule->task[who];
	unsigned int *lock = &schedule->locked[task->folio];
	unsigned int phase;
	bool over = false;

	if (task->does == IDLE) {
		choose(schedule, who);
		return;
	}
	if (task->does >= WALK) {
		if (*lock && *lock != who + 1)
			return;
		*lock = who + 1;
	}
	phase = task->phase++;
	switch (task->does) {
	case ZAP:
		over = zap(schedule, who, phase);
		break;
	case PTE_ZAP:
		over = pte_zap(schedule, who, phase);
		break;
	case CHECK_POINT:
		if (phase == 0)
			call(schedule, who, BPF_MODEL_CHECK);
		over = phase > 0;
		break;
	default:
		over = outer(schedule, who, phase);
		break;
	}
	if (!over)
		return;
	if (*lock == who + 1)
		*lock = 0;
	task->does = IDLE;
}

static void turn(struct schedule *schedule, unsigned int who)
{
	struct task *task = &schedule->task[who];

	if (task->frozen) {
		task->frozen--;
		return;
	}
	schedule->model->now += 1 + below(&schedule->random, schedule->pace);
	if (one_in(&schedule->random, 2000))
		schedule->model->now += below(&schedule->random, 30000000);
	if (one_in(&schedule->random, schedule->pauses))
		task->frozen = below(&schedule->random, schedule->longest_pause);
	/* Core frees places in time. */
	if (one_in(&schedule->random, 30) && bpf_model__sweep(schedule->model) > PENDING_MANY)
		schedule->model->now += 300000000;
	if (!task->running)
		go_on(schedule, who);
	else if (bpf_model__step(schedule->model, who))
		task->running = BPF_MODEL_NONE;
}

static bool is_idle(const struct schedule *schedule)
{
	unsigned int who;

	for (who = 0; who < schedule->tasks; who++)
		if (schedule->task[who].does != IDLE)
			return false;
	return true;
}

void correlator_schedule__generate(struct schedule *schedule, uint64_t seed, unsigned int turns)
{
	static const uint64_t pace[] = {30, 100, 1000, 20000, 60000};
	static const unsigned int pauses[] = {10, 50, 300};
	struct bpf_model_options options = {0};
	unsigned int who, i;

	memset(schedule, 0, sizeof(*schedule));
	schedule->seed = seed;
	schedule->random = seed;
	options.mode = one_in(&schedule->random, 4) ? THPRACE_LIGHT : THPRACE_PRECISE;
	options.buckets = 1 + below(&schedule->random, 2);
	options.kprobes = one_in(&schedule->random, 4);
	options.page_rmap = one_in(&schedule->random, 4);
	schedule->model = bpf_model__new(&options);
	schedule->pace = pace[below(&schedule->random, 5)];
	schedule->pauses = pauses[below(&schedule->random, 3)];
	schedule->longest_pause = 20 + below(&schedule->random, 600);
	schedule->folios = 1 + below(&schedule->random, 3);
	schedule->tasks = 2 + below(&schedule->random, 5);
	schedule->fixed = one_in(&schedule->random, 3);
	/* Mappings that nobody zaps: what the kernel's walks leave when they end early. */
	for (i = 0; i < schedule->folios && !schedule->fixed; i++) {
		if (one_in(&schedule->random, 4))
			schedule->stays[i] = 1 + below(&schedule->random, 2);
		schedule->model->mapped[i].small += schedule->stays[i];
		if (one_in(&schedule->random, 8))
			schedule->model->mapped[i].entire++;
	}
	for (i = 0; i < turns; i++)
		turn(schedule, below(&schedule->random, schedule->tasks));
	/* What has begun ends. */
	while (!is_idle(schedule)) {
		who = below(&schedule->random, schedule->tasks);
		if (schedule->task[who].does != IDLE || schedule->task[who].running)
			turn(schedule, who);
	}
}
