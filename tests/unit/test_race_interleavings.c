// SPDX-License-Identifier: GPL-2.0-only
/*
 * The protocol of races from files, in random interleavings of the BPF programs themselves: windows
 * and walkers that find each other, as docs/architecture.md claims, and prove nothing else. Tasks
 * are held up at random, for as long as others need to end an interval and begin the next one in
 * the same slot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bpf_model.h"
#include "chance.h"
#include "correlate/correlator.h"
#include "replay/detector.h"

#define TASKS 4
#define RUNS 24 /* of programs, by each task */
#define INTERVALS_MAX (TASKS * RUNS)
#define SCHEDULES 3000
#define INCIDENTS_MAX 4096

enum kind {
	WINDOW,
	WALKER,
	LEARNER, /* a walker that learns its key */
	KINDS
};

/* What happened, by the clock. */
struct interval {
	unsigned int who;
	enum kind kind;
	uint64_t key; /* 0: it has not learnt it */
	uint64_t keys; /* bits: all that it has had */
	uint64_t begin, end; /* 0: it has not ended */
	uint64_t gone; /* it was dropped, or its task has exited … */
	bool exited; /* … the latter */
	uint64_t event; /* of a window; 0: none */
	uint64_t counted; /* the event: after its program */
	uint64_t closing; /* of a window: before the program of its end; 0: none */
	uint64_t since; /* of a window: others since its event, as it has counted them */
	uint64_t effect; /* of an instant: after its program; else 0 */
};

struct play {
	struct bpf_model *model;
	uint64_t random;
	struct interval interval[INTERVALS_MAX];
	unsigned int intervals;
	struct interval *open[TASKS][KINDS];
	struct bpf_model_call call[TASKS];
	uint64_t called[TASKS]; /* when that program began */
	bool tidy; /* tasks end what they have begun before they exit */
	unsigned int left[TASKS];
	unsigned int held[TASKS]; /* steps of others */
};

static struct {
	unsigned long intervals, pairs, apart, escapes, refused, exits, learnt, lost, late, proved,
		replayed, closest, passes, nearest, overtaken, passing;
} sum;

/* What it has begun, KINDS: nothing. */
static enum kind any_open(const struct play *play, unsigned int who)
{
	enum kind kind;

	for (kind = WINDOW; kind < KINDS; kind++)
		if (play->open[who][kind])
			break;
	return kind;
}

/* The next program of a task; it ends what it has begun. */
static void choose(struct play *play, unsigned int who)
{
	struct bpf_model_call *call = &play->call[who];
	static const enum bpf_model_program ends[] = {
		[WINDOW] = BPF_MODEL_RACE_CLOSE,
		[WALKER] = BPF_MODEL_RACE_LEAVE,
		[LEARNER] = BPF_MODEL_RACE_LEFT,
		[KINDS] = BPF_MODEL_RACE_AT,
	};
	const enum kind kind = (enum kind)below(&play->random, KINDS);
	const struct interval *open = play->open[who][kind];

	if (play->left[who] == 1) {
		call->program = BPF_MODEL_RACE_EXIT;
	} else if (play->tidy && play->left[who] <= 1 + KINDS) {
		call->program = ends[any_open(play, who)];
	} else if (kind == WINDOW) {
		if (!open)
			call->program = BPF_MODEL_RACE_OPEN;
		else if (!open->event && one_in(&play->random, 2))
			call->program = BPF_MODEL_RACE_EVENT;
		else
			call->program = one_in(&play->random, 8) ? BPF_MODEL_RACE_DROP
								 : BPF_MODEL_RACE_CLOSE;
	} else if (kind == LEARNER) {
		if (!open)
			call->program = BPF_MODEL_RACE_SEEK;
		else
			call->program = one_in(&play->random, open->key ? 3 : 6) == !open->key
						? BPF_MODEL_RACE_LEFT
						: BPF_MODEL_RACE_LEARN;
	} else if (open) {
		call->program = BPF_MODEL_RACE_LEAVE;
	} else {
		call->program = one_in(&play->random, 2) ? BPF_MODEL_RACE_AT : BPF_MODEL_RACE_ENTER;
	}
	call->key = 0x1000 + below(&play->random, 2);
	play->called[who] = play->model->now;
	bpf_model__call(play->model, who, call);
}

