/* SPDX-License-Identifier: GPL-2.0-only */
/* What was under way when the kernel died: zaps and walkers, by the engine's tables. */
#ifndef THPRACE_UNDER_WAY_H
#define THPRACE_UNDER_WAY_H

#include <thprace/beacon.h>

#include "correlate/correlator.h"
#include "memory.h"
#include "messages.h"

/* A zap of a part of a vma. */
struct under_way_range {
	struct thprace_window window; /* folio: that of its last removal, if known */
	bool known; /* which pages it covers */
	uint64_t file; /* the address_space of the vma's file, or 0 */
	uint64_t anon; /* its root anon_vma, or 0 */
	uint64_t first, last; /* indexes of pages */
};

struct under_way {
	struct thprace_window *windows; /* PMD level */
	size_t nr_windows;
	struct under_way_range *ranges;
	size_t nr_ranges;
	struct thprace_walk walkers[THPRACE_PENDING_MAX];
	size_t nr_walkers;
	struct thprace_pending pending[THPRACE_PENDING_MAX]; /* as in the dump */
	size_t nr_waiting; /* failed walkers that waited for the end of zaps */
	uint64_t latest; /* the latest stamp in all this */
};

/* A task that opened windows. */
typedef void (*under_way_task_fn)(void *ctx, const struct thprace_slot *slot);

/*
 * Returns 0, or negative errno: the tables are not in the dump. task: called for each task that has
 * a slot. To be released with under_way__release(), in any case.
 */
int under_way__read(struct under_way *under_way, const struct memory *memory,
		    const struct thprace_beacon_head *head, under_way_task_fn task, void *ctx);

/*
 * Pass each zap to walkers that it may concern, as its opener would have reported it at its end,
 * which is now the crash.
 */
void under_way__report(const struct under_way *under_way, uint64_t crashed, messages_fn message,
		       void *ctx);

/*
 * Each walker as an incident: with every zap that it met, or alone. Nothing is said about them,
 * except that they were under way.
 */
void under_way__incidents(const struct under_way *under_way, enum thprace_mode mode,
			  uint64_t crashed, correlator_incident_fn incident, void *ctx);

void under_way__release(struct under_way *under_way);

#endif
