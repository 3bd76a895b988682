/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine that all programs share: settings, slots of zapping tasks, buckets of folios, and how
 * programs get their arguments.
 *
 * How windows and walkers find each other, without a lock and without missing one:
 *   - a start is published first, then stamped; an end is stamped first, then looks for others;
 *   - an opener publishes in bucket.windows and open_folio[], a walker in bucket.walkers;
 *   - if a window's end sees a walker, it increments bucket.closed, then leaves open_folio[] and
 *     reports itself; so does a window that a walker noted in slot.noted;
 *   - a walker's end reports each window that is still open, and itself if bucket.closed changed.
 * So if two intervals overlap by their stamps, both are reported, whatever delays there are between
 * any two instructions; core joins the reports. docs/architecture.md has the proof.
 */
#ifndef THPRACE_ENGINE_BPF_H
#define THPRACE_ENGINE_BPF_H

#include "kernel.bpf.h"
#include "target.bpf.h"
#include <thprace/shared.h>
#include <thprace/verdict.h>

#define SLOT_WAYS 8
#define FOLIO_UNKNOWN (~0ULL) /* in open_folio[]: the rmap removal will show the folio */

/* Settings, fixed before load. */
extern SETTING struct thprace_args args[THPRACE_POINT_MAX];
extern SETTING __u64 symbols[THPRACE_SYMBOL_MAX];
/*
 * The race class of a walker of an origin, at a point; 0: none. The programs know nothing else
 * about classes.
 */
extern SETTING __u8 classes[THPRACE_POINT_MAX][THPRACE_ORIGIN_SLOTS];
extern SETTING __u64 slot_mask; /* number of slots - 1: a power of two - 1 */
extern SETTING __u64 slot_seed; /* odd, new at each load, and secret */
extern SETTING __u32 stream_count; /* 0: no streaming; else a power of two */
extern SETTING __u8 precise;
extern SETTING __u8 page_shift;
extern SETTING __u8 huge_order; /* of the pages that a PMD maps */

/* 1 from the start of recording until its end. */
extern volatile __u32 recording;
/*
 * 1 from shortly before that: entries of zaps leave their marks, so that a zap which returns
 * without a mark during recording counts as not seen, which is a loss.
 */
extern volatile __u32 marking;
/* Tasks inside memory_failure: order-0 pages only matter then. */
extern __u32 poisoning;
/*
 * Tasks inside invalidate_inode_pages2_range: page_mapped and unmap_mapping_pages only matter then.
 */
extern __u32 invalidating;
/* The frame of the latest memory_failure. */
extern __u64 poison_pfn;
/* Where struct pages are (bpf/window.bpf.c); on arm64: once pte_probe.known is set. */
extern __u64 page_map;
extern struct thprace_pte_probe pte_probe;

/* The same as the address of a struct page; only if page_map is known. */
static __always_inline u64 poison_page(void)
{
	return page_map + poison_pfn * bpf_core_type_size(struct page);
}
/*
 * Tasks inside collapse_file, or with a page that a failed collapse has revoked: see
 * collapse.bpf.c.
 */
extern __u32 collapsing;
/* Points that this kernel has but that are not attached now (shed, refused): one bit each. */
extern volatile __u32 blind;
/* Core wants to know who zaps (bpf/zapper.bpf.c). */
extern volatile __u32 counting_zappers;
int zapper_count(u32 zap);

/* Walkers for which the ends of zaps are reported (bpf/pending.bpf.h). */
extern struct thprace_pending pending[THPRACE_PENDING_MAX];
extern volatile struct thprace_attributing attributing;
/* Start of the last range that could not be marked. */
extern __u64 unmarked;

/*
 * Owners of the places in pending[]: a map update with BPF_NOEXIST claims a place for one task
 * only.
 */
struct pending_claims_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, THPRACE_PENDING_MAX);
	__type(key, u32);
	__type(value, u32);
};
extern struct pending_claims_map pending_claims SEC(".maps");

/*
 * Count and owner in one word, so that one load shows whether other tasks are there. The owner is
 * hashed and not linear, so that two pids cannot add up to twice a third one.
 */
static __always_inline u64 walker_tag(u32 pid)
{
	u64 x = pid * 0x9e3779b97f4a7c15ULL;

	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ULL;
	return (1ULL << 40) + (x >> 32);
}

extern struct bucket buckets[THPRACE_BUCKET_COUNT];
extern __u64 open_folio[THPRACE_SLOTS_MAX];

extern struct thprace_slot slots[THPRACE_SLOTS_MAX];