static uint64_t key_bit(uint64_t key)
{
	return 1ULL << (key - 0x1000);
}

static struct interval *begun(struct play *play, unsigned int who, enum kind kind, uint64_t at,
			      uint64_t end)
{
	struct interval *interval = &play->interval[play->intervals++];

	*interval = (struct interval){
		.who = who, .kind = kind, .key = play->call[who].key, .begin = at, .end = end};
	if (kind == LEARNER)
		interval->key = 0;
	else
		interval->keys = key_bit(interval->key);
	if (!end)
		play->open[who][kind] = interval;
	return interval;
}

static void ended(struct play *play, unsigned int who, enum kind kind, uint64_t at)
{
	if (play->open[who][kind])
		play->open[who][kind]->end = at;
	play->open[who][kind] = NULL;
}

static void gone(struct play *play, unsigned int who, enum kind kind, bool exited)
{
	if (play->open[who][kind]) {
		play->open[who][kind]->gone = play->model->now;
		play->open[who][kind]->exited = exited;
	}
	play->open[who][kind] = NULL;
}

/* The last key counts. */
static void learnt(struct interval *interval, uint64_t key)
{
	sum.learnt++;
	interval->key = key;
	interval->keys |= key_bit(key);
}

static unsigned int count_left(const struct play *play, unsigned int who)
{
	unsigned int count = 0;
	enum kind kind;

	for (kind = WINDOW; kind < KINDS; kind++)
		count += play->open[who][kind] != NULL;
	return count;
}

/* A program has run. Without a reading of the clock, it found no slot. */
static void note(struct play *play, unsigned int who)
{
	const uint64_t at = bpf_model__clock(who);

	switch (play->call[who].program) {
	case BPF_MODEL_RACE_OPEN:
		if (at)
			begun(play, who, WINDOW, at, 0);
		break;
	case BPF_MODEL_RACE_ENTER:
		if (at)
			begun(play, who, WALKER, at, 0);
		break;
	case BPF_MODEL_RACE_SEEK:
		if (at)
			begun(play, who, LEARNER, at, 0);
		break;
	case BPF_MODEL_RACE_LEARN:
		learnt(play->open[who][LEARNER], play->call[who].key);
		break;
	case BPF_MODEL_RACE_LEFT: /* without a key it was none, and has no stamp */
		ended(play, who, LEARNER, at);
		break;
	case BPF_MODEL_RACE_AT:
		if (at)
			begun(play, who, WALKER, at, at)->effect = play->model->now;
		break;
	case BPF_MODEL_RACE_EVENT:
		play->open[who][WINDOW]->event = at;
		play->open[who][WINDOW]->counted = play->model->now;
		break;
	case BPF_MODEL_RACE_CLOSE:
		play->open[who][WINDOW]->closing = play->called[who];
		play->open[who][WINDOW]->since = bpf_model__counted(who);
		ended(play, who, WINDOW, at);
		break;
	case BPF_MODEL_RACE_LEAVE:
		ended(play, who, WALKER, at);
		break;
	case BPF_MODEL_RACE_DROP:
		gone(play, who, WINDOW, false);
		break;
	default: /* exit: they stay without an end */
		sum.exits += count_left(play, who);
		gone(play, who, WINDOW, true);
		gone(play, who, WALKER, true);
		gone(play, who, LEARNER, true);
		break;
	}
	sum.refused += !at && (play->call[who].program == BPF_MODEL_RACE_OPEN ||
			       play->call[who].program == BPF_MODEL_RACE_ENTER ||
			       play->call[who].program == BPF_MODEL_RACE_SEEK ||
			       play->call[who].program == BPF_MODEL_RACE_AT);
}

static unsigned int next_task(struct play *play)
{
	unsigned int who, i;

	for (;;) {
		who = (unsigned int)below(&play->random, TASKS);
		for (i = 0; i < TASKS && (!play->left[who] || play->held[who]); i++) {
			play->held[who] -= play->held[who] > 0;
			who = (who + 1) % TASKS;
		}
		if (play->left[who] && !play->held[who])
			return who;
	}
}

