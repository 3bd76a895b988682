// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races that files describe. The programs of section "race" are not attached: each is a template, of
 * which core makes a program for each event (core/engine/engine_race.c). It puts instructions for keys
 * and conditions into it, and the numbers of race and section.
 */
#include "race_finish.bpf.h"
#include <thprace/beacon.h>

/* Waits, in the tasks of the command (bpf/widen.bpf.c). Only the templates for `thprace provoke'. */
int widen_race(u32 unused);

struct race_slots_map race_slots SEC(".maps");

struct race_table_map race_table SEC(".maps");

struct race_passes_map race_passes SEC(".maps");

struct race_cpus_map race_cpus SEC(".maps");

extern struct thprace_beacon beacon;

/* For a reader of a crash dump (bpf/beacon.bpf.c). */
SEC("raw_tp")
int beacon_races(void *ctx)
{
	u32 first = 0;
	struct thprace_race_slot *slot = bpf_map_lookup_elem(&race_slots, &first);

	if (slot)
		POINTER_NUMBER(beacon.head.race_slots, (u64)slot);
	return 0;
}

static __always_inline int is_inside(u64 task)
{
	int index;

	return !has(THPRACE_RACE_HAS_INSIDE) ||
	       race_find(task, this_place() | THPRACE_RACE_INSIDE, &index);
}

/* What the code before has left in the frame becomes the interval's. */
static __always_inline void race_fill(struct thprace_race_slot *slot, const u64 *frame)
{
	u32 i;

	slot->held = 0;
	*(volatile u64 *)&slot->interval.key = frame[THPRACE_RACE_FRAME_KEY];
	*(volatile u64 *)&slot->from = frame[THPRACE_RACE_FRAME_FROM];
	*(volatile u64 *)&slot->to = frame[THPRACE_RACE_FRAME_TO];
	slot->interval.others = 0;
	if (has(THPRACE_RACE_HAS_VALUES)) {
#pragma clang loop unroll(full)
		for (i = 0; i < THPRACE_INTERVAL_SAVED; i++)
			*(volatile u64 *)&slot->interval.saved[i] =
				frame[THPRACE_RACE_FRAME_SAVED + i];
	}
	if (has(THPRACE_RACE_HAS_EVENTS)) {
#pragma clang loop unroll(full)
		for (i = 0; i < THPRACE_INTERVAL_EVENTS; i++) {
			slot->interval.event[i] = 0;
			slot->interval.since[i] = 0;
		}
	}
}

static __always_inline void frame_init(u64 *frame, void *ctx)
{
	frame[THPRACE_RACE_FRAME_CONTEXT] = (u64)ctx;
	frame[THPRACE_RACE_FRAME_FROM] = 0;
	frame[THPRACE_RACE_FRAME_TO] = 1;
	frame[THPRACE_RACE_FRAME_KEY] = 0;
	frame[THPRACE_RACE_FRAME_ESCAPE] = 0;
}

/* The code before fills in those that the section has. */
static __always_inline void frame_init_saved(u64 *frame)
{
	u32 i;

	if (!has(THPRACE_RACE_HAS_VALUES))
		return;
#pragma clang loop unroll(full)
	for (i = 0; i < THPRACE_INTERVAL_SAVED; i++)
		frame[THPRACE_RACE_FRAME_SAVED + i] = 0;
}

/* It ends, and was no interval. */
static __always_inline void race_gone(struct thprace_race_slot *slot, u32 index, u32 flags)
{
	struct thprace_race_table *words = table();

	if (words)
		race_undo(words, slot, index);
	if (has(THPRACE_RACE_HAS_RECORDS))
		race_record(index, THPRACE_REC_RACE_END, bpf_ktime_get_ns(),
			    THPRACE_RF_DROPPED | flags, 0);
}

/* It has begun, and not ended. */
static __always_inline int is_under_way(const struct thprace_race_slot *slot)
{
	u32 state = *(volatile u32 *)&slot->state;

	return state == THPRACE_RACE_OPEN || state == THPRACE_RACE_LEARNING;
}

/* An interval or instant begins. Returns its slot's index, or -1. */
static __always_inline int race_start(void *ctx, u64 *frame, u64 task,
				      enum thprace_race_state state)
{
	struct thprace_race_slot *slot = NULL;
	int index = -1;

