// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walker: a task that unmaps, migrates, truncates, invalidates or splits a folio. It is rare
 * and may sleep, so its state is kept per task. At its return it reads the proof and looks for
 * windows.
 */
#include "folio.bpf.h"
#include "match.bpf.h"
#include "pending.bpf.h"
#include "record.bpf.h"

#define SPLIT_CLASS classes[THPRACE_POINT_SPLIT][THPRACE_ORIGIN_SPLIT]
#define POISON_CLASS classes[THPRACE_POINT_POISON][THPRACE_ORIGIN_HWPOISON]
#define CHECK_CLASS classes[THPRACE_POINT_CHECK][THPRACE_ORIGIN_TRUNCATE]

/* The meaning of flags, by the names in this kernel's BTF. */
#define TTU(name)                                            \
	(bpf_core_enum_value_exists(enum ttu_flags, name)    \
		 ? bpf_core_enum_value(enum ttu_flags, name) \
		 : 0)

static __always_inline u8 origin_of(u64 flags)
{
	u64 split = TTU(TTU_RMAP_LOCKED) | TTU(TTU_SPLIT_HUGE_PMD);

	if (split && (flags & split) == split) /* since 6.12 with TTU_BATCH_FLUSH, like reclaim */
		return THPRACE_ORIGIN_SPLIT;
	if (flags & TTU(TTU_BATCH_FLUSH))
		return THPRACE_ORIGIN_RECLAIM;
	if (flags & (TTU(TTU_HWPOISON) | TTU(TTU_IGNORE_HWPOISON)))
		return THPRACE_ORIGIN_HWPOISON;
	return THPRACE_ORIGIN_OTHER;
}

static __always_inline void walk_record(u8 type, const struct walk_state *state, u64 task, u64 ts,
					u64 flags, u64 counts, s32 value)
{
	record_make(type, state->class, state->origin,
		    flags | (state->migrate ? THPRACE_RF_MIGRATE : 0), task, ts, state->enter,
		    state->folio, state->ttu, counts, value);
}

/* The last window on this folio may have ended just before. */
static __always_inline void pass_after_window(const struct walk_state *state, u32 pid)
{
	struct bucket *bucket = bucket_of(state->folio);
	struct thprace_counters *cpu = this_cpu();
	u64 close = bucket->last_window_close;
	struct thprace_closest *closest;

	if (!cpu || !close || bucket->last_window_folio != state->folio ||
	    bucket->last_window_pid == pid || state->enter <= close)
		return;
	closest = &cpu->closest;
	if (closest->distance && state->enter - close >= closest->distance)
		return;
	closest->distance = state->enter - close;
	closest->folio = state->folio;
	closest->window_open = 0;
	closest->window_close = close;
	closest->walk_enter = state->enter;
	closest->walk_leave = 0;
	closest->window_pid = bucket->last_window_pid;
	closest->walk_pid = pid | state->class << THPRACE_WALK_CLASS_SHIFT;
}

static __always_inline void walk_begin(struct walk_state *state, u64 task, u64 folio, u8 point,
				       u8 class, u8 origin, u64 ttu)
{
	struct bucket *bucket;

	if (state->walking) { /* its return was missed */
		count_lost(THPRACE_LOSS_RETURN);
		pending_end(state->pending, state->folio, (u32)task, 0, (struct thprace_counts){},
			    0);
		ADD(bucket_of(state->folio)->walkers, -walker_tag((u32)task));
	}
	bucket = bucket_of(POINTER_NUMBER(state->folio, folio));
	state->walking = AT_POINT(point);
	state->class = class;
	state->origin = origin;
	state->ttu = ttu;
	state->migrate = point == THPRACE_POINT_MIGRATE;
	state->failed = 0;
	state->remap = 0;
	if (origin == THPRACE_ORIGIN_SPLIT && mapping_is_anon(folio_mapping(state->folio))) {
		state->remap = THPRACE_RF_REMAP;
		state->before.entire = folio_entire(state->folio);
		state->before.small = folio_small(state->folio);
	}
	state->closed = *(volatile u32 *)&bucket->closed;
	ADD(bucket->entered, 1);
	state->pending = pending_begin(state->folio);
	ADD(bucket->walkers, walker_tag((u32)task)); /* also a barrier: published, then stamped */
	state->enter = bpf_ktime_get_ns();
	ADD(bucket->entered, WALK_ENTERED - 1);
	if (state->pending) {
		pending_at(state->pending - 1)->entered = *(volatile u32 *)&bucket->entered;
		pending_describe(state->pending - 1, task, class, origin);
		pending_at(state->pending - 1)->enter = state->enter;
	}
	walk_record(THPRACE_REC_WALK_ENTER, state, task, state->enter, 0, 0, 0);
	pass_after_window(state, (u32)task);
}

