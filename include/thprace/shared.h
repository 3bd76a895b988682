/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF programs and core's engine share besides records and incidents: per-CPU counters,
 * the flight recorder, and the positions of the arguments of probed functions.
 */
#ifndef THPRACE_SHARED_H
#define THPRACE_SHARED_H

#include <linux/types.h>
#include <thprace/buckets.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>

/*
 * Points of the kernel that are probed. Each stands for one function, or for the first of several
 * that this kernel has (core/probe/probe_table.c).
 */
enum thprace_point {
	THPRACE_POINT_ZAP, /* zap_huge_pmd: slots vma, pmd, addr */
	THPRACE_POINT_LOCK, /* __pmd_trans_huge_lock: slots none */
	THPRACE_POINT_RMAP, /* page_remove_rmap: slots page, compound */
	THPRACE_POINT_RMAP_PMD, /* folio_remove_rmap_pmd: slot folio */
	THPRACE_POINT_RMAP_PTES, /* folio_remove_rmap_ptes: slots folio, page, nr_pages */
	THPRACE_POINT_RANGE, /* unmap_page_range, __zap_vma_range: slots vma, start, end */
	THPRACE_POINT_SPLIT, /* split_huge_page_to_list, …_to_order, __folio_split: slot page */
	THPRACE_POINT_UNMAP, /* try_to_unmap: slots folio, flags */
	THPRACE_POINT_MIGRATE, /* try_to_migrate: slots folio, flags */
	THPRACE_POINT_TRUNCATE, /* truncate_cleanup_folio/_page: slot folio */
	THPRACE_POINT_INVALIDATE, /* invalidate_inode_pages2_range: slots none */
	THPRACE_POINT_UNMAP_FOLIO, /* unmap_mapping_folio/_page: slot folio */
	THPRACE_POINT_POISON, /* memory_failure: slot pfn */
	THPRACE_POINT_CHECK, /* filemap_unaccount_folio, unaccount_page_cache_page: slot folio */
	THPRACE_POINT_COLLAPSE, /* collapse_file: slots file, start, hpage */
	THPRACE_POINT_HOLD, /* io_schedule: slots none */
	THPRACE_POINT_HOLD_END, /* finish_wait: slot wq_entry */
	THPRACE_POINT_UNMAP_PAGES, /* unmap_mapping_pages: slots none */
	THPRACE_POINT_MAPPED, /* page_mapped: slot page */
	THPRACE_POINT_MAX
};

#define THPRACE_ARG_SLOTS 3
#define THPRACE_ARG_MAX 6 /* arguments that x86-64 and arm64 pass in registers */

/* Positions of the arguments that a point's program uses. Filled in before load. */
struct thprace_args {
	__s8 index[THPRACE_ARG_SLOTS]; /* position of each slot's argument; -1: none */
	__u8 behind; /* position of fexit's result, after the arguments; 255: void */
	__u8 result; /* 1: the function returns something, 0: void */
	__u8 folio; /* 1: slot 0 is a folio, 0: a page, maybe a tail page */
	__u8 depth; /* slot 2: 2: a pointer to a pointer; 1: a pointer; 0: a number, or none */
	__u8 calls; /* 1: calls of the function are probed instead of the function
		     * (core/probe/probe_calls.c) */
};

/*
 * Addresses of kernel data that programs read, by name; core fills them in before load. 0: not in
 * this kernel.
 */
enum thprace_symbol {
	THPRACE_SYMBOL_VMEMMAP_BASE,
	THPRACE_SYMBOL_PHYSICAL_MASK,
	THPRACE_SYMBOL_WAKE_PAGE, /* a function: wake_page_function */
	/* For readers of a crash dump (thprace/beacon.h): */
	THPRACE_SYMBOL_PHYS_BASE,
	THPRACE_SYMBOL_PAGE_TABLE,
	THPRACE_SYMBOL_TEXT, /* where the kernel's text begins */
	THPRACE_SYMBOL_MAX
};

