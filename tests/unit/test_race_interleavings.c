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
#include <cmocka.h>
#include "bpf_model.h"
#include "chance.h"

#define TASKS 4
#define RUNS 14 /* of programs, by each task */
#define INTERVALS_MAX (TASKS * RUNS)
#define SCHEDULES 4000

/* What happened, by the clock. */
struct interval {
	unsigned int who;
	unsigned int side;
	uint64_t key;
	uint64_t begin, end; /* 0: it has not ended */
	uint64_t gone; /* it was dropped, or its task has exited */
	uint64_t event; /* of a window; 0: none */
};

struct play {
	struct bpf_model *model;
	uint64_t random;
	struct interval interval[INTERVALS_MAX];
	unsigned int intervals;
	struct interval *open[TASKS][THPRACE_RACE_SIDES];
	struct bpf_model_call call[TASKS];
	unsigned int left[TASKS];
	unsigned int held[TASKS]; /* steps of others */
};

static struct {
	unsigned long intervals, pairs, apart, escapes, refused, exits;
} sum;

/* The next program of a task; it ends what it has begun. */
static void choose(struct play *play, unsigned int who)
{
	struct bpf_model_call *call = &play->call[who];
	const unsigned int side = (unsigned int)below(&play->random, THPRACE_RACE_SIDES);
	const struct interval *open = play->open[who][side];

	if (play->left[who] == 1) {
		call->program = BPF_MODEL_RACE_EXIT;
	} else if (side == THPRACE_RACE_WINDOW) {
		if (!open)
			call->program = BPF_MODEL_RACE_OPEN;
		else if (!open->event && one_in(&play->random, 2))
			call->program = BPF_MODEL_RACE_EVENT;
		else
			call->program = one_in(&play->random, 8) ? BPF_MODEL_RACE_DROP
								 : BPF_MODEL_RACE_CLOSE;
	} else if (open) {
		call->program = BPF_MODEL_RACE_LEAVE;
	} else {
		call->program = one_in(&play->random, 2) ? BPF_MODEL_RACE_AT : BPF_MODEL_RACE_ENTER;
	}
	call->key = 0x1000 + below(&play->random, 2);
	bpf_model__call(play->model, who, call);
}

static void begun(struct play *play, unsigned int who, unsigned int side, uint64_t at, uint64_t end)
{
	struct interval *interval = &play->interval[play->intervals++];

	*interval = (struct interval){
		.who = who, .side = side, .key = play->call[who].key, .begin = at, .end = end};
	if (!end)
		play->open[who][side] = interval;
}

static void ended(struct play *play, unsigned int who, unsigned int side, uint64_t at)
{
	if (play->open[who][side])
		play->open[who][side]->end = at;
	play->open[who][side] = NULL;
}

static void gone(struct play *play, unsigned int who, unsigned int side)
{
	if (play->open[who][side])
		play->open[who][side]->gone = play->model->now;
	play->open[who][side] = NULL;
}

/* A program has run. Without a reading of the clock, it found no slot. */
static void note(struct play *play, unsigned int who)
{
	const uint64_t at = bpf_model__clock(who);

	switch (play->call[who].program) {
	case BPF_MODEL_RACE_OPEN:
		if (at)
			begun(play, who, THPRACE_RACE_WINDOW, at, 0);
		break;
	case BPF_MODEL_RACE_ENTER:
		if (at)
			begun(play, who, THPRACE_RACE_WALKER, at, 0);
		break;
	case BPF_MODEL_RACE_AT:
		if (at)
			begun(play, who, THPRACE_RACE_WALKER, at, at);
		break;
	case BPF_MODEL_RACE_EVENT:
		play->open[who][THPRACE_RACE_WINDOW]->event = at;
		break;
	case BPF_MODEL_RACE_CLOSE:
		ended(play, who, THPRACE_RACE_WINDOW, at);
		break;
	case BPF_MODEL_RACE_LEAVE:
		ended(play, who, THPRACE_RACE_WALKER, at);
		break;
	case BPF_MODEL_RACE_DROP:
		gone(play, who, THPRACE_RACE_WINDOW);
		break;
	default: /* exit: they stay without an end */
		sum.exits += play->open[who][THPRACE_RACE_WINDOW] ||
			     play->open[who][THPRACE_RACE_WALKER];
		gone(play, who, THPRACE_RACE_WINDOW);
		gone(play, who, THPRACE_RACE_WALKER);
		break;
	}
	sum.refused += !at && play->call[who].program != BPF_MODEL_RACE_DROP &&
		       play->call[who].program != BPF_MODEL_RACE_EXIT;
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
		    message->race_end.side == interval->side &&
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
	return x->who != y->who && x->key == y->key && x->begin <= end_of(y) &&
	       y->begin <= end_of(x);
}

