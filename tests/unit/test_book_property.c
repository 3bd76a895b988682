// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random interleavings of the model's tasks (bpf_model.h), step by step and with long pauses between
 * any two steps. What the book makes of the messages must be what the detector makes of the records:
 * the same incidents, one for one. Once with all messages read before anything is settled, and once
 * read and settled as it goes.
 *
 * THPRACE_TEST_SEED runs one schedule; THPRACE_TEST_TIMES=N runs N times as many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "correlate/book.h"
#include "bpf_model.h"
#include "oracle.h"

#define INCIDENTS_MAX 4096
#define EVENTS_MAX 65536

enum task_does {
	IDLE,
	ZAP,
	PTE_ZAP,
	WALK,
	SPLIT,
	CHECK_POINT
};

struct task {
	enum task_does does;
	unsigned int folio;
	unsigned int phase; /* of what it does */
	bool running; /* in a BPF program */
	bool empty; /* zap of the huge zero page */
	bool unknown; /* zap of an entry that is not understood */
	bool nested; /* the walker zaps as well */
	bool own; /* the walker has a result of its own */
	bool mapped; /* what it saw */
	bool checks;
	bool dumped;
	bool remaps; /* a split that takes mappings away, and gives them back when it fails */
	int taken; /* by it */
	int32_t result; /* of the split */
	uint8_t class;
	unsigned int removals;
	uint64_t began; /* its zap */
	unsigned int frozen; /* turns that it does not get */
};

/* What really happened: a zap took one mapping. */
struct event {
	uint64_t time;
	uint64_t began; /* the zap */
	uint64_t ended; /* 0: not yet */
	unsigned int who;
	unsigned int folio;
	uint8_t level;
};

struct schedule {
	uint64_t seed;
	uint64_t random;
	struct bpf_model *model;
	struct task task[BPF_MODEL_TASKS];
	unsigned int tasks;
	unsigned int folios;
	int stays[BPF_MODEL_FOLIOS]; /* small mappings that nobody zaps */
	unsigned int locked[BPF_MODEL_FOLIOS]; /* by task - 1: walkers hold the folio's lock */
	uint64_t pace;
	unsigned int pauses; /* one step in so many is followed by a long pause of its task */
	unsigned int longest_pause; /* turns */
	struct event event[EVENTS_MAX];
	size_t events;
};

/* What is counted, besides the verdicts. */
enum {
	AT_PTE_LEVEL = THPRACE_VERDICT_MAX,
	AS_IT_GOES,
	PROVED,
	SUM_MAX
};

struct incidents {
	struct thprace_incident incident[INCIDENTS_MAX];
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

static void choose(struct schedule *schedule, unsigned int who)
{
	static const uint8_t walks[] = {THPRACE_HWPOISON_UNMAP, THPRACE_TRUNCATE_UNMAP,
					THPRACE_INVALIDATE_UNMAP};
	bool precise = schedule->model->options.mode == THPRACE_PRECISE;
	struct task *task = &schedule->task[who];

	memset(task, 0, sizeof(*task));
	task->does = ZAP + below(schedule, SPLIT);
	task->folio = below(schedule, schedule->folios);
	task->empty = one_in(schedule, 10);
	task->unknown = one_in(schedule, 6);
	task->own = one_in(schedule, 2);
	task->nested = one_in(schedule, 8);
	task->checks = one_in(schedule, 3);
	task->dumped = one_in(schedule, 4);
	task->remaps = one_in(schedule, 2);
	task->result = one_in(schedule, 2) ? 0 : -16;
	task->removals = 1 + below(schedule, one_in(schedule, 4) ? 12 : 3);
	if (task->does == SPLIT)
		task->class = one_in(schedule, 2) ? THPRACE_SPLIT_UNMAP : THPRACE_SPLIT_MIGRATE;
	else
		task->class = walks[below(schedule, sizeof(walks))];
	/* One task never walks, so its check points stand alone. */
	if (who == 0 && (task->does == WALK || task->does == SPLIT))
		task->does = CHECK_POINT;
	/* What will be zapped is mapped before; without rmap there is nothing to see in light mode. */
	if (!precise)
		task->empty = false;
	/* And where entries are not understood, no window has a folio in light mode: nothing is said. */
	if (!precise)
		task->unknown = false;
	if (task->does == PTE_ZAP)
		schedule->model->mapped[task->folio].small += task->removals;
	else if ((task->does == ZAP || task->nested) && !task->empty)
		schedule->model->mapped[task->folio].entire++;
}

/* A zap takes a mapping. */
static void take(struct schedule *schedule, unsigned int who, uint8_t level)
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
		.unknown = task->unknown,
		.class = task->class,
		.remaps = task->does == SPLIT && task->remaps,
		.dumped = task->dumped,
		.pages = 1,
		.result = task->result,
	};

	if (task->own)
		call.own = THPRACE_RF_OWN | (task->mapped ? THPRACE_RF_OWN_FAILED : 0);
	bpf_model__call(schedule->model, who, &call);
	task->running = true;
}

