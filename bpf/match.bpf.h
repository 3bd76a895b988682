/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a walking task, and the matching: at its return, a walker looks for windows that are
 * open on its folio and reports each that it overlapped, and reports itself if others closed while
 * it was at work.
 */
#ifndef THPRACE_MATCH_BPF_H
#define THPRACE_MATCH_BPF_H

#include "record.bpf.h"

#define HITS 8
#define AT_POINT(point) (1 + (point))

struct walk_state {
	/* the walk under way */
	u64 enter;
	u64 folio;
	u64 ttu;
	u32 closed; /* bucket.closed at its start */
	u8 walking; /* AT_POINT(): where it began; 0: no walk is under way */
	u8 class;
	u8 origin;
	u8 migrate;
	/* start of the split around it */
	u64 split_enter;
	u64 split_folio;
	u64 unmapped; /* return of the split's walker, 0: none yet */
	s32 residual; /* which it left */
	u8 reported; /* that walker failed or overlapped a window */
	/* which functions this task is inside of */
	u8 invalidating;
	u8 poisoning;
	u8 unmapping; /* the call with which the split around it unmaps was seen */
	u64 poison_enter;
	u64 pfn;
	u64 tested_page; /* head page that page_mapped() last tested in this invalidation, or 0 */
	/* of the last walker that failed, until the function around it returns */
	u64 failed; /* its return, 0: none */
	u64 failed_folio;
	struct thprace_counts before; /* at its entry */
	u32 pending; /* its index in pending[] plus 1, 0: none */
	u32 remap; /* THPRACE_RF_REMAP, or 0 */
	struct thprace_walk walk; /* as it will be reported */
	/* slots whose window was found open on the folio */
	u32 hits;
	u32 hit[2 * HITS]; /* twice the size, so that one too many does not overwrite the first */
};

struct walks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct walk_state);
};
struct walks_map walks SEC(".maps");

static const struct walk_state no_walk;

static __always_inline struct walk_state *state_of(u64 task)
{
	u32 pid = (u32)task;

	return bpf_map_lookup_elem(&walks, &pid);
}

static __always_inline struct walk_state *state_make(u64 task)
{
	u32 pid = (u32)task;
	struct walk_state *state = bpf_map_lookup_elem(&walks, &pid);

	if (state)
		return state;
	bpf_map_update_elem(&walks, &pid, &no_walk, BPF_ANY);
	state = bpf_map_lookup_elem(&walks, &pid);
	if (!state)
		count_lost(THPRACE_LOSS_TASK);
	return state;
}

static __always_inline void state_drop(struct walk_state *state, u64 task)
{
	u32 pid = (u32)task;

	if (!state->walking && !state->split_enter && !state->invalidating && !state->poisoning)
		bpf_map_delete_elem(&walks, &pid);
}

#define SLOTS_AT_ONCE 32

/*
 * Find slots whose window is open on a folio, beginning with slot `first`, and put them into hit[].
 * A global function, so the verifier walks it once and not at each call. Returns 0.
 */
__noinline int __weak collect_some(u64 folio, u32 first)
{
	struct walk_state *state = state_of(bpf_get_current_pid_tgid());
	u64 there, other, unknown;
	u32 i, hits;

	if (!state)
		return 0;
	hits = state->hits;
	/* No branch in the body, so that the verifier follows one path through all rounds. */
	for (i = 0; i < SLOTS_AT_ONCE; i++) {
		there = *(volatile u64 *)&open_folio[BOUND(first + i, THPRACE_SLOTS_MAX - 1)];
		other = there ^ folio;
		unknown = there ^ FOLIO_UNKNOWN;
		*(volatile u32 *)&state->hit[BOUND(hits, 2 * HITS - 1)] = first + i;
		hits += ((other | -other) & (unknown | -unknown)) >> 63 ^ 1;
	}
	state->hits = hits;
	return 0;
}

/*
 * All slots. Only called if the folio's bucket says that a window is open. The number of slots is a
 * power of two and greater than the number that one call looks at.
 */
static __always_inline void collect_open(u64 folio)
{
	u32 first;

	for (first = 0; first <= slot_mask && first < THPRACE_SLOTS_MAX; first += SLOTS_AT_ONCE)
		collect_some(folio, first);
}

/*
 * Copy the open window of a slot. 0: it is gone, or it is a removal of small pages, which its owner
 * reports.
 */
static __always_inline int slot_window(u32 index, u64 folio, struct thprace_window *window)
{
	u64 at = BOUND(index, THPRACE_SLOTS_MAX - 1);
	struct thprace_slot *slot = &slots[at];
	u64 there;

	ADD(slot->noted, 1); /* also a barrier: noted, then checked whether it is still there */
	there = *(volatile u64 *)&open_folio[at];
	if (there != folio && there != FOLIO_UNKNOWN)
		return 0;
	bpf_probe_read_kernel(window, sizeof(*window), &slot->opener.window);
	if (*(volatile u64 *)&slot->opener.window.open != window->open)
		return 0; /* the task is in another zap already: a part of the copy belongs to that */
	*(u64 *)&window->pid = slot->task; /* and tgid */
	window->close = 0; /* the opener will report it */
	window->left = THPRACE_LEFT_UNREAD;
	window->flags = 0;
	return window->level == THPRACE_LEVEL_PMD;
}

