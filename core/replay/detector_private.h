/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the detector's files; nobody else includes this.
 *
 *   detector.c          feeding, pairing of starts and returns
 *   detector_reorder.c  the heap that puts records in order of time
 *   detector_queue.c    queue, and what has begun in order of time
 *   detector_loss.c     the lost intervals
 *   detector_window.c   PMD-level windows, from open to close
 *   detector_match.c    what happened on one folio: pairs and passes
 *   detector_settle.c   the verdicts
 *   detector_reuse.c    collapse-reuse, from records to verdicts
 *   detector_race.c     the same for races from files
 *
 * How it works. The side of a pair that ends second finds it: a returning walker looks at the
 * windows that closed in its time, a closing window at the walkers that returned in its time. So
 * its times are final when the pair is made. A walker's results are emitted ("settled") when no
 * record can change them any more, and not before SETTLE time has passed since the last of its
 * ends, so that a loss that is noticed late still withdraws them.
 */
#ifndef THPRACE_DETECTOR_PRIVATE_H
#define THPRACE_DETECTOR_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <thprace/verdict.h>
#include "base/hash_map.h"
#include "detector.h"

/* A lost end is not waited for any more when both have passed since the start. */
#define DETECTOR_GIVE_UP_NS 5000000000ULL
#define DETECTOR_GIVE_UP_RECORDS 65536

/* If there are more separate losses than this, the oldest are merged. */
#define DETECTOR_LOSSES_MAX 65536

/*
 * Maximum of windows and walkers of one folio that are compared with each other, in total and for
 * each record: if thousands overlap with thousands it would take forever.
 */
#define DETECTOR_MEETINGS (16UL << 20)
#define DETECTOR_MEETINGS_EACH 64

/* A double-ended array: append and insert at the end, drop at the front. */
struct detector_queue {
	unsigned char *data;
	size_t head;
	size_t count;
	size_t room;
};

/* Returns the place of the new member, to be filled in, or NULL (out of memory). */
void *detector_queue__insert(struct detector_queue *queue, size_t size, size_t at);
void *detector_queue__at(const struct detector_queue *queue, size_t size, size_t at);
void detector_queue__drop(struct detector_queue *queue, size_t n);
void detector_queue__free(struct detector_queue *queue);

/* Records that wait for the watermark. */
struct detector_delayed {
	struct thprace_record record;
	uint64_t order; /* of feeding */
};

struct detector_reorder {
	struct detector_delayed *heap;
	size_t count;
	size_t room;
	uint64_t order;
};

int detector_reorder__push(struct detector_reorder *reorder, const struct thprace_record *record);
/* Takes the oldest record, unless it is younger than `until`. */
bool detector_reorder__pop(struct detector_reorder *reorder, uint64_t until,
			   struct thprace_record *record);

/* Lost intervals: sorted, disjoint. */
struct detector_span {
	uint64_t from;
	uint64_t to;
};

struct detector_loss {
	struct detector_span *span;
	size_t count;
	size_t room;
};

int detector_loss__add(struct detector_loss *loss, uint64_t from, uint64_t to);
bool detector_loss__touches(const struct detector_loss *loss, uint64_t from, uint64_t to);

/* A list of starts without an end so far, in order of time. */
struct detector_begun {
	struct detector_begun *prev;
	struct detector_begun *next;
	uint64_t since;
	uint64_t serial; /* records processed before it */
	uint64_t key; /* in its map */
	bool listed;
};

struct detector_begun_list {
	struct detector_begun *first;
	struct detector_begun *last;
};

void detector_begun__link(struct detector_begun_list *list, struct detector_begun *begun);
void detector_begun__unlink(struct detector_begun_list *list, struct detector_begun *begun);

/* A window that is open. */
struct detector_open {
	struct detector_begun begun; /* first member */
	struct thprace_window window;
};

/* A window that has ended, or whose end was made up. */
struct detector_closed {
	struct thprace_window window;
	uint32_t run; /* number of windows of the same task directly before it */
	bool doubtful; /* its end was lost */
};

/* A PTE-level rmap removal. */
struct detector_removal {
	uint64_t ts;
	uint32_t pid;
	uint32_t tgid;
	uint32_t pages;
	uint16_t cpu;
};

struct detector_pair {
	struct detector_pair *next;
	struct thprace_window window;
	bool doubtful;
};

enum detector_walker_sort {
	DETECTOR_WALKER, /* WALK_RETURN */
	DETECTOR_HEAD, /* a split after its walker, against phase 2 */
	DETECTOR_CHECK, /* a check point of the kernel, alone */
};

/* A walker that has returned and is not settled yet. */
struct detector_walker {
	struct detector_walker *next; /* in order of return */
	struct detector_pair *pairs; /* in the order in which they were found */
	struct detector_pair **last_pair;
	struct thprace_walk walk;
	uint64_t end; /* the last end that its results depend on */
	uint32_t run; /* number of walkers of the same task directly before it on the folio */
	uint8_t sort; /* enum detector_walker_sort */
	bool forgotten; /* began before the time that is still known */
};

