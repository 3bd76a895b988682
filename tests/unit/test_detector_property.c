// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random schedules of tasks that zap, walk and split a few folios, whose mapcounts are simulated, at
 * both levels. Some mappings are there that nobody takes, and some come while others go.
 * The detector is fed in an order that the watermark allows, and must say what the oracle says of
 * the same records. With records lost, moreover, it must state nothing that a loss touches, and
 * lose nothing that no loss touches.
 *
 * THPRACE_TEST_SEED runs one schedule; THPRACE_TEST_TIMES=N runs N times as many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "oracle.h"

#define START 1000000000ULL
#define TASKS 8
#define CPUS 4
#define FOLIOS 3
#define EVENTS_MAX 6000

enum task_does {
	IDLE,
	ZAP,
	PTE_ZAP,
	RANGE,
	MAP,
	WALK,
	SPLIT,
	COLLAPSE,
	POISON
};

struct task {
	enum task_does does;
	int step;
	bool empty; /* zap of the huge zero page */
	bool own; /* the walker has a result of its own */
	bool mapped; /* what it saw */
	bool nested; /* the walker zaps as well */
	bool checks;
	unsigned int folio;
	uint8_t class;
	uint64_t began;
	uint64_t removed;
	uint64_t split;
	uint64_t leave;
	uint64_t zap;
	int residual;
	int seen[THPRACE_LEVEL_MAX]; /* mapped at the walker's entry */
	unsigned int pages; /* that a range takes */
	struct thprace_record held; /* a return whose proof is not read yet */
};

struct schedule {
	uint64_t seed;
	uint64_t random;
	enum thprace_mode mode;
	unsigned int pace; /* which gaps between events */
	uint64_t now;
	struct task task[TASKS];
	int mapped[FOLIOS][THPRACE_LEVEL_MAX];
	uint64_t asked
		[FOLIOS]; /* until when somebody asks what zaps leave: a walker is there, or failed */
	struct thprace_record record[EVENTS_MAX + 8];
	size_t n;
};