/* A failed walker: keep its counts at the entry, so that the function around it can compare. */
static __always_inline void walk_failed(struct walk_state *state)
{
	struct thprace_walk *walk = &state->walk;

	walk->before = state->before;
	if ((state->origin == THPRACE_ORIGIN_SPLIT && state->split_enter &&
	     state->split_folio == state->folio) ||
	    (state->origin == THPRACE_ORIGIN_HWPOISON && state->poisoning)) {
		walk->flags |= THPRACE_KF_OUTER;
		state->failed = walk->leave;
		state->failed_folio = state->folio;
	}
}

/* The function around a failed walker returns: is all that the walker left still there? */
static __always_inline void outer_report(const struct walk_state *state, u64 task, u64 now)
{
	u64 folio = state->failed_folio;
	struct thprace_outer message = {
		.type = THPRACE_MSG_OUTER,
		.pid = (u32)task,
		.leave = state->failed,
		.at = now,
		.before = state->before,
		.now = {.entire = folio_entire(folio), .small = folio_small(folio)},
		.order = page_is_head(folio, 0) ? huge_order : 0,
	};

	record_make(THPRACE_REC_OUTER, state->class, state->origin, 0, task, now, state->failed,
		    folio, THPRACE_COUNTS(message.before.entire, message.before.small),
		    THPRACE_COUNTS(message.now.entire, message.now.small), (s32)message.order);
	if (bpf_ringbuf_output(&incidents, &message, sizeof(message), 0))
		count_lost(THPRACE_LOSS_INCIDENT);
}

static __always_inline void walk_end(void *ctx, struct walk_state *state, u64 task, u16 own)
{
	struct bucket *bucket = bucket_of(state->folio);
	struct thprace_counters *cpu = this_cpu();
	struct thprace_counts left;
	int failed, reported;
	s32 residual;
	u64 now;

	now = bpf_ktime_get_ns(); /* before the proof: see verdict.h */
	if (state->pending)
		pending_at(state->pending - 1)->returned = now;
	left.entire = folio_entire(state->folio);
	left.small = folio_small(state->folio);
	residual = left.entire + left.small;
	own |= state->remap | (blind & 1U << THPRACE_POINT_RANGE ? THPRACE_RF_BLIND : 0);
	walk_fill(&state->walk, state, task, now, residual, own);
	state->walk.left = left;
	failed = thprace_failed(&state->walk);
	if (failed)
		walk_failed(state);
	if (!pending_end(state->pending, state->folio, (u32)task, now, left, failed) && failed)
		count_lost(THPRACE_LOSS_TASK);
	state->pending = 0;
	reported = windows_report(state) || *(volatile u32 *)&bucket->closed != state->closed;
	if (failed || reported)
		walker_report(ctx, &state->walk, THPRACE_MSG_INCIDENT);
	walk_record(THPRACE_REC_WALK_RETURN, state, task, now, own,
		    THPRACE_COUNTS(left.entire, left.small), residual);
	if (cpu && state->class < THPRACE_CLASS_MAX) {
		ADD(cpu->walkers[state->class], 1);
		ADD(cpu->walker_ns[state->class], now - state->enter);
		if (failed)
			ADD(cpu->failed[state->class], 1);
	}
	bucket->last_walk_leave = 0;
	bucket->last_walk_folio = state->folio;
	bucket->last_walk_pid = (u32)task | state->class << THPRACE_WALK_CLASS_SHIFT;
	bucket->last_walk_leave = now;
	if (state->split_enter && state->split_folio == state->folio) {
		state->unmapped = now;
		state->residual = residual;
		state->reported |= failed || reported;
	}
	state->walking = 0;
	ADD(bucket->walkers, -walker_tag((u32)task));
}

