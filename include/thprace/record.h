/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One record: one event, as a BPF program makes it, the rings carry it and a trace stores it.
 *
 * Times are ns of CLOCK_MONOTONIC (bpf_ktime_get_ns). Addresses are kernel virtual addresses and
 * serve as identities only. An interval is two records: the second has the time of the first in
 * `entry`, so (pid, type, entry) connects them.
 */
#ifndef THPRACE_RECORD_H
#define THPRACE_RECORD_H

#include <linux/types.h>

/* Values are stored in trace files: append, never renumber. */
enum thprace_record_type {
	THPRACE_REC_NONE = 0,
	/*
	 * A window opens: __pmd_trans_huge_lock returned inside zap_huge_pmd.
	 * arg: mm; arg2: user address.
	 */
	THPRACE_REC_ZAP_OPEN = 1,
	/* Phase 1 ends: the huge mapping's rmap was removed. entry: the window's open time. */
	THPRACE_REC_RMAP_PMD = 2,
	/*
	 * zap_huge_pmd returned. entry: open time; arg: time of RMAP_PMD, 0 if none was seen; arg2:
	 * user address; value: the function's result; flags: thprace_left_encode().
	 */
	THPRACE_REC_ZAP_CLOSE = 3,
	/*
	 * Inside a zap, the rmap of small pages of a large folio (or of the page that
	 * memory_failure handles) was removed. entry == ts; arg: page; value: number of pages.
	 */
	THPRACE_REC_RMAP_PTE = 4,
	/* A walker starts. class, origin; arg: ttu_flags as passed, 0 if the function has none. */
	THPRACE_REC_WALK_ENTER = 5,
	/*
	 * A walker returns. value: residual mapcount, read after ts was taken; flags:
	 * THPRACE_RF_OWN*, _BLIND; class, origin, arg as at its start; arg2: the THPRACE_COUNTS()
	 * that it left, if it failed.
	 */
	THPRACE_REC_WALK_RETURN = 6,
	/* A split of a large folio starts. */
	THPRACE_REC_SPLIT_ENTER = 7,
	/*
	 * The split ends. value: result (0: the folio is split); arg: return time of its walker, 0
	 * if it had none; arg2: residual mapcount of that walker.
	 */
	THPRACE_REC_SPLIT_RETURN = 8,
	/*
	 * The kernel takes a folio out of the page cache while the folio is mapped. value:
	 * mapcount.
	 */
	THPRACE_REC_CHECK = 9,
	/*
	 * collapse_file starts. arg: file; arg2: page offset. If it gets a huge page (hpage):
	 * folio: that page, 0 for none; value: references to it without the collapser's own; flags:
	 * THPRACE_RF_AGAIN and the flags next to it.
	 */
	THPRACE_REC_COLLAPSE_ENTER = 10,
	/*
	 * collapse_file ends. arg, arg2 as at its start; flags: THPRACE_RF_FAILED; folio: the huge
	 * page that it leaves behind, revoked, 0 for none; value: its result; if it returns
	 * nothing, references to folio without the collapser's own.
	 */
	THPRACE_REC_COLLAPSE_RETURN = 11,
	/* memory_failure: arg: pfn; value at return: its result. */
	THPRACE_REC_POISON_ENTER = 12,
	THPRACE_REC_POISON_RETURN = 13,
	/*
	 * Records were lost, on any CPU. entry: not before; ts: not after; arg: number; value: enum
	 * thprace_loss. Made by core, from the counters.
	 */
	THPRACE_REC_LOST = 14,
	/*
	 * A task waits for the lock of a large folio that it found, while collapses are under way.
	 */
	THPRACE_REC_HOLD_ENTER = 15,
	/* It has the lock, or gave up. */
	THPRACE_REC_HOLD_RETURN = 16,
	/*
	 * unmap_page_range returned: it zapped a part of a vma that maps the folio, while a walker
	 * of that folio was under way or had failed. entry: when it began, 0: before that walker;
	 * arg: its last rmap removal of the folio, 0 if none was seen; arg2: number of pages of the
	 * folio that it removed, and above 32 bits thprace_window.taking; value: mappings by PTEs
	 * that are left, or THPRACE_LEFT_LATE; flags: THPRACE_RF_VAGUE.
	 */
	THPRACE_REC_RANGE = 17,
	/*
	 * The function around a failed walker returns and still owns the folio. entry: that
	 * walker's return; arg, arg2: THPRACE_COUNTS() at that walker's entry and now; value: order
	 * of the folio.
	 */
	THPRACE_REC_OUTER = 18,
	/*
	 * An interval of a race from a file begins. class; value: its section; folio: its key, 0 if
	 * it is learnt later; arg, arg2: its range; flags: THPRACE_RF_WALKER.
	 */
	THPRACE_REC_RACE_BEGIN = 19,
	/* One of its events took place. entry: its beginning; value: its section; arg: which one. */
	THPRACE_REC_RACE_EVENT = 20,
	/*
	 * It ends; an instant has only this one. entry: its beginning; folio, arg, arg2, value as
	 * there; flags: THPRACE_RF_WALKER and those next to it.
	 */
	THPRACE_REC_RACE_END = 21,
	THPRACE_REC_MAX
};