static void run(struct play *play)
{
	unsigned int who, tasks = TASKS;

	for (who = 0; who < TASKS; who++) {
		play->left[who] = RUNS;
		choose(play, who);
	}
	while (tasks) {
		who = next_task(play);
		play->model->now += 100;
		if (!bpf_model__step(play->model, who)) {
			if (one_in(&play->random, 40))
				play->held[who] = (unsigned int)below(&play->random, 300);
			continue;
		}
		note(play, who);
		if (--play->left[who])
			choose(play, who);
		else
			tasks--;
	}
}

/* --- what must have been reported --- */

static const struct thprace_race_end *find_end(const struct play *play,
					       const struct interval *interval)
{
	size_t i;

	for (i = 0; i < play->model->messages; i++) {
		const struct bpf_model_message *message = &play->model->message[i];

		if (message->type == THPRACE_MSG_RACE_END &&
		    message->race_end.begin == interval->begin &&
		    message->race_end.section == interval->kind &&
		    !(message->race_end.flags & THPRACE_RACE_DROPPED) &&
		    message->race_end.pid == bpf_model__pid(interval->who))
			return &message->race_end;
	}
	return NULL;
}

/* An interval that no end reports is in no pair that counts. */
static bool is_side(const struct thprace_race_end *end, const struct thprace_race_pair *pair)
{
	return end && end->id == pair->id[end->side];
}

static unsigned int count_pairs(const struct play *play, const struct interval *window,
				const struct interval *walker)
{
	const struct thprace_race_end *open = find_end(play, window),
				      *enter = find_end(play, walker);
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < play->model->messages; i++) {
		const struct bpf_model_message *message = &play->model->message[i];

		count += message->type == THPRACE_MSG_RACE_PAIR &&
			 is_side(open, &message->race_pair) && is_side(enter, &message->race_pair);
	}
	return count;
}

static uint64_t end_of(const struct interval *interval)
{
	return interval->end ? interval->end : interval->gone;
}

static bool share_an_instant(const struct interval *x, const struct interval *y)
{
	return x->who != y->who && x->key && x->key == y->key && x->begin <= end_of(y) &&
	       y->begin <= end_of(x);
}

/*
 * Both have ended, and they met: then all of it was reported, if too few ends were kept. A pair may
 * be reported that did not meet by its stamps, which core then finds.
 */
static void check_pair(const struct play *play, const struct interval *window,
		       const struct interval *walker, bool lost)
{
	const unsigned int pairs = count_pairs(play, window, walker);
	const struct thprace_race_end *end;

	/* Each end may have found the other, and who learnt its key an end that was kept. */
	assert_true(pairs <= (walker->kind == LEARNER ? 3 : 2));
	if (!share_an_instant(window, walker)) {
		sum.apart += pairs;
		return;
	}
	if (!window->end || !walker->end)
		return;
	if (!pairs && walker->kind == LEARNER && lost)
		return;
	assert_true(pairs > 0);
	sum.pairs++;
	end = find_end(play, window);
	assert_non_null(end);
	assert_int_equal(end->end, window->end);
	assert_int_equal(thprace_stack_values(&end->stack), 1);
	assert_int_equal(thprace_stack_value(&end->stack, 0), ~window->key);
	end = find_end(play, walker);
	assert_non_null(end);
	assert_int_equal(end->end, walker->end);
	assert_int_equal(thprace_stack_values(&end->stack), 0);
}

/*
 * Who learnt its key counted others: a window that shared an instant with it. Not if another key
 * was learnt while a window looked at it, which is a loss.
 */
static void check_learner(const struct play *play, const struct interval *walker, bool lost)
{
	const struct thprace_race_end *end = find_end(play, walker);
	unsigned int i;

	if (!walker->key || !walker->end || !end || !(end->flags & THPRACE_RACE_ESCAPED))
		return;
	sum.proved++;
	for (i = 0; i < play->intervals; i++)
		if (play->interval[i].kind == WINDOW &&
		    share_an_instant(&play->interval[i], walker))
			return;
	if (!lost)
		fail_msg("others, and no window that it met");
}

