// SPDX-License-Identifier: GPL-2.0-only
#include "incident_v2.h"

#include <string.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include "classes/race_class.h"

void incident_v2__convert(struct thprace_incident *incident, const struct incident_v2 *old)
{
	memset(incident, 0, sizeof(*incident));
	incident->type = old->type;
	incident->verdict = old->verdict;
	incident->first_verdict = old->first_verdict;
	incident->close_call = old->close_call;
	incident->mode = old->mode;
	memcpy(&incident->window, old->window, sizeof(old->window));
	memcpy(&incident->walk, old->walk, sizeof(old->walk));
	incident->window.left = THPRACE_LEFT_UNREAD;
	incident->walk.order = 0;
	incident->opener_stack = old->opener_stack;
	incident->walker_stack = old->walker_stack;
	if (old->verdict != THPRACE_ESCAPE)
		return;
	incident->attribution = race_class__shape(incident->walk.class) == RACE_SPLIT ||
						race_class__shape(incident->walk.class) ==
							RACE_REUSE
					? THPRACE_EXACT
					: THPRACE_LIKELY;
}
