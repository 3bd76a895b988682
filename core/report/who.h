/* SPDX-License-Identifier: GPL-2.0-only */
/* Who a task of an incident is: user, unit of systemd, container, pod; for people and as JSON. */
#ifndef THPRACE_WHO_H
#define THPRACE_WHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>
#include <thprace/incident.h>

#include "base/cgroup_name.h"

struct who {
	bool known; /* false: a trace of an older version, or no report of this side */
	uint32_t uid;
	uint64_t cgroup; /* its number; 0: not known */
	char path[512]; /* of the cgroup; "": not known */
	struct cgroup_name name;
};

/* path: of the stack's cgroup, or NULL. */
void who__read(struct who *who, const struct thprace_stack *stack, const char *path);

#define WHO_TEXT_LEN 320

/*
 * "user 1000, web.service", "user 0, podman container 0123456789ab, web.service": printable, into buf
 * (size bytes); returns it. "": not known.
 */
const char *who__text(char *buf, size_t size, const struct who *who);

/* An object with uid, cgroup_id, cgroup, unit, runtime, container, pod; NULL: not known. */
struct json_object *who__json(const struct who *who);

#endif