/*
 * Both have ended, and they met: then all of it was reported. A pair may be reported that did not
 * meet by its stamps, which core then finds.
 */
static void check_pair(const struct play *play, const struct interval *window,
		       const struct interval *walker)
{
	const unsigned int pairs = count_pairs(play, window, walker);
	const struct thprace_race_end *end;

	assert_true(pairs <= 2);
	if (!share_an_instant(window, walker)) {
		sum.apart += pairs;
		return;
	}
	if (!window->end || !walker->end)
		return;
	assert_true(pairs > 0);
	sum.pairs++;
	end = find_end(play, window);
	assert_non_null(end);
	assert_int_equal(end->end, window->end);
	end = find_end(play, walker);
	assert_non_null(end);
	assert_int_equal(end->end, walker->end);
}

/* A proof: a walker that shared an instant with the window, and was there after its event. */
static void check_escape(const struct play *play, const struct interval *window)
{
	const struct thprace_race_end *end = find_end(play, window);
	const struct interval *walker;
	unsigned int i;

	if (!end || !(end->flags & THPRACE_RACE_ESCAPED))
		return;
	sum.escapes++;
	assert_true(window->event > 0);
	for (i = 0; i < play->intervals; i++) {
		walker = &play->interval[i];
		if (walker->side == THPRACE_RACE_WALKER && share_an_instant(window, walker) &&
		    end_of(walker) >= window->event)
			return;
	}
	fail_msg("an escape that no walker explains");
}

static void check(const struct play *play)
{
	const struct interval *window, *walker;
	unsigned int i, j;

	for (i = 0; i < play->intervals; i++) {
		window = &play->interval[i];
		if (window->side != THPRACE_RACE_WINDOW)
			continue;
		check_escape(play, window);
		for (j = 0; j < play->intervals; j++) {
			walker = &play->interval[j];
			if (walker->side == THPRACE_RACE_WALKER)
				check_pair(play, window, walker);
		}
	}
	sum.intervals += play->intervals;
}

static void test_interleavings(void **state)
{
	const struct bpf_model_options options = {0};
	struct play *play = calloc(1, sizeof(*play));
	uint64_t seed, exits;

	(void)state;
	assert_non_null(play);
	for (seed = 1; seed <= SCHEDULES; seed++) {
		*play = (struct play){.random = seed, .model = bpf_model__new(&options)};
		exits = sum.exits;
		run(play);
		/* What a task leaves open when it exits is a loss, and is not kept. */
		assert_int_equal(bpf_model__check_races(THPRACE_LOSS_SLOT), 0);
		assert_true(bpf_model__check_races(THPRACE_LOSS_RETURN) >= sum.exits - exits);
		check(play);
		bpf_model__free(play->model);
	}
	print_message("%lu intervals, %lu pairs (%lu apart), %lu escapes, %lu tasks that left "
		      "something open\n",
		      sum.intervals, sum.pairs, sum.apart, sum.escapes, sum.exits);
	assert_int_equal(sum.refused, 0);
	assert_true(sum.pairs > SCHEDULES && sum.escapes > SCHEDULES / 10 && sum.exits > SCHEDULES);
	free(play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interleavings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
