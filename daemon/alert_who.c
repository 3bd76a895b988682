// SPDX-License-Identifier: GPL-2.0-only
#include "alert_who.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cgroup_name.h"
#include "base/names.h"
#include "kernel/cgroups.h"

static const char *path_of(struct cgroups *cgroups, uint64_t cgroup)
{
	return cgroups && cgroup ? cgroups__find(cgroups, cgroup) : NULL;
}

const char *alert_who__text(char *buf, size_t size, const struct thprace_stack *stack,
			    struct cgroups *cgroups)
{
	struct who who;

	who__read(&who, stack, path_of(cgroups, stack->cgroup));
	return who__text(buf, size, &who);
}

static void field(struct log_message *message, const char *side, const char *what,
		  const char *value)
{
	char name[sizeof(message->fields[0].name)];

	if (!*value)
		return;
	snprintf(name, sizeof(name), "THPRACE_%s_%s", side, what);
	log__field(message, name, "%s", value);
}

static void path_fields(struct log_message *message, const char *side, const char *path)
{
	struct cgroup_name name;

	cgroup_name__read(&name, path);
	field(message, side, "CGROUP", path);
	field(message, side, "UNIT", name.unit);
	field(message, side, "RUNTIME", name.runtime);
	field(message, side, "CONTAINER", name.container);
	field(message, side, "POD", name.pod);
}

void alert_who__fields(struct log_message *message, const char *side,
		       const struct thprace_stack *stack, struct cgroups *cgroups)
{
	const char *path = path_of(cgroups, stack->cgroup);
	char uid[16];

	if (!(stack->flags & THPRACE_STACK_WHO))
		return;
	snprintf(uid, sizeof(uid), "%u", stack->uid);
	field(message, side, "UID", uid);
	if (path)
		path_fields(message, side, path);
}

const char *alert_who__source(char *buf, size_t size, uint64_t source, struct cgroups *cgroups)
{
	const char *path = path_of(cgroups, source);
	struct cgroup_name name;

	buf[0] = '\0';
	if (path) {
		cgroup_name__read(&name, path);
		snprintf(buf, size, "%s", *name.unit ? name.unit : path);
	} else if (source) {
		snprintf(buf, size, "cgroup %" PRIu64, source);
	}
	return names__clean(buf, size, buf, size, 0);
}

void alert_who__source_fields(struct log_message *message, uint64_t source, struct cgroups *cgroups)
{
	const char *path = path_of(cgroups, source);

	if (path)
		path_fields(message, "SOURCE", path);
}
