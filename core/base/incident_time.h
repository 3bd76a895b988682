/* SPDX-License-Identifier: GPL-2.0-only */
/* The time of an incident in lists: shared by thpraced and thprace. */
#ifndef THPRACE_INCIDENT_TIME_H
#define THPRACE_INCIDENT_TIME_H

#include <stdint.h>
#include <thprace/incident.h>

/*
 * When the walker returned. If it had not (a holder that was still waiting): the window's end, else
 * the walker's start. ns CLOCK_MONOTONIC.
 */
static inline uint64_t incident_time__of(const struct thprace_incident *incident)
{
	if (incident->walk.leave)
		return incident->walk.leave;
	return incident->window.close ? incident->window.close : incident->walk.enter;
}

#endif