#define THPRACE_RECORD_NAMES                                                                      \
	{                                                                                         \
		"none", "zap-open", "rmap-pmd", "zap-close", "rmap-pte", "walk-enter",            \
			"walk-return", "split-enter", "split-return", "check", "collapse-enter",  \
			"collapse-return", "poison-enter", "poison-return", "lost", "hold-enter", \
			"hold-return", "range", "outer", "race-begin", "race-event", "race-end"   \
	}

#define THPRACE_RF_OWN 0x1 /* WALK_RETURN: the walker has its own result … */
#define THPRACE_RF_OWN_FAILED 0x2 /* … and it says "still mapped" */
#define THPRACE_RF_MIGRATE 0x4 /* WALK_*: the function is try_to_migrate */
#define THPRACE_RF_FAILED 0x8 /* COLLAPSE_RETURN: not collapsed */
#define THPRACE_RF_AGAIN 0x10 /* COLLAPSE_ENTER: with the page of this task's failed one before … */
#define THPRACE_RF_ELSEWHERE 0x20 /* … for another offset of the same file … */
#define THPRACE_RF_LOCKED 0x40 /* … and somebody holds its lock */
#define THPRACE_RF_REMAP 0x80 /* WALK_RETURN: the split around it maps again what it took (anon) */
#define THPRACE_RF_VAGUE 0x100 /* RANGE: its start is not known, or another walker came since */
#define THPRACE_RF_BLIND 0x1000 /* WALK_RETURN: ranges are not watched now */
#define THPRACE_RF_WALKER 0x200 /* RACE_*: a walker's */
#define THPRACE_RF_ESCAPED 0x400 /* RACE_END: its escape holds */
#define THPRACE_RF_JUDGED 0x800 /* RACE_END: the race has an escape */
#define THPRACE_RF_DROPPED 0x2000 /* RACE_END: it was no interval */
#define THPRACE_RF_INSTANT 0x4000 /* RACE_END: it has no length */
#define THPRACE_RF_UNENDED \
	0x8000 /* RACE_END: its task exits, or begins it again: its end is unknown */

/* Instead of the number of mappings left after a zap: */
#define THPRACE_LEFT_UNREAD (-1) /* not read: there was no walker */
#define THPRACE_LEFT_LATE (-2) /* read too late to be evidence about that zap */

/*
 * The number of mappings left, or one of these values, as stored in ZAP_CLOSE.flags; the largest
 * value that fits also stands for more.
 */
static inline __u16 thprace_left_encode(__s32 left)
{
	if (left == THPRACE_LEFT_UNREAD)
		return 0;
	return left < 0xfffd ? (__u16)(left == THPRACE_LEFT_LATE ? 1 : left + 2) : 0xffff;
}

static inline __s32 thprace_left_decode(__u16 word)
{
	if (word < 2)
		return word ? THPRACE_LEFT_LATE : THPRACE_LEFT_UNREAD;
	return word - 2;
}

/* How often a folio is mapped, in one word: by PMDs in the low half, by PTEs in the high half. */
#define THPRACE_COUNTS(entire, small) ((__u32)(entire) | (__u64)(__u32)(small) << 32)

struct thprace_record {
	__u64 ts; /* time of the event, ns CLOCK_MONOTONIC */
	__u64 entry; /* start of the interval; == ts for a record that begins one */
	__u64 folio; /* the folio's address; 0 if not known (yet) */
	__u64 arg;
	__u64 arg2;
	__u32 pid; /* thread id, initial pid namespace */
	__u32 tgid; /* process id */
	__s32 value;
	__u16 cpu;
	__u8 type; /* enum thprace_record_type */
	__u8 class; /* enum thprace_class */
	__u16 flags;
	__u8 origin; /* enum thprace_walker_origin; printed as "kind" */
	__u8 pad;
	__u32 seq; /* flight recorder: position + 1 in its CPU's ring; 0 elsewhere */
};

_Static_assert(sizeof(struct thprace_record) == 64, "a record is one cache line");
_Static_assert(__builtin_offsetof(struct thprace_record, entry) == 8, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, folio) == 16, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, arg) == 24, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, arg2) == 32, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, pid) == 40, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, tgid) == 44, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, value) == 48, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, cpu) == 52, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, type) == 54, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, class) == 55, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, flags) == 56, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, origin) == 58, "stored");
_Static_assert(__builtin_offsetof(struct thprace_record, seq) == 60, "stored");

#endif
