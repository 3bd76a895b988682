/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Races from files: how long windows last, and how near the two sides come to each other without
 * meeting. All of it happens at an interval's end: if somebody of the other side ended after this
 * one began, they met, so only one that ended before may be near.
 */
#ifndef THPRACE_RACE_MEASURE_BPF_H
#define THPRACE_RACE_MEASURE_BPF_H

#include "race.bpf.h"

/* thprace_bucket(), with branches. A global function, so the verifier walks them once. */
__noinline int __weak race_bucket(u64 ns)
{
	u32 log2 = 2;

	if (ns >> 32)
		ns = 0xffffffff;
	if (ns < 4)
		ns |= 4;
	if (ns >> 18)
		log2 += 16;
	if (ns >> log2 >> 8)
		log2 += 8;
	if (ns >> log2 >> 4)
		log2 += 4;
	if (ns >> log2 >> 2)
		log2 += 2;
	if (ns >> log2 >> 1)
		log2 += 1;
	return 4 * (log2 - 1) + ((ns >> (log2 - 2)) & 3);
}

/* Most lengths of a race are alike, and a call takes as long as all the rest of this. */
static __always_inline void race_length(struct thprace_phase_lengths *lengths,
					struct thprace_race_bucketed *last, u64 length)
{
	u64 bucket = last->bucket, width;

	if (length - last->from >= last->width) {
		bucket = race_bucket(length);
		width = 1ULL << (((bucket >> 2) - 1) & 31);
		last->bucket = bucket;
		last->from = (4 + (bucket & 3)) * width;
		last->width = width;
	}
	lengths->sum += length;
	lengths->bucket[BOUND(bucket, THPRACE_BUCKETS - 1)]++;
	if (length > lengths->max)
		lengths->max = length;
}

static __always_inline u64 race_who(const struct thprace_race_slot *slot)
{
	return (slot->task & WALK_PID) | (u64)(slot->place >> 8) << THPRACE_WALK_CLASS_SHIFT;
}

static __always_inline void race_remember(const struct thprace_race_slot *slot,
					  struct thprace_race_last *last, u64 now)
{
	const u64 key = slot->interval.key, from = slot->from, to = slot->to, who = race_who(slot);

	*(volatile u64 *)&last->key = key;
	*(volatile u64 *)&last->end = now;
	*(volatile u64 *)&last->from = from;
	*(volatile u64 *)&last->to = to;
	*(volatile u64 *)&last->who = who;
	*(volatile u64 *)&last->sum = key + now + from + to + who;
}

/* Was the last one of the other side nearer than all before? */
static __always_inline void race_pass(const struct thprace_race_slot *slot,
				      const struct thprace_race_last *last,
				      struct thprace_closest *closest)
{
	const u64 key = slot->interval.key, me = race_who(slot);
	u64 who, end, from, to, distance;

	/* Mostly one of the first decides. */
	if (*(volatile u64 *)&last->key != key)
		return;
	end = *(volatile u64 *)&last->end;
	distance = slot->begin - end;
	if (slot->begin <= end || distance > closest->distance - 1) /* 0: none */
		return;
	who = *(volatile u64 *)&last->who;
	if (who == me || who >> THPRACE_WALK_CLASS_SHIFT != slot->place >> 8)
		return;
	from = *(volatile u64 *)&last->from;
	to = *(volatile u64 *)&last->to;
	if (from >= slot->to || slot->from >= to ||
	    *(volatile u64 *)&last->sum != key + end + from + to + who)
		return;
	closest->distance = distance;
	closest->folio = key;
	if (slot->side == THPRACE_RACE_WINDOW) {
		closest->window_open = slot->begin;
		closest->window_close = 0;
		closest->walk_enter = 0;
		closest->walk_leave = end;
		closest->window_pid = (u32)slot->task;
		closest->walk_pid = who;
	} else {
		closest->window_open = 0;
		closest->window_close = end;
		closest->walk_enter = slot->begin;
		closest->walk_leave = 0;
		closest->window_pid = who & WALK_PID;
		closest->walk_pid = me;
	}
}

/* An interval ended at `now' on CPU `id'. met: others of the other side. */
static __always_inline void race_measure(const struct thprace_race_slot *slot, u32 id, u64 now,
					 u64 met)
{
	const u64 class = BOUND(NUMBER(THPRACE_RACE_CLASS), THPRACE_CLASS_MAX - 1);
	struct thprace_race_cpu *cpu = bpf_map_lookup_elem(&race_cpus, &id);
	u32 bucket = slot->bucket & (THPRACE_RACE_BUCKETS - 1);
	struct thprace_race_passed *passed = bpf_map_lookup_elem(&race_passes, &bucket);
	struct thprace_race_last *mine, *other;

	if (!cpu || !passed)
		return;
	if (has(THPRACE_RACE_IS_WALKER)) {
		mine = &passed->walker;
		other = &passed->window;
	} else {
		mine = &passed->window;
		other = &passed->walker;
		race_length(&cpu->of[class].window, &cpu->bucketed[class], now - slot->begin);
	}
	race_remember(slot, mine, now);
	if (!met)
		race_pass(slot, other, &cpu->of[class].closest);
}

#endif
