// SPDX-License-Identifier: GPL-2.0-only
#include "who.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/names.h"

#define CONTAINER_SHOWN 12 /* digits of a container's number, as its runtime prints it */

void who__read(struct who *who, const struct thprace_stack *stack, const char *path)
{
	memset(who, 0, sizeof(*who));
	if (!(stack->flags & THPRACE_STACK_WHO))
		return;
	who->known = true;
	who->uid = stack->uid;
	who->cgroup = stack->cgroup;
	if (!path)
		return;
	snprintf(who->path, sizeof(who->path), "%s", path);
	cgroup_name__read(&who->name, path);
}

/* A number of 64 digits is cut off, a name is not. */
static int shown(const char *container)
{
	size_t length = strlen(container);

	return (int)(length == 64 && strspn(container, "0123456789abcdef") == length
			     ? CONTAINER_SHOWN
			     : length);
}

const char *who__text(char *buf, size_t size, const struct who *who)
{
	const struct cgroup_name *name = &who->name;
	size_t used;

	buf[0] = '\0';
	if (!who->known)
		return buf;
	used = (size_t)snprintf(buf, size, "user %u", who->uid);
	if (*name->container && used < size)
		used += (size_t)snprintf(buf + used, size - used, ", %s%scontainer %.*s",
					 name->runtime, *name->runtime ? " " : "",
					 shown(name->container), name->container);
	if (*name->pod && used < size)
		used += (size_t)snprintf(buf + used, size - used, ", pod %s", name->pod);
	if (used >= size)
		; /* cut off */
	else if (*name->unit)
		snprintf(buf + used, size - used, ", %s", name->unit);
	else if (!*name->container && *who->path)
		snprintf(buf + used, size - used, ", cgroup %s", who->path);
	else if (!*who->path && who->cgroup)
		snprintf(buf + used, size - used, ", cgroup %llu", (unsigned long long)who->cgroup);
	names__clean(buf, size, buf, size, 0);
	return buf;
}

struct json_object *who__json(const struct who *who)
{
	struct json_object *object = who->known ? json_object_new_object() : NULL;

	if (!object)
		return NULL;
	json__add_number(object, "uid", who->uid);
	json__add(object, "cgroup_id", who->cgroup ? json__number(who->cgroup) : NULL);
	json__add_text(object, "cgroup", who->path);
	json__add_text(object, "unit", who->name.unit);
	json__add_text(object, "runtime", who->name.runtime);
	json__add_text(object, "container", who->name.container);
	json__add_text(object, "pod", who->name.pod);
	return object;
}