/*
 * try_to_unmap and try_to_migrate. Reclaim and order-0 folios leave at the first test, except the
 * page that memory_failure handles.
 */
static __always_inline void unmap_enter(u64 folio, u64 flags, int direct, const u8 point)
{
	struct walk_state *state;
	u8 origin, class;
	u64 task;

	if (args[point].calls) {
		state = state_of(bpf_get_current_pid_tgid());
		if (state)
			state->unmapping = 1;
	}
	flags = (u32)flags; /* an enum: the register holds garbage above 32 bits */
	if (origin_of(flags) == THPRACE_ORIGIN_RECLAIM && !classes[point][THPRACE_ORIGIN_RECLAIM])
		return;
	if (!poisoning && !page_is_head(folio, direct))
		return;
	asm volatile(""
		     : "+r"(flags)); /* again below: most calls leave above, and need not keep it */
	origin = origin_of(flags);
	task = bpf_get_current_pid_tgid();
	state = state_of(task);
	if (point == THPRACE_POINT_UNMAP && origin != THPRACE_ORIGIN_SPLIT && state &&
	    state->poisoning)
		origin = THPRACE_ORIGIN_HWPOISON;
	class = classes[point][BOUND(origin, THPRACE_ORIGIN_SLOTS - 1)];
	if (!class) {
		count_filtered();
		return;
	}
	if (!state)
		state = state_make(task);
	if (!state)
		return;
	state->unmapping = 1;
	walk_begin(state, task, folio, point, class, origin, flags);
}

static __always_inline void unmap_return(void *ctx, u64 result, const u8 point)
{
	u64 task = bpf_get_current_pid_tgid();
	struct walk_state *state = state_of(task);
	u16 own = 0;

	if (!state || state->walking != AT_POINT(point))
		return;
	if (args[point].result) /* a bool */
		own = THPRACE_RF_OWN | ((u8)result ? 0 : THPRACE_RF_OWN_FAILED);
	walk_end(ctx, state, task, own);
	state_drop(state, task);
}

static __always_inline void try_unmap_enter(void *ctx, int direct, u64 folio, u64 flags, u64 unused)
{
	unmap_enter(folio, flags, direct, THPRACE_POINT_UNMAP);
}
AT_ENTRY(try_unmap_enter, THPRACE_POINT_UNMAP)

static __always_inline void try_unmap_return(void *ctx, u64 result)
{
	unmap_return(ctx, result, THPRACE_POINT_UNMAP);
}
AT_RETURN(try_unmap_return, THPRACE_POINT_UNMAP)

static __always_inline void try_migrate_enter(void *ctx, int direct, u64 folio, u64 flags,
					      u64 unused)
{
	unmap_enter(folio, flags, direct, THPRACE_POINT_MIGRATE);
}
AT_ENTRY(try_migrate_enter, THPRACE_POINT_MIGRATE)

static __always_inline void try_migrate_return(void *ctx, u64 result)
{
	unmap_return(ctx, result, THPRACE_POINT_MIGRATE);
}
AT_RETURN(try_migrate_return, THPRACE_POINT_MIGRATE)

/*
 * A walker that is a function of its own: truncation, and the part of an invalidation for one
 * folio.
 */
static __always_inline void plain_enter(u64 folio, int direct, const u8 point, const u8 origin)
{
	const u8 class = classes[point][origin];
	struct walk_state *state;
	u64 task;

	if (!class || !page_is_head(folio, direct))
		return;
	task = bpf_get_current_pid_tgid();
	state = state_make(task);
	if (state)
		walk_begin(state, task, folio, point, class, origin, 0);
}

static __always_inline void plain_return(void *ctx, const u8 point)
{
	u64 task = bpf_get_current_pid_tgid();
	struct walk_state *state = state_of(task);

	if (!state || state->walking != AT_POINT(point))
		return;
	walk_end(ctx, state, task, 0);
	state_drop(state, task);
}

