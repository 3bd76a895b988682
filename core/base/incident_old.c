// SPDX-License-Identifier: GPL-2.0-only
#include "incident_old.h"

#include <string.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include <thprace/trace.h>
#include "classes/race_class.h"

size_t incident_old__size(__u32 version)
{
	if (version < 3)
		return sizeof(struct incident_v2);
	return version < 4 ? sizeof(struct incident_v3) : sizeof(struct thprace_incident);
}

static void take_stack(struct thprace_stack *stack, const struct incident_old_stack *old)
{
	stack->nr = old->nr;
	stack->values = old->values;
	stack->section = old->section;
	memcpy(stack->ip, old->ip, sizeof(stack->ip));
}

static void from_v3(struct thprace_incident *incident, const struct incident_v3 *old)
{
	memcpy(incident, old->begin, sizeof(old->begin));
	take_stack(&incident->opener_stack, &old->opener_stack);
	take_stack(&incident->walker_stack, &old->walker_stack);
}

static void from_v2(struct thprace_incident *incident, const struct incident_v2 *old)
{
	incident->type = old->type;
	incident->verdict = old->verdict;
	incident->first_verdict = old->first_verdict;
	incident->close_call = old->close_call;
	incident->mode = old->mode;
	memcpy(&incident->window, old->window, sizeof(old->window));
	memcpy(&incident->walk, old->walk, sizeof(old->walk));
	incident->window.left = THPRACE_LEFT_UNREAD;
	incident->walk.order = 0;
	take_stack(&incident->opener_stack, &old->opener_stack);
	take_stack(&incident->walker_stack, &old->walker_stack);
	if (old->verdict != THPRACE_ESCAPE)
		return;
	incident->attribution = race_class__shape(incident->walk.class) == RACE_SPLIT ||
						race_class__shape(incident->walk.class) ==
							RACE_REUSE
					? THPRACE_EXACT
					: THPRACE_LIKELY;
}

void incident_old__convert(struct thprace_incident *incident, __u32 version, const void *old)
{
	struct incident_v2 v2;
	struct incident_v3 v3;

	memset(incident, 0, sizeof(*incident));
	if (version < 3)
		from_v2(incident, memcpy(&v2, old, sizeof(v2)));
	else
		from_v3(incident, memcpy(&v3, old, sizeof(v3)));
}
