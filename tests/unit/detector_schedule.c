// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "chance.h"
#include "detector_schedule.h"
#include "class_ids.h"

#define START 1000000000ULL
#define CPUS 4

static int mapcount(const struct schedule *schedule, unsigned int folio)
{
	return schedule->mapped[folio][THPRACE_LEVEL_PMD] +
	       schedule->mapped[folio][THPRACE_LEVEL_PTE];
}

/* What a zap leaves at its level, read after its end; sometimes too late. */
static int left_by_zap(struct schedule *schedule, const struct task *task, unsigned int level)
{
	return one_in(&schedule->random, 12) ? THPRACE_LEFT_LATE
					     : schedule->mapped[task->folio][level];
}

/* Most schedules are slow enough to be ordered; some are within the tolerance, some take long. */
static void pass_time(struct schedule *schedule)
{
	static const uint64_t most[] = {3000, 3000, 60, 200000, 4000000};

	if (one_in(&schedule->random, 50))
		schedule->now += below(&schedule->random, 30000000);
	schedule->now += below(&schedule->random, most[schedule->pace]);
	/* No task is in two places at the same time; two tasks may be. */
	if (!one_in(&schedule->random, 30))
		schedule->now++;
}

static struct thprace_record make(const struct schedule *schedule, unsigned int who,
				  enum thprace_record_type type, uint64_t entry)
{
	const struct task *task = &schedule->task[who];
	struct thprace_record record = {0};

	record.type = type;
	record.ts = schedule->now;
	record.entry = entry;
	record.folio = 0xffff000000000000ULL + 0x1000 * (task->folio + 1);
	record.pid = 100 + who;
	record.tgid = 100 + who / 2;
	record.cpu = who % CPUS;
	return record;
}

static void add_record(struct schedule *schedule, struct thprace_record record)
{
	schedule->record[schedule->n++] = record;
}

/* A part of a vma is zapped: it takes some pages, one by one; it is recorded if somebody asks. */
static bool range(struct schedule *schedule, unsigned int who, int step)
{
	struct task *task = &schedule->task[who];
	struct thprace_record record;

	if (step == 0) {
		task->began = schedule->counted_from[task->folio] > schedule->now ? schedule->now
										  : 0;
		task->removed = 0;
		return false;
	}
	if (step <= 2 * (int)task->pages) {
		if (step % 2) {
			schedule->mapped[task->folio][THPRACE_LEVEL_PTE]--;
		} else if (schedule->mode == THPRACE_PRECISE) {
			task->removed = schedule->now;
			record = make(schedule, who, THPRACE_REC_RMAP_PTE, schedule->now);
			record.value = 1;
			add_record(schedule, record);
		}
		return false;
	}
	if (schedule->counted_from[task->folio] <= schedule->now)
		return true;
	record = make(schedule, who, THPRACE_REC_RANGE, task->began);
	record.arg = task->removed;
	record.arg2 = schedule->mode == THPRACE_PRECISE ? task->pages : 0;
	record.value = left_by_zap(schedule, task, THPRACE_LEVEL_PTE);
	if (!task->began && one_in(&schedule->random, 6))
		record.flags = THPRACE_RF_VAGUE;
	if (task->removed > schedule->returned[task->folio] && one_in(&schedule->random, 4))
		record.arg2 |= (schedule->now - schedule->returned[task->folio]) << 32;
	add_record(schedule, record);
	/* Once for each walker that waits. */
	if (one_in(&schedule->random, 4))
		add_record(schedule, record);
	return true;
}

static void pte_removal(struct schedule *schedule, unsigned int who)
{
	struct thprace_record record = make(schedule, who, THPRACE_REC_RMAP_PTE, schedule->now);

	record.value = 1 + below(&schedule->random, 16);
	add_record(schedule, record);
}

