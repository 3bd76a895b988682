/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The correlator's part for races from files: joins what each side reports at its end (struct
 * thprace_race_end) by the pairs that were seen (struct thprace_race_pair). Used by
 * core/correlate/correlator.c.
 *
 * A pair counts once both sides have ended. If one does not within a minute, it is unproven. Times are ns of CLOCK_MONOTONIC.
 */
#ifndef THPRACE_CORRELATOR_RACE_H
#define THPRACE_CORRELATOR_RACE_H

#include <stdbool.h>
#include <stdint.h>
#include <thprace/race_slot.h>

struct correlator_race;

/*
 * Called for each settled incident, with its type, verdict, both sides and stacks filled in. A loss
 * in [from, to] makes the incident unproven.
 */
typedef void (*correlator_race_fn)(void *ctx, struct thprace_incident *incident, uint64_t from,
				   uint64_t to);

/* Called for each pair that overlapped by less than the tolerance. */
typedef void (*correlator_race_touch_fn)(void *ctx);

/* Returns an object to be freed with correlator_race__free(), or NULL. */
struct correlator_race *correlator_race__new(correlator_race_fn emit,
					     correlator_race_touch_fn touch, void *ctx);

/* Process one message. now: when it was read. 0 or -ENOMEM. */
int correlator_race__end(struct correlator_race *race, const struct thprace_race_end *report,
			 uint64_t now);
int correlator_race__pair(struct correlator_race *race, const struct thprace_race_pair *report,
			  uint64_t now);

/*
 * Settle what can be settled; checked as in correlator__settle(). THPRACE_FOREVER for both:
 * everything.
 */
void correlator_race__settle(struct correlator_race *race, uint64_t now, uint64_t checked);

/* Is there anything that is not settled? */
bool correlator_race__unsettled(const struct correlator_race *race);

void correlator_race__free(struct correlator_race *race);

#endif