static uint64_t any(struct schedule *schedule)
{
	uint64_t x = schedule->random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t below(struct schedule *schedule, uint64_t n)
{
	return any(schedule) % n;
}

static bool one_in(struct schedule *schedule, unsigned int n)
{
	return below(schedule, n) == 0;
}

static int mapcount(const struct schedule *schedule, unsigned int folio)
{
	return schedule->mapped[folio][THPRACE_LEVEL_PMD] +
	       schedule->mapped[folio][THPRACE_LEVEL_PTE];
}

/* What a zap leaves at its level, read after its end; sometimes too late. */
static int left_by_zap(struct schedule *schedule, const struct task *task, unsigned int level)
{
	return one_in(schedule, 12) ? THPRACE_LEFT_LATE : schedule->mapped[task->folio][level];
}

/* Most schedules are slow enough to be ordered; some live within the tolerance, some take long. */
static void pass_time(struct schedule *schedule)
{
	static const uint64_t most[] = {3000, 3000, 60, 200000, 4000000};

	if (one_in(schedule, 50))
		schedule->now += below(schedule, 30000000);
	schedule->now += below(schedule, most[schedule->pace]);
	/* No task is at two places at one time; two tasks may be. */
	if (!one_in(schedule, 30))
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

static void put(struct schedule *schedule, struct thprace_record record)
{
	schedule->record[schedule->n++] = record;
}

/* A part of a vma is zapped: it takes some pages, one by one; it is recorded if somebody asks. */
static bool range(struct schedule *schedule, unsigned int who, int step)
{
	struct task *task = &schedule->task[who];
	struct thprace_record record;

	if (step == 0) {
		task->began = schedule->asked[task->folio] > schedule->now ? schedule->now : 0;
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
			put(schedule, record);
		}
		return false;
	}
	if (schedule->asked[task->folio] <= schedule->now)
		return true;
	record = make(schedule, who, THPRACE_REC_RANGE, task->began);
	record.arg = task->removed;
	record.arg2 = schedule->mode == THPRACE_PRECISE ? task->pages : 0;
	record.value = left_by_zap(schedule, task, THPRACE_LEVEL_PTE);
	if (!task->began && one_in(schedule, 6))
		record.flags = THPRACE_RF_VAGUE;
	put(schedule, record);
	/* Once for each walker that waits. */
	if (one_in(schedule, 4))
		put(schedule, record);
	return true;
}

static void pte_removal(struct schedule *schedule, unsigned int who)
{
	struct thprace_record record = make(schedule, who, THPRACE_REC_RMAP_PTE, schedule->now);

	record.value = 1 + below(schedule, 16);
	put(schedule, record);
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
		if (one_in(schedule, 3))
			record.folio = 0;
		record.arg = 0xabc;
		record.arg2 = 0x200000 * (who + 1);
		put(schedule, record);
		return false;
	case 1:
		if (!task->empty)
			schedule->mapped[task->folio][THPRACE_LEVEL_PMD]--;
		return false;
	case 2:
		if (task->empty || schedule->mode == THPRACE_LIGHT)
			return false;
		task->removed = schedule->now;
		put(schedule, make(schedule, who, THPRACE_REC_RMAP_PMD, task->zap));
		return false;
	default:
		record = make(schedule, who, THPRACE_REC_ZAP_CLOSE, task->zap);
		record.arg = task->removed;
		record.arg2 = 0x200000 * (who + 1);
		if (schedule->asked[task->folio] > schedule->now)
			record.flags =
				thprace_left_word(left_by_zap(schedule, task, THPRACE_LEVEL_PMD));
		put(schedule, record);
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
	record.kind = THPRACE_KIND_SPLIT;
	record.arg = 0x41;
	if (!leaves) {
		put(schedule, record);
		return;
	}
	if (task->own)
		record.flags = THPRACE_RF_OWN | (task->mapped ? THPRACE_RF_OWN_FAILED : 0);
	task->leave = schedule->now;
	task->held = record;
}

static void check_point(struct schedule *schedule, unsigned int who)
{
	struct thprace_record record = make(schedule, who, THPRACE_REC_CHECK, schedule->now);

	record.value = mapcount(schedule, schedule->task[who].folio);
	record.kind = THPRACE_KIND_TRUNCATE;
	put(schedule, record);
}

/* A walker: enters, perhaps zaps, decides, returns, is proved. Returns whether it is over. */
static bool walk(struct schedule *schedule, unsigned int who, int step)
{
	struct task *task = &schedule->task[who];

	if (step == 0) {
		task->began = schedule->now;
		memcpy(task->seen, schedule->mapped[task->folio], sizeof(task->seen));
		schedule->asked[task->folio] = schedule->now + THPRACE_ATTRIBUTION_NS;
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
		if (task->does == SPLIT && one_in(schedule, 3))
			task->held.flags |= THPRACE_RF_REMAP;
		put(schedule, task->held);
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
		put(schedule, record);
		/* Some splits have no walker. */
		if (one_in(schedule, 8))
			task->step = 90;
		return false;
	}
	if (step < 90) {
		if (walk(schedule, who, step - 1))
			task->step = 90;
		return false;
	}
	if (step == 91 && one_in(schedule, 2))
		return false;
	if (task->leave && task->residual > 0 && !one_in(schedule, 4)) {
		record = make(schedule, who, THPRACE_REC_OUTER, task->leave);
		record.arg = THPRACE_COUNTS(task->seen[THPRACE_LEVEL_PMD],
					    task->seen[THPRACE_LEVEL_PTE]);
		record.arg2 = THPRACE_COUNTS(schedule->mapped[task->folio][THPRACE_LEVEL_PMD],
					     schedule->mapped[task->folio][THPRACE_LEVEL_PTE]);
		record.value = 9;
		put(schedule, record);
	}
	record = make(schedule, who, THPRACE_REC_SPLIT_RETURN, task->split);
	record.class = THPRACE_SPLIT_HEAD;
	record.arg = task->leave;
	record.arg2 = task->leave ? (uint64_t)(int64_t)task->residual : 0;
	record.value = one_in(schedule, 2) ? 0 : -16;
	put(schedule, record);
	return true;
}

static void choose(struct schedule *schedule, unsigned int who)
{
	static const uint8_t classes[] = {THPRACE_SPLIT_UNMAP, THPRACE_SPLIT_MIGRATE,
					  THPRACE_HWPOISON_UNMAP, THPRACE_TRUNCATE_UNMAP,
					  THPRACE_INVALIDATE_UNMAP};
	struct task *task = &schedule->task[who];

	memset(task, 0, sizeof(*task));
	task->does = ZAP + below(schedule, POISON);
	if ((task->does > SPLIT || task->does == MAP) && !one_in(schedule, 4))
		task->does = one_in(schedule, 3) ? RANGE : ZAP;
	task->folio = below(schedule, FOLIOS);
	task->class = classes[below(schedule, sizeof(classes))];
	if (task->does == SPLIT)
		task->class = one_in(schedule, 2) ? THPRACE_SPLIT_UNMAP : THPRACE_SPLIT_MIGRATE;
	task->empty = one_in(schedule, 8);
	task->own = one_in(schedule, 2);
	task->nested = task->does == WALK && one_in(schedule, 4);
	task->checks = task->class >= THPRACE_TRUNCATE_UNMAP && one_in(schedule, 3);
	task->pages = 1 + below(schedule, 3);
	/* What will be zapped is mapped before. */
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
		/* A mapping comes, stays for some time, and goes unseen, in another mm. */
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
		put(schedule, make(schedule, who,
				   (task->does == COLLAPSE ? THPRACE_REC_COLLAPSE_ENTER
							   : THPRACE_REC_POISON_ENTER) +
					   (step > 0),
				   task->began));
		return step > 0;
	default:
		return true;
	}
}