	frame_init(frame, ctx);
	frame_init_saved(frame);
	if (has(THPRACE_RACE_HAS_KEPT)) {
		slot = race_find(task, this_place(), &index);
		if (!slot)
			return -1; /* its entry came before recording */
		frame[THPRACE_RACE_FRAME_INTERVAL] = (u64)&slot->interval;
	}
	if (!CODE(frame, THPRACE_RACE_BEFORE)) {
		if (slot && slot->state == THPRACE_RACE_KEPT)
			race_release(slot);
		return -1;
	}
	if (!slot)
		slot = race_take(task, this_place(), &index);
	if (!slot)
		return -1;
	if (slot->state >= THPRACE_RACE_CLOSING) { /* an interrupt in the program that ends it */
		count_lost(THPRACE_LOSS_RETURN);
		return -1;
	}
	if (is_under_way(slot)) { /* its end was missed, or it is a nested call */
		race_gone(slot, index, THPRACE_RF_UNENDED);
		count_lost(THPRACE_LOSS_RETURN);
	}
	race_fill(slot, frame);
	if (has(THPRACE_RACE_HAS_LEARN))
		race_begin_learning(slot, index);
	else
		race_publish(slot, index, state);
	if (state == THPRACE_RACE_OPEN && has(THPRACE_RACE_HAS_RECORDS))
		race_record(index, THPRACE_REC_RACE_BEGIN, slot->begin, 0, 0);
	return index;
}

/* 1: it has begun. */
static __always_inline int race_do_begin(void *ctx)
{
	u64 task = bpf_get_current_pid_tgid();
	u64 frame[THPRACE_RACE_FRAME_WORDS];

	return recording && is_inside(task) && race_start(ctx, frame, task, THPRACE_RACE_OPEN) >= 0;
}

SEC("race")
int race_begin(void *ctx)
{
	race_do_begin(ctx);
	return 0;
}

SEC("race")
int race_begin_held(void *ctx)
{
	if (race_do_begin(ctx))
		widen_race(0);
	return 0;
}

/* 1: it took place. */
static __always_inline int race_do_instant(void *ctx)
{
	u64 task = bpf_get_current_pid_tgid();
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording || !is_inside(task))
		return 0;
	index = race_start(ctx, frame, task,
			   has(THPRACE_RACE_LEADS) ? THPRACE_RACE_PASSING : THPRACE_RACE_CLOSING);
	if (index < 0)
		return 0;
	slot = slot_of(index);
	if (!slot)
		return 0;
	frame[THPRACE_RACE_FRAME_INTERVAL] = (u64)&slot->interval;
	race_finish(ctx, slot, index, frame, slot->begin, THPRACE_RACE_INSTANT);
	return 1;
}

SEC("race")
int race_instant(void *ctx)
{
	race_do_instant(ctx);
	return 0;
}

SEC("race")
int race_instant_held(void *ctx)
{
	if (race_do_instant(ctx))
		widen_race(0);
	return 0;
}

/* The task's open interval, in whose frame the code of an event runs. NULL: it does not count. */
static __always_inline struct thprace_race_slot *race_at_event(void *ctx, u64 *frame, int *index)
{
	struct thprace_race_slot *slot;

	slot = race_find(bpf_get_current_pid_tgid(), this_place(), index);
	if (!slot || !is_under_way(slot))
		return NULL;
	frame_init(frame, ctx);
	frame[THPRACE_RACE_FRAME_INTERVAL] = (u64)&slot->interval;
	return CODE(frame, THPRACE_RACE_BEFORE) ? slot : NULL;
}

/* It was no interval. Whoever met it is told so. */
static __always_inline void race_discard(void *ctx, struct thprace_race_slot *slot, u32 index)
{
	race_gone(slot, index, 0);
	if (*(volatile u32 *)&slot->noted)
		race_report(ctx, slot, bpf_ktime_get_ns(), THPRACE_RACE_DROPPED);
	race_release(slot);
}

/* held: it counts only if the task has waited in it. */
static __always_inline void race_do_end(void *ctx, int held)
{
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return;
	slot = race_at_event(ctx, frame, &index);
	if (!slot)
		return;
	if (has(THPRACE_RACE_HAS_LEARN) && slot->state == THPRACE_RACE_LEARNING) {
		/* It has never learnt its key, and so it was none. */
		race_gone(slot, index, 0);
		race_release(slot);
		return;
	}
	if (held && !*(volatile u32 *)&slot->held) {
		race_discard(ctx, slot, index);
		return;
	}
	*(volatile u32 *)&slot->state = THPRACE_RACE_CLOSING;
	*(volatile u64 *)&slot->end = bpf_ktime_get_ns();
	race_finish(ctx, slot, index, frame, slot->end, 0);
}

SEC("race")
int race_end(void *ctx)
{
	race_do_end(ctx, 0);
	return 0;
}

SEC("race")
int race_end_held(void *ctx)
{
	race_do_end(ctx, 1);
	return 0;
}

