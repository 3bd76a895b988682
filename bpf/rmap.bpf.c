// SPDX-License-Identifier: GPL-2.0-only
/*
 * Removals of the rmap (precise mode): the end of phase 1 of a window, and the zap of small pages
 * of a huge page, which is a window of its own of which only the end is known.
 */
#include "folio.bpf.h"
#include "pending.bpf.h"
#include "record.bpf.h"

/* A window's folio differs from the published one, or was not known: publish it again. */
static __always_inline void folio_move(struct thprace_slot *slot, u64 index, u64 folio)
{
	u64 from = slot->bucket;
	u64 to = thprace_folio_bucket(folio);

	slot->opener.window.folio = folio;
	ADD(buckets[BOUND(to, THPRACE_BUCKET_COUNT - 1)].windows, 1);
	open_folio[index] = folio;
	slot->bucket = to;
	ADD(buckets[BOUND(from, THPRACE_BUCKET_COUNT - 1)].windows, -1);
}

/* The rmap of a huge mapping was removed. It belongs to a window if this task has one open. */
static __always_inline void rmap_pmd_removed(struct thprace_slot *slot, u64 index, u64 task,
					     u64 folio)
{
	struct thprace_window *window = &slot->opener.window;
	u64 now = bpf_ktime_get_ns();
	struct thprace_counters *cpu;

	window->removed = now;
	slot->taking = 0;
	if (window->folio != folio) {
		cpu = this_cpu();
		if (cpu && window->folio)
			ADD(cpu->mismatches, 1);
		folio_move(slot, index, folio);
	}
	record_make(THPRACE_REC_RMAP_PMD, 0, 0, 0, task, now, window->open, folio, 0, 0, 0);
}

/* Should this one be reported, after so many in a row? The 1st, 2nd, 4th, 8th … are. */
static __always_inline int row_is_reported(u32 before)
{
	return !(before & (before + 1));
}

/*
 * While a walker is active on the folio, a removal is reported for it, but only some of a long row.
 * A removal that may be before the stamp of a walker that is just entering does not count for the
 * row.
 */
static __always_inline int removal_is_reported(struct thprace_slot *slot, struct bucket *bucket,
					       u64 folio)
{
	u32 entered = *(volatile u32 *)&bucket->entered;
	u32 row_length = 0;

	if (entered & (WALK_ENTERED - 1))
		return 1;
	if (slot->row_folio == folio && slot->row_entered == entered)
		row_length = slot->row_length;
	slot->row_folio = folio;
	slot->row_entered = entered;
	slot->row_length = row_length + 1;
	return row_is_reported(row_length);
}

/* Report a removal of the rmap of small pages, as a window of which only the end is known. */
static __always_inline void removal_report(void *ctx, struct thprace_slot *slot, u64 folio, u64 now,
					   u32 pages)
{
	struct thprace_window *window = &slot->opener.window;

	window->open = now;
	window->removed = now;
	window->close = now;
	window->folio = folio;
	window->mm = 0;
	window->address = 0;
	window->cpu = bpf_get_smp_processor_id();
	window->level = THPRACE_LEVEL_PTE;
	window->pages = pages;
	window->left = THPRACE_LEFT_UNREAD;
	opener_report(ctx, slot);
}

#define RANGE_READS 16

/*
 * The last removal while a walker is pending: whether it came after the walker's return becomes
 * known later. The count is read at once, because by the end of the range a split may have mapped
 * again what it had unmapped.
 */
static __always_inline void removal_keep(struct thprace_slot *slot, u64 folio, u64 now, u32 pages)
{
	s32 left;

	if (slot->range_folio != folio) {
		slot->range_mixed |= slot->range_folio != 0;
		slot->range_folio = folio;
		slot->range_pages = 0;
		slot->range_reads = 0;
	}
	slot->range_removed = now;
	slot->range_pages += pages;
	if (slot->range_reads >= RANGE_READS)
		return;
	left = folio_small(folio);
	if (!slot->range_reads++ || left < slot->range_low) {
		slot->range_low = left;
		slot->range_low_at = now;
	}
}

/*
 * A removal of the rmap of small pages has ended that may have been under way when a walker
 * returned: note it there. It may not be known yet which pages the walker left. A global function,
 * so the verifier walks it once.
 */
__noinline int __weak removal_under_way(u64 folio, u64 page, u64 pages, u64 began, u64 now)
{
	struct thprace_pending *place;
	u64 returned;
	u32 i;

	for (i = 0; i < THPRACE_PENDING_MAX; i++) {
		place = pending_at(i);
		returned = *(volatile u64 *)&place->returned;
		if (*(volatile u64 *)&place->folio != folio || returned < began || returned >= now)
			continue;
		place->taken = page;
		place->taken_pages = pages;
		place->taker = bpf_get_current_pid_tgid();
		place->taken_at = returned;
	}
	return 0;
}

