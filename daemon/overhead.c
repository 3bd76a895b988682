// SPDX-License-Identifier: GPL-2.0-only
#include "overhead.h"

#include <string.h>

#define BACKOFF_MAX 8
/*
 * A unit with less than this part of the excess does not help. In a flood of zaps the range around
 * them takes a tenth: a user who floods must not disable the unit that shows who took small pages.
 */
#define NEGLIGIBLE 4

/* A new series of periods above the budget. */
static void start_over(struct overhead *overhead)
{
	overhead->above = 0;
	overhead->above_ns = 0;
	memset(overhead->cost, 0, sizeof(overhead->cost));
}

void overhead__configure(struct overhead *overhead, const struct config *config)
{
	overhead->budget = config->overhead.budget;
	overhead->patience = config->overhead.patience;
	overhead->recovery = config->overhead.recovery;
	overhead->below = 0;
	overhead->helpless = false;
	overhead->reported = false;
	overhead->calm = 0;
	start_over(overhead);
}

void overhead__reset(struct overhead *overhead, const struct config *config)
{
	memset(overhead, 0, sizeof(*overhead));
	overhead__configure(overhead, config);
}

/* The cost of each unit since the last time, ns; returns the sum. */
static uint64_t take(struct overhead *overhead, const struct engine_program *programs, size_t count,
		     uint64_t cost[ENGINE_UNITS])
{
	uint64_t run_ns[ENGINE_UNITS] = {};
	uint64_t sum = 0;
	size_t i;
	int unit;

	for (i = 0; i < count; i++)
		run_ns[programs[i].unit] += programs[i].run_ns;
	for (unit = 0; unit < ENGINE_UNITS; unit++) {
		cost[unit] = run_ns[unit] - overhead->run_ns[unit];
		overhead->run_ns[unit] = run_ns[unit];
		sum += cost[unit];
	}
	return sum;
}

/*
 * The returns of the last shed unit are still watched for a while: that is no reason to shed more.
 */
static uint64_t without_shed(const struct overhead *overhead, uint64_t sum,
			     uint64_t cost[ENGINE_UNITS])
{
	unsigned int i;

	for (i = 0; i < overhead->nr_shed; i++) {
		sum -= cost[overhead->shed[i]];
		cost[overhead->shed[i]] = 0;
	}
	return sum;
}

/* The most expensive of those whose removal lowers the cost noticeably. */
static unsigned int costliest(const struct overhead *overhead, double too_much,
			      const bool may_shed[ENGINE_UNITS])
{
	const uint64_t *cost = overhead->cost;
	int unit, most = ENGINE_UNITS;

	for (unit = 0; unit < ENGINE_UNITS; unit++)
		if (may_shed[unit] && (most == ENGINE_UNITS || cost[unit] > cost[most]))
			most = unit;
	if (most < ENGINE_UNITS && cost[most] < too_much / NEGLIGIBLE)
		most = ENGINE_UNITS;
	return most;
}

/* There were enough periods above the budget: their costs decide what to do. */
static void choose_action(struct overhead *overhead, const bool may_shed[ENGINE_UNITS],
			  struct overhead_action *action)
{
	int unit;

	action->share = 0;
	for (unit = 0; unit < ENGINE_UNITS; unit++) {
		action->of_unit[unit] = overhead->cost[unit] / overhead->above_ns;
		action->share += action->of_unit[unit];
	}
	action->unit = costliest(overhead, (action->share - overhead->budget) * overhead->above_ns,
				 may_shed);
	if (action->unit < ENGINE_UNITS) {
		action->what = OVERHEAD_SHED;
		overhead->shed[overhead->nr_shed++] = action->unit;
		overhead->times[action->unit]++;
	} else {
		action->what = OVERHEAD_HELPLESS;
		action->again = overhead->reported;
		overhead->helpless = true;
		overhead->reported = true;
	}
	start_over(overhead);
}

/*
 * The next one to be attached again, as an index of shed[]: of those shed least often, the last
 * one. So a unit that cannot stay does not block the others.
 */
static unsigned int next_back(const struct overhead *overhead)
{
	const unsigned int *times = overhead->times;
	unsigned int i, next = 0;

	for (i = 1; i < overhead->nr_shed; i++)
		if (times[overhead->shed[i]] <= times[overhead->shed[next]])
			next = i;
	return next;
}

/*
 * Periods of rest before this unit is attached again. Without a budget there is no load whose end
 * to wait for.
 */
static unsigned int rest(const struct overhead *overhead, unsigned int unit)
{
	unsigned int times = overhead->times[unit];
	unsigned int factor = 1;

	while (--times && factor < BACKOFF_MAX)
		factor *= 2;
	return overhead->budget > 0 ? overhead->recovery * factor : factor;
}

struct overhead_action overhead__step(struct overhead *overhead,
				      const struct engine_program *programs, size_t count,
				      uint64_t now, unsigned int cpus,
				      const bool may_shed[ENGINE_UNITS])
{
	struct overhead_action action = {};
	uint64_t cost[ENGINE_UNITS];
	uint64_t before = overhead->read;
	uint64_t sum = take(overhead, programs, count, cost);
	unsigned int next;
	double time;
	int unit;

	overhead->read = now;
	if (!before || now <= before || !cpus)
		return action;
	time = (double)(now - before) * cpus;
	overhead->share = sum / time;
	action.share = overhead->share;
	sum = without_shed(overhead, sum, cost);
	if (overhead->budget > 0 && sum > overhead->budget * time) {
		overhead->below = 0;
		overhead->calm = 0;
		overhead->above_ns += time;
		for (unit = 0; unit < ENGINE_UNITS; unit++)
			overhead->cost[unit] += cost[unit];
		if (++overhead->above >= overhead->patience)
			choose_action(overhead, may_shed, &action);
		return action;
	}
	start_over(overhead);
	overhead->helpless = false;
	if (++overhead->calm >= overhead->recovery)
		overhead->reported = false;
	if (overhead->budget > 0 && overhead->share > overhead->budget / 2) {
		overhead->below = 0;
		return action;
	}
	overhead->below++;
	if (!overhead->nr_shed)
		return action;
	next = next_back(overhead);
	if (overhead->below < rest(overhead, overhead->shed[next]))
		return action;
	overhead->below = 0;
	action.what = OVERHEAD_RESTORE;
	action.unit = overhead->shed[next];
	overhead->nr_shed--;
	memmove(&overhead->shed[next], &overhead->shed[next + 1],
		(overhead->nr_shed - next) * sizeof(*overhead->shed));
	return action;
}

void overhead__failed(struct overhead *overhead, const struct overhead_action *action)
{
	if (action->what == OVERHEAD_SHED)
		overhead->nr_shed--;
	else if (action->what == OVERHEAD_RESTORE) {
		overhead->shed[overhead->nr_shed++] = action->unit;
		overhead->times[action->unit]++;
	}
}
