/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the book: shared by book.c (what each message says), book_entry.c (walkers and the windows of each),
 * book_opener.c (openers' words) and book_settle.c (losses, verdicts).
 */
#ifndef THPRACE_BOOK_PRIVATE_H
#define THPRACE_BOOK_PRIVATE_H

#include <thprace/verdict.h>

#include "book.h"

#define OPENERS_MAX 4096
#define LOSSES_MAX 256
#define HEADS 16384 /* of each index: a power of two */

/* A window that a walker met, or may have met. */
struct book_pair {
	struct book_pair *next; /* of the same walker */
	struct book_pair *older; /* waiting for their openers' words, by thread */
	struct book_pair **link; /* what points here; NULL: not waiting */
	struct thprace_window window;
	struct thprace_stack stack;
	uint8_t said;
};

/* What entries are looked up by. Each index is an array of lists, the newest entry first. */
enum book_index {
	BY_ENTER, /* thread and time of entry */
	BY_LEAVE, /* thread and time of return */
	BY_FOLIO,
	INDEX_MAX
};

/* A walker that has been reported. */
struct book_entry {
	struct book_entry *next;
	struct book_entry *older[INDEX_MAX];
	struct book_entry **link[INDEX_MAX]; /* what points here */
	struct thprace_walk walk;
	struct thprace_stack stack;
	uint64_t seen; /* when its first report was read */
	uint64_t reach; /* latest return of this one and the older ones in BY_FOLIO */
	struct book_pair *pairs; /* in order of arrival */
	struct thprace_tally
		later; /* windows that began after the walker failed: never given out */
	bool check; /* a check point's own word, without a walker */
	bool forgotten; /* openers' words of its time were overwritten */
};

/* An opener's word. */
struct book_opener {
	struct book_opener *older; /* on folios of the same hash */
	struct book_opener **link;
	struct thprace_window window;
	struct thprace_stack stack;
	uint64_t reach; /* latest end of this window and the older ones */
};

struct book_loss {
	uint64_t from;
	uint64_t to;
};

struct book {
	enum thprace_mode mode;
	book_incident_fn incident;
	void *ctx;
	struct book_entry *entries; /* in order of arrival */
	struct book_entry **tail;
	struct book_entry **index[INDEX_MAX];
	struct book_opener *openers; /* a ring */
	struct book_opener **opener_index; /* by folio */
	struct book_pair **waiting; /* by the opener's thread */
	size_t opener_next;
	uint64_t forgotten; /* latest end of a window whose opener's word was overwritten */
	struct book_loss losses[LOSSES_MAX];
	size_t loss_count;
	struct book_class classes[THPRACE_CLASS_MAX];
	uint64_t touching;
	struct book_reuse *reuse;
};

/* Which list of an index. */
static inline size_t book__hash(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;

	return (x ^ x >> 32) % HEADS;
}

/* A PTE-level window that is no zap of a range. */
static inline bool book__is_removal(const struct thprace_window *window)
{
	return window->level == THPRACE_LEVEL_PTE && !(window->flags & THPRACE_WF_RANGE);
}

/* The newest entry of the list in an index that such a walker belongs to; NULL: it is empty. */
struct book_entry *book_entry__first(const struct book *book, enum book_index by,
				     const struct thprace_walk *walk);

/* The walker of that thread, time of entry and class; NULL: not reported yet. */
struct book_entry *book_entry__find(const struct book *book, const struct thprace_walk *walk);

/* NULL: no memory. */
struct book_entry *book_entry__add(struct book *book, const struct thprace_walk *walk, bool check,
				   uint64_t now);

/* Take it out of everything and free it; *link is the one after it then. */
void book_entry__drop(struct book *book, struct book_entry **link);

/*
 * Is this the window of a pair that was reported before? Its times were not final then, and a walker
 * may have seen it while it opened, before its time was stored (open 0).
 */
bool book_pair__is_of(const struct book_pair *pair, const struct thprace_window *window);

/* The window's final times are known. */
void book_pair__settle(struct book_pair *pair, const struct thprace_window *window,
		       const struct thprace_stack *stack);

/*
 * Add a window to a walker, or what is newly known of one that it has. Of removals of small pages
 * only the earliest is kept: for that one the walker waited.
 */
int book_pair__add(struct book *book, struct book_entry *entry, const struct thprace_window *window,
		   const struct thprace_stack *stack, uint8_t said);

/* No more frames than there is room for. */
void book__copy_stack(struct thprace_stack *to, const struct thprace_stack *from);

/* Keep an opener's word, for walkers that are reported later, and tell it those that were. 0 or -ENOMEM. */
int book_opener__take(struct book *book, const struct thprace_opener *said);

/* A walker was reported: tell it the words that are kept. 0 or -ENOMEM. */
int book_opener__add_known(struct book *book, struct book_entry *entry);

/* Give out what collapse-reuse came to: a book_reuse_fn. */
void book_settle__reuse(void *ctx, struct thprace_incident *incident, uint64_t from, uint64_t to,
			bool doubtful);

#endif
