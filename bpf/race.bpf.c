// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races that files describe. These programs are not attached: each is a template, of which core
 * makes a program for each event (core/engine/engine_race.c). It puts instructions for keys and
 * conditions into it, and the numbers of race and section.
 *
 * Both sides are alike. An interval publishes itself, then is stamped; its end is stamped, then
 * looks for open intervals of the other side, and then withdraws. So of two intervals that share an
 * instant at least one end finds the other. docs/architecture.md has the proof. The end that finds
 * the other reports the pair, and notes it at the other one; each of the two then reports itself.
 */
#include "record.bpf.h"
#include <thprace/race_slot.h>

#define WAYS 4

struct race_slots_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, THPRACE_RACE_SLOTS);
	__type(key, u32);
	__type(value, struct thprace_race_slot);
};
struct race_slots_map race_slots SEC(".maps");

struct race_table_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct thprace_race_table);
};
struct race_table_map race_table SEC(".maps");

/* A number that core puts in. */
#define NUMBER(which)                                                                         \
	({                                                                                    \
		u64 number_;                                                                  \
		asm volatile("%0 = %1" : "=r"(number_) : "i"(THPRACE_RACE_NUMBER + (which))); \
		number_;                                                                      \
	})

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

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

static __always_inline u64 race_word(u64 key, u32 class, u32 side)
{
	return mix(key * slot_seed + (class << 1 | side)) | 1;
}

/* The slot of this task for that place: its index, or -1. */
__noinline int __weak race_find(u64 task, u32 place)
{
	u32 home = race_home(task, place), way, at;
	struct thprace_race_slot *slot;

	for (way = 0; way < WAYS; way++) {
		at = (home ^ way) & (THPRACE_RACE_SLOTS - 1);
		slot = slot_of(at);
		if (slot && slot->task == task && slot->place == place && slot->owners &&
		    slot->state)
			return at;
	}
	return -1;
}

/*
 * A free slot. Of several tasks that want it, at most one finds that it is the only owner. -1: none
 * is free.
 */
__noinline int __weak race_claim(u64 task, u32 place)
{
	u32 home = race_home(task, place), way, at;
	struct thprace_race_slot *slot;

	for (way = 0; way < WAYS; way++) {
		at = (home ^ way) & (THPRACE_RACE_SLOTS - 1);
		slot = slot_of(at);
		if (!slot || *(volatile u32 *)&slot->owners)
			continue;
		ADD(slot->owners, 1);
		if (*(volatile u32 *)&slot->owners != 1) {
			ADD(slot->owners, -1);
			continue;
		}
		slot->state = THPRACE_RACE_IDLE;
		slot->task = task;
		slot->place = place;
		slot->depth = 0;
		return at;
	}
	count_lost(THPRACE_LOSS_SLOT);
	return -1;
}

static __always_inline void race_release(struct thprace_race_slot *slot)
{
	slot->state = THPRACE_RACE_IDLE;
	ADD(slot->owners, -1);
}

/* Collect slots whose word is this, beginning with slot `first'. No branch: one path to verify. */
__noinline int __weak race_collect(u32 index, u32 first)
{
	struct thprace_race_slot *slot = slot_of(index);
	struct thprace_race_table *words = table();
	u32 i, hits;
	u64 other;

	if (!slot || !words)
		return 0;
	hits = slot->hits;
	for (i = 0; i < 32; i++) {
		other = *(volatile u64 *)&words->word[BOUND(first + i, THPRACE_RACE_SLOTS - 1)] ^
			slot->other;
		*(volatile u32 *)&slot->hit[BOUND(hits, 2 * THPRACE_RACE_HITS - 1)] = first + i;
		hits += nonzero(other) ^ 1;
	}
	slot->hits = hits;
	return 0;
}

static __always_inline void race_pair(const struct thprace_race_slot *window, u64 open,
				      const struct thprace_race_slot *walker, u64 enter)
{
	struct thprace_race_pair pair = {
		.type = THPRACE_MSG_RACE_PAIR,
		.class = window->place >> 8,
		.section = {(window->place & 0xff) >> 1, (walker->place & 0xff) >> 1},
		.begin = {open, enter},
		.pid = {(u32)window->task, (u32)walker->task},
	};

	incident_output(&pair, sizeof(pair));
}

/*
 * The interval of slot `index' ends at `now' and found that of slot `there'. 1: they share an
 * instant and a part of the range, and are of two tasks.
 */