static void generate(struct schedule *schedule, uint64_t seed, size_t events)
{
	unsigned int who, tasks;

	memset(schedule, 0, sizeof(*schedule));
	schedule->seed = seed;
	schedule->random = seed;
	schedule->now = START;
	schedule->mode = one_in(schedule, 2) ? THPRACE_PRECISE : THPRACE_LIGHT;
	schedule->pace = below(schedule, 5);
	tasks = 2 + below(schedule, TASKS - 1);
	while (schedule->n < events) {
		uint64_t before = schedule->now;

		pass_time(schedule);
		who = below(schedule, tasks);
		/* A task does not do two things at one time. */
		if (schedule->now == before)
			schedule->now++;
		if (schedule->task[who].does == IDLE)
			choose(schedule, who);
		if (act(schedule, who))
			schedule->task[who].does = IDLE;
		if (one_in(schedule, 100))
			check_point(schedule, who);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct thprace_record *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* The order in which records of several rings may arrive: later by less than the watermark. */
static void shuffle(struct schedule *schedule, struct thprace_record *record, size_t n,
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
		held = (struct key){record[i].ts + below(schedule, watermark), i};
		for (j = i; j && key[j - 1].at > held.at; j--)
			key[j] = key[j - 1];
		key[j] = held;
	}
	for (i = 0; i < n; i++)
		record[i] = copy[key[i].which];
	free(copy);
	free(key);
}

/*
 * Loses runs of records of one CPU. A LOST record covers each run: from its first record, at the
 * latest, until the CPU's next record, at the earliest. Returns how many records are left.
 */
static size_t lose(struct schedule *schedule, struct thprace_record *record, size_t n, bool *gone)
{
	size_t i, j, left = 0, lost = 0, runs = 1 + below(schedule, 3);
	struct thprace_record loss[8] = {0};

	memset(gone, 0, n);
	while (runs--) {
		uint64_t count = 1 + below(schedule, 6);
		struct thprace_record *new = &loss[lost];

		i = below(schedule, n);
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
		new->entry = record[i].ts - (one_in(schedule, 4) ? below(schedule, 500) : 0);
		new->ts = j < n ? record[j].ts : record[n - 1].ts + 1;
		if (one_in(schedule, 4))
			new->ts += below(schedule, 5000);
		lost++;
	}
	for (i = 0; i < n; i++) {
		if (!gone[i])
			record[left++] = record[i];
	}
	for (i = 0; i < lost; i++)
		record[left++] = loss[i];
	qsort(record, left, sizeof(*record), by_time);
	return left;
}

/* Feeds some records after all others. */
static void delay(struct schedule *schedule, struct thprace_record *record, size_t n)
{
	struct thprace_record held;
	size_t i, times;

	for (times = 1 + below(schedule, 4); times; times--) {
		i = below(schedule, n);
		if (record[i].type == THPRACE_REC_LOST)
			continue;
		held = record[i];
		memmove(record + i, record + i + 1, (n - i - 1) * sizeof(*record));
		record[n - 1] = held;
	}
}

/* What is left of the records for one who drops those that come too late. Returns how many do. */
static size_t drop_late(struct thprace_record *record, size_t n, uint64_t watermark)
{
	uint64_t newest = 0, processed = 0;
	size_t i, j, late = 0;

	for (i = 0; i < n; i++) {
		if (record[i].ts < processed && record[i].type != THPRACE_REC_LOST) {
			late++;
			record[i].type = THPRACE_REC_LOST;
			record[i].arg = 0;
			/* Of a range it may not be known when it began. */
			if (!record[i].entry)
				record[i].entry = record[i].ts;
		}
		newest = record[i].ts > newest ? record[i].ts : newest;
		for (j = 0; j <= i; j++) {
			if (record[j].type != THPRACE_REC_LOST &&
			    record[j].ts + watermark <= newest && record[j].ts > processed)
				processed = record[j].ts;
		}
	}
	return late;
}

static uint64_t reach(uint64_t watermark)
{
	return 2 * watermark + THPRACE_ATTRIBUTION_NS;
}

static void number(struct schedule *schedule)
{
	size_t i;

	/* Ties keep the order in which they were made, as in one ring; seq is not looked at. */
	for (i = 0; i < schedule->n; i++)
		schedule->record[i].seq = i + 1;
	qsort(schedule->record, schedule->n, sizeof(schedule->record[0]), by_time);
}

static void check_without_loss(struct schedule *schedule, unsigned long *sum)
{
	uint64_t watermark = 1 + below(schedule, 3000000);
	struct oracle_run run;
	struct oracle *oracle;
	size_t i;

	shuffle(schedule, schedule->record, schedule->n, watermark);
	oracle = oracle__new(schedule->record, schedule->n, schedule->mode, reach(watermark));
	oracle__run(&run, schedule->record, schedule->n, schedule->mode, watermark);
	if (!oracle__agrees(oracle, &run))
		fail_msg("without loss: THPRACE_TEST_SEED=%lu", (unsigned long)schedule->seed);
	assert_int_equal(run.stats.late, 0);
	for (i = 0; i < run.incidents; i++)
		sum[run.incident[i].verdict]++;
	oracle__free(oracle);
	oracle_run__free(&run);
}

static bool same(const struct thprace_incident *a, const struct thprace_incident *b)
{
	return a->window.pid == b->window.pid && a->window.open == b->window.open &&
	       a->window.level == b->window.level && a->walk.pid == b->walk.pid &&
	       a->walk.enter == b->walk.enter && a->walk.leave == b->walk.leave &&
	       a->window.close == b->window.close && a->walk.class == b->walk.class;
}

static const struct thprace_incident *look_up(const struct thprace_incident *list, size_t n,
					      const struct thprace_incident *incident)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (same(&list[i], incident))
			return &list[i];
	}
	return NULL;
}

