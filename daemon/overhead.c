// SPDX-License-Identifier: GPL-2.0-only
#include "overhead.h"

#include <string.h>

#define BACKOFF_MAX 8

void overhead__configure(struct overhead *overhead, const struct config *config)
{
	overhead->budget = config->overhead.budget;
	overhead->patience = config->overhead.patience;
	overhead->recovery = config->overhead.recovery;
	overhead->above = 0;
	overhead->below = 0;
	overhead->helpless = false;
}

void overhead__reset(struct overhead *overhead, const struct config *config)
{
	memset(overhead, 0, sizeof(*overhead));
	overhead__configure(overhead, config);
}

/* What each point cost since the last time, ns; returns the sum. */
static uint64_t take(struct overhead *overhead, const struct engine_program *programs, size_t count,
		     uint64_t cost[THPRACE_POINT_MAX])
{
	uint64_t run_ns[THPRACE_POINT_MAX] = {};
	uint64_t sum = 0;
	size_t i;
	int point;

	for (i = 0; i < count; i++)
		run_ns[programs[i].point] += programs[i].run_ns;
	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		cost[point] = run_ns[point] - overhead->run_ns[point];
		overhead->run_ns[point] = run_ns[point];
		sum += cost[point];
	}
	return sum;
}

static enum thprace_point dearest(const uint64_t cost[THPRACE_POINT_MAX],
				  const bool may_shed[THPRACE_POINT_MAX])
{
	int point, most = THPRACE_POINT_MAX;

	for (point = 0; point < THPRACE_POINT_MAX; point++)
		if (may_shed[point] && cost[point] &&
		    (most == THPRACE_POINT_MAX || cost[point] > cost[most]))
			most = point;
	return most;
}

/* Periods of rest before the one shed last comes back. */
static unsigned int rest(const struct overhead *overhead)
{
	unsigned int times = overhead->times[overhead->shed[overhead->nr_shed - 1]];
	unsigned int factor = 1;

	while (--times && factor < BACKOFF_MAX)
		factor *= 2;
	return overhead->recovery * factor;
}

struct overhead_action overhead__step(struct overhead *overhead,
				      const struct engine_program *programs, size_t count,
				      uint64_t now, unsigned int cpus,
				      const bool may_shed[THPRACE_POINT_MAX])
{
	struct overhead_action action = {};
	uint64_t cost[THPRACE_POINT_MAX];
	uint64_t before = overhead->read;
	uint64_t sum = take(overhead, programs, count, cost);
	double time;

	overhead->read = now;
	if (!before || now <= before || !cpus)
		return action;
	time = (double)(now - before) * cpus;
	overhead->share = sum / time;
	action.share = overhead->share;
	if (overhead->budget > 0 && overhead->share > overhead->budget) {
		overhead->below = 0;
		if (++overhead->above < overhead->patience)
			return action;
		overhead->above = 0;
		action.point = dearest(cost, may_shed);
		if (action.point < THPRACE_POINT_MAX) {
			action.what = OVERHEAD_SHED;
			action.point_share = cost[action.point] / time;
			overhead->shed[overhead->nr_shed++] = action.point;
			overhead->times[action.point]++;
		} else if (!overhead->helpless) {
			action.what = OVERHEAD_HELPLESS;
			overhead->helpless = true;
		}
		return action;
	}
	overhead->above = 0;
	overhead->helpless = false;
	if (overhead->budget > 0 && overhead->share > overhead->budget / 2) {
		overhead->below = 0;
		return action;
	}
	overhead->below++;
	if (!overhead->nr_shed || overhead->below < rest(overhead))
		return action;
	overhead->below = 0;
	action.what = OVERHEAD_RESTORE;
	action.point = overhead->shed[--overhead->nr_shed];
	return action;
}

void overhead__failed(struct overhead *overhead, const struct overhead_action *action)
{
	if (action->what == OVERHEAD_SHED)
		overhead->nr_shed--;
	else if (action->what == OVERHEAD_RESTORE)
		overhead->shed[overhead->nr_shed++] = action->point;
}
