// SPDX-License-Identifier: GPL-2.0-only
/*
 * Widening, only for `thprace provoke`: a bounded busy wait inside a window, so that a walker
 * overlaps it. Loaded only on request, and does nothing except for the tasks of one process, the
 * stressor, and of its children.
 *
 * The wait is at the entry of the rmap removal (phase 1: the entry is cleared, the mapcount not yet
 * decremented) or at its return (phase 2). It changes no state of the kernel: it only takes time,
 * as an interrupt there would.
 */
#include "folio.bpf.h"
#include "record.bpf.h"

struct task_struct {
	struct task_struct *real_parent;
	int tgid;
} CORE;

#define WIDEN_PARENTS 16 /* between a task and the command that it belongs to */
#define WIDEN_SPIN 256 /* squared: the maximum number of clock reads in one wait */

/* core sets it once the stressor's pid is known. 0: nothing is widened. */
volatile __u32 widen_tgid;
volatile __u32 widen_ns; /* of each window */
volatile __u32 widen_where; /* enum thprace_widen */
volatile __u64 widened; /* windows widened so far */

/* Global functions, so the verifier walks each loop once. They return 1 until the time is over. */
__noinline int __weak widen_spin_some(u64 until)
{
	u32 i;

	for (i = 0; i < WIDEN_SPIN; i++)
		if (bpf_ktime_get_ns() >= until)
			return 0;
	return 1;
}

__noinline int __weak widen_spin(u64 until)
{
	u32 i;

	for (i = 0; i < WIDEN_SPIN; i++)
		if (!widen_spin_some(until))
			return 0;
	return 1;
}

/* Is this a task of the stressor, or of one of its children? */
static __always_inline int widen_target(u32 tgid)
{
	struct task_struct *task;

	if (!widen_tgid)
		return 0;
	if (tgid == widen_tgid)
		return 1;
	task = (struct task_struct *)bpf_get_current_task();
	return (u32)BPF_CORE_READ(task, real_parent, tgid) == widen_tgid;
}

static __always_inline void widen(void)
{
	u64 ns = widen_ns;

	if (ns > THPRACE_WIDEN_MAX_NS)
		ns = THPRACE_WIDEN_MAX_NS;
	ADD(widened, 1);
	widen_spin(bpf_ktime_get_ns() + ns);
}

/* A place of a race from a file: it waits in tasks of the command, however many shells are between. */
__noinline int widen_race(u32 unused)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u32 i, tgid, wanted = widen_tgid;

	if (!wanted || widen_where != THPRACE_WIDEN_RACE)
		return 0;
	for (i = 0; i < WIDEN_PARENTS; i++) {
		tgid = BPF_CORE_READ(task, tgid);
		if (tgid == wanted) {
			widen();
			return 1;
		}
		if (tgid <= 1)
			return 0;
		task = BPF_CORE_READ(task, real_parent);
	}
	return 0;
}

/* The rmap removal of a huge mapping: its entry (phase 1) or its return (phase 2). */
static __always_inline void widen_huge(u32 where)
{
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_slot *slot;
	u64 index;

	if (widen_where != where || !widen_target(task >> 32))
		return;
	slot = slot_find(task, &index);
	if (slot && slot->state == THPRACE_SLOT_OPEN)
		widen();
}

/* Do these small pages matter to the race class? large: they are part of a large folio. */
static __always_inline int widen_wants(u64 page, u64 pages, int large)
{
	u64 typed = page;

	if (widen_where == THPRACE_WIDEN_PHASE_1)
		return large;
	if (widen_where != THPRACE_WIDEN_PTE || !poisoning)
		return 0;
	bpf_probe_read_kernel(&page, sizeof(page), &typed); /* as a number */
	return poison_page() - page < pages * bpf_core_type_size(struct page);
}

/* The rmap removal of small pages inside a zap: once per vma. */
static __always_inline void widen_small(u64 page, u64 pages, int large)
{
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_slot *slot;
	u64 index;

	if (!widen_target(task >> 32) || !widen_wants(page, pages, large))
		return;
	slot = slot_find(task, &index);
	if (!slot || slot->state == THPRACE_SLOT_OPEN || slot->in_range != THPRACE_RANGE_ENTERED)
		return;
	slot->in_range = THPRACE_RANGE_WIDENED;
	widen();
}

static __always_inline void widen_page(void *ctx, int direct, u64 page, u64 compound, u64 unused)
{
	int large = page_is_head(page, direct) || page_is_tail(page, direct);

	if ((u8)compound) /* a bool */
		widen_huge(THPRACE_WIDEN_PHASE_1);
	else
		widen_small(page, 1, large);
}
AT_ENTRY(widen_page, THPRACE_POINT_RMAP)

static __always_inline void widen_pmd(void *ctx, int direct, u64 folio, u64 unused1, u64 unused2)
{
	widen_huge(THPRACE_WIDEN_PHASE_1);
}
AT_ENTRY(widen_pmd, THPRACE_POINT_RMAP_PMD)

static __always_inline void widen_ptes(void *ctx, int direct, u64 folio, u64 page, u64 pages)
{
	widen_small(page, (u32)pages, page_is_head(folio, direct));
}
AT_ENTRY(widen_ptes, THPRACE_POINT_RMAP_PTES)

static __always_inline void widen_page_after(void *ctx)
{
	widen_huge(THPRACE_WIDEN_PHASE_2);
}
AT_END(widen_page_after)

static __always_inline void widen_pmd_after(void *ctx)
{
	widen_huge(THPRACE_WIDEN_PHASE_2);
}
AT_END(widen_pmd_after)
