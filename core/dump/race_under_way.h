/* SPDX-License-Identifier: GPL-2.0-only */
/* Intervals of races from files that were open when the kernel died (thprace/race_slot.h). */
#ifndef THPRACE_RACE_UNDER_WAY_H
#define THPRACE_RACE_UNDER_WAY_H

#include <thprace/beacon.h>
#include <thprace/race_slot.h>

#include "memory.h"
#include "messages.h"

/* One side, as its task would have reported it at its end, which is now the crash. */
struct race_side {
	struct thprace_race_end report; /* no stack; comm: if another report of the task has it */
	uint64_t from, to; /* range */
};

struct race_under_way {
	struct race_side *sides;
	size_t nr;
	uint64_t latest; /* the latest stamp */
};

/*
 * Returns 0, also if there are no races, or negative errno: the table is not in the dump. To be
 * released with race_under_way__release(), in any case.
 */
int race_under_way__read(struct race_under_way *races, const struct memory *memory,
			 const struct thprace_beacon_head *head);

/* A report of the incident ring has the name of a task. */
void race_under_way__name(struct race_under_way *races, const struct thprace_race_end *report);

/* Pass each side, and each pair of two that met. */
void race_under_way__report(struct race_under_way *races, uint64_t crashed, messages_fn message,
			    void *ctx);

void race_under_way__release(struct race_under_way *races);

#endif
