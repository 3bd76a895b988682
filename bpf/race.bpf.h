/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The protocol of races that files describe: the slots of intervals, and how the two sides find
 * each other.
 *
 * Both sides are alike. An interval publishes itself, then is stamped; its end is stamped, then
 * looks for open intervals of the other side, and then withdraws. So of two intervals that share an
 * instant at least one end finds the other. docs/architecture.md has the proof. The end that finds
 * the other reports the pair, and notes it at the other one; each of the two then reports itself.
 */
#ifndef THPRACE_RACE_BPF_H
#define THPRACE_RACE_BPF_H

#include "record.bpf.h"
#include <thprace/race_slot.h>

#define WAYS 4

struct race_slots_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, THPRACE_RACE_SLOTS);
	__type(key, u32);
	__type(value, struct thprace_race_slot);
};
extern struct race_slots_map race_slots SEC(".maps");

struct race_table_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct thprace_race_table);
};
extern struct race_table_map race_table SEC(".maps");

struct race_passes_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, THPRACE_RACE_BUCKETS);
	__type(key, u32);
	__type(value, struct thprace_race_passed);
};
extern struct race_passes_map race_passes SEC(".maps");

struct race_cpus_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set to the number of CPUs */
	__type(key, u32);
	__type(value, struct thprace_race_cpu);
};
extern struct race_cpus_map race_cpus SEC(".maps");

#ifndef NUMBER /* the model has its own */
/* A number that core puts in. */
#define NUMBER(which)                                                                         \
	({                                                                                    \
		u64 number_;                                                                  \
		asm volatile("%0 = %1" : "=r"(number_) : "i"(THPRACE_RACE_NUMBER + (which))); \
		number_;                                                                      \
	})

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* Core decides: does this event's program have it? */
static __always_inline int has(u32 flag)
{
	asm goto("r0 = %[mark]\n"
		 "if r0 == 0 goto %l[no]"
		 :
		 : [mark] "i"(THPRACE_RACE_IF + flag)
		 : "r0"
		 : no);
	asm volatile(""); /* so that a loop behind it can be unrolled */
	return 1;
no:
	asm volatile("");
	return 0;
}

/* Instructions that core puts in. They use r0 to r5 and the frame. */
#define CODE(frame, part)                                                                  \
	({                                                                                 \
		u64 result_;                                                               \
		asm volatile("r0 = %[mark]\n"                                              \
			     "r0 = %[frame_]\n"                                            \
			     ".rept " TEXT(THPRACE_RACE_ROOM) "\n r0 = 0\n .endr\n"        \
							      "%[result] = r0"             \
			     : [result] "=r"(result_)                                      \
			     : [frame_] "r"(frame), [mark] "i"(THPRACE_RACE_CODE + (part)) \
			     : "r0", "r1", "r2", "r3", "r4", "r5", "memory");              \
		result_;                                                                   \
	})
#else
static __always_inline int has(u32 flag)
{
	return HAS(flag) != 0;
}
#endif

static __always_inline struct thprace_race_slot *slot_of(u32 index)
{
	return bpf_map_lookup_elem(&race_slots, &index);
}

static __always_inline struct thprace_race_table *table(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&race_table, &zero);
}

static __always_inline u64 mix(u64 x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ULL;
	x ^= x >> 29;
	return x * 0xbf58476d1ce4e5b9ULL;
}

/* With a secret, so that nobody can choose threads that take each other's places. */
static __always_inline u32 race_home(u64 task, u32 place)
{
	return mix((task + ((u64)place << 32)) * slot_seed) >> 40;
}

#define RACE_WORD_SIDE 2ULL

/* What a side's intervals with this key are found by: never 0, and alike but for the bit of the side. */
static __always_inline u64 race_word(u64 key, u32 class, u32 side)
{
	return (mix(key * slot_seed + class) & ~3ULL) | (side & 1 ? RACE_WORD_SIDE : 0) | 1;
}

static __always_inline int is_slot_of(const struct thprace_race_slot *slot, u64 task, u32 place)
{
	if (slot->task != task || slot->place != place || !slot->owners)
		return 0;
	/* It may have been another's slot since: who claims one stores its task first. */
	return *(volatile u32 *)&slot->state && *(volatile u64 *)&slot->task == task;
}

/*
 * race_find(), wherever it is: its index, or -1. Loops are left as they are: what a program's load takes
 * grows with its length, and with its lookups, for each of which the kernel makes a copy of it.
 */
