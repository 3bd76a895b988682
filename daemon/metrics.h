/* SPDX-License-Identifier: GPL-2.0-only */
/* Metrics in Prometheus' text format; docs/metrics.md lists them. */
#ifndef THPRACE_DAEMON_METRICS_H
#define THPRACE_DAEMON_METRICS_H

#include "state.h"

/* All metrics as malloc'd text, or NULL when out of memory. */
char *metrics__text(const struct state *state);

/*
 * Replace path by text atomically (a temporary file beside it, renamed), mode 0644. Returns 0 or
 * negative errno; the old file stays then.
 */
int metrics__write(const char *path, const char *text);

#endif
