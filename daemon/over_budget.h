/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Over budget: the observer costs more than allowed, and shedding would not help. Then the causes
 * of the zaps are found out, by user and cgroup, during one second of each such time, and reported
 * the first time.
 */
#ifndef THPRACE_DAEMON_OVER_BUDGET_H
#define THPRACE_DAEMON_OVER_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include "overhead.h"
#include "state.h"

struct cgroups;
struct engine;

/* A plain value, initially all 0. */
struct over_budget {
	uint64_t counting_since; /* ns CLOCK_MONOTONIC since when zaps are counted by user; 0: they
				 * are not */
	struct overhead_action action;
	struct zapper_state zappers[OVERHEAD_ZAPPERS]; /* as found last */
	size_t nr_zappers;
};

/* The action is OVERHEAD_HELPLESS: begin to count. */
void over_budget__begin(struct over_budget *over, struct engine *engine,
			const struct overhead_action *action, uint64_t now);

/*
 * Called from time to time: a second after the start of counting it reports who zaps. budget: for
 * the message.
 */
void over_budget__tick(struct over_budget *over, struct engine *engine, struct cgroups *cgroups,
		       double budget, uint64_t now);

/* The cost is within the budget, or the engine is another one. */
void over_budget__end(struct over_budget *over);

#endif
