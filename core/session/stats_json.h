/* SPDX-License-Identifier: GPL-2.0-only */
/* The JSON blocks of a trace about the recording: META, STATS, TASKS (trace-format.md). */
#ifndef THPRACE_STATS_JSON_H
#define THPRACE_STATS_JSON_H

#include "session.h"

/* The content of META that the engine does not know. */
struct stats_meta {
	enum probe_attach attach;
	bool all;
	const char *const *command; /* NULL terminated, or NULL */
};

/* Each returns malloc'd text, or NULL if out of memory. */
char *stats_json__meta(const struct engine *engine, const struct stats_meta *about);
char *stats_json__stats(struct engine *engine, const struct session_totals *totals, uint64_t ended);
/* STATS of a part of the engine's time: without the counts per CPU and per program. */
char *stats_json__span(const struct session_totals *totals, uint64_t ended);
char *stats_json__tasks(struct engine *engine);

#endif