/* Returns whether the zap is over. */
static bool zap(struct schedule *schedule, unsigned int who, int step)
{
	struct task *task = &schedule->task[who];
	struct thprace_record record;

	switch (step) {
	case 0:
		task->zap = schedule->now;
		task->removed = 0;
		record = make(schedule, who, THPRACE_REC_ZAP_OPEN, schedule->now);
		if (one_in(&schedule->random, 3))
			record.folio = 0;
		record.arg = 0xabc;
		record.arg2 = 0x200000 * (who + 1);
		add_record(schedule, record);
		return false;
	case 1:
		if (!task->empty)
			schedule->mapped[task->folio][THPRACE_LEVEL_PMD]--;
		return false;
	case 2:
		if (task->empty || schedule->mode == THPRACE_LIGHT)
			return false;
		task->removed = schedule->now;
		add_record(schedule, make(schedule, who, THPRACE_REC_RMAP_PMD, task->zap));
		return false;
	default:
		record = make(schedule, who, THPRACE_REC_ZAP_CLOSE, task->zap);
		record.arg = task->removed;
		record.arg2 = 0x200000 * (who + 1);
		if (schedule->counted_from[task->folio] > schedule->now)
			record.flags =
				thprace_left_encode(left_by_zap(schedule, task, THPRACE_LEVEL_PMD));
		add_record(schedule, record);
		return true;
	}
}

static void walk_record(struct schedule *schedule, unsigned int who, bool leaves)
{
	struct task *task = &schedule->task[who];
	struct thprace_record record;

	record = make(schedule, who, leaves ? THPRACE_REC_WALK_RETURN : THPRACE_REC_WALK_ENTER,
		      leaves ? task->began : schedule->now);
	record.class = task->class;
	record.origin = THPRACE_ORIGIN_SPLIT;
	record.arg = 0x41;
	if (!leaves) {
		add_record(schedule, record);
		return;
	}
	if (task->own)
		record.flags = THPRACE_RF_OWN | (task->mapped ? THPRACE_RF_OWN_FAILED : 0);
	task->leave = schedule->now;
	schedule->returned[task->folio] = schedule->now;
	task->held = record;
}

static void check_point(struct schedule *schedule, unsigned int who)
{
	struct thprace_record record = make(schedule, who, THPRACE_REC_CHECK, schedule->now);

	record.value = mapcount(schedule, schedule->task[who].folio);
	record.class = THPRACE_TRUNCATE_UNMAP;
	record.origin = THPRACE_ORIGIN_TRUNCATE;
	add_record(schedule, record);
}

/* A walker: enters, may zap, decides, returns, is proved. Returns whether it is over. */
static bool walk(struct schedule *schedule, unsigned int who, int step)
{
	struct task *task = &schedule->task[who];

	if (step == 0) {
		task->began = schedule->now;
		memcpy(task->seen, schedule->mapped[task->folio], sizeof(task->seen));
		schedule->counted_from[task->folio] = schedule->now + THPRACE_ATTRIBUTION_NS;
		walk_record(schedule, who, false);
		return false;
	}
	if (task->nested) {
		if (step <= 4) {
			zap(schedule, who, step - 1);
			return false;
		}
		step -= 4;
	}
	switch (step) {
	case 1:
		task->mapped = mapcount(schedule, task->folio) > 0;
		return false;
	case 2:
		walk_record(schedule, who, true);
		return false;
	default:
		task->residual = mapcount(schedule, task->folio);
		task->held.value = task->residual;
		if (task->residual > 0)
			task->held.arg2 =
				THPRACE_COUNTS(schedule->mapped[task->folio][THPRACE_LEVEL_PMD],
					       schedule->mapped[task->folio][THPRACE_LEVEL_PTE]);
		if (task->does == SPLIT && one_in(&schedule->random, 3))
			task->held.flags |= THPRACE_RF_REMAP;
		add_record(schedule, task->held);
		return true;
	}
}