/* What an instant stands for comes after its program. */
static uint64_t effect_of(const struct interval *walker)
{
	return walker->effect ? walker->effect : end_of(walker);
}

/* An instant whose program ran after that of the window's event and before that of its end. */
static bool proves(const struct interval *walker, const struct interval *window)
{
	return walker->effect && walker->who != window->who && walker->key == window->key &&
	       window->event && window->counted < walker->begin && walker->effect < window->closing;
}

/*
 * A proof: a walker that shared an instant with the window, and was there after its event. It may
 * have learnt another key since.
 */
static void check_escape(const struct play *play, const struct interval *window, bool lost)
{
	const struct thprace_race_end *end = find_end(play, window);
	const struct interval *walker;
	unsigned int i, others = 0, overtaken = 0, passing = 0;

	for (i = 0; i < play->intervals; i++) {
		walker = &play->interval[i];
		if (walker->kind == WINDOW)
			continue;
		if (!end || !(end->flags & THPRACE_RACE_ESCAPED)) {
			assert_false(!lost && proves(walker, window));
			continue;
		}
		if (walker->who == window->who || !(walker->keys & window->keys) ||
		    walker->begin > end_of(window) || window->begin > end_of(walker) ||
		    effect_of(walker) < window->event)
			continue;
		others++;
		/* By its own program, since the window's end came later. */
		overtaken += end_of(walker) < window->event && walker->effect < window->closing;
		passing += walker->effect > window->end;
	}
	if (!end || !(end->flags & THPRACE_RACE_ESCAPED))
		return;
	sum.escapes++;
	sum.overtaken += others == overtaken;
	sum.passing += others == passing;
	assert_true(window->event > 0);
	assert_in_range(window->since, 1, others); /* none is counted twice */
}

static void check(const struct play *play, bool lost, bool late)
{
	const struct interval *window, *walker;
	unsigned int i, j;

	for (i = 0; i < play->intervals; i++)
		if (play->interval[i].kind == LEARNER)
			check_learner(play, &play->interval[i], late);

	for (i = 0; i < play->intervals; i++) {
		window = &play->interval[i];
		if (window->kind != WINDOW)
			continue;
		check_escape(play, window, lost);
		for (j = 0; j < play->intervals; j++) {
			walker = &play->interval[j];
			if (walker->kind != WINDOW)
				check_pair(play, window, walker, lost);
		}
	}
	sum.intervals += play->intervals;
}

/* --- what is measured --- */

/* The later one began after the earlier one of the other side had ended. 0: they are no such pair. */
static uint64_t distance(const struct interval *earlier, const struct interval *later)
{
	if (!earlier->end || !later->end || earlier->who == later->who || !earlier->key ||
	    earlier->key != later->key || (earlier->kind == WINDOW) == (later->kind == WINDOW) ||
	    later->begin <= earlier->end)
		return 0;
	return later->begin - earlier->end;
}

static bool is_closest(const struct interval *earlier, const struct interval *later,
		       const struct thprace_closest *closest)
{
	const struct interval *window = later->kind == WINDOW ? later : earlier;
	const struct interval *walker = later->kind == WINDOW ? earlier : later;

	return distance(earlier, later) == closest->distance && earlier->key == closest->folio &&
	       bpf_model__pid(window->who) == closest->window_pid &&
	       bpf_model__pid(walker->who) ==
		       (closest->walk_pid & ((1U << THPRACE_WALK_CLASS_SHIFT) - 1)) &&
	       closest->window_open == (window == later ? window->begin : 0) &&
	       closest->window_close == (window == later ? 0 : window->end) &&
	       closest->walk_enter == (walker == later ? walker->begin : 0) &&
	       closest->walk_leave == (walker == later ? 0 : walker->end);
}

static bool met_other(const struct play *play, const struct interval *interval)
{
	const struct interval *other;
	unsigned int i;

	for (i = 0; i < play->intervals; i++) {
		other = &play->interval[i];
		if ((other->kind == WINDOW) != (interval->kind == WINDOW) &&
		    share_an_instant(other, interval))
			return true;
	}
	return false;
}

