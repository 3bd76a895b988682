/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which class of this run an id in a trace is: META names those of its recording (docs/trace-format.md).
 */
#ifndef THPRACE_TRACE_CLASSES_H
#define THPRACE_TRACE_CLASSES_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/race.h>

struct json_object;

struct trace_classes {
	uint8_t of[THPRACE_CLASS_MAX]; /* THPRACE_CLASS_MAX: the file does not say */
};

/* What holds until META names them: the seven of traces that do not. */
void trace_classes__init(struct trace_classes *classes);

/*
 * Take META's table, if it has one. Returns what is wrong with it, in words for the user, or NULL. Text
 * that is no JSON object has none.
 */
const char *trace_classes__take(struct trace_classes *classes, const char *meta, size_t size);

/* The table for META: the classes of this run. */
struct json_object *trace_classes__json(void);

#endif