static bool split(struct schedule *schedule, unsigned int who, int step)
{
	struct task *task = &schedule->task[who];
	struct thprace_record record;

	if (step == 0) {
		task->split = schedule->now;
		task->leave = 0;
		record = make(schedule, who, THPRACE_REC_SPLIT_ENTER, schedule->now);
		record.class = THPRACE_SPLIT_HEAD;
		add_record(schedule, record);
		/* Some splits have no walker. */
		if (one_in(&schedule->random, 8))
			task->step = 90;
		return false;
	}
	if (step < 90) {
		if (walk(schedule, who, step - 1))
			task->step = 90;
		return false;
	}
	if (step == 91 && one_in(&schedule->random, 2))
		return false;
	if (task->leave && task->residual > 0 && !one_in(&schedule->random, 4)) {
		record = make(schedule, who, THPRACE_REC_OUTER, task->leave);
		record.arg = THPRACE_COUNTS(task->seen[THPRACE_LEVEL_PMD],
					    task->seen[THPRACE_LEVEL_PTE]);
		record.arg2 = THPRACE_COUNTS(schedule->mapped[task->folio][THPRACE_LEVEL_PMD],
					     schedule->mapped[task->folio][THPRACE_LEVEL_PTE]);
		record.value = 9;
		add_record(schedule, record);
	}
	record = make(schedule, who, THPRACE_REC_SPLIT_RETURN, task->split);
	record.class = THPRACE_SPLIT_HEAD;
	record.arg = task->leave;
	record.arg2 = task->leave ? (uint64_t)(int64_t)task->residual : 0;
	record.value = one_in(&schedule->random, 2) ? 0 : -16;
	add_record(schedule, record);
	return true;
}

static void choose(struct schedule *schedule, unsigned int who)
{
	static const uint8_t classes[] = {THPRACE_SPLIT_UNMAP, THPRACE_SPLIT_MIGRATE,
					  THPRACE_HWPOISON_UNMAP, THPRACE_TRUNCATE_UNMAP,
					  THPRACE_INVALIDATE_UNMAP};
	struct task *task = &schedule->task[who];

	memset(task, 0, sizeof(*task));
	task->does = ZAP + below(&schedule->random, POISON);
	if ((task->does > SPLIT || task->does == MAP) && !one_in(&schedule->random, 4))
		task->does = one_in(&schedule->random, 3) ? RANGE : ZAP;
	task->folio = below(&schedule->random, FOLIOS);
	task->class = classes[below(&schedule->random, sizeof(classes))];
	if (task->does == SPLIT)
		task->class = one_in(&schedule->random, 2) ? THPRACE_SPLIT_UNMAP
							   : THPRACE_SPLIT_MIGRATE;
	task->empty = one_in(&schedule->random, 8);
	task->own = one_in(&schedule->random, 2);
	task->nested = task->does == WALK && one_in(&schedule->random, 4);
	task->checks = task->class >= THPRACE_TRUNCATE_UNMAP && one_in(&schedule->random, 3);
	task->pages = 1 + below(&schedule->random, 3);
	/* What will be zapped must be mapped before. */
	if (task->does == PTE_ZAP)
		schedule->mapped[task->folio][THPRACE_LEVEL_PTE]++;
	else if (task->does == RANGE)
		schedule->mapped[task->folio][THPRACE_LEVEL_PTE] += task->pages;
	else if ((task->does == ZAP || task->nested) && !task->empty)
		schedule->mapped[task->folio][THPRACE_LEVEL_PMD]++;
}

/* The task's next event. */
static bool act(struct schedule *schedule, unsigned int who)
{
	struct task *task = &schedule->task[who];
	int step = task->step++;

	switch (task->does) {
	case ZAP:
		return zap(schedule, who, step);
	case PTE_ZAP:
		if (step == 0)
			schedule->mapped[task->folio][THPRACE_LEVEL_PTE]--;
		else
			pte_removal(schedule, who);
		return step > 0;
	case RANGE:
		return range(schedule, who, step);
	case MAP:
		/* A mapping appears, stays for some time, and is removed unseen, in another mm. */
		if (step == 0 || step > 5)
			schedule->mapped[task->folio][who % 2] += step == 0 ? 1 : -1;
		return step > 5;
	case WALK:
		if (step < 50 && walk(schedule, who, step)) {
			task->step = 50;
			return !task->checks;
		}
		if (step >= 50)
			check_point(schedule, who);
		return step >= 50;
	case SPLIT:
		return split(schedule, who, step);
	case COLLAPSE:
	case POISON:
		if (step == 0)
			task->began = schedule->now;
		add_record(schedule, make(schedule, who,
					  (task->does == COLLAPSE ? THPRACE_REC_COLLAPSE_ENTER
								  : THPRACE_REC_POISON_ENTER) +
						  (step > 0),
					  task->began));
		return step > 0;
	default:
		return true;
	}
}