static __always_inline void truncate_enter(void *ctx, int direct, u64 folio, u64 a, u64 b)
{
	plain_enter(folio, direct, THPRACE_POINT_TRUNCATE, THPRACE_ORIGIN_TRUNCATE);
}
AT_ENTRY(truncate_enter, THPRACE_POINT_TRUNCATE)

static __always_inline void truncate_return(void *ctx)
{
	plain_return(ctx, THPRACE_POINT_TRUNCATE);
}
AT_END(truncate_return)

static __always_inline void invalidate_enter(void *ctx, int direct, u64 a, u64 b, u64 c)
{
	struct walk_state *state = state_make(bpf_get_current_pid_tgid());

	if (!state)
		return;
	if (!state->invalidating)
		ADD(invalidating, 1);
	state->invalidating = 1;
	state->tested_page = 0;
}
AT_ENTRY(invalidate_enter, THPRACE_POINT_INVALIDATE)

static __always_inline void invalidate_return(void *ctx)
{
	u64 task = bpf_get_current_pid_tgid();
	struct walk_state *state = state_of(task);

	if (!state || !state->invalidating)
		return;
	state->invalidating = 0;
	ADD(invalidating, -1);
	state_drop(state, task);
}
AT_END(invalidate_return)

/*
 * unmap_mapping_folio has other callers (truncation, __do_fault from 6.12), so it counts only
 * inside an invalidation. If its calls there are probed, it always is.
 */
static __always_inline void unmap_folio_enter(void *ctx, int direct, u64 folio, u64 a, u64 b)
{
	struct walk_state *state = NULL;

	if (!args[THPRACE_POINT_UNMAP_FOLIO].calls) {
		state = state_of(bpf_get_current_pid_tgid());
		if (!state || !state->invalidating)
			return;
	}
	plain_enter(folio, direct, THPRACE_POINT_UNMAP_FOLIO, THPRACE_ORIGIN_INVALIDATE);
}
AT_ENTRY(unmap_folio_enter, THPRACE_POINT_UNMAP_FOLIO)

static __always_inline void unmap_folio_return(void *ctx)
{
	plain_return(ctx, THPRACE_POINT_UNMAP_FOLIO);
}
AT_END(unmap_folio_return)

/*
 * If there is neither unmap_mapping_folio nor _page (up to 5.10.46, 5.12), an invalidation unmaps a
 * page with unmap_mapping_pages, which gets a range and not the page. But it has just called
 * page_mapped with that page, under its lock.
 */
static __always_inline void mapped_enter(void *ctx, int direct, u64 page, u64 a, u64 b)
{
	struct walk_state *state;

	if (!invalidating)
		return;
	state = state_of(bpf_get_current_pid_tgid());
	if (!state || !state->invalidating || state->walking)
		return;
	state->tested_page = 0; /* a small page */
	if (page_is_head(page, direct))
		*(volatile u64 *)&state->tested_page = page;
}
AT_ENTRY(mapped_enter, THPRACE_POINT_MAPPED)

static __always_inline void unmap_pages_enter(void *ctx, int direct, u64 a, u64 b, u64 c)
{
	struct walk_state *state;
	u64 task, page;
	u8 class;

	if (!invalidating)
		return;
	task = bpf_get_current_pid_tgid();
	state = state_of(task);
	if (!state || !state->invalidating || !state->tested_page)
		return;
	page = state->tested_page;
	state->tested_page = 0;
	class = classes[THPRACE_POINT_UNMAP_PAGES][THPRACE_ORIGIN_INVALIDATE];
	if (class)
		walk_begin(state, task, page, THPRACE_POINT_UNMAP_PAGES, class,
			   THPRACE_ORIGIN_INVALIDATE, 0);
}
AT_ENTRY(unmap_pages_enter, THPRACE_POINT_UNMAP_PAGES)

static __always_inline void unmap_pages_return(void *ctx)
{
	if (invalidating)
		plain_return(ctx, THPRACE_POINT_UNMAP_PAGES);
}
AT_END(unmap_pages_return)

/*
 * The functions with which a split unmaps: if one of them is not attached, its call cannot be
 * missed.
 */