/* Is there a loss in the time that the incident speaks of? */
static bool touched(const struct oracle *losses, const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walker = &incident->walk;
	uint64_t from = walker->enter, to = walker->leave;

	if (window->pid) {
		/* A range whose beginning is not known began before the walker. */
		from = window->open && window->open < from ? window->open : from;
		to = !window->close ? THPRACE_FOREVER : window->close > to ? window->close : to;
	}
	return oracle__lost(losses, from, to);
}

/*
 * Is there a window that the walker may have met and of which a record is lost? `all`: all of its
 * records are, in separate losses: nothing tells of it.
 */
static bool met_lost_window(const struct oracle *truth, const struct oracle *seen,
			    const struct thprace_walk *walker, bool all)
{
	const struct oracle_window *window, *left;
	size_t i, j;

	for (i = 0; i < truth->windows; i++) {
		window = &truth->window[i];
		if (window->window.open > walker->leave || window->window.pid == walker->pid)
			continue;
		if (window->window.folio && window->window.folio != walker->folio)
			continue;
		for (j = 0, left = NULL; j < seen->windows && !left; j++) {
			if (seen->window[j].window.pid == window->window.pid &&
			    seen->window[j].window.open == window->window.open)
				left = &seen->window[j];
		}
		if (all && !left)
			return true;
		if (!all && (!left || left->opened != window->opened ||
			     left->closed != window->closed || left->lost))
			return true;
	}
	return false;
}