#define THPRACE_SYMBOL_NAMES                                                        \
	{                                                                           \
		"vmemmap_base", "physical_mask", "wake_page_function", "phys_base", \
			"init_top_pgt", "_stext"                                    \
	}

/*
 * What core learns about an arm64 kernel's page-table entries before recording: it probes a
 * function that takes one (core/engine/engine_pte_probe.c). The programs are in bpf/window.bpf.c.
 */
struct thprace_pte_probe {
	__u64 task; /* whose calls count: pid and tgid; 0: no task's */
	__u64 entry; /* of the call under way; 0: none */
	__u64 hidden; /* the bit that says "present" in an entry that is not valid; 0: not known */
	__u32 pairs; /* entries whose page the kernel named */
	__u32 differing; /* how many of these contradict the previous one */
	__u32 known; /* core accepts the result: entries are decoded from now on */
	__u32 pad;
};

/* Of origins of walkers: a power of two, for the verifier. */
#define THPRACE_ORIGIN_SLOTS 8
_Static_assert(THPRACE_ORIGIN_MAX <= THPRACE_ORIGIN_SLOTS, "an index");

/* Phases whose lengths are counted in struct thprace_cpu.phase. */
enum thprace_phase {
	THPRACE_PHASE_1 = 0, /* lock taken → rmap removed (precise mode) */
	THPRACE_PHASE_2 = 1, /* rmap removed → zap_huge_pmd returns (precise mode) */
	THPRACE_PHASE_WHOLE = 2, /* lock taken → zap_huge_pmd returns */
	THPRACE_PHASE_MAX
};

#define THPRACE_PHASE_SLOTS 4 /* a power of two, for the verifier */

#define THPRACE_PHASE_NAMES                 \
	{                                   \
		"phase1", "phase2", "whole" \
	}

struct thprace_phase_lengths {
	__u64 sum; /* ns */
	__u64 max; /* ns */
	__u64 bucket[THPRACE_BUCKETS];
};

/*
 * The shortest distance in time between a walker and a window on the same folio that did not
 * overlap.
 */
#define THPRACE_WALK_CLASS_SHIFT 24 /* pids have at most 22 bits: include/linux/threads.h */

struct thprace_closest {
	__u64 distance; /* ns; 0: none seen */
	__u64 folio;
	__u64 window_open; /* 0 if the window came first: only its end is remembered */
	__u64 window_close; /* 0 if the walker came first */
	__u64 walk_enter; /* 0 if the walker came first */
	__u64 walk_leave; /* 0 if the window came first */
	__u32 window_pid;
	__u32 walk_pid; /* enum thprace_class above THPRACE_WALK_CLASS_SHIFT */
};

/* Length of the flight recorder: the last records of each CPU. It overwrites and wakes nobody. */
#define THPRACE_FLIGHT_RECORDS 1024 /* a power of two */

/*
 * Counters of one CPU. Each program run that found something of interest adds one to seen and one
 * to exactly one of submitted, filtered and lost[]. An interval of a race from a file adds one to
 * windows[] or walkers[] alone, and core adds it to seen and filtered. Runs that left at the first test (order-0
 * folios, reclaim) are in none of them.
 */
struct thprace_counters {
	__u64 seen;
	__u64 submitted;
	__u64 filtered;
	__u64 lost[THPRACE_LOSS_SLOTS];
	__u64 pte_removals;
	__u64 mismatches; /* the pmd named another folio than the rmap removal did */
	__u64 touching;
	__u64 collapses;
	__u64 collapses_failed;
	__u64 reuses; /* collapses that got the page of an earlier, failed one */
	__u64 reuses_foreign; /* of these: with references beyond the collapser's own */
	__u64 walkers[THPRACE_CLASS_MAX];
	__u64 failed[THPRACE_CLASS_MAX];
	__u64 walker_ns[THPRACE_CLASS_MAX]; /* sums of lengths */
	__u64 windows[THPRACE_CLASS_MAX]; /* only of races from files */
	struct thprace_closest closest;
	struct thprace_phase_lengths phase[THPRACE_PHASE_SLOTS];
};