#define SPLIT_UNMAPS (1U << THPRACE_POINT_UNMAP | 1U << THPRACE_POINT_MIGRATE)

/*
 * A split, from its entry to its result. It keeps its folio's bucket marked as walked, so that
 * windows which close after its unmap are found for split-head.
 */
static __always_inline void split_enter(void *ctx, int direct, u64 page, u64 a, u64 b)
{
	u64 task = bpf_get_current_pid_tgid();
	struct walk_state *state = state_make(task);
	u64 folio;

	if (!state)
		return;
	if (state->split_enter) {
		count_lost(THPRACE_LOSS_RETURN);
		ADD(bucket_of(state->split_folio)->walkers, -walker_tag((u32)task));
	}
	folio = POINTER_NUMBER(state->split_folio, page);
	if (!args[THPRACE_POINT_SPLIT].folio)
		folio = page_folio(folio);
	state->split_folio = folio;
	state->unmapped = 0;
	state->unmapping = !!(blind & SPLIT_UNMAPS);
	state->reported = 0;
	state->closed = *(volatile u32 *)&bucket_of(folio)->closed;
	ADD(bucket_of(folio)->walkers, walker_tag((u32)task));
	state->split_enter = bpf_ktime_get_ns();
	record_make(THPRACE_REC_SPLIT_ENTER, SPLIT_CLASS, THPRACE_ORIGIN_SPLIT, 0, task,
		    state->split_enter, state->split_enter, folio, 0, 0, 0);
}
AT_ENTRY(split_enter, THPRACE_POINT_SPLIT)

/* The end of a split, which core adds to the incidents of its walker. */
static __always_inline void split_report(const struct walk_state *state, u64 task, s32 result)
{
	struct thprace_split message = {
		.type = THPRACE_MSG_SPLIT,
		.pid = (u32)task,
		.result = result,
		.enter = state->split_enter,
		.unmapped = state->unmapped,
	};

	if (bpf_ringbuf_output(&incidents, &message, sizeof(message), 0))
		count_lost(THPRACE_LOSS_INCIDENT);
}

/* The part of a split after its unmap, as a walker: did it complete in phase 2 of a window? */
static __always_inline void split_head(void *ctx, struct walk_state *state, u64 task, u64 now,
				       s32 result)
{
	struct thprace_counters *cpu = this_cpu();

	state->folio = state->split_folio;
	state->enter = state->unmapped;
	state->class = SPLIT_CLASS;
	state->origin = THPRACE_ORIGIN_SPLIT;
	state->ttu = 0;
	state->migrate = 0;
	walk_fill(&state->walk, state, task, now, 0, THPRACE_KF_RESULT);
	state->walk.result = result;
	if (windows_report(state) ||
	    *(volatile u32 *)&bucket_of(state->folio)->closed != state->closed)
		walker_report(ctx, &state->walk, THPRACE_MSG_INCIDENT);
	if (cpu) {
		ADD(cpu->walkers[BOUND(SPLIT_CLASS, THPRACE_CLASS_MAX - 1)], 1);
		ADD(cpu->walker_ns[BOUND(SPLIT_CLASS, THPRACE_CLASS_MAX - 1)], now - state->enter);
	}
}

/*
 * Was the walk inside this split, or its end, not seen? The kernel may skip a kprobe's program, and
 * until 6.7 it does not count that ("bpf: Count missed stats in trace_call_bpf"). A split has
 * unmapped, so that call must have been seen.
 */
static __always_inline void split_missed(struct walk_state *state, u64 task, s32 result)
{
	if (state->walking && state->origin == THPRACE_ORIGIN_SPLIT) {
		pending_end(state->pending, state->folio, (u32)task, 0, (struct thprace_counts){},
			    0);
		ADD(bucket_of(state->folio)->walkers, -walker_tag((u32)task));
		state->walking = 0;
		count_lost(THPRACE_LOSS_MISSED);
	} else if (args[THPRACE_POINT_UNMAP].calls && !result && !state->unmapping &&
		   !(blind & SPLIT_UNMAPS)) {
		count_lost(THPRACE_LOSS_MISSED);
	}
}