/* Converts a typed pointer to a number, by storing it in a map. */
#define POINTER_NUMBER(place, pointer)                 \
	({                                             \
		*(volatile u64 *)&(place) = (pointer); \
		*(volatile u64 *)&(place);             \
	})

static __always_inline struct bucket *bucket_of(u64 folio)
{
	return &buckets[BOUND(thprace_folio_bucket(folio), THPRACE_BUCKET_COUNT - 1)];
}

/*
 * bucket.entered counts walkers in units of this; the bits below count those between publishing and
 * stamping.
 */
#define WALK_ENTERED 0x10000U

/* bucket.last_walk_pid and closest.walk_pid have the walker's class above its pid. */
#define WALK_PID ((1U << THPRACE_WALK_CLASS_SHIFT) - 1)

/* 1 if another task's walker is active here. A task's own walks nest at most two deep. */
static __always_inline u64 walked_by_others(struct bucket *bucket, u32 pid)
{
	u64 walkers = *(volatile u64 *)&bucket->walkers;
	u64 me;

	if (!walkers)
		return 0;
	me = walker_tag(pid);
	return nonzero(walkers ^ me) & nonzero(walkers ^ 2 * me);
}

static __always_inline u64 slot_busy(const struct thprace_slot *slot)
{
	return *(volatile u32 *)&slot->state | *(volatile u32 *)&slot->in_range;
}

/*
 * Which slot of a task's set is tried first; the others are at this ^ 1 to SLOT_WAYS - 1. Hashed
 * with a secret, so that nobody can choose threads whose slots collide.
 */
static __always_inline u64 slot_home(u64 task)
{
	u64 x = (u32)task * slot_seed;

	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15ULL;
	return x >> 32 & slot_mask;
}

/* Global functions, for the case that the first slot is another task's: the index, or -1. */
int slot_elsewhere(u64 task);
int slot_take(u64 task);

/* The slot in which this task is zapping, or NULL. Also sets *index. */
static __always_inline struct thprace_slot *slot_find(u64 task, u64 *index)
{
	u64 at = slot_home(task);
	struct thprace_slot *slot;
	int other;

	if (slots[BOUND(at, THPRACE_SLOTS_MAX - 1)].task != task) {
		other = slot_elsewhere(task);
		if (other < 0)
			return NULL;
		at = other;
	}
	at = BOUND(at, THPRACE_SLOTS_MAX - 1);
	slot = &slots[at];
	if (!slot_busy(slot))
		return NULL;
	*index = at;
	return slot;
}

/*
 * Where a trampoline keeps its arguments: on the stack of the task, as a distance that is the same
 * in all programs. fentry and fexit of one call have the same distance.
 */
static __always_inline u64 frame_of(void *ctx)
{
	return DISTANCE(ctx, slots);
}

/* Its slot, or a free one that it claims; NULL if all of its set are taken. */
static __always_inline struct thprace_slot *slot_claim(u64 task, u64 *index)
{
	u64 at = slot_home(task);
	int taken;

	if (slots[BOUND(at, THPRACE_SLOTS_MAX - 1)].task != task) {
		taken = slot_take(task);
		if (taken < 0)
			return NULL;
		at = taken;
	}
	at = BOUND(at, THPRACE_SLOTS_MAX - 1);
	*index = at;
	return &slots[at];
}

/*
 * Arguments. A tracing program may read its context only at constant offsets, so the position
 * (constant once loaded) selects one load; the asm keeps the compiler from merging the loads.
 */
static __always_inline u64 ctx_load(void *ctx, int index)
{
	u64 value = 0;

	switch (index) {
	case 0:
		CTX_LOAD(value, ctx, 0);
		break;
	case 1:
		CTX_LOAD(value, ctx, 1);
		break;
	case 2:
		CTX_LOAD(value, ctx, 2);
		break;
	case 3:
		CTX_LOAD(value, ctx, 3);
		break;
	case 4:
		CTX_LOAD(value, ctx, 4);
		break;
	case 5:
		CTX_LOAD(value, ctx, 5);
		break;
	case 6:
		CTX_LOAD(value, ctx, 6);
		break;
	}
	return value;
}

static __always_inline u64 fentry_arg(void *ctx, int point, int slot)
{
	return ctx_load(ctx, args[point].index[slot]);
}

/* usual: the position on most kernels, tried first. */
static __always_inline u64 fexit_result(void *ctx, int point, const int usual)
{
	const u8 behind = args[point].behind;
	u64 value;

	if (behind != usual)
		return ctx_load(ctx, behind);
	CTX_LOAD(value, ctx, usual);
	return value;
}