SEC("race")
int race_drop(void *ctx)
{
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return 0;
	slot = race_at_event(ctx, frame, &index);
	if (slot)
		race_discard(ctx, slot, index);
	return 0;
}

static __always_inline int is_known(const struct thprace_race_slot *slot, const u64 *frame)
{
	return slot->interval.key == frame[THPRACE_RACE_FRAME_KEY] &&
	       slot->from == frame[THPRACE_RACE_FRAME_FROM] &&
	       slot->to == frame[THPRACE_RACE_FRAME_TO];
}

/* It turns out to be about something else: with the key before, the interval was none. */
static __always_inline void race_unlearn(void *ctx, struct thprace_race_slot *slot, u32 index)
{
	struct thprace_race_table *words = table();
	u32 i;

	if (words)
		race_withdraw(words, slot, index);
	/* Who looks at it now may still add to what is counted from here on. */
	if (*(volatile u32 *)&slot->owners != 1)
		count_lost(THPRACE_LOSS_RETURN);
	if (*(volatile u32 *)&slot->noted)
		race_report(ctx, slot, bpf_ktime_get_ns(), THPRACE_RACE_DROPPED);
	race_name(slot, index);
	slot->interval.others = 0;
#pragma clang loop unroll(full)
	for (i = 0; i < THPRACE_INTERVAL_EVENTS; i++)
		slot->interval.since[i] = 0;
}

/* The interval's key is known. */
SEC("race")
int race_learn(void *ctx)
{
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return 0;
	slot = race_at_event(ctx, frame, &index);
	if (!slot)
		return 0;
	if (slot->state == THPRACE_RACE_OPEN) {
		if (is_known(slot, frame))
			return 0;
		race_unlearn(ctx, slot, index);
	}
	*(volatile u64 *)&slot->interval.key = frame[THPRACE_RACE_FRAME_KEY];
	*(volatile u64 *)&slot->from = frame[THPRACE_RACE_FRAME_FROM];
	*(volatile u64 *)&slot->to = frame[THPRACE_RACE_FRAME_TO];
	race_show(slot, index, THPRACE_RACE_OPEN);
	if (race_recall(index))
		ADD(slot->noted, 1); /* its end is to be reported */
	return 0;
}

/* 1: it happened for the first time in this interval. */
static __always_inline int race_do_event(void *ctx)
{
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index, first;
	u64 which;

	if (!recording)
		return 0;
	slot = race_at_event(ctx, frame, &index);
	if (!slot)
		return 0;
	which = BOUND(NUMBER(THPRACE_RACE_EVENT), THPRACE_INTERVAL_EVENTS - 1);
	first = !slot->interval.event[which];
	if (first)
		*(volatile u64 *)&slot->interval.first[which] = bpf_ktime_get_ns();
	*(volatile u64 *)&slot->interval.event[which] += 1;
	if (has(THPRACE_RACE_HAS_RECORDS))
		race_record(index, THPRACE_REC_RACE_EVENT, bpf_ktime_get_ns(), 0, which);
	return first;
}

SEC("race")
int race_event(void *ctx)
{
	race_do_event(ctx);
	return 0;
}

SEC("race")
int race_event_held(void *ctx)
{
	if (race_do_event(ctx))
		widen_race(0);
	return 0;
}

/* At a function's entry, or a call: saves the arguments for the event at its return. */
static __always_inline void race_do_keep(void *ctx)
{
	u64 task = bpf_get_current_pid_tgid();
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return;
	if (has(THPRACE_RACE_HAS_KEPT)) {
		slot = is_inside(task) ? race_take(task, this_place(), &index)
				       : race_find(task, this_place(), &index);
		if (slot && slot->state == THPRACE_RACE_IDLE)
			slot->state = THPRACE_RACE_KEPT;
	} else {
		slot = race_find(task, this_place(), &index);
	}
	if (!slot)
		return;
	frame[THPRACE_RACE_FRAME_CONTEXT] = (u64)ctx;
	frame[THPRACE_RACE_FRAME_INTERVAL] = (u64)&slot->interval;
	CODE(frame, THPRACE_RACE_KEEP);
}

SEC("race")
int race_keep(void *ctx)
{
	race_do_keep(ctx);
	return 0;
}

/* The function around a section. */
static __always_inline void race_do_inside_enter(void)
{
	u64 task = bpf_get_current_pid_tgid();
	const u32 place = this_place() | THPRACE_RACE_INSIDE;
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return;
	slot = race_take(task, place, &index);
	if (!slot)
		return;
	slot->state = THPRACE_RACE_OPEN;
	slot->depth++;
}

SEC("race")
int race_inside_enter(void *ctx)
{
	race_do_inside_enter();
	return 0;
}