__noinline int __weak race_meet(u32 index, u32 there, u64 now)
{
	struct thprace_race_slot *slot = slot_of(index), *other = slot_of(there);
	struct thprace_race_table *words = table();
	u64 began;
	u32 i;

	if (!slot || !other || !words || other->task == slot->task)
		return 0;
	/* Noted, which is also a barrier, and then checked whether it is still there. */
	ADD(other->noted, 1);
	began = *(volatile u64 *)&other->begin;
	if (*(volatile u64 *)&words->word[BOUND(there, THPRACE_RACE_SLOTS - 1)] != slot->other ||
	    other->interval.key != slot->interval.key || !began || began > now ||
	    other->from >= slot->to || slot->from >= other->to)
		return 0;
	ADD(other->interval.others, 1);
	ADD(slot->interval.others, 1);
	for (i = 0; i < THPRACE_INTERVAL_EVENTS; i++) {
		ADD(other->interval.since[i], nonzero(other->interval.event[i]));
		ADD(slot->interval.since[i], nonzero(slot->interval.event[i]));
	}
	if (slot->side == THPRACE_RACE_WINDOW)
		race_pair(slot, slot->begin, other, began);
	else
		race_pair(other, began, slot, slot->begin);
	return 1;
}

/* Report the pairs of an interval that ends at `now'. Returns their number. */
__noinline int __weak race_meet_all(u32 index, u64 now)
{
	struct thprace_race_slot *slot = slot_of(index);
	u32 first, i, met = 0;

	if (!slot)
		return 0;
	slot->hits = 0;
	for (first = 0; first < THPRACE_RACE_SLOTS; first += 32)
		race_collect(index, first);
	if (slot->hits > THPRACE_RACE_HITS)
		count_lost(THPRACE_LOSS_HITS);
	for (i = 0; i < THPRACE_RACE_HITS && i < *(volatile u32 *)&slot->hits; i++)
		met += race_meet(index,
				 *(volatile u32 *)&slot->hit[BOUND(i, THPRACE_RACE_HITS - 1)], now);
	return met;
}

/* Publish the interval of a slot, and then stamp it. */
static __always_inline void race_publish(struct thprace_race_slot *slot, u32 index)
{
	struct thprace_race_table *words = table();
	const u32 class = NUMBER(THPRACE_RACE_CLASS), side = NUMBER(THPRACE_RACE_SIDE);
	u64 key = *(volatile u64 *)&slot->interval.key;
	u64 word = race_word(key, class, side);

	if (!words)
		return;
	slot->other = race_word(key, class, side ^ 1);
	slot->bucket = mix(key + class) >> 40;
	slot->side = side;
	slot->begin = 0;
	slot->noted = 0;
	slot->state = THPRACE_RACE_OPEN;
	*(volatile u64 *)&words->word[BOUND((u64)index, THPRACE_RACE_SLOTS - 1)] = word;
	ADD(words->bucket[BOUND((u64)slot->bucket, THPRACE_RACE_BUCKETS - 1)].open[side & 1], 1);
	*(volatile u64 *)&slot->begin = bpf_ktime_get_ns();
}

/* The end of a publication; also a barrier. */
static __always_inline void race_withdraw(struct thprace_race_slot *slot, u32 index)
{
	struct thprace_race_table *words = table();

	if (!words)
		return;
	*(volatile u64 *)&words->word[BOUND((u64)index, THPRACE_RACE_SLOTS - 1)] = 0;
	ADD(words->bucket[BOUND((u64)slot->bucket, THPRACE_RACE_BUCKETS - 1)].open[slot->side & 1],
	    -1);
}

/* Is somebody of the other side there? */
static __always_inline u32 race_others(struct thprace_race_slot *slot)
{
	struct thprace_race_table *words = table();

	if (!words)
		return 0;
	return *(volatile u32 *)&words->bucket[BOUND((u64)slot->bucket, THPRACE_RACE_BUCKETS - 1)]
			.open[(slot->side & 1) ^ 1];
}

static __always_inline void race_report(void *ctx, const struct thprace_race_slot *slot, u64 now,
					u8 flags)
{
	struct thprace_race_end *end = incident_reserve(sizeof(*end));

	if (!end) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return;
	}
	end->type = THPRACE_MSG_RACE_END;
	end->class = slot->place >> 8;
	end->side = slot->side;
	end->section = (slot->place & 0xff) >> 1;
	end->flags = flags | (NUMBER(THPRACE_RACE_FLAGS) & THPRACE_RACE_HAS_ESCAPE);
	end->begin = slot->begin;
	end->end = now;
	end->key = slot->interval.key;
	*(u64 *)&end->pid = slot->task; /* and tgid */
	end->cpu = bpf_get_smp_processor_id();
	end->pad = 0;
	bpf_get_current_comm(end->comm, sizeof(end->comm));
	stack_take(ctx, &end->stack);
	bpf_ringbuf_submit(end, 0);
}