/* Data of one CPU: mapped by core. */
struct thprace_cpu {
	struct thprace_counters counters;
	__u64 head; /* records written so far: the next one goes to head % THPRACE_FLIGHT_RECORDS */
	__u64 zapping; /* the task that last began a zap here: pid and tgid … */
	__u64 zap_slot; /* … and its slot */
	struct thprace_record flight[THPRACE_FLIGHT_RECORDS];
};

/*
 * One task's stay in a zap. A task owns its slot from claim to release and is its only writer,
 * except for `noted`, which walkers increment.
 */
enum thprace_slot_state {
	THPRACE_SLOT_IDLE = 0,
	THPRACE_SLOT_MARKED = 1, /* in zap_huge_pmd, lock not taken yet */
	THPRACE_SLOT_OPEN = 2, /* in a window */
};

/* Where a task is in unmap_page_range, which zaps one vma. */
enum thprace_range {
	THPRACE_RANGE_OUTSIDE = 0,
	THPRACE_RANGE_ENTERED = 1,
	THPRACE_RANGE_WIDENED = 2, /* and a PTE-level window in it was widened */
};

struct thprace_slot {
	__u64 task; /* pid_tgid of the owner; kept after release */
	__u64 pmd; /* address of the entry */
	__u64 frame; /* of zap_huge_pmd's trampoline, frame_of(); kprobe mode: 0 */
	__u64 saved_folio; /* kprobe mode: folio of the rmap removal under way, for its return;
			    * else scratch */
	__u64 saved_page; /* kprobe mode: its first page */
	__u64 row_folio;
	__u32 row_entered; /* PTE-level removals on row_folio since walker number row_entered … */
	__u32 row_length; /* … came: their number */
	__u32 state; /* enum thprace_slot_state */
	__u32 in_range; /* enum thprace_range (precise mode); with state: one word */
	__u32 saved_pages; /* 0: the removal of a huge mapping */
	__u32 bucket; /* the bucket that counts the window */
	__u32 noted; /* walkers that overlapped this window while it was open */
	__u32 windows; /* windows that the owner has opened */
	/* While in_range: */
	__u64 range_began; /* 0: no walker was pending then */
	__u64 range_vma; /* kprobe mode: the arguments, for the return */
	__u64 range_start;
	__u64 range_end;
	__u64 range_folio; /* precise mode: the last removal while a walker was pending: its folio
			    * … */
	__u64 range_removed; /* … and its time */
	__u64 range_low_at; /* the removal after which the count was lowest */
	__u32 range_pages; /* of range_folio */
	__u32 range_mixed; /* there were removals of other folios too */
	__s32 range_low; /* that count */
	__u32 range_reads; /* number of reads of the count */
	__u64 taking; /* precise mode: start of the rmap removal under way; 0: none */
	struct thprace_opener opener; /* the window, ready to be sent; open is 0 until it opens */
};

_Static_assert(sizeof(struct thprace_slot) == 472, "shared by both sides");

/*
 * A walker that is under way, or one that failed and waits until the zaps that were under way at
 * its return end. The walker's task is the only writer until it has set leave; then core frees the
 * place, after THPRACE_ATTRIBUTION_NS.
 */
