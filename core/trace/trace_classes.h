/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps the ids of classes in a trace to those of this run: META names the classes of its recording
 * (docs/trace-format.md).
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

/* What holds until META names them: the seven classes of traces without names. */
void trace_classes__init(struct trace_classes *classes);

/*
 * Read META's table, if there is one. Returns what is wrong with it, in words for the user, or
 * NULL. Text that is not a JSON object has none.
 */
const char *trace_classes__take(struct trace_classes *classes, const char *meta, size_t size);

/* The table for META: the classes of this run. */
struct json_object *trace_classes__json(void);

#endif