int detector_schedule__by_time(const void *a, const void *b)
{
	const struct thprace_record *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void number(struct schedule *schedule)
{
	size_t i;

	/* Ties keep the order in which they were made, as in one ring; seq is ignored. */
	for (i = 0; i < schedule->n; i++)
		schedule->record[i].seq = i + 1;
	qsort(schedule->record, schedule->n, sizeof(schedule->record[0]),
	      detector_schedule__by_time);
}

void detector_schedule__generate(struct schedule *schedule, uint64_t seed, size_t events)
{
	unsigned int who, tasks;

	memset(schedule, 0, sizeof(*schedule));
	schedule->seed = seed;
	schedule->random = seed;
	schedule->now = START;
	schedule->mode = one_in(&schedule->random, 2) ? THPRACE_PRECISE : THPRACE_LIGHT;
	schedule->pace = below(&schedule->random, 5);
	tasks = 2 + below(&schedule->random, TASKS - 1);
	while (schedule->n < events) {
		uint64_t before = schedule->now;

		pass_time(schedule);
		who = below(&schedule->random, tasks);
		/* A task does not do two things at the same time. */
		if (schedule->now == before)
			schedule->now++;
		if (schedule->task[who].does == IDLE)
			choose(schedule, who);
		if (act(schedule, who))
			schedule->task[who].does = IDLE;
		if (one_in(&schedule->random, 100))
			check_point(schedule, who);
	}
	number(schedule);
}

void detector_schedule__shuffle(struct schedule *schedule, struct thprace_record *record, size_t n,
				uint64_t watermark)
{
	struct key {
		uint64_t at;
		size_t which;
	} *key = calloc(n + 1, sizeof(*key)), held;
	struct thprace_record *copy = calloc(n + 1, sizeof(*copy));
	size_t i, j;

	assert_true(key && copy);
	memcpy(copy, record, n * sizeof(*record));
	for (i = 0; i < n; i++) {
		held = (struct key){record[i].ts + below(&schedule->random, watermark), i};
		for (j = i; j && key[j - 1].at > held.at; j--)
			key[j] = key[j - 1];
		key[j] = held;
	}
	for (i = 0; i < n; i++)
		record[i] = copy[key[i].which];
	free(copy);
	free(key);
}

size_t detector_schedule__lose(struct schedule *schedule, struct thprace_record *record, size_t n,
			       bool *gone)
{
	size_t i, j, left = 0, lost = 0, runs = 1 + below(&schedule->random, 3);
	struct thprace_record loss[8] = {0};

	memset(gone, 0, n);
	while (runs--) {
		uint64_t count = 1 + below(&schedule->random, 6);
		struct thprace_record *new = &loss[lost];

		i = below(&schedule->random, n);
		for (j = i; j < n && count; j++) {
			if (record[j].cpu != record[i].cpu || gone[j])
				continue;
			gone[j] = true;
			count--;
			new->arg++;
		}
		if (!new->arg)
			continue;
		while (j < n && (record[j].cpu != record[i].cpu || gone[j]))
			j++;
		new->type = THPRACE_REC_LOST;
		new->cpu = record[i].cpu;
		new->entry = record[i].ts -
			     (one_in(&schedule->random, 4) ? below(&schedule->random, 500) : 0);
		new->ts = j < n ? record[j].ts : record[n - 1].ts + 1;
		if (one_in(&schedule->random, 4))
			new->ts += below(&schedule->random, 5000);
		lost++;
	}
	for (i = 0; i < n; i++) {
		if (!gone[i])
			record[left++] = record[i];
	}
	for (i = 0; i < lost; i++)
		record[left++] = loss[i];
	qsort(record, left, sizeof(*record), detector_schedule__by_time);
	return left;
}

void detector_schedule__delay(struct schedule *schedule, struct thprace_record *record, size_t n)
{
	struct thprace_record held;
	size_t i, times;

	for (times = 1 + below(&schedule->random, 4); times; times--) {
		i = below(&schedule->random, n);
		if (record[i].type == THPRACE_REC_LOST)
			continue;
		held = record[i];
		memmove(record + i, record + i + 1, (n - i - 1) * sizeof(*record));
		record[n - 1] = held;
	}
}
