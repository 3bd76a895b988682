/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The correlator's part for collapse-reuse: joins what happened to a revoked huge page (struct
 * thprace_opener of type THPRACE_MSG_REUSE) with the holders (struct thprace_hold). Used by
 * core/correlate/correlator.c.
 *
 * What matters about a holder is whether it was still waiting when the window closed. Its return is
 * waited for because an incident shows it. Times are ns of CLOCK_MONOTONIC.
 */
#ifndef THPRACE_CORRELATOR_REUSE_H
#define THPRACE_CORRELATOR_REUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <thprace/incident.h>

struct correlator_reuse;

/*
 * Called for each settled incident, with its type, verdict, both sides and stacks filled in. A loss
 * in [from, to] makes the incident unproven, and so does doubtful.
 */
typedef void (*correlator_reuse_fn)(void *ctx, struct thprace_incident *incident, uint64_t from,
				    uint64_t to, bool doubtful);

/* Returns an object to be freed with correlator_reuse__free(), or NULL. */
struct correlator_reuse *correlator_reuse__new(correlator_reuse_fn emit, void *ctx);

/* Process one message. now: when it was read. 0 or -ENOMEM. */
int correlator_reuse__window(struct correlator_reuse *reuse, const struct thprace_opener *report,
			     uint64_t now);
void correlator_reuse__hold(struct correlator_reuse *reuse, const struct thprace_hold *report);

/*
 * Settle what can be settled; checked as in correlator__settle(). THPRACE_FOREVER for both:
 * everything.
 */
void correlator_reuse__settle(struct correlator_reuse *reuse, uint64_t now, uint64_t checked);

/* Is there a window that is not settled? */
bool correlator_reuse__unsettled(const struct correlator_reuse *reuse);

void correlator_reuse__free(struct correlator_reuse *reuse);

#endif