static __always_inline void race_count(const struct thprace_race_slot *slot, u64 now)
{
	const u64 class = BOUND(NUMBER(THPRACE_RACE_CLASS), THPRACE_CLASS_MAX - 1);
	struct thprace_counters *cpu = this_cpu();

	if (!cpu)
		return;
	if (NUMBER(THPRACE_RACE_SIDE) == THPRACE_RACE_WALKER) {
		ADD(cpu->walkers[class], 1);
		ADD(cpu->walker_ns[class], now - slot->begin);
	} else {
		ADD(cpu->windows[class], 1);
	}
	ADD(cpu->seen, 1);
	ADD(cpu->filtered, 1);
}

/* The end of an interval, stamped `now': meets, proves, withdraws, reports, in this order. */
static __always_inline void race_finish(void *ctx, struct thprace_race_slot *slot, u32 index,
					u64 *frame, u64 now, u8 flags)
{
	u32 met = 0;

	if (race_others(slot))
		met = race_meet_all(index, now);
	CODE(frame, THPRACE_RACE_ESCAPE);
	if (*(volatile u64 *)&frame[THPRACE_RACE_FRAME_ESCAPE])
		flags |= THPRACE_RACE_ESCAPED;
	race_withdraw(slot, index);
	if (met || *(volatile u32 *)&slot->noted || flags & THPRACE_RACE_ESCAPED)
		race_report(ctx, slot, now, flags);
	race_count(slot, now);
	race_release(slot);
}

static __always_inline u32 this_place(void)
{
	return THPRACE_RACE_PLACE(NUMBER(THPRACE_RACE_CLASS), NUMBER(THPRACE_RACE_SECTION));
}

static __always_inline int is_inside(u64 task)
{
	return !(NUMBER(THPRACE_RACE_FLAGS) & THPRACE_RACE_HAS_INSIDE) ||
	       race_find(task, this_place() | THPRACE_RACE_INSIDE) >= 0;
}

/* What the code before has left in the frame becomes the interval's. */
static __always_inline void race_fill(struct thprace_race_slot *slot, const u64 *frame)
{
	u32 i;

	*(volatile u64 *)&slot->interval.key = frame[THPRACE_RACE_FRAME_KEY];
	*(volatile u64 *)&slot->from = frame[THPRACE_RACE_FRAME_FROM];
	*(volatile u64 *)&slot->to = frame[THPRACE_RACE_FRAME_TO];
	slot->interval.others = 0;
#pragma clang loop unroll(full)
	for (i = 0; i < THPRACE_INTERVAL_SAVED; i++)
		*(volatile u64 *)&slot->interval.saved[i] = frame[THPRACE_RACE_FRAME_SAVED + i];
#pragma clang loop unroll(full)
	for (i = 0; i < THPRACE_INTERVAL_EVENTS; i++) {
		slot->interval.event[i] = 0;
		slot->interval.since[i] = 0;
	}
}

static __always_inline void frame_init(u64 *frame, void *ctx)
{
	u32 i;

	frame[THPRACE_RACE_FRAME_CONTEXT] = (u64)ctx;
	frame[THPRACE_RACE_FRAME_FROM] = 0;
	frame[THPRACE_RACE_FRAME_TO] = 1;
	frame[THPRACE_RACE_FRAME_KEY] = 0;
	frame[THPRACE_RACE_FRAME_ESCAPE] = 0;
#pragma clang loop unroll(full)
	for (i = 0; i < THPRACE_INTERVAL_SAVED; i++)
		frame[THPRACE_RACE_FRAME_SAVED + i] = 0;
}

/* An interval or instant begins. Returns its slot's index, or -1. */
static __always_inline int race_start(void *ctx, u64 *frame, u64 task)
{
	struct thprace_race_slot *slot = NULL;
	int index;

	frame_init(frame, ctx);
	index = race_find(task, this_place());
	if (NUMBER(THPRACE_RACE_FLAGS) & THPRACE_RACE_HAS_KEPT) {
		slot = index < 0 ? NULL : slot_of(index);
		if (!slot)
			return -1; /* its entry came before recording */
		frame[THPRACE_RACE_FRAME_INTERVAL] = (u64)&slot->interval;
	}
	if (!CODE(frame, THPRACE_RACE_BEFORE)) {
		if (slot && slot->state == THPRACE_RACE_KEPT)
			race_release(slot);
		return -1;
	}
	if (index < 0)
		index = race_claim(task, this_place());
	if (index < 0)
		return -1;
	slot = slot_of(index);
	if (!slot)
		return -1;
	if (slot->state == THPRACE_RACE_OPEN) { /* its end was missed, or it is a nested call */
		race_withdraw(slot, index);
		count_lost(THPRACE_LOSS_RETURN);
	}
	race_fill(slot, frame);
	race_publish(slot, index);
	return index;
}

