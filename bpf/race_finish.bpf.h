/* SPDX-License-Identifier: GPL-2.0-only */
/* Races from files: what happens at an interval's end. It is reported, recorded, counted and withdrawn. */
#ifndef THPRACE_RACE_FINISH_BPF_H
#define THPRACE_RACE_FINISH_BPF_H

#include "race_learn.bpf.h"
#include "race_measure.bpf.h"

static __always_inline u32 this_place(void)
{
	return THPRACE_RACE_PLACE(NUMBER(THPRACE_RACE_CLASS), NUMBER(THPRACE_RACE_SECTION));
}

/* Which section it is, and its saved values at the end of the stack. */
static __always_inline void race_save(const struct thprace_race_slot *slot,
				      struct thprace_stack *stack)
{
	const u64 values = NUMBER(THPRACE_RACE_VALUES);
	u32 i;

	stack->section = (slot->place & 0xff) >> 1;
	if (!has(THPRACE_RACE_HAS_VALUES))
		return;
#pragma clang loop unroll(full)
	for (i = 0; i < THPRACE_INTERVAL_SAVED; i++)
		if (i < values)
			stack->ip[THPRACE_STACK_MAX - 1 - i] = slot->interval.saved[i];
	if (stack->nr > THPRACE_STACK_MAX - values)
		stack->nr = THPRACE_STACK_MAX - values;
	stack->values = values;
}

/* An interval's end, without its stack. judged: THPRACE_RACE_JUDGED, or 0. NULL: no place, and counted. */
static __always_inline struct thprace_race_end *race_message(const struct thprace_race_slot *slot,
							     u64 now, u8 flags, u32 judged)
{
	struct thprace_race_end *end = incident_reserve(sizeof(*end));

	if (!end) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return NULL;
	}
	end->type = THPRACE_MSG_RACE_END;
	end->class = slot->place >> 8;
	end->side = slot->side;
	end->section = (slot->place & 0xff) >> 1;
	end->flags = flags | judged;
	end->id = slot->id;
	end->begin = slot->begin;
	end->end = now;
	end->key = slot->interval.key;
	*(u64 *)&end->pid = slot->task; /* and tgid */
	end->cpu = bpf_get_smp_processor_id();
	end->pad = 0;
	bpf_get_current_comm(end->comm, sizeof(end->comm));
	return end;
}

static __always_inline void race_report(void *ctx, const struct thprace_race_slot *slot, u64 now,
					u8 flags)
{
	struct thprace_race_end *end = race_message(
		slot, now, flags, has(THPRACE_RACE_HAS_ESCAPE) ? THPRACE_RACE_JUDGED : 0);

	if (!end)
		return;
	stack_take(ctx, &end->stack);
	race_save(slot, &end->stack);
	bpf_ringbuf_submit(end, 0);
}

static __always_inline u32 record_flags(u8 flags)
{
	return (flags & THPRACE_RACE_ESCAPED ? THPRACE_RF_ESCAPED : 0) |
	       (flags & THPRACE_RACE_DROPPED ? THPRACE_RF_DROPPED : 0) |
	       (flags & THPRACE_RACE_INSTANT ? THPRACE_RF_INSTANT : 0) |
	       (has(THPRACE_RACE_HAS_ESCAPE) ? THPRACE_RF_JUDGED : 0);
}

/* It ended at `now', and is seen and filtered: core counts that. met: others of the other side. */
static __always_inline void race_count(const struct thprace_race_slot *slot, u64 now, u64 met)
{
	const u64 class = BOUND(NUMBER(THPRACE_RACE_CLASS), THPRACE_CLASS_MAX - 1);
	u32 id = bpf_get_smp_processor_id();
	struct thprace_counters *cpu = bpf_map_lookup_elem(&cpus, &id);

	if (!cpu)
		return;
	if (has(THPRACE_RACE_IS_WALKER)) {
		ADD(cpu->walkers[class], 1);
		ADD(cpu->walker_ns[class], now - slot->begin);
	} else {
		ADD(cpu->windows[class], 1);
	}
	race_measure(slot, id, now, met); /* last: it has the most branches */
}

/* The end of an interval, stamped `now': meets, proves, withdraws, reports, in this order. */
static __always_inline void race_finish(void *ctx, struct thprace_race_slot *slot, u32 index,
					u64 *frame, u64 now, u8 flags)
{
	struct thprace_race_table *words = table();
	u32 met = 0;

	if (!words)
		return;
	if (has(THPRACE_RACE_HAS_LEARNERS) && race_learners(words, slot)) {
		met = race_keep_end(index, now);
		flags |= THPRACE_RACE_KEPT_END;
	}
	if (race_others(words, slot))
		met += race_meet_all(index, now);
	CODE(frame, THPRACE_RACE_ESCAPE);
	if (*(volatile u64 *)&frame[THPRACE_RACE_FRAME_ESCAPE])
		flags |= THPRACE_RACE_ESCAPED;
	race_undo(words, slot, index);
	if (met || *(volatile u32 *)&slot->noted || flags & THPRACE_RACE_ESCAPED)
		race_report(ctx, slot, now, flags);
	if (has(THPRACE_RACE_HAS_RECORDS))
		race_record(index, THPRACE_REC_RACE_END, now, record_flags(flags), 0);
	race_count(slot, now, met | *(volatile u32 *)&slot->noted);
	race_release(slot);
}

#endif
