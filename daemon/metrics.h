/* SPDX-License-Identifier: GPL-2.0-only */
/* Metrics in Prometheus' text format; docs/metrics.md lists them. */
#ifndef THPRACE_DAEMON_METRICS_H
#define THPRACE_DAEMON_METRICS_H

#include "state.h"

/*
 * All metrics as malloc'd text, or NULL when out of memory. The text depends on *state alone. Counters
 * do not go backwards as long as those of *state don't; for programs, whose counts end with their
 * session, state->programs has to come from program_totals__list().
 */
char *metrics__text(const struct state *state);

/*
 * Replace path by text atomically (a temporary file beside it, renamed), mode 0644. Returns 0 or
 * negative errno; the old file stays then.
 */
int metrics__write(const char *path, const char *text);

#endif