#if defined(__TARGET_ARCH_x86)
static __always_inline u64 kprobe_arg(struct pt_regs *regs, int point, int slot)
{
	u64 value = 0;

	switch (args[point].index[slot]) {
	case 0:
		value = BPF_CORE_READ(regs, di);
		break;
	case 1:
		value = BPF_CORE_READ(regs, si);
		break;
	case 2:
		value = BPF_CORE_READ(regs, dx);
		break;
	case 3:
		value = BPF_CORE_READ(regs, cx);
		break;
	case 4:
		value = BPF_CORE_READ(regs, r8);
		break;
	case 5:
		value = BPF_CORE_READ(regs, r9);
		break;
	}
	return value;
}

static __always_inline u64 kretprobe_result(struct pt_regs *regs, int point)
{
	return args[point].result ? BPF_CORE_READ(regs, ax) : 0;
}
#else
static __always_inline u64 kprobe_arg(struct pt_regs *regs, int point, int slot)
{
	u64 value = 0;

	switch (args[point].index[slot]) {
	case 0:
		value = BPF_CORE_READ(regs, regs[0]);
		break;
	case 1:
		value = BPF_CORE_READ(regs, regs[1]);
		break;
	case 2:
		value = BPF_CORE_READ(regs, regs[2]);
		break;
	case 3:
		value = BPF_CORE_READ(regs, regs[3]);
		break;
	case 4:
		value = BPF_CORE_READ(regs, regs[4]);
		break;
	case 5:
		value = BPF_CORE_READ(regs, regs[5]);
		break;
	}
	return value;
}

static __always_inline u64 kretprobe_result(struct pt_regs *regs, int point)
{
	return args[point].result ? BPF_CORE_READ(regs, regs[0]) : 0;
}
#endif

/*
 * One body with four ways in. A body at an entry gets the arguments in its point's slots; a body at
 * a return gets the result. `direct` says that arguments are typed pointers (fentry), which may be
 * dereferenced without a helper call.
 */
#define AT_ENTRY_WHEN(state, body, point)                                                  \
	SEC("fentry")                                                                      \
	int body##_fentry(void *ctx)                                                       \
	{                                                                                  \
		if (state)                                                                 \
			body(ctx, 1, fentry_arg(ctx, point, 0), fentry_arg(ctx, point, 1), \
			     fentry_arg(ctx, point, 2));                                   \
		return 0;                                                                  \
	}                                                                                  \
	SEC("kprobe")                                                                      \
	int body##_kprobe(struct pt_regs *ctx)                                             \
	{                                                                                  \
		if (state)                                                                 \
			body(ctx, 0, kprobe_arg(ctx, point, 0), kprobe_arg(ctx, point, 1), \
			     kprobe_arg(ctx, point, 2));                                   \
		return 0;                                                                  \
	}

#define AT_ENTRY(body, point) AT_ENTRY_WHEN(recording, body, point)

#define AT_RETURN_WHEN(state, usual, body, point)                   \
	SEC("fexit")                                                \
	int body##_fexit(void *ctx)                                 \
	{                                                           \
		if (state)                                          \
			body(ctx, fexit_result(ctx, point, usual)); \
		return 0;                                           \
	}                                                           \
	SEC("kretprobe")                                            \
	int body##_kretprobe(struct pt_regs *ctx)                   \
	{                                                           \
		if (state)                                          \
			body(ctx, kretprobe_result(ctx, point));    \
		return 0;                                           \
	}

#define AT_RETURN(body, point) AT_RETURN_WHEN(recording, 1, body, point)

/* At a return whose result is not used. */
#define AT_END_WHEN(state, body)                  \
	SEC("fexit")                              \
	int body##_fexit(void *ctx)               \
	{                                         \
		if (state)                        \
			body(ctx);                \
		return 0;                         \
	}                                         \
	SEC("kretprobe")                          \
	int body##_kretprobe(struct pt_regs *ctx) \
	{                                         \
		if (state)                        \
			body(ctx);                \
		return 0;                         \
	}

#define AT_END(body) AT_END_WHEN(recording, body)

/* At a return, but with the arguments: fexit has them. kprobes also need a program at the entry. */
#define AT_RETURN_WITH_ARGS(body, point)                                                   \
	SEC("fexit")                                                                       \
	int body##_fexit(void *ctx)                                                        \
	{                                                                                  \
		if (recording)                                                             \
			body(ctx, 1, fentry_arg(ctx, point, 0), fentry_arg(ctx, point, 1), \
			     fentry_arg(ctx, point, 2));                                   \
		return 0;                                                                  \
	}

#endif
