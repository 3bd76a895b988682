/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Races from files: intervals whose key is learnt after their beginning.
 *
 * While such an interval is under way, ends of the other side are kept. Once it knows its key, it
 * publishes itself, and then looks among them: so of two that share an instant, still at least one
 * finds the other. docs/architecture.md has the proof.
 */
#ifndef THPRACE_RACE_LEARN_BPF_H
#define THPRACE_RACE_LEARN_BPF_H

#include "race.bpf.h"

#define ENDS THPRACE_RACE_HITS /* looked at together */

static __always_inline u32 *race_learning(struct thprace_race_table *words,
					  const struct thprace_race_slot *slot, u32 side)
{
	return &words->learning[BOUND((u64)slot->place >> 8, THPRACE_CLASS_MAX - 1)][side & 1];
}

/* It is counted, which is a barrier, and then stamped. */
static __always_inline void race_begin_learning(struct thprace_race_slot *slot, u32 index)
{
	struct thprace_race_table *words = table();

	if (!words)
		return;
	race_name(slot, index);
	slot->learns = 1;
	*(volatile u32 *)&slot->state = THPRACE_RACE_LEARNING;
	ADD(*race_learning(words, slot, slot->side), 1);
	slot->closed = *(volatile u64 *)&words->closed;
	*(volatile u64 *)&slot->begin = bpf_ktime_get_ns();
}

/* An interval ends in some way: what it has published is undone. */
static __always_inline void race_undo(struct thprace_race_table *words,
				      struct thprace_race_slot *slot, u32 index)
{
	if (!has(THPRACE_RACE_HAS_LEARN)) {
		race_withdraw(words, slot, index);
		return;
	}
	if (*(volatile u32 *)&slot->state != THPRACE_RACE_LEARNING)
		race_withdraw(words, slot, index);
	if (!slot->learns)
		return;
	slot->learns = 0;
	ADD(*race_learning(words, slot, slot->side), -1);
}

/* Does somebody of the other side learn its key? */
static __always_inline u32 race_learners(struct thprace_race_table *words,
					 const struct thprace_race_slot *slot)
{
	return *(volatile u32 *)race_learning(words, slot, slot->side ^ 1);
}

/* Of several tasks that want a place, one finds that it is the only owner. 1: it is written. */
static __always_inline int race_write_end(const struct thprace_race_slot *slot,
					  struct thprace_race_closed *end, u64 word, u64 number,
					  u64 now)
{
	if (*(volatile u32 *)&end->owners)
		return 0;
	ADD(end->owners, 1);
	/* Who was held up since it read its number does not write over a later end. */
	if (*(volatile u32 *)&end->owners != 1 || *(volatile u64 *)&end->number >= number) {
		ADD(end->owners, -1);
		return 0;
	}
	*(volatile u64 *)&end->number = 0;
	*(volatile u64 *)&end->word = word;
	*(volatile u64 *)&end->key = slot->interval.key;
	*(volatile u64 *)&end->from = slot->from;
	*(volatile u64 *)&end->to = slot->to;
	*(volatile u64 *)&end->id = slot->id;
	*(volatile u64 *)&end->begin = slot->begin;
	*(volatile u64 *)&end->end = now;
	*(volatile u64 *)&end->task = slot->task;
	*(volatile u32 *)&end->section = (slot->place & 0xff) >> 1;
	*(volatile u64 *)&end->number = number;
	ADD(end->owners, -1);
	return 1;
}

/* An interval ends at `now': keep that for those who do not know their key yet. */
__noinline int __weak race_keep_end(u32 index, u64 now)
{
	struct thprace_race_slot *slot = slot_of(index);
	struct thprace_race_table *words = table();
	u64 number, word;
	u32 i;

	if (!slot || !words)
		return 0;
	word = race_word(slot->interval.key, slot->place >> 8, slot->side);
	ADD(words->closed, 1);
	number = *(volatile u64 *)&words->closed;
	for (i = 0; i < THPRACE_RACE_CLOSED_TRIES; i++)
		if (race_write_end(slot, &words->end[BOUND(number + i, THPRACE_RACE_CLOSED - 1)],
				   word, number + i, now))
			return 1;
	count_lost(THPRACE_LOSS_HITS);
	return 1;
}