struct thprace_pending {
	__u64 folio; /* 0: free */
	__u64 object; /* what maps the folio: a file's address_space, or the root anon_vma; 0: not
		       * known */
	__u64 index; /* index of its first page in that object */
	__u64 enter; /* 0: not stamped yet */
	__u64 leave; /* 0: under way; written last */
	__u64 returned; /* the same value, written first */
	__u64 first; /* precise mode: the first page that PTEs still map; 0: none, or not searched
		      * for */
	__u64 taken; /* the first page of a removal that was under way at a walker's return … */
	__u64 taken_at; /* … that walker's `returned' … */
	__u32 taken_pages; /* … the number of pages … */
	__u32 taker; /* … and the removing task; it writes these four members */
	__u32 pid;
	__u32 pages;
	__u32 reported; /* ranges that were reported for this walker */
	__s32 small; /* mappings by PTEs that it left; written with leave */
	__u32 entered; /* bucket.entered, with this walker included */
	__u32 huge; /* 1: it left only mappings by PMDs, which a range cannot take; written with
		     * leave */
	/* For readers of a crash dump: */
	__u32 tgid;
	__u8 class; /* enum thprace_class */
	__u8 origin; /* enum thprace_walker_origin */
	__u16 pad;
	__u64 task; /* its struct task_struct */
};

#define THPRACE_PENDING_MAX 32 /* number of bits in the result of range_met() (bpf/range.bpf.c) */

/* Whether a range has anything to do at all. Both members are read as one word. */
struct thprace_attributing {
	__u32 walkers; /* pending */
	__u32 ranges; /* ranges under way that have a mark */
};

/*
 * Who calls __pmd_trans_huge_lock, and how many of these calls are in a zap: counted while core
 * wants to know.
 */
#define THPRACE_ZAPPERS_MAX 256

struct thprace_zapper_key {
	__u64 cgroup; /* number of the cgroup in the hierarchy of version 2; 0: not known */
	__u32 uid;
	__u32 pad;
};

struct thprace_zapper {
	__u64 calls;
	__u64 zaps;
	__u32 tgid; /* of the last caller */
	__u32 pad;
	char comm[THPRACE_COMM_LEN]; /* of the last caller */
};

/* Where `thprace provoke` widens windows (bpf/widen.bpf.c). */
enum thprace_widen {
	THPRACE_WIDEN_NOT = 0,
	/*
	 * An entry that maps a huge page, or pages of one, is cleared, but its rmap is still there.
	 */
	THPRACE_WIDEN_PHASE_1 = 1,
	THPRACE_WIDEN_PHASE_2 = 2, /* its rmap is removed, zap_huge_pmd has not returned */
	THPRACE_WIDEN_PTE = 3, /* as phase 1, for the page that memory_failure handles */
	THPRACE_WIDEN_RACE = 4, /* where the [provoke] of a race from a file says */
};

/* Instructions at which a clock lets a task wait. */
#define THPRACE_CLOCK_SPANS 16
struct thprace_clock_span {
	__u64 from; /* address */
	__u64 size; /* 0: none */
};

#define THPRACE_WIDEN_MAX_NS 1000000U /* per window: the limit that the kernel side enforces */

#define THPRACE_SLOTS_MAX 1024
#define THPRACE_BUCKET_COUNT 1024 /* a power of two */

/* The bucket of a folio: a multiplicative hash; huge folios are 32 KiB apart. */
static inline __u64 thprace_folio_bucket(__u64 folio)
{
	return (folio >> 6) * 0x9e3779b97f4a7c15ULL >> 54;
}

/* The activity on all folios with this hash. One cache line. */
struct bucket {
	__u64 walkers; /* sum of WALKER(pid) of all active walkers (bpf/engine.bpf.h) */
	__u32 windows; /* open */
	__u32 pending; /* failed walkers that wait until zaps end */
	__u32 closed; /* number of windows that ever ended while a walker was active */
	__u32 entered; /* number of walkers that ever entered, above 16 bits that count those
		        * entering now */
	__u32 last_window_pid;
	__u32 last_walk_pid; /* and class, as in struct thprace_closest */
	__u64 last_window_folio; /* the last window that ended, for the closest pass */
	__u64 last_window_close;
	__u64 last_walk_folio;
	__u64 last_walk_leave;
};

#endif