/* What is kept for one folio. */
struct detector_folio {
	uint64_t folio;
	struct detector_queue windows; /* struct detector_closed, by close */
	struct detector_queue removals; /* struct detector_removal, by ts */
	struct detector_queue ranges; /* struct thprace_window, by close */
	struct detector_queue walkers; /* struct detector_walker *, by return */
};

struct detector_race;
struct detector_reuse;

struct detector {
	struct detector_options options;
	struct detector_stats stats;
	struct detector_reorder reorder;
	struct detector_loss loss;
	uint64_t settle; /* how long results are held back after their end */
	uint64_t give_up;
	uint64_t newest; /* highest ts fed */
	uint64_t now; /* ts of the last record processed */
	uint64_t serial; /* records processed */
	uint64_t meetings; /* of windows and walkers, DETECTOR_MEETINGS */
	uint64_t forgotten; /* windows that ended at or before this may be forgotten */
	uint64_t settled; /* latest end on which a settled result depends */
	uint64_t loss_matters_until; /* until then, a loss would have changed a settled result */
	uint64_t sweep; /* serial of the next sweep */
	bool finished;
	struct hash_map begun; /* task and function → struct detector_begun */
	struct detector_begun_list walking; /* those for which windows are kept */
	struct hash_map open; /* pid → struct detector_open */
	struct detector_begun_list opened;
	struct hash_map folios;
	struct detector_walker *first; /* walkers, in order of return */
	struct detector_walker **last;
	struct detector_reuse *reuse; /* NULL: no such record so far */
	struct detector_race *race; /* the same */
};

/* Times are added and subtracted without wrapping, because a trace may hold any value. */
static inline uint64_t detector__after(uint64_t t, uint64_t ns)
{
	return t + ns < t ? THPRACE_FOREVER : t + ns;
}

static inline uint64_t detector__before(uint64_t t, uint64_t ns)
{
	return t < ns ? 0 : t - ns;
}

/*
 * No statement is made about anything that [from, to] touches. This takes effect at once and
 * ignores the watermark: the earlier a loss is known, the fewer results are emitted in spite of it.
 */
int detector__lose(struct detector *detector, uint64_t from, uint64_t to);

/* detector_window.c */
int detector_window__open(struct detector *detector, const struct thprace_record *record);
int detector_window__removed(struct detector *detector, const struct thprace_record *record);
int detector_window__close(struct detector *detector, const struct thprace_record *record);
int detector_window__give_up(struct detector *detector);
int detector_window__finish(struct detector *detector);

/* detector_match.c */
int detector_match__window(struct detector *detector, const struct thprace_window *window,
			   bool doubtful);
int detector_match__walker(struct detector *detector, const struct thprace_walk *walk,
			   enum detector_walker_sort sort);
int detector_match__removal(struct detector *detector, const struct thprace_record *record);
int detector_match__range(struct detector *detector, const struct thprace_record *record);
void detector_match__result(struct detector *detector, const struct thprace_record *record);
void detector_match__outer(struct detector *detector, const struct thprace_record *record);
bool detector_match__check(struct detector *detector, const struct thprace_record *record);
/* The first removal that a walker waited for; false if there is none. */
bool detector_match__removal_in(struct detector *detector, const struct detector_walker *walker,
				struct thprace_window *window);
/* All zaps that may be related to a failed walker. */
void detector_match__tally(struct detector *detector, const struct detector_walker *walker,
			   struct thprace_tally *tally);
/* The range that explains a failed walker, and how; false if there is none. */
bool detector_match__explain(struct detector *detector, const struct detector_walker *walker,
			     const struct thprace_tally *tally, struct thprace_window *window,
			     struct thprace_finding *finding);
/* Forgets what no later walker, window or removal can need. */
int detector_match__sweep(struct detector *detector);
/* Removes a settled walker from its folio. */
void detector_match__forget(struct detector *detector, struct detector_walker *walker);
void detector_walker__free(struct detector_walker *walker);
void detector_match__free(struct detector *detector);

/* detector_reuse.c */
int detector_reuse__record(struct detector *detector, const struct thprace_record *record);
void detector_reuse__ready(struct detector *detector);
void detector_reuse__all(struct detector *detector);
void detector_reuse__free(struct detector *detector);

/* detector_race.c */
int detector_race__record(struct detector *detector, const struct thprace_record *record);
void detector_race__ready(struct detector *detector);
void detector_race__all(struct detector *detector);
void detector_race__free(struct detector *detector);

/* detector_settle.c */
void detector_settle__ready(struct detector *detector);
void detector_settle__all(struct detector *detector);

#endif