/* Returns whether the zap is over. */
static bool zap(struct schedule *schedule, unsigned int who, unsigned int phase)
{
	struct task *task = &schedule->task[who];

	switch (phase) {
	case 0:
		task->began = schedule->model->now;
		call(schedule, who, BPF_MODEL_ZAP_LOCK);
		return false;
	case 1:
		if (!task->empty)
			take(schedule, who, THPRACE_LEVEL_PMD);
		return false;
	case 2:
		if (!task->empty && schedule->model->options.mode == THPRACE_PRECISE)
			call(schedule, who, BPF_MODEL_RMAP_PMD);
		return false;
	case 3:
		call(schedule, who, BPF_MODEL_ZAP_RETURN);
		return false;
	default:
		zap_ended(schedule, who);
		return true;
	}
}

static bool pte_zap(struct schedule *schedule, unsigned int who, unsigned int phase)
{
	struct task *task = &schedule->task[who];

	if (phase == 0) {
		task->began = schedule->model->now;
		call(schedule, who, BPF_MODEL_RANGE_ENTER);
	} else if ((phase - 1) / 2 < task->removals) {
		if (phase % 2)
			take(schedule, who, THPRACE_LEVEL_PTE);
		else if (schedule->model->options.mode == THPRACE_PRECISE)
			call(schedule, who, BPF_MODEL_RMAP_PTES);
	} else if ((phase - 1) / 2 == task->removals && phase % 2) {
		call(schedule, who, BPF_MODEL_RANGE_RETURN);
	} else {
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
	if (task->nested && phase <= 4) {
		zap(schedule, who, phase - 1);
		return false;
	}
	switch (task->nested ? phase - 4 : phase) {
	case 1:
		if (task->does == SPLIT && task->remaps) {
			task->taken = below(schedule, schedule->stays[task->folio] + 1);
			mapped->small -= task->taken;
		}
		task->mapped = mapped->entire + mapped->small > 0;
		return false;
	case 2:
		call(schedule, who, BPF_MODEL_WALK_END);
		return false;
	case 3:
		if (task->checks && task->class != THPRACE_HWPOISON_UNMAP && task->does == WALK)
			call(schedule, who, BPF_MODEL_CHECK);
		return false;
	default:
		return true;
	}
}

static bool split(struct schedule *schedule, unsigned int who, unsigned int phase)
{
	struct task *task = &schedule->task[who];

	if (phase == 0) {
		call(schedule, who, BPF_MODEL_SPLIT_ENTER);
	} else if (phase < 50 && walk(schedule, who, phase - 1)) {
		task->phase = 50;
	} else if (phase == 50) {
		/* Of what it found mapped it cannot do without all. */
		if (task->mapped)
			task->result = -11;
		schedule->model->mapped[task->folio].small += task->taken;
		call(schedule, who, BPF_MODEL_SPLIT_RETURN);
	}
	return phase > 50;
}

/* The task goes on outside of BPF programs. */
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
	case WALK:
		over = walk(schedule, who, phase);
		break;
	case CHECK_POINT:
		if (phase == 0)
			call(schedule, who, BPF_MODEL_CHECK);
		over = phase > 0;
		break;
	default:
		over = split(schedule, who, phase);
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
	schedule->model->now += 1 + below(schedule, schedule->pace);
	if (one_in(schedule, 2000))
		schedule->model->now += below(schedule, 30000000);
	if (one_in(schedule, schedule->pauses))
		task->frozen = below(schedule, schedule->longest_pause);
	if (!task->running)
		go_on(schedule, who);
	else if (bpf_model__step(schedule->model, who))
		task->running = false;
}

