/* SPDX-License-Identifier: GPL-2.0-only */
/* Incidents as the daemon sends them whole: the member "raw" (docs/control.md). */
#ifndef THPRACE_INCIDENT_RAW_H
#define THPRACE_INCIDENT_RAW_H

#include <stdbool.h>
#include <thprace/incident.h>

struct json_object;

/*
 * Read the member "raw" of an answer, as strictly as from a file: drawings rely on it. False: there
 * is none, or it is none.
 */
bool incident_raw__take(struct thprace_incident *incident, struct json_object *answer);

#endif
