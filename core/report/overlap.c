// SPDX-License-Identifier: GPL-2.0-only
/* How window and walker of one incident lie in time. */
#include "summary.h"
#include "classes/race_class.h"

int summary__has_window(const struct thprace_incident *incident)
{
	return incident->window.pid || incident->window.open;
}

int summary__overlap_known(const struct thprace_incident *incident)
{
	if (race_class__shape(incident->walk.class) == RACE_FILE &&
	    incident->walk.enter == incident->walk.leave)
		return 0; /* an instant */
	return summary__has_window(incident) && incident->window.level != THPRACE_LEVEL_PTE;
}

uint64_t summary__overlap(const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	uint64_t from = window->open, to = walk->leave;

	if (!summary__overlap_known(incident))
		return 0;
	if (race_class__shape(walk->class) == RACE_SPLIT && window->removed)
		from = window->removed;
	if (race_class__shape(walk->class) == RACE_REUSE && !to)
		to = window->close; /* the holder is still waiting */
	if (from < walk->enter)
		from = walk->enter;
	if (window->close && window->close < to)
		to = window->close;
	return to > from ? to - from : 0;
}

uint64_t summary__weight(const struct thprace_incident *incident)
{
	if (incident->walk.flags & THPRACE_KF_DIED)
		return UINT64_MAX;
	if (summary__has_window(incident))
		return summary__overlap(incident);
	return incident->walk.residual > 0 ? (uint64_t)incident->walk.residual : 0;
}

int summary__closeness(const struct thprace_incident *incident, uint64_t *ns)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	uint64_t end = window->removed ? window->removed : window->close;

	if (incident->verdict != THPRACE_CONTAINED || !summary__has_window(incident) ||
	    !walk->leave)
		return 0;
	if (race_class__shape(walk->class) == RACE_REUSE)
		return 0;
	if (race_class__shape(walk->class) == RACE_SPLIT) {
		if (!(walk->flags & THPRACE_KF_RESULT) || walk->result)
			return 0;
		end = window->close;
	}
	if (!end || (end > walk->leave && !window->removed))
		return 0;
	*ns = walk->leave > end ? walk->leave - end : 0;
	return 1;
}
