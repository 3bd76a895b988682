/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The correlator: joins the reports of the BPF programs (pairs, windows of openers, walkers, ends
 * of splits, check points) and settles each walker once all reports that may matter to it have
 * arrived.
 *
 * A walker is settled when every window that it overlapped has its final times, when a failed
 * walker's time of attribution is over and the function around it has returned, and when the
 * counters have been read since then, so that a loss in its interval is known. Times are ns of
 * CLOCK_MONOTONIC.
 */
#ifndef THPRACE_CORRELATOR_H
#define THPRACE_CORRELATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>

struct correlator;

/* Called for each settled incident, which belongs to the correlator again afterwards. */
typedef void (*correlator_incident_fn)(void *ctx, const struct thprace_incident *incident);

struct verdict_counts {
	uint64_t overlaps;
	uint64_t contained;
	uint64_t escapes;
	uint64_t likely; /* of these: not proved */
	uint64_t remained;
	uint64_t unattributed;
	uint64_t unproven; /* of all of these, those touched by a loss */
};

/* Returns a correlator, to be freed with correlator__free(), or NULL. */
struct correlator *correlator__new(enum thprace_mode mode, correlator_incident_fn incident,
				   void *ctx);

/*
 * Process one message of the incident ring. now: when it was read. 0, -ENOMEM, or -EINVAL: unknown.
 */
int correlator__message(struct correlator *correlator, const void *message, size_t size,
			uint64_t now);

/*
 * Reports or walkers were lost between from and to (lost records of the stream do not matter here).
 */
int correlator__lost(struct correlator *correlator, uint64_t from, uint64_t to);

/*
 * Settle what can be settled. checked: all losses before this time have been reported by
 * correlator__lost().
 */
void correlator__settle(struct correlator *correlator, uint64_t now, uint64_t checked);

/* Is there anything that is not settled? */
bool correlator__unsettled(const struct correlator *correlator);

/* Settle everything: no more messages will come. */
void correlator__finish(struct correlator *correlator);

/* Counts per class, THPRACE_CLASS_MAX of them. */
const struct verdict_counts *correlator__classes(const struct correlator *correlator);

/* Count one settled incident among THPRACE_CLASS_MAX classes, as a correlator does. */
void correlator__count(struct verdict_counts *classes, const struct thprace_incident *incident);

/* Pairs whose windows overlapped their walker by less than the tolerance, found when settling. */
uint64_t correlator__touching(const struct correlator *correlator);

void correlator__free(struct correlator *correlator);

#endif
