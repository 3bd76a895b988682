// SPDX-License-Identifier: GPL-2.0-only
/* The programs of races from files, and what core puts into them: a race of one window and one walker. */
#include "bpf_host.h"
#include "../../bpf/race.bpf.c"

struct thprace_beacon beacon; /* of bpf/beacon.bpf.c */

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "bpf_model_private.h"

#define CLASS 20
#define CONTEXT 8 /* of a program, which none of these reads */

/* Of the model itself: no step. */
#define UNSEEN __attribute__((no_sanitize("thread")))

static struct thprace_race_slot slot[THPRACE_RACE_SLOTS];
static struct thprace_race_table words;

UNSEEN static bool is_walker(enum bpf_model_program program)
{
	return program == BPF_MODEL_RACE_ENTER || program == BPF_MODEL_RACE_LEAVE ||
	       program == BPF_MODEL_RACE_AT;
}

/* Nobody provokes here. */
UNSEEN int widen_race(u32 unused)
{
	return (int)unused;
}

UNSEEN __u64 model__race_number(int which)
{
	const bool walker = is_walker(model__task[model__who].call.program);

	switch (which) {
	case THPRACE_RACE_CLASS:
		return CLASS;
	case THPRACE_RACE_SECTION:
		return walker;
	case THPRACE_RACE_SIDE:
		return walker ? THPRACE_RACE_WALKER : THPRACE_RACE_WINDOW;
	case THPRACE_RACE_FLAGS:
		return THPRACE_RACE_HAS_ESCAPE;
	case THPRACE_RACE_SECTIONS:
		return 2;
	default:
		return 0;
	}
}

/* Key and escape. Only the window has one: others_since(its event) > 0. */
__u64 model__race_code(__u64 *frame, int part)
{
	const struct bpf_model_call *call = &model__task[model__who].call;
	const struct thprace_race_interval *interval;

	frame[THPRACE_RACE_FRAME_KEY] = call->key;
	if (part != THPRACE_RACE_ESCAPE || is_walker(call->program))
		return 1;
	interval = (const void *)frame[THPRACE_RACE_FRAME_INTERVAL];
	frame[THPRACE_RACE_FRAME_ESCAPE] = *(volatile __u64 *)&interval->since[0] > 0;
	return 1;
}

void model__race_program(const struct bpf_model_call *call)
{
	__u64 context[CONTEXT] = {0};

	switch (call->program) {
	case BPF_MODEL_RACE_OPEN:
	case BPF_MODEL_RACE_ENTER:
		race_begin(context);
		break;
	case BPF_MODEL_RACE_CLOSE:
	case BPF_MODEL_RACE_LEAVE:
		race_end(context);
		break;
	case BPF_MODEL_RACE_EVENT:
		race_event(context);
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
	return map == &race_table && !at ? &words : NULL;
}

/* What other tasks read or write. A word of a slot that no task ever had is no step: there are many. */
UNSEEN bool model__race_shared(const volatile void *at)
{
	size_t in_words = (uintptr_t)at - (uintptr_t)&words;
	size_t in_slots = (uintptr_t)at - (uintptr_t)slot, member;

	if (in_words < sizeof(words))
		return in_words >= sizeof(words.word) ||
		       slot[in_words / sizeof(words.word[0])].task;
	if (in_slots >= sizeof(slot))
		return false;
	member = in_slots % sizeof(slot[0]);
	return member == offsetof(struct thprace_race_slot, owners) ||
	       member == offsetof(struct thprace_race_slot, state) ||
	       member == offsetof(struct thprace_race_slot, task) ||
	       member == offsetof(struct thprace_race_slot, begin) ||
	       member == offsetof(struct thprace_race_slot, noted) ||
	       member == offsetof(struct thprace_race_slot, interval.key) ||
	       member == offsetof(struct thprace_race_slot, interval.others) ||
	       member == offsetof(struct thprace_race_slot, interval.event) ||
	       member == offsetof(struct thprace_race_slot, interval.first) ||
	       member == offsetof(struct thprace_race_slot, interval.since);
}

UNSEEN void model__race_reset(void)
{
	memset(slot, 0, sizeof(slot));
	memset(&words, 0, sizeof(words));
}

UNSEEN void model__race_check(void)
{
	unsigned int i;

	for (i = 0; i < THPRACE_RACE_SLOTS; i++) {
		assert_int_equal(slot[i].owners, 0);
		assert_int_equal(slot[i].state, THPRACE_RACE_IDLE);
		assert_int_equal(words.word[i], 0);
	}
	for (i = 0; i < THPRACE_RACE_BUCKETS; i++) {
		assert_int_equal(words.bucket[i].open[THPRACE_RACE_WINDOW], 0);
		assert_int_equal(words.bucket[i].open[THPRACE_RACE_WALKER], 0);
	}
}