static __always_inline void race_do_inside_leave(void)
{
	struct thprace_race_slot *slot;
	int index;

	slot = race_find(bpf_get_current_pid_tgid(), this_place() | THPRACE_RACE_INSIDE, &index);
	if (slot && !--slot->depth)
		race_release(slot);
}

SEC("race")
int race_inside_leave(void *ctx)
{
	race_do_inside_leave();
	return 0;
}

/*
 * Its task exits at `now', in an interval whose key is known. Those who were there do not learn when
 * it would have ended, but that it was there: as at an end, it looks for them before it withdraws.
 */
static __always_inline void race_cut_off(struct thprace_race_slot *slot, u32 index, u32 judged)
{
	struct thprace_race_table *words = table();
	u8 flags = THPRACE_RACE_UNENDED;
	struct thprace_race_end *end;
	u32 met = 0;
	u64 now;

	if (!words)
		return;
	*(volatile u32 *)&slot->state = THPRACE_RACE_CLOSING;
	now = bpf_ktime_get_ns();
	if (has(THPRACE_RACE_HAS_LEARNERS) && race_learners(words, slot)) {
		met = race_keep_end(index, now);
		flags |= THPRACE_RACE_KEPT_END;
	}
	if (race_others(words, slot))
		met += race_meet_all(index, now);
	race_undo(words, slot, index);
	if (has(THPRACE_RACE_HAS_RECORDS))
		race_record(index, THPRACE_REC_RACE_END, now,
			    THPRACE_RF_DROPPED | THPRACE_RF_UNENDED, 0);
	if (!met && !*(volatile u32 *)&slot->noted)
		return;
	end = race_message(slot, now, flags, judged);
	if (!end)
		return;
	*(u64 *)&end->stack = 0; /* none: a global function has no context to take it from */
	bpf_ringbuf_submit(end, 0);
}

/* This task ends, and so does not leave the function of that place. judged: THPRACE_RACE_JUDGED, or 0. */
__noinline int __weak race_abandon(u32 place, u32 judged)
{
	int index;
	struct thprace_race_slot *slot = race_find(bpf_get_current_pid_tgid(), place, &index);

	if (!slot)
		return 0;
	if (is_under_way(slot) && !(place & THPRACE_RACE_INSIDE)) {
		count_lost(THPRACE_LOSS_RETURN);
		if (slot->state == THPRACE_RACE_OPEN)
			race_cut_off(slot, index, judged & THPRACE_RACE_JUDGED);
		else /* it has not learnt its key, and so it was none */
			race_gone(slot, index, 0);
	}
	race_release(slot);
	return 0;
}

/* Of all races; core fills them in. */
volatile struct thprace_race_exit race_exits[THPRACE_RACE_EXITS_MAX];

/* A task exits, for instance after an oops: what it has begun never ends. One program for all races. */
SEC("race")
int race_exit(void *ctx)
{
	u32 i;

	for (i = 0; i < NUMBER(THPRACE_RACE_EXITS) && i < THPRACE_RACE_EXITS_MAX; i++)
		race_abandon(race_exits[i].place, race_exits[i].flags);
	return 0;
}

/* Tasks wait that are in an interval of this place, THPRACE_RACE_PLACE() … */
volatile __u32 hold_place;
/* … if a clock finds them at one of these instructions. */
volatile struct thprace_clock_span clock_span[THPRACE_CLOCK_SPANS];

static __always_inline int race_hold(void)
{
	int index;
	struct thprace_race_slot *slot = race_find(bpf_get_current_pid_tgid(), hold_place, &index);

	if (!recording || !slot || !is_under_way(slot))
		return 0;
	if (widen_race(0))
		*(volatile u32 *)&slot->held += 1;
	return 0;
}

/* At the first instructions of a part of a function. */
SEC("kprobe")
int race_probe(void *ctx)
{
	return race_hold();
}

/* Where the address of the next instruction is in struct bpf_perf_event_data. */
#if defined(__TARGET_ARCH_x86)
#define INTERRUPTED 128
#else
#define INTERRUPTED 256
#endif

static __always_inline int clock_hits(u64 ip)
{
	u32 i;

	for (i = 0; i < THPRACE_CLOCK_SPANS; i++)
		if (ip - clock_span[i].from < clock_span[i].size)
			return 1;
	return 0;
}

/*
 * A clock of the command's tasks: the one that it interrupts there waits in the interrupt. Like any
 * interrupt it comes between two instructions.
 */
SEC("perf_event")
int race_clock(void *ctx)
{
	return clock_hits(*(u64 *)(ctx + INTERRUPTED)) ? race_hold() : 0;
}
