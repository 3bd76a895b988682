/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One incident: a walker and the window that it overlapped (or, if unattributed, the walker alone),
 * with task, CPU, times and stacks of both sides, the proof and the verdict.
 *
 * The BPF programs send this struct through the incident ring; core settles it; a trace stores it.
 * Two incidents are the same if window.pid, window.open, walk.pid, walk.enter and walk.class are
 * equal.
 */
#ifndef THPRACE_INCIDENT_H
#define THPRACE_INCIDENT_H

#include <linux/types.h>

#define THPRACE_COMM_LEN 16
#define THPRACE_STACK_MAX 24

/* What the incident ring carries. Only struct thprace_incident.type stores these values. */
enum thprace_message_type {
	THPRACE_MSG_INCIDENT = 1, /* struct thprace_incident: a pair, or a failed walker alone */
	THPRACE_MSG_OPENER = 2, /* struct thprace_opener: the final times of a window */
	THPRACE_MSG_SPLIT = 3, /* struct thprace_split */
	THPRACE_MSG_CHECK = 4, /* struct thprace_incident without a window: the kernel's own
				   * check point saw a mapped folio */
	THPRACE_MSG_REUSE = 5, /* struct thprace_opener: what happened to a revoked huge page */
	THPRACE_MSG_HOLD = 6, /* struct thprace_hold */
	THPRACE_MSG_OUTER = 7, /* struct thprace_outer */
	THPRACE_MSG_RACE_END = 8, /* struct thprace_race_end (race_slot.h) */
	THPRACE_MSG_RACE_PAIR = 9, /* struct thprace_race_pair */
};

/* How often a folio is mapped: by PMDs, and by PTEs, where the mapping of each page counts. */
struct thprace_counts {
	__s32 entire;
	__s32 small;
};

/* Unpacks one word: THPRACE_COUNTS() of record.h. */
static inline struct thprace_counts thprace_counts_of(__u64 word)
{
	return (struct thprace_counts){.entire = (__s32)word, .small = (__s32)(word >> 32)};
}

/*
 * A window. Times are ns of CLOCK_MONOTONIC; 0: not known, or not yet. The window of collapse-reuse
 * is a failed collapse, from its start to the start of the same task's next collapse.
 */
struct thprace_window {
	__u64 open; /* pmd: lock held for the zap; pte: unmap_page_range began (0: before the
		     * walker); for a removal (no THPRACE_WF_RANGE): the removal */
	__u64 removed; /* rmap removed: end of phase 1 (precise mode); pte: the last removal;
			* collapse-reuse: collapse_file returned, its page is revoked */
	__u64 close; /* zap_huge_pmd or unmap_page_range returned; for a removal: same as removed;
		      * collapse-reuse: called again */
	__u64 folio;
	__u64 mm; /* collapse-reuse: offset in bytes for which the page is used now */
	__u64 address; /* user address of the mapping; collapse-reuse: previous offset in bytes */
	__u32 pid; /* 0: no window was seen (unattributed) */
	__u32 tgid;
	__u16 cpu;
	__u8 level; /* enum thprace_level */
	__u8 flags; /* THPRACE_WF_* */
	__u32 pages; /* pte: number of pages whose rmap was removed, 0: not known; pmd: 0;
		      * collapse-reuse: references to the page at close, without the collapser's
		      * own */
	char comm[THPRACE_COMM_LEN];
	__s32 left; /* mappings at the window's level, read after close; or THPRACE_LEFT_*
		     * (record.h) */
	__u32 taking; /* pte, precise mode: how many ns before close a walker returned that left a
		       * page mapped, while a removal of that page was under way in this range; 0:
		       * none */
};

#define THPRACE_WF_SETTLED 0x1 /* the times are final */
#define THPRACE_WF_CRASH 0x80 /* under way when the kernel died, at close */
#define THPRACE_WF_VOID 0x2 /* zap without rmap removal (huge zero page): this was no window */
/* collapse-reuse, at close: */
#define THPRACE_WF_REUSED 0x4 /* it gets the same page (else the page was released) … */
#define THPRACE_WF_ELSEWHERE 0x8 /* … for another offset of the same file … */
#define THPRACE_WF_LOCKED 0x10 /* … and somebody holds its lock */
/* pte: */
#define THPRACE_WF_RANGE 0x20 /* zap of a part of a vma that maps the folio; else one removal */
#define THPRACE_WF_VAGUE 0x40 /* its start is not known, or another walker came since */

/* A walker. The walker of collapse-reuse is a task that found the page and waits for its lock. */
struct thprace_walk {
	__u64 enter;
	__u64 leave; /* its return, read before the residual mapcount; holder: 0 while it waits */
	__u64 folio;
	__u64 ttu; /* ttu_flags, or 0 */
	__u32 pid;
	__u32 tgid;
	__s32 residual; /* the folio's mapcount at the return; collapse-reuse: as window.pages */
	__s32 result; /* split: its result, once known (THPRACE_KF_RESULT) */
	__u16 cpu;
	__u8 class; /* enum thprace_class */
	__u8 origin; /* enum thprace_walker_origin; printed as "kind" */
	__u16 flags; /* THPRACE_RF_* and THPRACE_KF_* */
	__u16 order; /* of the folio; valid if outer_at is */
	char comm[THPRACE_COMM_LEN];
	/* Of a walker that failed: */
	struct thprace_counts left; /* at its return, with residual */
	struct thprace_counts before; /* at its entry, if THPRACE_RF_REMAP */
	struct thprace_counts outer; /* at outer_at: the return of the function around it … */
	__u64 outer_at; /* … 0: not seen, or there is no such function */
};

