// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs of races from files, and what core puts into them: a race of one window and of two
 * walkers, one of which learns its key.
 */
#include "bpf_host.h"
#define THPRACE_RACE_CLOSED 16 /* few, so that they are written over */
#include "../../bpf/race.bpf.c"

struct thprace_beacon beacon; /* of bpf/beacon.bpf.c */

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "bpf_model_private.h"

#define CLASS 20
#define CPUS 8 /* at least as many as the model has */
#define CONTEXT 8 /* of a program, which none of these reads */

/* Of the model itself: no step. */
#define UNSEEN __attribute__((no_sanitize("thread")))

static struct thprace_race_slot slot[THPRACE_RACE_SLOTS];
static struct thprace_race_table words;
static struct thprace_race_passed passed[THPRACE_RACE_BUCKETS];
static struct thprace_race_cpu measured[CPUS];
static bool torn;

enum section {
	WINDOW,
	WALKER,
	LEARNER,
	SECTIONS
};

UNSEEN static enum section section_of(enum bpf_model_program program)
{
	switch (program) {
	case BPF_MODEL_RACE_ENTER:
	case BPF_MODEL_RACE_LEAVE:
	case BPF_MODEL_RACE_AT:
		return WALKER;
	case BPF_MODEL_RACE_SEEK:
	case BPF_MODEL_RACE_LEARN:
	case BPF_MODEL_RACE_LEFT:
		return LEARNER;
	default:
		return WINDOW;
	}
}

/* Nobody provokes here. */
UNSEEN int widen_race(u32 unused)
{
	return (int)unused;
}

UNSEEN __u64 model__race_number(int which)
{
	const enum section section = section_of(model__task[model__who].call.program);

	switch (which) {
	case THPRACE_RACE_CLASS:
		return CLASS;
	case THPRACE_RACE_SECTION:
		return section;
	case THPRACE_RACE_SIDE:
		return section == WINDOW ? THPRACE_RACE_WINDOW : THPRACE_RACE_WALKER;
	case THPRACE_RACE_EXITS:
		return SECTIONS;
	case THPRACE_RACE_VALUES:
		return section == WINDOW;
	default:
		return 0;
	}
}

/* The exit is of all sections. */
UNSEEN unsigned int model__race_flags(void)
{
	const enum bpf_model_program program = model__task[model__who].call.program;
	const enum section section = section_of(program);

	return THPRACE_RACE_HAS_ESCAPE | THPRACE_RACE_HAS_EVENTS | THPRACE_RACE_HAS_SINCE |
	       (stream_count ? THPRACE_RACE_HAS_RECORDS : 0) |
	       (program == BPF_MODEL_RACE_AT ? THPRACE_RACE_LEADS : 0) |
	       (section == WINDOW ? THPRACE_RACE_HAS_LEARNERS | THPRACE_RACE_HAS_VALUES
				  : THPRACE_RACE_IS_WALKER) |
	       (section == LEARNER || program == BPF_MODEL_RACE_EXIT ? THPRACE_RACE_HAS_LEARN : 0);
}

/*
 * Key, escape, and what a window saves: its key, inverted. The escape of the window is others_since(its event) > 0, of who learns its key others >
 * 1.
 */
__u64 model__race_code(__u64 *frame, int part)
{
	const struct bpf_model_call *call = &model__task[model__who].call;
	const struct thprace_race_interval *interval;
	__u64 since;

	frame[THPRACE_RACE_FRAME_KEY] = call->key;
	if (call->program == BPF_MODEL_RACE_OPEN)
		frame[THPRACE_RACE_FRAME_SAVED] = ~call->key;
	if (part != THPRACE_RACE_ESCAPE || section_of(call->program) == WALKER)
		return 1;
	interval = (const void *)frame[THPRACE_RACE_FRAME_INTERVAL];
	if (section_of(call->program) == WINDOW) {
		since = *(volatile __u64 *)&interval->since[0];
		model__task[model__who].counted = since;
		frame[THPRACE_RACE_FRAME_ESCAPE] = since > 0;
	} else {
		frame[THPRACE_RACE_FRAME_ESCAPE] = *(volatile __u64 *)&interval->others > 1;
	}
	return 1;
}

void model__race_program(const struct bpf_model_call *call)
{
	__u64 context[CONTEXT] = {0};

	switch (call->program) {
	case BPF_MODEL_RACE_OPEN:
	case BPF_MODEL_RACE_ENTER:
	case BPF_MODEL_RACE_SEEK:
		race_begin(context);
		break;
	case BPF_MODEL_RACE_CLOSE:
	case BPF_MODEL_RACE_LEAVE:
	case BPF_MODEL_RACE_LEFT:
		race_end(context);
		break;
	case BPF_MODEL_RACE_EVENT:
		race_event(context);
		break;
	case BPF_MODEL_RACE_LEARN:
		race_learn(context);
		break;
	case BPF_MODEL_RACE_DROP:
		race_drop(context);
		break;
	case BPF_MODEL_RACE_AT:
		race_instant(context);
		break;
	default:
		race_exit(context);
		break;
	}
}