static bool is_idle(const struct schedule *schedule)
{
	unsigned int who;

	for (who = 0; who < schedule->tasks; who++)
		if (schedule->task[who].does != IDLE)
			return false;
	return true;
}

static void generate(struct schedule *schedule, uint64_t seed, unsigned int turns)
{
	static const uint64_t pace[] = {30, 100, 1000, 20000, 60000};
	static const unsigned int pauses[] = {10, 50, 300};
	struct bpf_model_options options = {0};
	unsigned int who, i;

	memset(schedule, 0, sizeof(*schedule));
	schedule->seed = seed;
	schedule->random = seed;
	options.mode = one_in(schedule, 4) ? THPRACE_LIGHT : THPRACE_PRECISE;
	options.buckets = 1 + below(schedule, 2);
	schedule->model = bpf_model__new(&options);
	schedule->pace = pace[below(schedule, 5)];
	schedule->pauses = pauses[below(schedule, 3)];
	schedule->longest_pause = 20 + below(schedule, 300);
	schedule->folios = 1 + below(schedule, 3);
	schedule->tasks = 2 + below(schedule, 5);
	/* Mappings that nobody zaps: what the kernel's walks leave, by ending early. */
	for (i = 0; i < schedule->folios; i++) {
		if (one_in(schedule, 4))
			schedule->stays[i] = 1 + below(schedule, 2);
		schedule->model->mapped[i].small += schedule->stays[i];
		if (one_in(schedule, 8))
			schedule->model->mapped[i].entire++;
	}
	for (i = 0; i < turns; i++)
		turn(schedule, below(schedule, schedule->tasks));
	/* What has begun ends. */
	while (!is_idle(schedule)) {
		who = below(schedule, schedule->tasks);
		if (schedule->task[who].does != IDLE || schedule->task[who].running)
			turn(schedule, who);
	}
}

static void collect(void *ctx, const struct thprace_incident *incident)
{
	struct incidents *incidents = ctx;

	assert_true(incidents->n < INCIDENTS_MAX);
	incidents->incident[incidents->n++] = *incident;
}

static void show(const char *who, const struct thprace_incident *incident)
{
	static const char *const verdict[] = THPRACE_VERDICT_NAMES;
	static const char *const class[] = THPRACE_CLASS_NAMES;
	static const char *const certainty[] = THPRACE_ATTRIBUTION_NAMES;
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walker = &incident->walk;

	fprintf(stderr,
		"  %s: %s %s %s, window pid %u [%" PRIu64 " %" PRIu64 " %" PRIu64
		"] level %u left %d, walker pid %u [%" PRIu64 " %" PRIu64
		"] residual %d flags %x left %d %d before %d %d outer %d %d at %" PRIu64 "\n",
		who, class[walker->class], certainty[incident->attribution],
		verdict[incident->verdict], window -> pid, (uint64_t)window -> open,
		(uint64_t)window -> removed, (uint64_t)window -> close, window -> level,
		window -> left, walker -> pid, (uint64_t)walker -> enter, (uint64_t)walker -> leave,
		walker -> residual, walker -> flags, walker -> left.entire, walker->left.small,
		walker->before.entire, walker->before.small, walker->outer.entire,
		walker->outer.small, (uint64_t)walker->outer_at);
}

static bool equal(const struct thprace_incident *a, const struct thprace_incident *b)
{
	return a->verdict == b->verdict && a->attribution == b->attribution &&
	       a->close_call == b->close_call && a->window.left == b->window.left &&
	       a->window.removed == b->window.removed && a->window.close == b->window.close &&
	       a->walk.residual == b->walk.residual &&
	       !((a->walk.flags ^ b->walk.flags) & THPRACE_KF_CHECK);
}