#define THPRACE_KF_RESULT 0x100 /* result is valid */
#define THPRACE_KF_CHECK 0x200 /* a check point of the kernel saw the folio mapped afterwards */
#define THPRACE_KF_LOST 0x400 /* records were lost in the walker's interval */
#define THPRACE_KF_CRASH 0x2000 /* under way when the kernel died, at leave; it left nothing */
#define THPRACE_KF_DIED 0x4000 /* the last of the task in which the kernel died */
#define THPRACE_KF_OUTER 0x800 /* a function around it reports the counts at its own return */

/*
 * A task's kernel stack, innermost first, and who the task is. Of a race from a file, the side's
 * saved values are at the end of ip, the first one last.
 */
struct thprace_stack {
	__u32 nr; /* valid members of ip */
	__u8 values; /* number of saved values; 0: none */
	__u8 section; /* of a race from a file: which one of its sections this side is */
	__u16 flags; /* THPRACE_STACK_* */
	__u32 uid; /* the user, in the initial user namespace */
	__u32 pad;
	__u64 cgroup; /* its number in the hierarchy of version 2; 0: not known */
	__u64 ip[THPRACE_STACK_MAX];
};

#define THPRACE_STACK_WHO 0x1 /* uid and cgroup were read */

#define THPRACE_STACK_VALUES_MAX 8

/* How many saved values a stack has; 0 also if it cannot have them. */
static inline __u32 thprace_stack_values(const struct thprace_stack *stack)
{
	return stack->values <= THPRACE_STACK_VALUES_MAX &&
			       stack->nr <= (__u32)THPRACE_STACK_MAX - stack->values
		       ? stack->values
		       : 0;
}

static inline __u64 thprace_stack_value(const struct thprace_stack *stack, __u32 which)
{
	return stack->ip[THPRACE_STACK_MAX - 1 - which];
}

struct thprace_incident {
	__u32 type; /* enum thprace_message_type */
	__u8 verdict; /* enum thprace_verdict */
	__u8 first_verdict; /* the kernel's verdict when it reported; `verdict` is the settled
			     * verdict */
	__u8 close_call; /* 1: timing alone would have given another verdict; the proof decided */
	__u8 mode; /* enum thprace_mode */
	__u8 attribution; /* enum thprace_attribution, of an escape */
	__u8 pad[7];
	struct thprace_window window;
	struct thprace_walk walk;
	struct thprace_stack opener_stack;
	struct thprace_stack walker_stack;
};

_Static_assert(sizeof(struct thprace_window) == 88, "stored");
_Static_assert(sizeof(struct thprace_walk) == 104, "stored");
_Static_assert(sizeof(struct thprace_stack) == 216, "stored");
_Static_assert(sizeof(struct thprace_incident) == 640, "stored");
_Static_assert(__builtin_offsetof(struct thprace_incident, window) == 16, "stored");
_Static_assert(__builtin_offsetof(struct thprace_incident, walk) == 104, "stored");
_Static_assert(__builtin_offsetof(struct thprace_incident, opener_stack) == 208, "stored");
_Static_assert(__builtin_offsetof(struct thprace_incident, walker_stack) == 424, "stored");

/* The end of a split whose walker failed or overlapped a window. */
struct thprace_split {
	__u32 type;
	__u32 pid;
	__s32 result; /* 0: the folio is split */
	__u32 pad;
	__u64 enter; /* start of the split */
	__u64 unmapped; /* return of its walker, 0: it had none */
};

_Static_assert(sizeof(struct thprace_split) == 32, "ring layout");

/*
 * What the function around a failed walker found at its own return: a failed split, or
 * memory_failure.
 */
struct thprace_outer {
	__u32 type;
	__u32 pid;
	__u64 leave; /* return of its walker */
	__u64 at; /* its own */
	struct thprace_counts before; /* at the walker's entry */
	struct thprace_counts now;
	__u32 order;
	__u32 pad;
};

_Static_assert(sizeof(struct thprace_outer) == 48, "ring layout");

/*
 * A task that waits for a lock (walk.leave 0, with its stack), and a second report when it has the
 * lock.
 */
struct thprace_hold {
	__u32 type;
	__u32 pad;
	struct thprace_walk walk;
	struct thprace_stack stack;
};

_Static_assert(sizeof(struct thprace_hold) == 328, "ring layout");

/* The opener's own report of a window that a walker overlapped or may have overlapped. */
struct thprace_opener {
	__u32 type;
	__u32 pad;
	struct thprace_window window;
	struct thprace_stack stack;
};

_Static_assert(sizeof(struct thprace_opener) == 312, "ring layout");

#endif
