/* SPDX-License-Identifier: GPL-2.0-only */
/* Where `thprace top` gets its numbers: from the daemon, or from a session of its own. */
#ifndef THPRACE_TOP_SOURCE_H
#define THPRACE_TOP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct top;
struct top_incident;
struct top_sample;

struct top_source {
	/* Take a sample and the new incidents. Returns 0, or negative errno with why. */
	int (*ask)(struct top_source *source, struct top *top, char *why, size_t size);
	/* Take the names of the addresses in an incident's stacks that are known now. */
	void (*name)(struct top_source *source, struct top *top,
		     const struct top_incident *incident);
	/* Between two calls of ask, at least every 100 ms and when fd is readable; or NULL. */
	int (*step)(struct top_source *source, char *why, size_t size);
	int fd; /* -1: none */
	void (*close)(struct top_source *source);
};

/* Ask the daemon at this socket. Nothing happens yet. NULL: no memory. */
struct top_source *top_source__daemon(const char *socket);

/*
 * Watch the kernel without a daemon, in light mode: needs root. Returns 0 and *source, to be closed
 * with source->close(); or negative errno with why.
 */
int top_source__session(struct top_source **source, struct top *top, char *why, size_t size);

/* The daemon's answers, for tests. */

/* An answer to "status". */
void top_source__status(struct top *top, struct json_object *answer);

/* A line of the answer to "incidents" with "raw": an incident, or the end. */
void top_source__line(struct top *top, struct json_object *line);

#endif