/* All of it but the task's name, which only a report needs. */
static __always_inline void walk_fill(struct thprace_walk *walk, const struct walk_state *state,
				      u64 task, u64 leave, s32 residual, u16 flags)
{
	walk->enter = state->enter;
	walk->leave = leave;
	walk->folio = state->folio;
	walk->ttu = state->ttu;
	walk->pid = (u32)task;
	walk->tgid = task >> 32;
	walk->residual = residual;
	walk->result = 0;
	walk->cpu = bpf_get_smp_processor_id();
	walk->class = state->class;
	walk->origin = state->origin;
	walk->flags = flags | (state->migrate ? THPRACE_RF_MIGRATE : 0);
	walk->order = 0;
	__builtin_memset(&walk->left, 0, sizeof(walk->left));
	__builtin_memset(&walk->before, 0, sizeof(walk->before));
	__builtin_memset(&walk->outer, 0, sizeof(walk->outer));
	walk->outer_at = 0;
}

/*
 * What an open window of another task at PMD level means for this task's walker at this moment. Returns
 * its verdict; THPRACE_CLEAN: no overlap. A global function, as collect_some.
 */
__noinline int __weak judge(u64 open, u64 removed, u32 taking)
{
	struct thprace_window window = {.open = open,
					.removed = removed,
					.taking = taking,
					.left = THPRACE_LEFT_UNREAD,
					.level = THPRACE_LEVEL_PMD,
					.pid = 1};
	const struct walk_state *state = state_of(bpf_get_current_pid_tgid());
	struct thprace_counters *cpu = this_cpu();
	struct thprace_tally tally = {};
	const struct thprace_walk *walk;
	enum thprace_meeting meeting;

	if (!state)
		return THPRACE_CLEAN;
	walk = &state->walk;
	if (walk->flags & THPRACE_KF_RESULT) { /* the part of a split after its unmap */
		if (!thprace_open_at(open, 0, walk->enter))
			return THPRACE_CLEAN;
		return thprace_judge_head(0, walk->leave, walk->result);
	}
	meeting = thprace_meets(open, 0, walk->enter, walk->leave);
	if (meeting != THPRACE_OVERLAP) {
		if (meeting == THPRACE_TOUCH && cpu)
			ADD(cpu->touching, 1);
		return THPRACE_CLEAN;
	}
	thprace_tally__add(&tally, &window, walk);
	return thprace_judge(&window, walk, &tally).verdict;
}

/*
 * Report that this task's walker overlapped the window of slot index, if it did and the window is
 * another task's. A global function, as collect_some. Returns 0.
 */
__noinline int __weak pair_report(u32 index)
{
	struct walk_state *state = state_of(bpf_get_current_pid_tgid());
	struct thprace_incident *incident;

	if (!state)
		return 0;
	incident = incident_reserve(sizeof(*incident));
	if (!incident) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return 0;
	}
	if (!slot_window(index, state->walk.folio, &incident->window) ||
	    incident->window.pid == state->walk.pid)
		goto discard;
	incident->first_verdict =
		judge(incident->window.open, incident->window.removed, incident->window.taking);
	if (incident->first_verdict == THPRACE_CLEAN)
		goto discard;
	incident->type = THPRACE_MSG_INCIDENT;
	incident->verdict = incident->first_verdict;
	incident->close_call = 0;
	incident->attribution = THPRACE_ATTRIBUTION_NONE;
	__builtin_memset(incident->pad, 0, sizeof(incident->pad));
	incident->mode = precise;
	incident->walk = state->walk;
	bpf_get_current_comm(incident->walk.comm, sizeof(incident->walk.comm));
	stack_none(&incident->opener_stack);
	stack_none(&incident->walker_stack); /* comes with the walker's own report */
	bpf_ringbuf_submit(incident, 0);
	return 0;

discard:
	bpf_ringbuf_discard(incident, 0);
	return 0;
}

/* Find open windows on the walker's folio and report each. Returns their number. */
static __always_inline u32 windows_report(struct walk_state *state)
{
	u32 i;

	state->hits = 0;
	/*
	 * In this order, a window that moves from the first to the second is seen in one of them.
	 */
	if (*(volatile u32 *)&bucket_of(FOLIO_UNKNOWN)->windows ||
	    *(volatile u32 *)&bucket_of(state->walk.folio)->windows)
		collect_open(state->walk.folio);
	if (state->hits > HITS)
		count_lost(THPRACE_LOSS_HITS);
	for (i = 0; i < HITS && i < *(volatile u32 *)&state->hits; i++)
		pair_report(*(volatile u32 *)&state->hit[BOUND(i, HITS - 1)]);
	return *(volatile u32 *)&state->hits;
}

/*
 * Report the walker itself: it failed (core keeps it as unattributed unless an escape explains it),
 * it overlapped open windows (this adds its stack), or windows closed while it was at work (core
 * joins it with their openers' reports).
 */
static __always_inline void walker_report(void *ctx, const struct thprace_walk *walk, u32 type)
{
	struct thprace_incident *incident;

	incident = incident_reserve(sizeof(*incident));
	if (!incident) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return;
	}
	__builtin_memset(&incident->window, 0, sizeof(incident->window));
	incident->type = type;
	incident->verdict = THPRACE_CLEAN;
	incident->first_verdict = THPRACE_CLEAN;
	incident->close_call = 0;
	incident->attribution = THPRACE_ATTRIBUTION_NONE;
	__builtin_memset(incident->pad, 0, sizeof(incident->pad));
	incident->mode = precise;
	incident->walk = *walk;
	bpf_get_current_comm(incident->walk.comm, sizeof(incident->walk.comm));
	stack_none(&incident->opener_stack);
	stack_take(ctx, &incident->walker_stack);
	bpf_ringbuf_submit(incident, 0);
}

#endif
