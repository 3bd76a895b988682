// SPDX-License-Identifier: GPL-2.0-only
/* The engine in a daemon: waiting in somebody else's loop, what it costs, shedding what costs most. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "engine_private.h"

/* How long returns of what was shed are still watched, for calls that were under way. */
#define SHED_GRACE_NS 10000000000ULL

int engine__fd(const struct engine *engine)
{
	return ring_buffer__epoll_fd(engine->rings);
}

bool engine__measured(const struct engine *engine)
{
	return engine->stats_fd >= 0;
}

/* What /proc says of a map's descriptor. */
static uint64_t map_memory(int fd)
{
	char path[64], line[128];
	uint64_t bytes = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %" SCNu64, &bytes) == 1)
			break;
	fclose(file);
	return bytes;
}

uint64_t engine__memory(const struct engine *engine)
{
	const struct bpf_map *map;
	uint64_t bytes = 0;
	int i;

	bpf_object__for_each_map(map, engine->skel->obj) bytes += map_memory(bpf_map__fd(map));
	for (i = 0; i < engine->stream_count; i++)
		bytes += map_memory(engine->stream_fd[i]);
	return bytes;
}

static void detach(struct engine *engine, enum thprace_point point, bool entries)
{
	struct engine_link *link;
	size_t i;

	for (i = 0; i < engine->link_count; i++) {
		link = &engine->links[i];
		if (link->point != point || link->at_return == entries)
			continue;
		bpf_link__destroy(link->link);
		link->link = NULL;
	}
}

void engine__finish_shedding(struct engine *engine, uint64_t now)
{
	int point;

	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		if (!engine->shed_at[point] || now < engine->shed_at[point] + SHED_GRACE_NS)
			continue;
		detach(engine, point, false);
		engine->shed_at[point] = 0;
	}
}

int engine__shed(struct engine *engine, enum thprace_point point, const char *reason)
{
	struct probe *probe = &engine->plan.probe[point];
	uint64_t now;

	if (probe->state != PROBE_ATTACHED || !probe__optional(point))
		return -EINVAL;
	now = engine__now();
	detach(engine, point, true);
	engine->shed_at[point] = now;
	probe->state = PROBE_SHED;
	snprintf(probe->reason, sizeof(probe->reason), "%s", reason);
	return 0;
}

/* Exits first: what begins while this goes on is then seen to end. */
static int attach_some(struct engine *engine, enum thprace_point point, bool entries)
{
	struct engine_link *link;
	size_t i;
	int err;

	for (i = 0; i < engine->link_count; i++) {
		link = &engine->links[i];
		if (link->point != point || link->at_return == entries || link->link)
			continue;
		err = engine__attach_one(engine, link);
		if (err)
			return err;
	}
	return 0;
}

int engine__restore(struct engine *engine, enum thprace_point point)
{
	struct probe *probe = &engine->plan.probe[point];
	int err;

	if (probe->state != PROBE_SHED)
		return -EINVAL;
	err = attach_some(engine, point, false);
	if (!err)
		err = attach_some(engine, point, true);
	if (err) {
		detach(engine, point, true);
		detach(engine, point, false);
		engine->shed_at[point] = 0;
		return err;
	}
	engine->shed_at[point] = 0;
	probe->state = PROBE_ATTACHED;
	probe->reason[0] = '\0';
	return 0;
}
