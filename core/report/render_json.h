/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The report of a trace, for programs: one JSON object per line, distinguished by "type". Names are
 * stable. Times are ns of CLOCK_MONOTONIC ("…_ns"); the header line has the wall-clock time of one
 * of them. Addresses are strings, "0x…". Unknown values are null.
 */
#ifndef THPRACE_RENDER_JSON_H
#define THPRACE_RENDER_JSON_H

#include <stdint.h>
#include <stdio.h>
#include <thprace/incident.h>
#include <thprace/trace.h>
#include "render_text.h"

struct json_object;
struct summary;

/* Write the report to out; of options, only incidents and stacks are used. 0 or -ENOMEM. */
int render_json__report(FILE *out, const struct summary *summary,
			const struct render_options *options);

/*
 * Build the members of one incident. summary (may be NULL) names the addresses of the stacks;
 * stacks 0: without them. Returns a new object, or NULL (out of memory).
 */
struct json_object *render_json__incident(const struct summary *summary, uint64_t number,
					  const struct thprace_incident *incident, int stacks);

/*
 * Put into such an object who its tasks are: the member who of window and walker. path_of(): the path
 * of a cgroup, or NULL.
 */
void render_json__add_who(struct json_object *incident, const struct thprace_incident *of,
			  const char *(*path_of)(const void *names, uint64_t cgroup),
			  const void *names);

#endif
