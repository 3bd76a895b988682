/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much happened when: windows, walkers and incidents of a trace in equal parts of its time, and
 * where records were lost. The memory is constant: when time goes on, the parts get longer.
 */
#ifndef THPRACE_ACTIVITY_H
#define THPRACE_ACTIVITY_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/record.h>

#define ACTIVITY_PARTS 128 /* even */
#define ACTIVITY_LOSSES_MAX 64

struct activity_part {
	uint64_t windows;
	uint64_t walkers;
	uint64_t incidents;
	uint64_t escapes; /* of the incidents */
};

/* Records that were lost: not before `from`, not after `to`. */
struct activity_loss {
	uint64_t from;
	uint64_t to;
	uint64_t count;
	unsigned int cpu;
	unsigned int cause; /* enum thprace_loss */
};

struct activity {
	int64_t from; /* begin of the first part, ns CLOCK_MONOTONIC; may be before 0 */
	int64_t length; /* of a part, ns; 0: nothing happened yet */
	struct activity_part parts[ACTIVITY_PARTS];
	struct activity_loss losses[ACTIVITY_LOSSES_MAX];
	size_t nr_losses;
	uint64_t more_losses; /* further ones */
	uint32_t *last_seq; /* of each CPU, of context records */
};

/*
 * Count one record. context: it is of a flight recorder, of which parts can occur more than once in
 * a trace: one that is not newer than the last one of its CPU is left out. 0 or -ENOMEM.
 */
int activity__record(struct activity *activity, const struct thprace_record *record, int context);

/* Count one incident, at its walker's return. */
void activity__incident(struct activity *activity, const struct thprace_incident *incident);

/* Free what it has allocated, but not activity. */
void activity__release(struct activity *activity);

#endif
