/* SPDX-License-Identifier: GPL-2.0-only */
/* Who an incident's tasks are, in alerts: user, unit, container, pod. */
#ifndef THPRACE_DAEMON_ALERT_WHO_H
#define THPRACE_DAEMON_ALERT_WHO_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>

#include "log.h"
#include "report/who.h"

struct cgroups;

/* Of all functions: cgroups finds their paths; NULL: they have none. */

/* In words, see who__text(). */
const char *alert_who__text(char *buf, size_t size, const struct thprace_stack *stack,
			    struct cgroups *cgroups);

/* The fields THPRACE_<side>_UID, _CGROUP, _UNIT, _RUNTIME, _CONTAINER, _POD that are known. */
void alert_who__fields(struct log_message *message, const char *side,
		       const struct thprace_stack *stack, struct cgroups *cgroups);

/* A cgroup in words: its unit, else its path, else its number; "": 0. */
const char *alert_who__source(char *buf, size_t size, uint64_t source, struct cgroups *cgroups);

/* The same fields as above, but the user, with the side SOURCE. */
void alert_who__source_fields(struct log_message *message, uint64_t source,
			      struct cgroups *cgroups);

#endif