__noinline int __weak race_find_far(u64 task, u32 place)
{
	u32 home = race_home(task, place), way, at;
	struct thprace_race_slot *slot;

#pragma clang loop unroll(disable)
	for (way = 0; way < WAYS; way++) {
		at = (home ^ way) & (THPRACE_RACE_SLOTS - 1);
		slot = slot_of(at);
		if (slot && is_slot_of(slot, task, place))
			return at;
	}
	return -1;
}

static __always_inline struct thprace_race_slot *race_at(int index)
{
	return index < 0 ? NULL : slot_of(index);
}

/*
 * The slot of this task for that place, and its index; or NULL. Nearly always it is where it is looked
 * for first, and a call takes a tenth of an interval's time on some processors.
 */
static __always_inline struct thprace_race_slot *race_find(u64 task, u32 place, int *index)
{
	u32 at = race_home(task, place) & (THPRACE_RACE_SLOTS - 1);
	struct thprace_race_slot *slot = slot_of(at);

	*index = at;
	if (slot && is_slot_of(slot, task, place))
		return slot;
	*index = race_find_far(task, place);
	return race_at(*index);
}

/* Of several tasks that want a slot, at most one finds that it is the only owner. 1: it is this one's. */
static __always_inline int race_claim(struct thprace_race_slot *slot, u64 task, u32 place)
{
	ADD(slot->owners, 1);
	if (*(volatile u32 *)&slot->owners != 1) {
		ADD(slot->owners, -1);
		return 0;
	}
	slot->state = THPRACE_RACE_IDLE;
	slot->task = task;
	slot->place = place;
	slot->depth = 0;
	slot->learns = 0;
	slot->stray = 0;
	return 1;
}

/* race_take(), wherever one is. */
__noinline int __weak race_take_far(u64 task, u32 place)
{
	struct thprace_race_slot *first =
		slot_of(race_home(task, place) & (THPRACE_RACE_SLOTS - 1));
	u32 home = race_home(task, place), way, at;
	struct thprace_race_slot *slot;

#pragma clang loop unroll(disable)
	for (way = 0; way < WAYS; way++) {
		at = (home ^ way) & (THPRACE_RACE_SLOTS - 1);
		slot = slot_of(at);
		if (slot && is_slot_of(slot, task, place))
			return at;
	}
#pragma clang loop unroll(disable)
	for (way = 0; way < WAYS; way++) {
		at = (home ^ way) & (THPRACE_RACE_SLOTS - 1);
		slot = slot_of(at);
		if (!slot || *(volatile u32 *)&slot->owners || !race_claim(slot, task, place))
			continue;
		if (way && first) {
			ADD(first->strays, 1);
			slot->stray = 1 + (home & (THPRACE_RACE_SLOTS - 1));
		}
		return at;
	}
	count_lost(THPRACE_LOSS_SLOT);
	return -1;
}

/*
 * race_find(), or else a free slot; NULL: none is free. While there are strays, the task's own slot may
 * be one of them.
 */
static __always_inline struct thprace_race_slot *race_take(u64 task, u32 place, int *index)
{
	u32 at = race_home(task, place) & (THPRACE_RACE_SLOTS - 1);
	struct thprace_race_slot *slot = slot_of(at);

	*index = at;
	if (slot && !*(volatile u32 *)&slot->owners && !*(volatile u32 *)&slot->strays &&
	    race_claim(slot, task, place))
		return slot;
	*index = race_take_far(task, place);
	return race_at(*index);
}

/* A stray is released. */
__noinline int __weak race_return(u32 home)
{
	struct thprace_race_slot *first = slot_of(home);

	if (first)
		ADD(first->strays, -1);
	return 0;
}

static __always_inline void race_release(struct thprace_race_slot *slot)
{
	if (slot->stray)
		race_return(slot->stray - 1);
	slot->state = THPRACE_RACE_IDLE;
	ADD(slot->owners, -1);
}

/* With --all: what an interval does at `now'. The flags are those of the record. */
__noinline int __weak race_record(u32 index, u32 type, u64 now, u32 flags, u64 event)
{
	struct thprace_race_slot *slot = slot_of(index);
	u64 arg2 = 0, known;

	if (!slot)
		return 0;
	if (slot->side & 1)
		flags |= THPRACE_RF_WALKER;
	known = slot->state != THPRACE_RACE_LEARNING;
	if (type != THPRACE_REC_RACE_EVENT) {
		event = slot->from;
		arg2 = slot->to;
	}
	record_make(type, slot->place >> 8, 0, flags, slot->task, now, slot->begin,
		    known ? slot->interval.key : 0, event, arg2, (slot->place & 0xff) >> 1);
	return 0;
}

/* Words that are compared in one go. */
#define RACE_WORDS 8

/*
 * Collect slots whose word is this, beginning with slot `first'. No branch: one path to verify. The
 * verifier walks each round of a loop, and a global function once: so there are three of them.
 */
