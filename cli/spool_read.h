/* SPDX-License-Identifier: GPL-2.0-only */
/* Incidents of the daemon's spool, read from its files (core/trace/spool_dir.h). */
#ifndef THPRACE_SPOOL_READ_H
#define THPRACE_SPOOL_READ_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>

#define SPOOL_PATH_LEN 512

/* Which incidents. Zero means no bound. */
struct spool_range {
	uint64_t from; /* lowest number */
	uint64_t before; /* lowest number that is not wanted any more */
	uint64_t since; /* ns CLOCK_REALTIME: files last written before this are skipped */
};

/*
 * wall: ns CLOCK_REALTIME of incident_time__of(). Returns 0 to continue, else the result of the
 * whole reading.
 */
typedef int (*spool_read_fn)(void *ctx, uint64_t number, uint64_t wall, const char *path,
			     const struct thprace_incident *incident);

/*
 * Pass incidents to fn in the order of their numbers. Files that cannot be read, or are incomplete,
 * are reported on stderr in the name of verb, and skipped. Returns 0, what fn returned, or negative
 * errno if the folder cannot be listed (-ENOENT: it does not exist).
 */
int spool_read__each(const char *directory, const struct spool_range *range, const char *verb,
		     spool_read_fn fn, void *ctx);

#endif