static __always_inline void split_return(void *ctx, u64 result)
{
	u64 task = bpf_get_current_pid_tgid();
	struct walk_state *state = state_of(task);
	u64 now;

	if (!state || !state->split_enter)
		return;
	split_missed(state, task, (s32)result);
	now = bpf_ktime_get_ns();
	record_make(THPRACE_REC_SPLIT_RETURN, SPLIT_CLASS, THPRACE_ORIGIN_SPLIT, 0, task, now,
		    state->split_enter, state->split_folio, state->unmapped,
		    (u64)(s64)state->residual, (s32)result);
	if (state->failed && (s32)result)
		outer_report(state, task, now);
	state->failed = 0;
	if (state->unmapped && !state->residual)
		split_head(ctx, state, task, now, (s32)result);
	if (state->reported)
		split_report(state, task, (s32)result);
	ADD(bucket_of(state->split_folio)->walkers, -walker_tag((u32)task));
	state->split_enter = 0;
	state_drop(state, task);
}
AT_RETURN(split_return, THPRACE_POINT_SPLIT)

/* memory_failure: the page that it handles may be of order 0. */
static __always_inline void poison_enter(void *ctx, int direct, u64 pfn, u64 a, u64 b)
{
	u64 task = bpf_get_current_pid_tgid();
	struct walk_state *state = state_make(task);

	if (!state)
		return;
	if (!state->poisoning)
		ADD(poisoning, 1);
	state->poisoning = 1;
	state->pfn = pfn;
	poison_pfn = pfn;
	state->poison_enter = bpf_ktime_get_ns();
	record_make(THPRACE_REC_POISON_ENTER, POISON_CLASS, THPRACE_ORIGIN_HWPOISON, 0, task,
		    state->poison_enter, state->poison_enter, 0, pfn, 0, 0);
}
AT_ENTRY(poison_enter, THPRACE_POINT_POISON)

static __always_inline void poison_return(void *ctx, u64 result)
{
	u64 task = bpf_get_current_pid_tgid();
	struct walk_state *state = state_of(task);
	u64 now;

	if (!state || !state->poisoning)
		return;
	state->poisoning = 0;
	ADD(poisoning, -1);
	now = bpf_ktime_get_ns();
	record_make(THPRACE_REC_POISON_RETURN, POISON_CLASS, THPRACE_ORIGIN_HWPOISON, 0, task, now,
		    state->poison_enter, 0, state->pfn, 0, (s32)result);
	if (state->failed)
		outer_report(state, task, now);
	state->failed = 0;
	state_drop(state, task);
}
AT_RETURN(poison_return, THPRACE_POINT_POISON)

/*
 * The kernel's own check point: a folio leaves the page cache. If it is still mapped here, this is
 * the condition of "BUG: Bad page cache". If the call that dumps such a page is probed, the kernel
 * has already said so, whatever the mapcount is now.
 */
static __always_inline void check_enter(void *ctx, int direct, u64 folio, u64 a, u64 b)
{
	struct walk_state state = {};
	struct thprace_walk walk;
	u64 typed = folio;
	s32 mapcount;
	u64 task, now;

	if (!page_is_head(folio, direct))
		return;
	bpf_probe_read_kernel(&folio, sizeof(folio), &typed); /* as a number */
	task = bpf_get_current_pid_tgid();
	now = bpf_ktime_get_ns();
	mapcount = folio_entire(folio) + folio_small(folio);
	if (mapcount <= 0 && !args[THPRACE_POINT_CHECK].calls) {
		count_filtered();
		return;
	}
	record_make(THPRACE_REC_CHECK, CHECK_CLASS, THPRACE_ORIGIN_TRUNCATE, 0, task, now, now,
		    folio, 0, 0, mapcount);
	state.enter = now;
	state.folio = folio;
	state.class = CHECK_CLASS;
	state.origin = THPRACE_ORIGIN_TRUNCATE;
	walk_fill(&walk, &state, task, now, mapcount, THPRACE_KF_CHECK);
	walker_report(ctx, &walk, THPRACE_MSG_CHECK);
}
AT_ENTRY(check_enter, THPRACE_POINT_CHECK)