/*
 * The closest pass is one of those that there were. Often it is the least of those who met nobody:
 * not if who came first had not noted its end yet, or its bucket had a later one.
 */
static void check_closest(const struct play *play, const struct thprace_closest *closest)
{
	uint64_t least = UINT64_MAX, one;
	bool found = false, alone;
	unsigned int i, j;

	for (j = 0; j < play->intervals; j++) {
		alone = !met_other(play, &play->interval[j]);
		for (i = 0; i < play->intervals; i++) {
			one = distance(&play->interval[i], &play->interval[j]);
			if (one && one < least && alone)
				least = one;
			found |= one && is_closest(&play->interval[i], &play->interval[j], closest);
		}
	}
	sum.passes += least < UINT64_MAX;
	sum.closest += closest->distance > 0;
	sum.nearest += closest->distance && closest->distance <= least;
	assert_int_equal(found, closest->distance > 0);
}

static void check_measured(const struct play *play)
{
	uint64_t lengths = 0, longest = 0, length;
	struct thprace_race_measured measured;
	unsigned int i, windows[THPRACE_BUCKETS] = {0};

	bpf_model__measured(&measured);
	for (i = 0; i < play->intervals; i++) {
		if (play->interval[i].kind != WINDOW || !play->interval[i].end)
			continue;
		length = play->interval[i].end - play->interval[i].begin;
		lengths += length;
		longest = length > longest ? length : longest;
		windows[thprace_bucket(length)]++;
	}
	assert_int_equal(measured.window.sum, lengths);
	assert_int_equal(measured.window.max, longest);
	for (i = 0; i < THPRACE_BUCKETS; i++)
		assert_int_equal(measured.window.bucket[i], windows[i]);
	check_closest(play, &measured.closest);
}

/* The programs' own way to the bucket of a length. */
static void test_buckets(void **state)
{
	unsigned int bit;
	int64_t off;
	uint64_t ns;

	(void)state;
	for (ns = 0; ns < 100000; ns++)
		assert_int_equal(bpf_model__bucket(ns), thprace_bucket(ns));
	for (bit = 0; bit < 64; bit++)
		for (off = -2; off <= 2; off++)
			assert_int_equal(bpf_model__bucket((1ULL << bit) + (uint64_t)off),
					 thprace_bucket((1ULL << bit) + (uint64_t)off));
	for (ns = 1; ns < 1ULL << 40; ns += ns / 64 + 1)
		assert_int_equal(bpf_model__bucket(ns), thprace_bucket(ns));
}

/* --- the same, from the messages and from the records --- */

struct incidents {
	struct thprace_incident incident[INCIDENTS_MAX];
	size_t count;
};

static struct incidents joined, replayed;

/* Of an interval whose end nobody knows, one of both may know nothing. */
static void take(void *ctx, const struct thprace_incident *incident)
{
	struct incidents *incidents = ctx;

	if (incident->verdict == THPRACE_UNPROVEN)
		return;
	assert_true(incidents->count < INCIDENTS_MAX);
	incidents->incident[incidents->count++] = *incident;
}

#define ORDER(member)                                          \
	do {                                                   \
		if (x->member != y->member)                    \
			return x->member < y->member ? -1 : 1; \
	} while (0)

static int order(const void *a, const void *b)
{
	const struct thprace_incident *x = a, *y = b;

	ORDER(walk.enter);
	ORDER(walk.leave);
	ORDER(walk.pid);
	ORDER(walk.folio);
	ORDER(window.open);
	ORDER(window.close);
	ORDER(window.pid);
	ORDER(verdict);
	return 0;
}

static void join(const struct play *play)
{
	struct correlator *correlator = correlator__new(THPRACE_LIGHT, take, &joined);
	const struct bpf_model_message *message;
	size_t i;

	joined.count = 0;
	for (i = 0; i < play->model->messages; i++) {
		message = &play->model->message[i];
		assert_int_equal(correlator__message(correlator, &message->type, message->size,
						     message->submitted),
				 0);
	}
	correlator__finish(correlator);
	correlator__free(correlator);
}