/* Collect ends of the other side with this key that are later than the beginning. No branch. */
__noinline int __weak race_collect_ends(u32 index, u64 first)
{
	struct thprace_race_slot *slot = slot_of(index);
	struct thprace_race_table *words = table();
	struct thprace_race_closed *end;
	u32 i, hits;
	u64 place;

	if (!slot || !words)
		return 0;
	hits = slot->hits;
	for (i = 0; i < ENDS; i++) {
		place = BOUND(first + i, THPRACE_RACE_CLOSED - 1);
		end = &words->end[place];
		*(volatile u32 *)&slot->hit[BOUND(hits, 2 * THPRACE_RACE_HITS - 1)] = place;
		hits += (nonzero(*(volatile u64 *)&end->word ^ slot->other) ^ 1) &
			((slot->closed - *(volatile u64 *)&end->number) >> 63);
	}
	slot->hits = hits;
	return 0;
}

/* The same key, another task, an instant and a part of the range: report the pair. */
__noinline int __weak race_meet_end(u32 index, u32 place)
{
	struct thprace_race_slot *slot = slot_of(index);
	struct thprace_race_table *words = table();
	struct thprace_race_pair pair = {.type = THPRACE_MSG_RACE_PAIR};
	struct thprace_race_closed *end;
	u64 number, ended;
	int side;

	if (!slot || !words)
		return 0;
	end = &words->end[BOUND((u64)place, THPRACE_RACE_CLOSED - 1)];
	number = *(volatile u64 *)&end->number;
	ended = *(volatile u64 *)&end->end;
	if (number <= slot->closed || ended < slot->begin ||
	    *(volatile u64 *)&end->word != slot->other ||
	    *(volatile u64 *)&end->key != slot->interval.key ||
	    *(volatile u64 *)&end->task == slot->task || *(volatile u64 *)&end->from >= slot->to ||
	    slot->from >= *(volatile u64 *)&end->to)
		return 0;
	side = slot->side & 1;
	pair.class = slot->place >> 8;
	if (side) {
		race_pair_side(&pair, 1, slot->place, slot->id, slot->begin, slot->task);
		race_pair_side(&pair, 0, *(volatile u32 *)&end->section << 1,
			       *(volatile u64 *)&end->id, *(volatile u64 *)&end->begin,
			       *(volatile u64 *)&end->task);
	} else {
		race_pair_side(&pair, 0, slot->place, slot->id, slot->begin, slot->task);
		race_pair_side(&pair, 1, *(volatile u32 *)&end->section << 1,
			       *(volatile u64 *)&end->id, *(volatile u64 *)&end->begin,
			       *(volatile u64 *)&end->task);
	}
	/* Another end may have been written there meanwhile. It comes here by itself: see the proof. */
	if (*(volatile u64 *)&end->number != number)
		return 0;
	ADD(slot->interval.others, 1);
	if (has(THPRACE_RACE_HAS_SINCE))
		race_count_since(index, ended);
	incident_output(&pair, sizeof(pair));
	return 1;
}

/* Those of ENDS that were kept, from the number `first' on. Returns how many it met. */
__noinline int __weak race_recall_some(u32 index, u64 first)
{
	struct thprace_race_slot *slot = slot_of(index);
	u32 i, met = 0;

	if (!slot)
		return 0;
	slot->hits = 0;
	race_collect_ends(index, first);
	for (i = 0; i < ENDS && i < *(volatile u32 *)&slot->hits; i++)
		met += race_meet_end(index,
				     *(volatile u32 *)&slot->hit[BOUND(i, THPRACE_RACE_HITS - 1)]);
	return met;
}

/* An interval has learnt its key, and is published: report the pairs that ended before that. */
__noinline int __weak race_recall(u32 index)
{
	struct thprace_race_slot *slot = slot_of(index);
	struct thprace_race_table *words = table();
	u64 first, last;
	u32 i, met = 0;

	if (!slot || !words)
		return 0;
	first = slot->closed + 1;
	last = *(volatile u64 *)&words->closed + THPRACE_RACE_CLOSED_TRIES;
	for (i = 0; i < THPRACE_RACE_CLOSED; i += ENDS) {
		if (first + i > last)
			break;
		met += race_recall_some(index, first + i);
	}
	/* Some may have been written over. */
	if (*(volatile u64 *)&words->closed - slot->closed >
	    THPRACE_RACE_CLOSED - THPRACE_RACE_CLOSED_TRIES)
		count_lost(THPRACE_LOSS_HITS);
	return met;
}

#endif
