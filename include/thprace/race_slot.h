/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Races from files: the tables of bpf/race.bpf.c, what its programs report, and where core puts
 * instructions and numbers into them (core/engine/engine_race.c).
 */
#ifndef THPRACE_RACE_SLOT_H
#define THPRACE_RACE_SLOT_H

#include <linux/types.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/race_interval.h>
#include <thprace/shared.h>

#define THPRACE_RACE_SLOTS 512 /* a power of two */
#define THPRACE_RACE_BUCKETS 1024 /* a power of two */
#define THPRACE_RACE_HITS 16 /* of the other side that one end reports; a power of two */
/* Ends that those who learn their key late can still find; a power of two. */
#ifndef THPRACE_RACE_CLOSED /* the model has fewer */
#define THPRACE_RACE_CLOSED 1024
#endif
#define THPRACE_RACE_CLOSED_TRIES 8 /* places in which one such end may be */

enum thprace_race_side {
	THPRACE_RACE_WINDOW,
	THPRACE_RACE_WALKER,
	THPRACE_RACE_SIDES
};

/* Whose slot it is: a task's, for one section of one race. */
#define THPRACE_RACE_PLACE(class, section) ((__u32)(class) << 8 | (__u32)(section) << 1)
#define THPRACE_RACE_SECTIONS_MAX 8
#define THPRACE_RACE_INSIDE 1 /* added: the task is in the function around it */

enum thprace_race_state {
	THPRACE_RACE_IDLE,
	THPRACE_RACE_KEPT, /* has arguments, for a return at which the interval may begin */
	THPRACE_RACE_LEARNING, /* has begun, and its key is not known yet */
	THPRACE_RACE_OPEN,
	THPRACE_RACE_CLOSING, /* its end is being stamped, or was; an instant is from its beginning */
	THPRACE_RACE_PASSING, /* an instant that is looking at others, and what it stands for comes after that */
};

/* The task's stay in an interval, or in a function around it. Only its task writes, except: */
struct thprace_race_slot {
	__u64 task; /* pid and tgid; kept after release */
	__u64 begin; /* ns; 0: not stamped yet */
	__u64 end; /* ns; 0: not stamped yet, or its task has exited in it */
	__u64 from; /* range */
	__u64 to;
	__u64 id; /* of this interval: no other one has it */
	__u64 other; /* the word of the other side's intervals with this key */
	__u32 owners; /* 1: taken; tasks that want it, or look at it, add to it */
	__u32 place; /* THPRACE_RACE_PLACE() */
	__u32 state; /* enum thprace_race_state */
	__u32 bucket;
	__u32 noted; /* ends of the other side that found it; they write it, others and since */
	__u32 depth; /* inside: nested calls */
	__u32 side; /* enum thprace_race_side */
	__u32 learns; /* it is counted in learning[] */
	__u32 hits;
	__u32 looked; /* at its end: 1 more than the index of the last slot that it looked at. It goes up */
	__u32 held; /* a clock let the task wait in it (bpf/widen.bpf.c) */
	__u32 strays; /* slots that are taken because this one was not free, which was the first choice */
	__u32 stray; /* it is one of these: 1 more than the index of the first choice; 0: no */
	__u32 hit[2 * THPRACE_RACE_HITS]; /* twice the size, so that one too many does no harm */
	__u64 closed; /* the table's, when it began to learn */
	struct thprace_race_interval interval;
};

/* Open intervals on all keys with this hash, by side. */
struct thprace_race_bucket {
	__u32 open[THPRACE_RACE_SIDES];
};

/* An interval that ended while one of the other side was learning its key. */
struct thprace_race_closed {
	__u64 number; /* of all such ends, from 1; 0: it is being written */
	__u64 word; /* as in the table */
	__u64 key;
	__u64 from;
	__u64 to;
	__u64 id;
	__u64 begin;
	__u64 end;
	__u64 task;
	__u32 owners; /* 1: taken by who writes it; others try it */
	__u32 section;
};

struct thprace_race_table {
	__u64 word[THPRACE_RACE_SLOTS]; /* of the open interval in that slot: race, side and key,
					 * hashed; 0: none */
	struct thprace_race_bucket bucket[THPRACE_RACE_BUCKETS];
	/* Intervals of that side that learn their key, from their beginning to their end. */
	__u32 learning[THPRACE_CLASS_MAX][THPRACE_RACE_SIDES];
	__u64 closed; /* how many ends were kept */
	struct thprace_race_closed end[THPRACE_RACE_CLOSED];
};

/*
 * The last interval of a side that ended, for the closest pass. Several tasks may write it at the
 * same time, without a lock: then the sum tells a reader that the members are not of one interval.
 */
struct thprace_race_last {
	__u64 key;
	__u64 end;
	__u64 from;
	__u64 to;
	__u64 who; /* pid, and class above THPRACE_WALK_CLASS_SHIFT; 0: none */
	__u64 sum; /* of the others */
};

/* On all keys with this hash. */
struct thprace_race_passed {
	struct thprace_race_last window;
	struct thprace_race_last walker;
};

/* What was measured of a race. Counted without a lock: an interrupt in between may lose one. */
struct thprace_race_measured {
	struct thprace_phase_lengths window;
	struct thprace_closest closest;
};

/* The bucket of the last length: lengths from `from' on, `width' of them. */
struct thprace_race_bucketed {
	__u64 from;
	__u64 width;
	__u64 bucket;
};

/* On one CPU; there only if races from files are recorded. */
struct thprace_race_cpu {
	struct thprace_race_measured of[THPRACE_CLASS_MAX];
	struct thprace_race_bucketed bucketed[THPRACE_CLASS_MAX];
};