/*
 * The rmap of small pages was removed inside a zap: the end of a PTE-level window, whose start no
 * function marks. It is published for an instant, like a window, so that a walker that returns at
 * that moment notes it. Active walkers learn about it from its report.
 */
static __always_inline void rmap_ptes_removed(void *ctx, struct thprace_slot *slot, u64 index,
					      u64 task, u64 folio, u64 page, u32 pages)
{
	struct bucket *bucket = bucket_of(folio);
	struct thprace_counters *cpu;
	int report = 0;
	u64 now;

	*(volatile u8 *)&slot->opener.window.level = THPRACE_LEVEL_PTE; /* makes no pair:
									 * slot_window() */
	slot->noted = 0;
	open_folio[index] = folio;
	ADD(bucket->windows, 1); /* also a barrier: published, then stamped */
	now = bpf_ktime_get_ns();
	record_make(THPRACE_REC_RMAP_PTE, 0, 0, 0, task, now, now, folio, page, 0, (s32)pages);
	cpu = this_cpu();
	if (cpu)
		ADD(cpu->pte_removals, 1);
	if (walked_by_others(bucket, (u32)task)) {
		ADD(bucket->closed, 1); /* also a barrier: counted, then gone */
		report = removal_is_reported(slot, bucket, folio);
		removal_keep(slot, folio, now, pages);
	} else if (*(volatile u32 *)&bucket->pending) {
		removal_keep(slot, folio, now, pages);
	}
	open_folio[index] = 0;
	ADD(bucket->windows, -1); /* also a barrier: gone, then checked whether it was noted */
	if (slot->taking && attributing.walkers)
		removal_under_way(folio, page, pages, slot->taking, now);
	slot->taking = 0;
	if (*(volatile u32 *)&slot->noted)
		report = 1;
	if (report)
		removal_report(ctx, slot, folio, now, pages);
}

/*
 * A page that is not part of a large folio only matters to walkers on that page: those of
 * memory_failure.
 */
static __always_inline int small_matters(u64 page)
{
	struct bucket *bucket;

	if (!attributing.walkers)
		return 0;
	bucket = bucket_of(page);
	return *(volatile u64 *)&bucket->walkers || *(volatile u32 *)&bucket->pending;
}

/* page_remove_rmap(page, …, compound), until 6.8. Order-0 pages leave at the first test. */
static __always_inline void rmap_removed(void *ctx, int direct, u64 page, u64 compound)
{
	int head = page_is_head(page, direct), small = !head && !page_is_tail(page, direct);
	struct thprace_slot *slot;
	u64 task, folio;
	u64 index;

	if (small && !attributing.walkers)
		return;
	task = bpf_get_current_pid_tgid();
	slot = slot_find(task, &index);
	if (!slot)
		return; /* not inside a zap: a split of the pmd, migration, copy on write … */
	page = POINTER_NUMBER(slot->saved_folio, page);
	if (small && !small_matters(page))
		return;
	folio = head ? page : page_folio(page);
	if (slot->state == THPRACE_SLOT_OPEN) {
		if ((u8)compound) /* a bool: the register holds garbage above 8 bits */
			rmap_pmd_removed(slot, index, task, folio);
	} else if (!(u8)compound && slot->in_range) {
		rmap_ptes_removed(ctx, slot, index, task, folio, page, 1);
	}
}

static __always_inline void rmap(void *ctx, int direct, u64 page, u64 compound, u64 unused)
{
	rmap_removed(ctx, direct, page, compound);
}
AT_RETURN_WITH_ARGS(rmap, THPRACE_POINT_RMAP)

static __always_inline void rmap_pmd(void *ctx, int direct, u64 folio, u64 unused1, u64 unused2)
{
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_slot *slot;
	u64 index;

	slot = slot_find(task, &index);
	if (slot && slot->state == THPRACE_SLOT_OPEN)
		rmap_pmd_removed(slot, index, task, POINTER_NUMBER(slot->saved_folio, folio));
}
AT_RETURN_WITH_ARGS(rmap_pmd, THPRACE_POINT_RMAP_PMD)

