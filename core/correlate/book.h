/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The book of incidents: joins what the BPF programs report (pairs, openers' words, walkers, ends of
 * splits, check points) and settles each walker once everything that may speak about it is in.
 *
 * A walker is settled when every window that it met has its final times, when a failed one's time of
 * attribution has passed and the function around it has returned, and when the counters have been read
 * since, so that a loss in its interval is known. Times ns CLOCK_MONOTONIC.
 */
#ifndef THPRACE_BOOK_H
#define THPRACE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>

struct book;

/* Called for each settled incident; it is the book's own again afterwards. */
typedef void (*book_incident_fn)(void *ctx, const struct thprace_incident *incident);

struct book_class {
	uint64_t overlaps;
	uint64_t contained;
	uint64_t escapes;
	uint64_t likely; /* of these: not proved */
	uint64_t remained;
	uint64_t unattributed;
	uint64_t unproven; /* of all of these, what a loss touches */
};

/* Returns a book, to be freed with book__free(), or NULL. */
struct book *book__new(enum thprace_mode mode, book_incident_fn incident, void *ctx);

/* Take one message of the incident ring. now: when it was read. 0, -ENOMEM, or -EINVAL: unknown. */
int book__message(struct book *book, const void *message, size_t size, uint64_t now);

/* Reports or walkers were lost between from and to (streamed records do not matter here). */
int book__lost(struct book *book, uint64_t from, uint64_t to);

/* Settle what can be. checked: all losses before this instant have been told with book__lost(). */
void book__settle(struct book *book, uint64_t now, uint64_t checked);

/* Is there anything that is not settled? */
bool book__unsettled(const struct book *book);

/* Settle everything: no more messages will come. */
void book__finish(struct book *book);

/* Counts per class, THPRACE_CLASS_MAX of them. */
const struct book_class *book__classes(const struct book *book);

/* Count one settled incident among THPRACE_CLASS_MAX classes, as a book does. */
void book__count(struct book_class *classes, const struct thprace_incident *incident);

/* Pairs whose windows shared less than the tolerance with their walker, found when settling. */
uint64_t book__touching(const struct book *book);

void book__free(struct book *book);

#endif