/* Is it lost what the function around the walker found? Then less is known of the walker. */
static bool outer_lost(const struct oracle *truth, const struct thprace_walk *walk)
{
	const struct thprace_walk *whole;
	size_t i;

	for (i = 0; i < truth->walkers; i++) {
		whole = &truth->walker[i].walk;
		if (whole->pid == walk->pid && whole->enter == walk->enter &&
		    whole->leave == walk->leave && whole->class == walk->class)
			return whole->outer_at != walk->outer_at;
	}
	return false;
}

static bool states(const struct thprace_incident *incident)
{
	return incident->verdict == THPRACE_CONTAINED || incident->verdict == THPRACE_ESCAPE ||
	       incident->verdict == THPRACE_REMAINED;
}

/* What the detector states is so, and no loss touches it. */
static void check_sound(const struct schedule *schedule, const struct oracle *truth,
			const struct oracle *seen, const struct oracle_run *run)
{
	const struct thprace_incident *incident, *true_one;
	size_t i, j;

	for (i = 0; i < run->incidents; i++) {
		incident = &run->incident[i];
		if (!states(incident))
			continue;
		true_one = look_up(truth->incident, truth->incidents, incident);
		if (!true_one && met_lost_window(truth, seen, &incident->walk, true))
			continue;
		if (outer_lost(truth, &incident->walk))
			continue;
		if (!true_one || true_one->verdict != incident->verdict ||
		    touched(seen, true_one) ||
		    (thprace_proved(incident->verdict, incident->attribution) &&
		     !thprace_proved(true_one->verdict, true_one->attribution) &&
		     !met_lost_window(truth, seen, &incident->walk, true)))
			fail_msg("stated in spite of a loss: THPRACE_TEST_SEED=%lu",
				 (unsigned long)schedule->seed);
	}
	/* The detector's clean walkers are seen's: the counts agree. */
	for (i = 0; i < seen->walkers; i++) {
		if (!seen->walker[i].clean)
			continue;
		for (j = 0; j < truth->walkers; j++) {
			if (truth->walker[j].walk.pid == seen->walker[i].walk.pid &&
			    truth->walker[j].walk.enter == seen->walker[i].walk.enter &&
			    truth->walker[j].walk.leave == seen->walker[i].walk.leave &&
			    truth->walker[j].head == seen->walker[i].head)
				break;
		}
		if (j < truth->walkers && truth->walker[j].clean &&
		    !oracle__lost(seen, truth->walker[j].walk.enter, truth->walker[j].walk.leave))
			continue;
		if (met_lost_window(truth, seen, &seen->walker[i].walk, true))
			continue;
		fail_msg("clean in spite of a loss: THPRACE_TEST_SEED=%lu",
			 (unsigned long)schedule->seed);
	}
}

/* What no loss touches is stated. */
static unsigned long check_complete(const struct schedule *schedule, const struct oracle *truth,
				    const struct oracle *seen, const struct oracle_run *run)
{
	const struct thprace_incident *incident, *said;
	unsigned long count = 0;
	size_t i;

	for (i = 0; i < truth->incidents; i++) {
		incident = &truth->incident[i];
		if (!states(incident) || touched(seen, incident) ||
		    met_lost_window(truth, seen, &incident->walk, false))
			continue;
		said = look_up(run->incident, run->incidents, incident);
		if (incident->walk.outer_at &&
		    oracle__lost(seen, incident->walk.leave, incident->walk.outer_at))
			continue;
		/* That nobody was unmapping needs to know all of some time. */
		if (incident->verdict == THPRACE_REMAINED &&
		    oracle__lost(seen, incident->walk.enter,
				 incident->walk.leave + THPRACE_ATTRIBUTION_NS))
			continue;
		if (!said || said->verdict != incident->verdict)
			fail_msg("not stated: THPRACE_TEST_SEED=%lu",
				 (unsigned long)schedule->seed);
		count++;
	}
	return count;
}