/* Says what differs, and returns whether nothing does. */
static bool agree(struct incidents *book, const struct oracle_run *detector)
{
	size_t i = 0, j = 0;
	bool same = true;
	int order;

	qsort(book->incident, book->n, sizeof(book->incident[0]), oracle__compare);
	while (i < book->n || j < detector->incidents) {
		if (i == book->n)
			order = 1;
		else if (j == detector->incidents)
			order = -1;
		else
			order = oracle__compare(&book->incident[i], &detector->incident[j]);
		if (order || !equal(&book->incident[i], &detector->incident[j])) {
			same = false;
			if (order <= 0)
				show("book", &book->incident[i]);
			if (order >= 0)
				show("detector", &detector->incident[j]);
		}
		i += order <= 0;
		j += order >= 0;
	}
	return same;
}

/* All messages are read, then all is settled. */
static void settle_at_end(const struct bpf_model *model, struct incidents *incidents)
{
	struct book *book = book__new(model->options.mode, collect, incidents);
	const struct bpf_model_message *message;
	size_t i;

	assert_non_null(book);
	incidents->n = 0;
	for (i = 0; i < model->messages; i++) {
		message = &model->message[i];
		if (message->size)
			assert_int_equal(
				book__message(book, &message->type, message->size, model->now), 0);
	}
	book__finish(book);
	book__free(book);
}

/*
 * As a recording does: from time to time read what is there, then settle. A place in the ring that
 * is taken and not submitted holds up what is behind it.
 */
static void settle_progressively(struct schedule *schedule, struct incidents *incidents)
{
	const struct bpf_model *model = schedule->model;
	struct book *book = book__new(model->options.mode, collect, incidents);
	/* Late by what two runs may take: the walker's, and the opener's beside it. */
	uint64_t late = 2 * model->longest_run;
	uint64_t every = 1 + below(schedule, one_in(schedule, 2) ? 2000000 : 100000000);
	uint64_t now = 1000000000ULL;
	size_t i = 0;

	assert_non_null(book);
	incidents->n = 0;
	while (now < model->now) {
		now += 1 + below(schedule, every);
		for (; i < model->messages && model->message[i].submitted <= now; i++)
			if (model->message[i].size)
				assert_int_equal(book__message(book, &model->message[i].type,
							       model->message[i].size, now),
						 0);
		book__settle(book, now, now - late - below(schedule, 1 + every));
	}
	assert_int_equal(i, model->messages);
	book__finish(book);
	book__free(book);
}

/* Did a zap of this task, which was under way when the walker returned, take a mapping after that? */
static bool took(const struct schedule *schedule, const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	const struct event *event;
	size_t i;

	for (i = 0; i < schedule->events; i++) {
		event = &schedule->event[i];
		if (bpf_model__pid(event->who) == incident->window.pid &&
		    bpf_model__folio(event->folio) == walk->folio &&
		    event->level == incident->window.level && event->began <= walk->leave &&
		    event->time > walk->leave)
			return true;
	}
	return false;
}

/* Did a zap that began after the walker's return take one, and end too late to be told? */
static bool untold(const struct schedule *schedule, const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	const struct event *event;
	size_t i;

	for (i = 0; i < schedule->events; i++) {
		event = &schedule->event[i];
		if (bpf_model__folio(event->folio) == walk->folio &&
		    event->level == incident->window.level && event->began > walk->leave &&
		    event->time <= incident->window.close + schedule->model->longest_run &&
		    (!event->ended || event->ended > walk->leave + THPRACE_ATTRIBUTION_NS))
			return true;
	}
	return false;
}

static void show_events(const struct schedule *schedule, const struct thprace_incident *incident)
{
	const struct event *event;
	size_t i;

	for (i = 0; i < schedule->events; i++) {
		event = &schedule->event[i];
		if (bpf_model__folio(event->folio) == incident->walk.folio &&
		    (!event->ended || event->ended + 1000000000 > incident->walk.enter))
			fprintf(stderr,
				"    pid %u took one at level %u at %" PRIu64 ", zap [%" PRIu64
				" %" PRIu64 "]\n",
				bpf_model__pid(event->who), event->level, event->time, event->began,
				event->ended);
	}
}

