// SPDX-License-Identifier: GPL-2.0-only
#include "state.h"

#include "classes/race_class.h"

static const struct race_state *race_of(const struct state *state, unsigned int class)
{
	size_t i;

	for (i = 0; i < state->nr_races; i++)
		if (state->races[i].class == class)
			return &state->races[i];
	return NULL;
}

bool state__shows(const struct state *state, unsigned int class)
{
	if (class < race_class__end() || race_of(state, class))
		return true;
	/* Its race was observed until a reload. */
	return state->totals->counters.sum.walkers[class] || state->totals->classes[class].overlaps;
}

const char *state__not_observable(const struct state *state, unsigned int class)
{
	const struct race_state *race = race_of(state, class);

	if (class >= race_class__end())
		return race ? race->reason : "it is not in [observe] races= any more";
	return state->plan ? probe__not_observable(state->plan, class) : "nothing is attached";
}