/* One interval or instant that has ended: it met the other side, or its escape holds. */
struct thprace_race_end {
	__u32 type; /* THPRACE_MSG_RACE_END */
	__u8 class;
	__u8 side; /* enum thprace_race_side */
	__u8 section;
	__u8 flags; /* THPRACE_RACE_* */
	__u64 id; /* of the interval */
	__u64 begin;
	__u64 end; /* an instant: the same */
	__u64 key;
	__u32 pid;
	__u32 tgid;
	__u32 cpu;
	__u32 pad;
	char comm[THPRACE_COMM_LEN];
	struct thprace_stack stack;
};

#define THPRACE_RACE_ESCAPED 0x1 /* all its conditions of an escape hold */
#define THPRACE_RACE_DROPPED 0x2 /* it was no interval */
#define THPRACE_RACE_INSTANT 0x4
#define THPRACE_RACE_JUDGED 0x8 /* the race has conditions of an escape */
#define THPRACE_RACE_KEPT_END 0x20 /* one that learns its key may still find it */
#define THPRACE_RACE_UNENDED \
	0x40 /* its task exited in it, at end: when it would have ended is not known */
#define THPRACE_RACE_CRASH 0x10 /* under way when the kernel died, at end (core/dump) */

_Static_assert(sizeof(struct thprace_race_end) == 288, "ring layout");

/* A window and a walker that may share an instant: their stamps tell. */
struct thprace_race_pair {
	__u32 type; /* THPRACE_MSG_RACE_PAIR */
	__u8 class;
	__u8 section[THPRACE_RACE_SIDES];
	__u8 pad;
	__u64 id[THPRACE_RACE_SIDES];
	__u64 begin[THPRACE_RACE_SIDES]; /* 0: it was not stamped yet */
	__u32 pid[THPRACE_RACE_SIDES];
};

_Static_assert(sizeof(struct thprace_race_pair) == 48, "ring layout");

/* --- what core replaces before it loads a program --- */

/* Numbers: a move of THPRACE_RACE_NUMBER + n to a register. */
#define THPRACE_RACE_NUMBER 0x7ace0000
enum thprace_race_number {
	THPRACE_RACE_CLASS,
	THPRACE_RACE_SECTION,
	THPRACE_RACE_SIDE,
	THPRACE_RACE_EVENT, /* which of its named events */
	THPRACE_RACE_EXITS, /* how many of race_exits[] there are */
	THPRACE_RACE_VALUES, /* how many values its section saves */
	THPRACE_RACE_NUMBERS
};

#define THPRACE_RACE_HAS_INSIDE 0x1 /* it counts only in a task that is inside a function */
#define THPRACE_RACE_HAS_KEPT 0x2 /* arguments were saved at the entry */
#define THPRACE_RACE_HAS_LEARN 0x4 /* its key is learnt after its beginning */
#define THPRACE_RACE_HAS_EVENTS 0x20 /* its section has named events */
#define THPRACE_RACE_HAS_LEARNERS 0x10 /* that of one of the other side is */
#define THPRACE_RACE_HAS_SINCE 0x200 /* one of its race's sections has named events */
#define THPRACE_RACE_HAS_VALUES 0x40 /* its section saves some */
#define THPRACE_RACE_HAS_RECORDS 0x80 /* --all */
#define THPRACE_RACE_IS_WALKER 0x100 /* its section's side */
#define THPRACE_RACE_LEADS \
	0x400 /* an instant at an entry or a call: what it stands for comes after its program */
#define THPRACE_RACE_HAS_ESCAPE \
	THPRACE_RACE_JUDGED /* one of its sections has conditions of an escape */

/*
 * Branches: a move of THPRACE_RACE_IF + one of these flags to r0, and a jump if that is 0. Core decides them, and
 * removes what nothing can reach then: what a program's load takes grows with its length.
 */
#define THPRACE_RACE_IF 0x7ad00000
#define THPRACE_RACE_IF_FLAGS 0xffff

/* A place at which a task that exits may have something under way. */
struct thprace_race_exit {
	__u32 place; /* THPRACE_RACE_PLACE(), of an interval or of a function around it */
	__u32 flags; /* THPRACE_RACE_HAS_ESCAPE */
};
#define THPRACE_RACE_EXITS_MAX (2 * THPRACE_RACE_SECTIONS_MAX * THPRACE_CLASS_MAX)

/*
 * Instructions: a move of THPRACE_RACE_CODE + part to r0, a move of the frame's address to r0, and
 * room for THPRACE_RACE_ROOM instructions. They leave their result in r0.
 */
#define THPRACE_RACE_CODE 0x7acf0000
#define THPRACE_RACE_ROOM 384
enum thprace_race_code {
	THPRACE_RACE_BEFORE, /* enum race_part, core/race/race_program.h */
	THPRACE_RACE_ESCAPE,
	THPRACE_RACE_KEEP, /* saves arguments in the interval */
	THPRACE_RACE_CODES
};

/* The frame: enum calc_frame and enum race_frame in core/race. Offsets in words. */
#define THPRACE_RACE_FRAME_CONTEXT 0
#define THPRACE_RACE_FRAME_INTERVAL 1
#define THPRACE_RACE_FRAME_KEY 12
#define THPRACE_RACE_FRAME_FROM 13
#define THPRACE_RACE_FRAME_TO 14
#define THPRACE_RACE_FRAME_ESCAPE 15
#define THPRACE_RACE_FRAME_SAVED 16
#define THPRACE_RACE_FRAME_WORDS 24

#endif