/* "Proved" is true: the named zap was the one, whatever the order of steps was. */
static void check_truth(const struct schedule *schedule, const struct incidents *incidents,
			unsigned long *proved)
{
	const struct thprace_incident *incident;
	size_t i;

	for (i = 0; i < incidents->n; i++) {
		incident = &incidents->incident[i];
		if (!thprace_proved(incident->verdict, incident->attribution) ||
		    incident->walk.residual <= 0 || incident->walk.class == THPRACE_SPLIT_HEAD)
			continue;
		++*proved;
		if (took(schedule, incident) || untold(schedule, incident))
			continue;
		show("not true", incident);
		show_events(schedule, incident);
		fail_msg("THPRACE_TEST_SEED=%" PRIu64, schedule->seed);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct thprace_record *x = a, *y = b;

	return x->ts < y->ts ? -1 : x->ts > y->ts;
}

static void check_schedule(struct schedule *schedule, unsigned long *sum)
{
	static struct incidents incidents;
	struct bpf_model *model = schedule->model;
	struct oracle_run run;
	size_t i;

	if (model->records)
		qsort(model->record, model->records, sizeof(model->record[0]), by_time);
	oracle__run(&run, model->record, model->records, model->options.mode, 1ULL << 60);
	assert_int_equal(model->lost, 0);
	assert_int_equal(run.stats.orphans, 0);
	settle_at_end(model, &incidents);
	if (!agree(&incidents, &run))
		fail_msg("settled at the end: THPRACE_TEST_SEED=%" PRIu64, schedule->seed);
	check_truth(schedule, &incidents, &sum[PROVED]);
	if (model->longest_window < 900000000ULL) {
		settle_progressively(schedule, &incidents);
		if (!agree(&incidents, &run))
			fail_msg("settled as it goes: THPRACE_TEST_SEED=%" PRIu64, schedule->seed);
		sum[AS_IT_GOES]++;
	}
	for (i = 0; i < run.incidents; i++) {
		sum[run.incident[i].verdict]++;
		sum[AT_PTE_LEVEL] += run.incident[i].window.level == THPRACE_LEVEL_PTE;
	}
	oracle_run__free(&run);
}

static void each(unsigned int turns, unsigned long count, uint64_t first)
{
	static struct schedule schedule;
	const char *seed = getenv("THPRACE_TEST_SEED"), *times = getenv("THPRACE_TEST_TIMES");
	unsigned long sum[SUM_MAX] = {0}, i;

	if (times)
		count *= strtoul(times, NULL, 0);
	for (i = 0; i < (seed ? 1 : count); i++) {
		generate(&schedule, seed ? strtoul(seed, NULL, 0) : first + i, turns);
		check_schedule(&schedule, sum);
		bpf_model__free(schedule.model);
	}
	print_message(
		"contained %lu escape %lu (proved %lu, pte %lu) remained %lu unattributed %lu unproven "
		"%lu; settled as it goes %lu of %lu\n",
		sum[THPRACE_CONTAINED], sum[THPRACE_ESCAPE], sum[PROVED], sum[AT_PTE_LEVEL],
		sum[THPRACE_REMAINED], sum[THPRACE_UNATTRIBUTED], sum[THPRACE_UNPROVEN],
		sum[AS_IT_GOES], i);
	if (seed)
		return;
	assert_true(sum[THPRACE_CONTAINED] && sum[THPRACE_ESCAPE] && sum[THPRACE_UNATTRIBUTED]);
	assert_true(sum[AT_PTE_LEVEL] && sum[THPRACE_REMAINED] && sum[PROVED]);
	assert_int_equal(sum[THPRACE_UNPROVEN], 0);
}

static void test_interleavings(void **state)
{
	(void)state;
	each(600, 6000, 1);
}

static void test_long_interleavings(void **state)
{
	(void)state;
	each(5000, 200, 1000001);
}

/* --- schedules that went wrong once -------------------------------------------------------------- */

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

	check_schedule(schedule, sum);
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
	take(schedule, 0, THPRACE_LEVEL_PTE);
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
		cmocka_unit_test(test_interleavings),
		cmocka_unit_test(test_long_interleavings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