__noinline int __weak race_collect(u32 index, u32 first)
{
	struct thprace_race_slot *slot = slot_of(index);
	struct thprace_race_table *words = table();
	u32 i, hits;
	u64 other;

	if (!slot || !words)
		return 0;
	hits = slot->hits;
	for (i = 0; i < RACE_WORDS; i++) {
		other = *(volatile u64 *)&words->word[BOUND(first + i, THPRACE_RACE_SLOTS - 1)] ^
			slot->other;
		*(volatile u32 *)&slot->hit[BOUND(hits, 2 * THPRACE_RACE_HITS - 1)] = first + i;
		hits += nonzero(other) ^ 1;
	}
	slot->hits = hits;
	return 0;
}

/* The same of eight times as many. */
__noinline int __weak race_collect_more(u32 index, u32 first)
{
	u32 i;

#pragma clang loop unroll(disable)
	for (i = 0; i < 8 * RACE_WORDS; i += RACE_WORDS)
		race_collect(index, first + i);
	return 0;
}

static __always_inline void race_pair_side(struct thprace_race_pair *pair,
					   enum thprace_race_side side, u32 place, u64 id,
					   u64 begin, u64 task)
{
	pair->section[side] = (place & 0xff) >> 1;
	pair->id[side] = id;
	pair->begin[side] = begin;
	pair->pid[side] = task;
}

static __always_inline void race_pair(const struct thprace_race_slot *window, u64 open,
				      const struct thprace_race_slot *walker, u64 enter)
{
	struct thprace_race_pair pair = {.type = THPRACE_MSG_RACE_PAIR,
					 .class = window->place >> 8};

	race_pair_side(&pair, THPRACE_RACE_WINDOW, window->place, window->id, open, window->task);
	race_pair_side(&pair, THPRACE_RACE_WALKER, walker->place, walker->id, enter, walker->task);
	incident_output(&pair, sizeof(pair));
}

/*
 * Others that the interval of a slot has met since its events: those that took place by `now'. A
 * global function, so the verifier walks it once.
 */
__noinline int __weak race_count_since(u32 index, u64 now)
{
	struct thprace_race_slot *slot = slot_of(index);
	struct thprace_race_interval *interval;
	u32 i;

	if (!slot)
		return 0;
	interval = &slot->interval;
	for (i = 0; i < THPRACE_INTERVAL_EVENTS; i++)
		ADD(interval->since[i], nonzero(*(volatile u64 *)&interval->event[i]) &
						(*(volatile u64 *)&interval->first[i] <= now));
	return 0;
}

/* Of two that met, both count. now: when the interval of slot `index' ended. */
static __always_inline void race_count_both(struct thprace_race_slot *slot, u32 index,
					    struct thprace_race_slot *other, u32 there, u64 now)
{
	if (has(THPRACE_RACE_HAS_SINCE)) {
		race_count_since(there, has(THPRACE_RACE_LEADS) ? bpf_ktime_get_ns() : now);
		race_count_since(index, now);
	}
	ADD(other->interval.others, 1);
	ADD(slot->interval.others, 1);
}

/*
 * The other may have read the clock for its beginning and not have stored it; or for its end, long ago,
 * and not be withdrawn yet. Then core decides by the stamps, and nothing is counted here. But an
 * instant that is passing has but one stamp, so it and who is closing know whether they met: the first
 * of both that comes here counts.
 */
static __always_inline int race_counts(struct thprace_race_slot *slot, u32 index,
				       const struct thprace_race_slot *other, u32 there, u64 began)
{
	u32 state;

	ADD(slot->looked, there + 1 - slot->looked); /* also a barrier */
	state = *(volatile u32 *)&other->state;
	if (state == THPRACE_RACE_OPEN)
		return began != 0;
	if (*(volatile u32 *)&other->looked > index)
		return 0;
	if (has(THPRACE_RACE_LEADS))
		return began && state == THPRACE_RACE_CLOSING &&
		       *(volatile u64 *)&other->end >= slot->begin;
	return state == THPRACE_RACE_PASSING && began >= slot->begin;
}

/*
 * The same as race_meet(), while the other slot cannot be given to another interval. Its begin is
 * read after its word: whoever publishes clears it first.
 */
