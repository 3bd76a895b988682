/* SPDX-License-Identifier: GPL-2.0-only */
/* The JSON blocks of a trace that tell about the recording: META, STATS, TASKS (trace-format.md). */
#ifndef THPRACE_STATS_JSON_H
#define THPRACE_STATS_JSON_H

#include "recording.h"

/* Each returns malloc'd text, or NULL when out of memory. */
char *stats_json__meta(const struct engine *engine, const struct recording_options *options);
char *stats_json__stats(struct engine *engine, const struct recording_totals *totals,
			uint64_t ended);
char *stats_json__tasks(struct engine *engine);

#endif