static void check_with_loss(struct schedule *schedule, unsigned long *sum)
{
	uint64_t watermark = 1 + below(schedule, 3000000);
	struct thprace_record *record = calloc(schedule->n + 8, sizeof(*record));
	struct thprace_record *left = calloc(schedule->n + 8, sizeof(*record));
	bool *gone = calloc(schedule->n, sizeof(*gone));
	struct oracle *truth, *seen;
	struct oracle_run run;
	size_t n, i, late;

	assert_true(record && left && gone);
	memcpy(record, schedule->record, schedule->n * sizeof(*record));
	qsort(record, schedule->n, sizeof(*record), by_time);
	n = lose(schedule, record, schedule->n, gone);
	shuffle(schedule, record, n, watermark);
	if (one_in(schedule, 3))
		delay(schedule, record, n);
	memcpy(left, record, n * sizeof(*record));
	late = drop_late(left, n, watermark);
	truth = oracle__new(schedule->record, schedule->n, schedule->mode, reach(watermark));
	seen = oracle__new(left, n, schedule->mode, reach(watermark));
	oracle__run(&run, record, n, schedule->mode, watermark);
	/* LOST records that come late count, too. */
	assert_true(run.stats.late >= late);
	sum[THPRACE_VERDICT_MAX + 2] += late;
	/* A loss that is noticed too late can't be honoured; it is counted. */
	if (!run.stats.late_loss) {
		if (!oracle__agrees(seen, &run))
			fail_msg("with loss: THPRACE_TEST_SEED=%lu", (unsigned long)schedule->seed);
		check_sound(schedule, truth, seen, &run);
		sum[THPRACE_VERDICT_MAX] += check_complete(schedule, truth, seen, &run);
		for (i = 0; i < run.incidents; i++)
			sum[run.incident[i].verdict]++;
	}
	sum[THPRACE_VERDICT_MAX + 1] += run.stats.late_loss != 0;
	oracle__free(truth);
	oracle__free(seen);
	oracle_run__free(&run);
	free(record);
	free(left);
	free(gone);
}

static void each(size_t events, unsigned long count, uint64_t first,
		 void (*check)(struct schedule *schedule, unsigned long *sum))
{
	static struct schedule schedule;
	const char *seed = getenv("THPRACE_TEST_SEED"), *times = getenv("THPRACE_TEST_TIMES");
	unsigned long sum[THPRACE_VERDICT_MAX + 3] = {0}, i;

	if (times)
		count *= strtoul(times, NULL, 0);
	for (i = 0; i < (seed ? 1 : count); i++) {
		generate(&schedule, seed ? strtoul(seed, NULL, 0) : first + i, events);
		number(&schedule);
		check(&schedule, sum);
	}
	print_message(
		"contained %lu escape %lu remained %lu unattributed %lu unproven %lu; untouched %lu, "
		"late records %lu, late losses in %lu of %lu\n",
		sum[THPRACE_CONTAINED], sum[THPRACE_ESCAPE], sum[THPRACE_REMAINED],
		sum[THPRACE_UNATTRIBUTED], sum[THPRACE_UNPROVEN], sum[THPRACE_VERDICT_MAX],
		sum[THPRACE_VERDICT_MAX + 2], sum[THPRACE_VERDICT_MAX + 1], i);
	if (!seed)
		assert_true(sum[THPRACE_CONTAINED] && sum[THPRACE_ESCAPE] &&
			    sum[THPRACE_REMAINED] && sum[THPRACE_UNATTRIBUTED]);
}

static void test_schedules(void **state)
{
	(void)state;
	each(200, 4000, 1, check_without_loss);
}

static void test_long_schedules(void **state)
{
	(void)state;
	each(EVENTS_MAX, 10, 1000001, check_without_loss);
}

static void test_schedules_with_loss(void **state)
{
	(void)state;
	each(200, 6000, 2000001, check_with_loss);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_long_schedules),
		cmocka_unit_test(test_schedules_with_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