static __always_inline int race_meet_held(struct thprace_race_slot *slot, u32 index,
					  struct thprace_race_slot *other, u32 there, u64 word,
					  u64 now)
{
	u64 began = *(volatile u64 *)&other->begin;

	if (word != slot->other || *(volatile u64 *)&other->task == slot->task ||
	    *(volatile u64 *)&other->interval.key != slot->interval.key || began > now ||
	    *(volatile u64 *)&other->from >= slot->to || slot->from >= *(volatile u64 *)&other->to)
		return 0;
	if (race_counts(slot, index, other, there, began))
		race_count_both(slot, index, other, there, now);
	if (slot->side == THPRACE_RACE_WINDOW)
		race_pair(slot, slot->begin, other, began);
	else
		race_pair(other, began, slot, slot->begin);
	return 1;
}

/*
 * The interval of slot `index' ends at `now' and found that of slot `there'. 1: they share an
 * instant and a part of the range, and are of two tasks.
 */
__noinline int __weak race_meet(u32 index, u32 there, u64 now)
{
	struct thprace_race_slot *slot = slot_of(index), *other = slot_of(there);
	struct thprace_race_table *words = table();
	int met;

	if (!slot || !other || !words)
		return 0;
	/* Until this is undone, nobody claims the slot: what is added below is this interval's. */
	ADD(other->owners, 1);
	/* Noted, which is also a barrier, and then checked whether it is still there. */
	ADD(other->noted, 1);
	met = race_meet_held(slot, index, other, there,
			     *(volatile u64 *)&words->word[BOUND(there, THPRACE_RACE_SLOTS - 1)],
			     now);
	ADD(other->owners, -1);
	return met;
}

/* Report the pairs of an interval that ends at `now'. Returns their number. */
__noinline int __weak race_meet_all(u32 index, u64 now)
{
	struct thprace_race_slot *slot = slot_of(index);
	u32 first, i, met = 0;

	if (!slot)
		return 0;
	slot->hits = 0;
	for (first = 0; first < THPRACE_RACE_SLOTS; first += 8 * RACE_WORDS)
		race_collect_more(index, first);
	if (slot->hits > THPRACE_RACE_HITS)
		count_lost(THPRACE_LOSS_HITS);
	for (i = 0; i < THPRACE_RACE_HITS && i < *(volatile u32 *)&slot->hits; i++)
		met += race_meet(index,
				 *(volatile u32 *)&slot->hit[BOUND(i, THPRACE_RACE_HITS - 1)], now);
	return met;
}

/* It becomes another interval than all before. */
static __always_inline void race_name(struct thprace_race_slot *slot, u32 index)
{
	slot->side = NUMBER(THPRACE_RACE_SIDE);
	slot->id = ((slot->id + THPRACE_RACE_SLOTS) & -(u64)THPRACE_RACE_SLOTS) | index;
	slot->noted = 0;
	slot->looked = 0;
	*(volatile u64 *)&slot->end = 0;
}

/* Others can find the interval of a slot. */
static __always_inline void race_show(struct thprace_race_slot *slot, u32 index,
				      enum thprace_race_state state)
{
	struct thprace_race_table *words = table();
	const u32 class = NUMBER(THPRACE_RACE_CLASS), side = NUMBER(THPRACE_RACE_SIDE);
	u64 key = *(volatile u64 *)&slot->interval.key;
	u64 word = race_word(key, class, side);

	if (!words)
		return;
	slot->other = word ^ RACE_WORD_SIDE;
	slot->bucket = word >> 40;
	*(volatile u32 *)&slot->state = state;
	*(volatile u64 *)&words->word[BOUND((u64)index, THPRACE_RACE_SLOTS - 1)] = word;
	ADD(words->bucket[BOUND((u64)slot->bucket, THPRACE_RACE_BUCKETS - 1)].open[side & 1], 1);
}

/* Publish the interval of a slot, and then stamp it. */
static __always_inline void race_publish(struct thprace_race_slot *slot, u32 index,
					 enum thprace_race_state state)
{
	race_name(slot, index);
	slot->begin = 0;
	race_show(slot, index, state);
	*(volatile u64 *)&slot->begin = bpf_ktime_get_ns();
}

/* The end of a publication; also a barrier. */
static __always_inline void race_withdraw(struct thprace_race_table *words,
					  struct thprace_race_slot *slot, u32 index)
{
	*(volatile u64 *)&words->word[BOUND((u64)index, THPRACE_RACE_SLOTS - 1)] = 0;
	ADD(words->bucket[BOUND((u64)slot->bucket, THPRACE_RACE_BUCKETS - 1)].open[slot->side & 1],
	    -1);
}

/* Is somebody of the other side there? */
static __always_inline u32 race_others(struct thprace_race_table *words,
				       struct thprace_race_slot *slot)
{
	return *(volatile u32 *)&words->bucket[BOUND((u64)slot->bucket, THPRACE_RACE_BUCKETS - 1)]
			.open[(slot->side & 1) ^ 1];
}

#endif
