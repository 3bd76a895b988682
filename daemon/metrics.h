/* SPDX-License-Identifier: GPL-2.0-only */
/* Metrics in Prometheus' text format; docs/metrics.md lists them. */
#ifndef THPRACE_DAEMON_METRICS_H
#define THPRACE_DAEMON_METRICS_H

#include "state.h"

/*
 * What one asks a machine about, or what a Prometheus of thousands of machines keeps: at most 150
 * samples in light mode without races from files.
 */
enum metrics_set {
	METRICS_FLEET,
	METRICS_ALL,
};

/*
 * The metrics as malloc'd text, or NULL if out of memory. The text depends only on *state and set. Counters
 * do not go backwards as long as those of *state do not; for programs, whose counts end with their
 * session, state->programs must come from program_totals__list().
 */
char *metrics__text(const struct state *state, enum metrics_set set);

/*
 * Replace path by text atomically (a temporary file in the same folder, renamed), mode 0644.
 * Returns 0 or negative errno; then the old file stays.
 */
int metrics__write(const char *path, const char *text);

#endif