UNSEEN void *model__race_lookup(const void *map, uint32_t at)
{
	if (map == &race_slots)
		return at < THPRACE_RACE_SLOTS ? &slot[at] : NULL;
	if (map == &race_passes)
		return at < THPRACE_RACE_BUCKETS ? &passed[at] : NULL;
	if (map == &race_cpus)
		return at < CPUS ? &measured[at] : NULL;
	return map == &race_table && !at ? &words : NULL;
}

/* What other tasks read or write. A word of a slot that no task ever had is no step: there are many. */
UNSEEN bool model__race_shared(const volatile void *at)
{
	size_t in_words = (uintptr_t)at - (uintptr_t)&words;
	size_t in_slots = (uintptr_t)at - (uintptr_t)slot, member;

	if ((uintptr_t)at - (uintptr_t)passed < sizeof(passed))
		return torn;
	if (in_words < sizeof(words))
		return in_words >= sizeof(words.word) ||
		       slot[in_words / sizeof(words.word[0])].task;
	if (in_slots >= sizeof(slot))
		return false;
	member = in_slots % sizeof(slot[0]);
	return member == offsetof(struct thprace_race_slot, owners) ||
	       member == offsetof(struct thprace_race_slot, strays) ||
	       member == offsetof(struct thprace_race_slot, state) ||
	       member == offsetof(struct thprace_race_slot, task) ||
	       member == offsetof(struct thprace_race_slot, begin) ||
	       member == offsetof(struct thprace_race_slot, end) ||
	       member == offsetof(struct thprace_race_slot, noted) ||
	       member == offsetof(struct thprace_race_slot, looked) ||
	       member == offsetof(struct thprace_race_slot, interval.key) ||
	       member == offsetof(struct thprace_race_slot, interval.others) ||
	       member == offsetof(struct thprace_race_slot, interval.event) ||
	       member == offsetof(struct thprace_race_slot, interval.first) ||
	       member == offsetof(struct thprace_race_slot, interval.since);
}

UNSEEN void model__race_reset(void)
{
	unsigned int i;

	for (i = 0; i < SECTIONS; i++) {
		race_exits[i].place = THPRACE_RACE_PLACE(CLASS, i);
		race_exits[i].flags = THPRACE_RACE_HAS_ESCAPE;
	}
	memset(slot, 0, sizeof(slot));
	memset(&words, 0, sizeof(words));
	memset(passed, 0, sizeof(passed));
	memset(measured, 0, sizeof(measured));
}

UNSEEN void bpf_model__tear_passes(bool on)
{
	torn = on;
}

UNSEEN void bpf_model__measured(struct thprace_race_measured *sum)
{
	const struct thprace_race_measured *from;
	unsigned int i, b;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < CPUS; i++) {
		from = &measured[i].of[CLASS];
		sum->window.sum += from->window.sum;
		if (from->window.max > sum->window.max)
			sum->window.max = from->window.max;
		for (b = 0; b < THPRACE_BUCKETS; b++)
			sum->window.bucket[b] += from->window.bucket[b];
		if (from->closest.distance &&
		    (!sum->closest.distance || from->closest.distance < sum->closest.distance))
			sum->closest = from->closest;
	}
}

UNSEEN unsigned int bpf_model__bucket(uint64_t ns)
{
	return (unsigned int)race_bucket(ns);
}

UNSEEN void model__race_check(void)
{
	unsigned int i;

	for (i = 0; i < THPRACE_RACE_SLOTS; i++) {
		assert_int_equal(slot[i].owners, 0);
		assert_int_equal(slot[i].strays, 0);
		assert_int_equal(slot[i].state, THPRACE_RACE_IDLE);
		assert_int_equal(words.word[i], 0);
	}
	for (i = 0; i < THPRACE_RACE_BUCKETS; i++) {
		assert_int_equal(words.bucket[i].open[THPRACE_RACE_WINDOW], 0);
		assert_int_equal(words.bucket[i].open[THPRACE_RACE_WALKER], 0);
	}
	assert_int_equal(words.learning[CLASS][THPRACE_RACE_WALKER], 0);
	for (i = 0; i < THPRACE_RACE_CLOSED; i++)
		assert_int_equal(words.end[i].owners, 0);
}
