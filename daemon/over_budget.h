/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Over budget: the observer costs more than it may, and nothing that could be shed would help. Then it is
 * found out whose zaps they are, by user and cgroup, in one second of each time that this is found so, and
 * said the first time.
 */
#ifndef THPRACE_DAEMON_OVER_BUDGET_H
#define THPRACE_DAEMON_OVER_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include "overhead.h"
#include "state.h"

struct engine;

/* A plain value; all 0 begins. */
struct over_budget {
	uint64_t
		counting_since; /* ns CLOCK_MONOTONIC since when it is counted who zaps; 0: it is not */
	struct overhead_action action;
	struct zapper_state zappers[OVERHEAD_ZAPPERS]; /* as found last */
	size_t nr_zappers;
};

/* The action is OVERHEAD_HELPLESS: begin to count. */
void over_budget__begin(struct over_budget *over, struct engine *engine,
			const struct overhead_action *action, uint64_t now);

/* Called now and then: a second after the beginning it is said who zaps. budget: for the message. */
void over_budget__tick(struct over_budget *over, struct engine *engine, double budget,
		       uint64_t now);

/* It is below the budget, or the engine is another one. */
void over_budget__end(struct over_budget *over);

#endif
