/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which members a trace may contain. The writer accepts no others, and the reader returns no
 * others, so users of a trace may use these values as indexes.
 */
#ifndef THPRACE_TRACE_VALIDATE_H
#define THPRACE_TRACE_VALIDATE_H

#include <stddef.h>
#include <string.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "traces are little endian, unconverted");

/* What is wrong with a record, in plain words; NULL if nothing is. */
static inline const char *trace_validate__record(const struct thprace_record *record)
{
	if (record->type >= THPRACE_REC_MAX)
		return "its type is not known";
	if (record->class >= THPRACE_CLASS_MAX)
		return "its class is not known";
	if (record->origin >= THPRACE_ORIGIN_MAX)
		return "its kind of walker is not known";
	if (record->type == THPRACE_REC_LOST &&
	    (record->value < 0 || record->value >= THPRACE_LOSS_MAX))
		return "its cause of loss is not known";
	return NULL;
}

/* The same for an incident. */
static inline const char *trace_validate__incident(const struct thprace_incident *incident)
{
	if (incident->type > THPRACE_MSG_CHECK)
		return "its type is not known";
	if (incident->verdict >= THPRACE_VERDICT_MAX ||
	    incident->first_verdict >= THPRACE_VERDICT_MAX)
		return "its verdict is not known";
	if (incident->attribution >= THPRACE_ATTRIBUTION_MAX)
		return "its attribution is not known";
	if (incident->mode >= THPRACE_MODE_MAX)
		return "its mode is not known";
	if (incident->window.level >= THPRACE_LEVEL_MAX)
		return "its level is not known";
	if (incident->walk.class >= THPRACE_CLASS_MAX)
		return "its class is not known";
	if (incident->walk.origin >= THPRACE_ORIGIN_MAX)
		return "its kind of walker is not known";
	if (!memchr(incident->window.comm, 0, sizeof(incident->window.comm)) ||
	    !memchr(incident->walk.comm, 0, sizeof(incident->walk.comm)))
		return "a task's name has no end";
	if (incident->opener_stack.nr > THPRACE_STACK_MAX ||
	    incident->walker_stack.nr > THPRACE_STACK_MAX)
		return "a stack has more frames than fit";
	return NULL;
}

#endif