static __always_inline void rmap_ptes(void *ctx, int direct, u64 folio, u64 page, u64 pages)
{
	int small = !page_is_head(folio, direct);
	struct thprace_slot *slot;
	u64 index;
	u64 task;

	if (small && !attributing.walkers)
		return;
	task = bpf_get_current_pid_tgid();
	slot = slot_find(task, &index);
	if (!slot || !slot->in_range)
		return;
	folio = POINTER_NUMBER(slot->saved_folio, folio);
	if (!small || small_matters(folio))
		rmap_ptes_removed(ctx, slot, index, task, folio,
				  POINTER_NUMBER(slot->saved_folio, page), (u32)pages);
}
AT_RETURN_WITH_ARGS(rmap_ptes, THPRACE_POINT_RMAP_PTES)

/*
 * A removal begins: the entry is cleared already. Done even if no walker is there, because one may
 * come meanwhile.
 */
static __always_inline void removal_begins(void)
{
	struct thprace_slot *slot;
	u64 index;

	slot = slot_find(bpf_get_current_pid_tgid(), &index);
	if (slot && slot->in_range)
		slot->taking = bpf_ktime_get_ns();
}

/* Order-0 pages leave at the first test. */
static __always_inline void rmap_enter(u64 page)
{
	if (page_is_head(page, 1) || page_is_tail(page, 1))
		removal_begins();
}

SEC("fentry")
int rmap_enter_fentry(void *ctx)
{
	if (recording)
		rmap_enter(fentry_arg(ctx, THPRACE_POINT_RMAP, 0));
	return 0;
}

SEC("fentry")
int rmap_ptes_enter_fentry(void *ctx)
{
	if (recording && page_is_head(fentry_arg(ctx, THPRACE_POINT_RMAP_PTES, 0), 1))
		removal_begins();
	return 0;
}

/*
 * With kprobes, a return has no arguments: the entry saves them in the slot of a task inside a zap.
 * pages 0: the removal of a huge mapping.
 */
static __always_inline void save_args(u64 folio, u64 page, u32 pages)
{
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_slot *slot;
	u64 index;

	slot = slot_find(task, &index);
	if (!slot)
		return;
	slot->saved_folio = folio;
	slot->saved_page = page;
	slot->saved_pages = pages;
	slot->taking = bpf_ktime_get_ns();
}

SEC("kprobe")
int rmap_enter_kprobe(struct pt_regs *ctx)
{
	u64 page, folio;
	u8 compound;

	if (!recording)
		return 0;
	page = kprobe_arg(ctx, THPRACE_POINT_RMAP, 0);
	folio = page;
	if (!page_is_head(page, 0)) {
		folio = page_folio(page);
		if (folio == page && !small_matters(page))
			return 0;
	}
	compound = kprobe_arg(ctx, THPRACE_POINT_RMAP, 1);
	save_args(folio, page, !compound);
	return 0;
}

SEC("kprobe")
int rmap_pmd_kprobe(struct pt_regs *ctx)
{
	if (recording)
		save_args(kprobe_arg(ctx, THPRACE_POINT_RMAP_PMD, 0), 0, 0);
	return 0;
}

SEC("kprobe")
int rmap_ptes_enter_kprobe(struct pt_regs *ctx)
{
	u64 folio;

	if (!recording)
		return 0;
	folio = kprobe_arg(ctx, THPRACE_POINT_RMAP_PTES, 0);
	if (page_is_head(folio, 0) || small_matters(folio))
		save_args(folio, kprobe_arg(ctx, THPRACE_POINT_RMAP_PTES, 1),
			  (u32)kprobe_arg(ctx, THPRACE_POINT_RMAP_PTES, 2));
	return 0;
}

/* The return of all three. */
static __always_inline int removed_by_saved_args(struct pt_regs *ctx)
{
	struct thprace_slot *slot;
	u64 folio, task;
	u64 index;

	if (!recording)
		return 0;
	task = bpf_get_current_pid_tgid();
	slot = slot_find(task, &index);
	if (!slot || !slot->saved_folio)
		return 0;
	folio = slot->saved_folio;
	slot->saved_folio = 0;
	if (slot->state == THPRACE_SLOT_OPEN) {
		if (!slot->saved_pages)
			rmap_pmd_removed(slot, index, task, folio);
	} else if (slot->saved_pages && slot->in_range) {
		rmap_ptes_removed(ctx, slot, index, task, folio, slot->saved_page,
				  slot->saved_pages);
	}
	return 0;
}

SEC("kretprobe")
int rmap_kretprobe(struct pt_regs *ctx)
{
	return removed_by_saved_args(ctx);
}

SEC("kretprobe")
int rmap_pmd_kretprobe(struct pt_regs *ctx)
{
	return removed_by_saved_args(ctx);
}

SEC("kretprobe")
int rmap_ptes_kretprobe(struct pt_regs *ctx)
{
	return removed_by_saved_args(ctx);
}