static void replay(const struct play *play)
{
	const struct detector_options options = {
		.mode = THPRACE_LIGHT, .incident = take, .ctx = &replayed};
	struct detector *detector = detector__new(&options);
	size_t i;

	replayed.count = 0;
	for (i = 0; i < play->model->records; i++)
		assert_int_equal(detector__feed(detector, &play->model->record[i]), 0);
	assert_int_equal(detector__finish(detector), 0);
	detector__free(detector);
}

static void check_same(const struct thprace_incident *x, const struct thprace_incident *y)
{
	assert_int_equal(order(x, y), 0);
	assert_int_equal(x->attribution, y->attribution);
}

static void check_replay(const struct play *play)
{
	size_t i;

	join(play);
	replay(play);
	qsort(joined.incident, joined.count, sizeof(joined.incident[0]), order);
	qsort(replayed.incident, replayed.count, sizeof(replayed.incident[0]), order);
	for (i = 0; i < joined.count && i < replayed.count; i++)
		check_same(&joined.incident[i], &replayed.incident[i]);
	assert_int_equal(joined.count, replayed.count);
	sum.replayed += replayed.count;
}

static void play_all(const struct bpf_model_options *options)
{
	struct play *play = calloc(1, sizeof(*play));
	uint64_t seed, exits, refused, lost, late;

	assert_non_null(play);
	memset(&sum, 0, sizeof(sum));
	for (seed = 1; seed <= SCHEDULES; seed++) {
		*play = (struct play){
			.random = seed, .model = bpf_model__new(options), .tidy = seed % 2};
		exits = sum.exits;
		refused = sum.refused;
		run(play);
		/* What a task leaves open when it exits is a loss, and is not kept. */
		assert_int_equal(bpf_model__check_races(THPRACE_LOSS_SLOT), sum.refused - refused);
		late = bpf_model__check_races(THPRACE_LOSS_RETURN);
		assert_true(late >= sum.exits - exits);
		lost = bpf_model__check_races(THPRACE_LOSS_HITS);
		sum.lost += lost > 0;
		late -= sum.exits - exits;
		sum.late += late > 0;
		check(play, lost > 0, late > 0);
		check_measured(play);
		if (!lost && !late)
			check_replay(play);
		bpf_model__free(play->model);
	}
	print_message("%lu intervals, %lu pairs (%lu apart), %lu escapes, %lu keys learnt, %lu of "
		      "their walkers met others, %lu schedules with too many ends, %lu with a key "
		      "learnt while it was looked at, %lu tasks that "
		      "left something open\n",
		      sum.intervals, sum.pairs, sum.apart, sum.escapes, sum.learnt, sum.proved,
		      sum.lost, sum.late, sum.exits);
	free(play);
}

static void test_interleavings(void **state)
{
	const struct bpf_model_options options = {0};

	(void)state;
	play_all(&options);
	assert_int_equal(sum.refused, 0);
	assert_true(sum.pairs > SCHEDULES && sum.escapes > SCHEDULES / 10 && sum.exits > SCHEDULES);
	assert_true(sum.learnt > SCHEDULES && sum.proved > SCHEDULES / 10);
	assert_in_range(sum.lost, 1, SCHEDULES / 2);
	assert_in_range(sum.late, 1, SCHEDULES / 2);
	print_message("%lu closest passes of %lu, %lu of them the least of all\n", sum.closest,
		      sum.passes, sum.nearest);
	assert_true(sum.closest > SCHEDULES / 2 && sum.nearest > SCHEDULES / 10);
	print_message(
		"%lu proofs by an instant whose program an event overtook, %lu by one that was "
		"still passing\n",
		sum.overtaken, sum.passing);
	assert_true(sum.overtaken > 0 && sum.passing > 0);
	print_message("%lu incidents are the same from the records\n", sum.replayed);
	assert_true(sum.replayed > SCHEDULES);
}

/* All want the same slot, so most get another one, or none. */
static void test_crowd(void **state)
{
	const struct bpf_model_options options = {.crowded = true};

	(void)state;
	play_all(&options);
	assert_true(sum.refused > SCHEDULES && sum.pairs > SCHEDULES);
}