SEC("race")
int race_begin(void *ctx)
{
	u64 task = bpf_get_current_pid_tgid();
	u64 frame[THPRACE_RACE_FRAME_WORDS];

	if (recording && is_inside(task))
		race_start(ctx, frame, task);
	return 0;
}

SEC("race")
int race_instant(void *ctx)
{
	u64 task = bpf_get_current_pid_tgid();
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording || !is_inside(task))
		return 0;
	index = race_start(ctx, frame, task);
	if (index < 0)
		return 0;
	slot = slot_of(index);
	if (!slot)
		return 0;
	frame[THPRACE_RACE_FRAME_INTERVAL] = (u64)&slot->interval;
	race_finish(ctx, slot, index, frame, slot->begin, THPRACE_RACE_INSTANT);
	return 0;
}

/* The task's open interval, in whose frame the code of an event runs. NULL: it does not count. */
static __always_inline struct thprace_race_slot *race_at_event(void *ctx, u64 *frame, int *index)
{
	struct thprace_race_slot *slot;

	*index = race_find(bpf_get_current_pid_tgid(), this_place());
	if (*index < 0)
		return NULL;
	slot = slot_of(*index);
	if (!slot || slot->state != THPRACE_RACE_OPEN)
		return NULL;
	frame_init(frame, ctx);
	frame[THPRACE_RACE_FRAME_INTERVAL] = (u64)&slot->interval;
	return CODE(frame, THPRACE_RACE_BEFORE) ? slot : NULL;
}

SEC("race")
int race_end(void *ctx)
{
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return 0;
	slot = race_at_event(ctx, frame, &index);
	if (slot)
		race_finish(ctx, slot, index, frame, bpf_ktime_get_ns(), 0);
	return 0;
}

/* The interval was none. Whoever met it is told so. */
SEC("race")
int race_drop(void *ctx)
{
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return 0;
	slot = race_at_event(ctx, frame, &index);
	if (!slot)
		return 0;
	race_withdraw(slot, index);
	if (*(volatile u32 *)&slot->noted)
		race_report(ctx, slot, bpf_ktime_get_ns(), THPRACE_RACE_DROPPED);
	race_release(slot);
	return 0;
}

SEC("race")
int race_event(void *ctx)
{
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return 0;
	slot = race_at_event(ctx, frame, &index);
	if (slot)
		slot->interval
			.event[BOUND(NUMBER(THPRACE_RACE_EVENT), THPRACE_INTERVAL_EVENTS - 1)]++;
	return 0;
}

/* At a function's entry, or a call: saves the arguments for the event at its return. */
SEC("race")
int race_keep(void *ctx)
{
	u64 task = bpf_get_current_pid_tgid();
	const u32 begins = NUMBER(THPRACE_RACE_FLAGS) & THPRACE_RACE_HAS_KEPT;
	u64 frame[THPRACE_RACE_FRAME_WORDS];
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return 0;
	index = race_find(task, this_place());
	if (index < 0 && begins && is_inside(task)) {
		index = race_claim(task, this_place());
		slot = index < 0 ? NULL : slot_of(index);
		if (slot)
			slot->state = THPRACE_RACE_KEPT;
	}
	slot = index < 0 ? NULL : slot_of(index);
	if (!slot)
		return 0;
	frame[THPRACE_RACE_FRAME_CONTEXT] = (u64)ctx;
	frame[THPRACE_RACE_FRAME_INTERVAL] = (u64)&slot->interval;
	CODE(frame, THPRACE_RACE_KEEP);
	return 0;
}

/* The function around a section. */
SEC("race")
int race_inside_enter(void *ctx)
{
	u64 task = bpf_get_current_pid_tgid();
	const u32 place = this_place() | THPRACE_RACE_INSIDE;
	struct thprace_race_slot *slot;
	int index;

	if (!recording)
		return 0;
	index = race_find(task, place);
	if (index < 0)
		index = race_claim(task, place);
	slot = index < 0 ? NULL : slot_of(index);
	if (!slot)
		return 0;
	slot->state = THPRACE_RACE_OPEN;
	slot->depth++;
	return 0;
}

SEC("race")
int race_inside_leave(void *ctx)
{
	struct thprace_race_slot *slot;
	int index = race_find(bpf_get_current_pid_tgid(), this_place() | THPRACE_RACE_INSIDE);

	slot = index < 0 ? NULL : slot_of(index);
	if (slot && !--slot->depth)
		race_release(slot);
	return 0;
}
