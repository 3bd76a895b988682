/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internals of the correlator, shared by correlator.c (what each message means), correlator_entry.c
 * (walkers and the windows of each), correlator_opener.c (openers' reports) and correlator_settle.c
 * (losses, verdicts).
 */
#ifndef THPRACE_CORRELATOR_PRIVATE_H
#define THPRACE_CORRELATOR_PRIVATE_H

#include <thprace/verdict.h>

#include "base/hash.h"
#include "correlator.h"

#define OPENERS_MAX 4096
#define LOSSES_MAX 256
#define HEADS 4096 /* of each index: a power of two */

/* A window that a walker overlapped, or may have overlapped. */
struct correlator_pair {
	struct correlator_pair *next; /* of the same walker */
	struct hash_node waiting; /* for its opener's report, by thread */
	struct thprace_window window;
	struct thprace_stack stack;
	uint8_t first_verdict;
};

/* The keys of entries: each entry is in all three indexes, and a list is read from the newest. */
enum correlator_index {
	BY_ENTER, /* thread and time of entry */
	BY_LEAVE, /* thread and time of return */
	BY_FOLIO,
	INDEX_MAX
};

/* A walker that has been reported. */
struct correlator_entry {
	struct correlator_entry *next;
	struct hash_node by[INDEX_MAX];
	struct thprace_walk walk;
	struct thprace_stack stack;
	uint64_t seen; /* when its first report was read */
	uint64_t reach; /* latest return of this one and the older ones in BY_FOLIO */
	struct correlator_pair *pairs; /* in order of arrival */
	struct thprace_tally later; /* windows that began after the walker failed: never emitted */
	bool check; /* a check point's own report, without a walker */
	bool forgotten; /* openers' reports from its time were overwritten */
};

/* An opener's report. */
struct correlator_opener {
	struct hash_node by_folio;
	struct thprace_window window;
	struct thprace_stack stack;
	uint64_t reach; /* latest end of this window and all older ones */
};

struct correlator_loss {
	uint64_t from;
	uint64_t to;
};

struct correlator {
	enum thprace_mode mode;
	correlator_incident_fn incident;
	void *ctx;
	struct correlator_entry *entries; /* in order of arrival */
	struct correlator_entry **tail;
	struct hash_list *index[INDEX_MAX];
	struct correlator_opener *openers; /* a ring */
	struct hash_list *opener_index; /* by folio */
	struct hash_list *waiting; /* pairs, by the opener's thread */
	size_t opener_next;
	uint64_t forgotten; /* latest end of a window whose opener's report was overwritten */
	struct correlator_loss losses[LOSSES_MAX];
	size_t loss_count;
	struct verdict_counts classes[THPRACE_CLASS_MAX];
	uint64_t touching;
	struct correlator_reuse *reuse;
	struct correlator_race *race;
};

/* The list of an index that contains this number. */
static inline struct hash_list *correlator__list(struct hash_list *index, uint64_t number)
{
	return &index[hash__number(number) % HEADS];
}

/* A PTE-level window that is not the zap of a range. */
static inline bool correlator__is_removal(const struct thprace_window *window)
{
	return window->level == THPRACE_LEVEL_PTE && !(window->flags & THPRACE_WF_RANGE);
}

/* The list of an index for such a walker. */
struct hash_list *correlator_entry__list(const struct correlator *correlator,
					 enum correlator_index by, const struct thprace_walk *walk);

/* The walker of that thread, time of entry and class; NULL: not reported yet. */
struct correlator_entry *correlator_entry__find(const struct correlator *correlator,
						const struct thprace_walk *walk);

/* NULL: no memory. */
struct correlator_entry *correlator_entry__add(struct correlator *correlator,
					       const struct thprace_walk *walk, bool check,
					       uint64_t now);

/* Remove it from all lists and free it; *link is the next one then. */
void correlator_entry__drop(struct correlator *correlator, struct correlator_entry **link);

/*
 * Is this the window of a pair that was reported before? Its times were not final then, and a
 * walker may have seen it while it was opening, before its time was stored (open 0).
 */
bool correlator_pair__is_of(const struct correlator_pair *pair,
			    const struct thprace_window *window);

/* The window's final times are known. */
void correlator_pair__settle(struct correlator_pair *pair, const struct thprace_window *window,
			     const struct thprace_stack *stack);

/*
 * Add a window to a walker, or update one that it has. Of removals of small pages only the earliest
 * is kept: the walker waited for that one.
 */
int correlator_pair__add(struct correlator *correlator, struct correlator_entry *entry,
			 const struct thprace_window *window, const struct thprace_stack *stack,
			 uint8_t first_verdict);

/* Copies at most as many frames as fit. */
void correlator__copy_stack(struct thprace_stack *to, const struct thprace_stack *from);

/*
 * Keep an opener's report for walkers that are reported later, and give it to those that already
 * were. 0 or -ENOMEM.
 */
int correlator_opener__take(struct correlator *correlator, const struct thprace_opener *report);

/* A walker was reported: give it the reports that are kept. 0 or -ENOMEM. */
int correlator_opener__add_known(struct correlator *correlator, struct correlator_entry *entry);

/* Emit the incidents of collapse-reuse: a correlator_reuse_fn. */
void correlator_settle__reuse(void *ctx, struct thprace_incident *incident, uint64_t from,
			      uint64_t to, bool doubtful);

/* The same of races from files, and count pairs that only touched. */
void correlator_settle__race(void *ctx, struct thprace_incident *incident, uint64_t from,
			     uint64_t to);
void correlator_settle__touch(void *ctx);

#endif