static void run_alone(struct bpf_model *model, unsigned int who, enum bpf_model_program program)
{
	const struct bpf_model_call call = {.program = program, .key = 0x1000};

	bpf_model__call(model, who, &call);
	do
		model->now += 100;
	while (!bpf_model__step(model, who));
}

/*
 * The first choice becomes free while a task has another slot, of which it misses the end: it finds it
 * again, and takes no second one.
 */
static void test_stray(void **state)
{
	const struct bpf_model_options options = {.crowded = true};
	struct bpf_model *model = bpf_model__new(&options);

	(void)state;
	run_alone(model, 0, BPF_MODEL_RACE_OPEN);
	run_alone(model, 1, BPF_MODEL_RACE_OPEN);
	run_alone(model, 0, BPF_MODEL_RACE_CLOSE);
	run_alone(model, 1, BPF_MODEL_RACE_OPEN);
	run_alone(model, 1, BPF_MODEL_RACE_CLOSE);
	assert_int_equal(bpf_model__check_races(THPRACE_LOSS_RETURN), 1);
	bpf_model__free(model);
}

/*
 * A window with an event ends, and an instant takes place. The program of task `first', 0 for the
 * window, takes so many steps, then the other's runs, and then the first one goes on. False: it has
 * fewer steps.
 */
static bool pause_after(struct bpf_model *model, unsigned int first, unsigned int steps)
{
	static const enum bpf_model_program last[] = {BPF_MODEL_RACE_CLOSE, BPF_MODEL_RACE_AT};
	const struct bpf_model_call call = {.program = last[first], .key = 0x1000};
	bool over = false;

	run_alone(model, 0, BPF_MODEL_RACE_OPEN);
	run_alone(model, 0, BPF_MODEL_RACE_EVENT);
	bpf_model__call(model, first, &call);
	for (; steps && !over; steps--) {
		model->now += 100;
		over = bpf_model__step(model, first);
	}
	run_alone(model, !first, last[!first]);
	if (over)
		return false;
	do
		model->now += 100;
	while (!bpf_model__step(model, first));
	return true;
}

/*
 * An instant that is in the window counts there, wherever one of both programs is when the other one
 * comes, but for the steps of looking at the other: and never twice.
 */
static void test_passing(void **state)
{
	const struct bpf_model_options options = {0};
	unsigned int first, steps, met = 0, missed = 0;
	struct bpf_model *model;
	bool more;

	(void)state;
	for (first = 0; first < 2; first++) {
		for (steps = 0, more = true; more; steps++) {
			model = bpf_model__new(&options);
			pause_after(model, 0, 0); /* both have looked at another one before */
			more = pause_after(model, first, steps);
			if (bpf_model__clock(1) <= bpf_model__clock(0)) {
				met++;
				missed += !bpf_model__counted(0);
				assert_in_range(bpf_model__counted(0), 0, 1);
			} else {
				assert_int_equal(bpf_model__counted(0), 0);
			}
			bpf_model__check_races(THPRACE_LOSS_HITS);
			bpf_model__free(model);
		}
	}
	print_message("%u of %u missed\n", missed, met);
	assert_true(met > 20);
	assert_in_range(missed, 0, 12);
}

/* Several tasks write the end of an interval at the same time, and others read it. */
static void test_passes(void **state)
{
	const struct bpf_model_options options = {0};
	struct play *play = calloc(1, sizeof(*play));
	uint64_t seed;

	(void)state;
	assert_non_null(play);
	sum.closest = sum.passes = sum.nearest = 0;
	bpf_model__tear_passes(true);
	for (seed = 1; seed <= SCHEDULES; seed++) {
		*play = (struct play){.random = seed, .model = bpf_model__new(&options)};
		run(play);
		check_measured(play);
		bpf_model__free(play->model);
	}
	bpf_model__tear_passes(false);
	print_message("%lu closest passes of %lu, %lu of them the least of all\n", sum.closest,
		      sum.passes, sum.nearest);
	assert_true(sum.closest > SCHEDULES / 2);
	free(play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets), cmocka_unit_test(test_interleavings),
		cmocka_unit_test(test_crowd),	cmocka_unit_test(test_stray),
		cmocka_unit_test(test_passing), cmocka_unit_test(test_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
