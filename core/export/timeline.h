/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace as a timeline, for viewers: what happened on each CPU and in each thread, the incidents
 * with an arrow between their two sides, and the loss. docs/export.md explains what is drawn how.
 *
 * The trace is read in one go, in memory that does not grow with it.
 */
#ifndef THPRACE_TIMELINE_H
#define THPRACE_TIMELINE_H

#include <stdio.h>

struct summary;
struct trace_reader;

enum timeline_format {
	TIMELINE_PERFETTO, /* binary */
	TIMELINE_CHROME, /* JSON */
};

/*
 * Write the trace that reader has, from its begin. summary: of the same trace, which was read
 * before. What is damaged is left out: the summary says so. Returns 0 or -ENOMEM; see also
 * ferror().
 */
int timeline__write(FILE *out, enum timeline_format format, const struct summary *summary,
		    struct trace_reader *reader);

#endif
