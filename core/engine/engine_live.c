// SPDX-License-Identifier: GPL-2.0-only
/* The engine in a daemon: waiting in somebody else's loop, what it costs, shedding what costs most. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "engine_private.h"
#include "base/clock.h"
#include "base/names.h"

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

/* From here on programs do not expect that each call of the point is seen; or they do. */
static void set_blind(struct engine *engine, enum thprace_point point, bool blind)
{
	uint32_t bit = 1U << point;

	if (blind)
		__atomic_fetch_or(&engine->skel->bss->blind, bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&engine->skel->bss->blind, ~bit, __ATOMIC_SEQ_CST);
}

/* Does it see the end of something? Of a hold, that is another function's entry. */
static bool at_end(const struct engine_link *link)
{
	return link->at_return || link->point == THPRACE_POINT_HOLD_END;
}

static void detach(struct engine *engine, enum thprace_point point, bool entries)
{
	struct engine_link *link;
	size_t i;

	for (i = 0; i < engine->link_count; i++) {
		link = &engine->links[i];
		if (link->point != point || at_end(link) == entries)
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

/* Is a point of leader's group (probe__leader()) in this state? */
static bool in_group(const struct engine *engine, int point, enum thprace_point leader,
		     enum probe_state state)
{
	return engine->plan.probe[point].state == state && probe__leader(point) == leader;
}

int engine__shed(struct engine *engine, enum thprace_point leader, const char *reason)
{
	uint64_t now = clock__now();
	int point, found = 0;

	if (!probe__optional(engine__mode(engine), leader))
		return -EINVAL;
	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		if (!in_group(engine, point, leader, PROBE_ATTACHED))
			continue;
		set_blind(engine, point, true);
		detach(engine, point, true);
		engine->shed_at[point] = now;
		engine->plan.probe[point].state = PROBE_SHED;
		snprintf(engine->plan.probe[point].reason, sizeof(engine->plan.probe[point].reason),
			 NAMES_SHED "%s", reason);
		found++;
	}
	return found ? 0 : -EINVAL;
}

/* Exits first: what begins while this goes on is then seen to end. */
static int attach_some(struct engine *engine, enum thprace_point point, bool entries)
{
	struct engine_link *link;
	size_t i;
	int err;

	for (i = 0; i < engine->link_count; i++) {
		link = &engine->links[i];
		if (link->point != point || at_end(link) == entries || link->link)
			continue;
		err = engine__attach_one(engine, link);
		if (err)
			return err;
	}
	return 0;
}

int engine__restore(struct engine *engine, enum thprace_point leader)
{
	int point, entries, found = 0, err = 0;

	/* All that see ends first, of the whole group. */
	for (entries = 0; entries < 2; entries++)
		for (point = 0; point < THPRACE_POINT_MAX && !err; point++)
			if (in_group(engine, point, leader, PROBE_SHED))
				err = attach_some(engine, point, entries);
	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		if (!in_group(engine, point, leader, PROBE_SHED))
			continue;
		found++;
		engine->shed_at[point] = 0;
		if (err) {
			detach(engine, point, true);
			detach(engine, point, false);
			continue;
		}
		set_blind(engine, point, false);
		engine->plan.probe[point].state = PROBE_ATTACHED;
		engine->plan.probe[point].reason[0] = '\0';
	}
	return found ? err : -EINVAL;
}

void engine__ask_zappers(struct engine *engine, bool ask)
{
	int map = bpf_map__fd(engine->skel->maps.zappers);
	struct thprace_zapper_key key;

	if (ask)
		while (!bpf_map_get_next_key(map, NULL, &key) && !bpf_map_delete_elem(map, &key))
			;
	__atomic_store_n(&engine->skel->bss->asking_zappers, ask, __ATOMIC_SEQ_CST);
}

size_t engine__zappers(struct engine *engine, struct engine_zapper *zappers, size_t max,
		       struct thprace_zapper *sum)
{
	int map = bpf_map__fd(engine->skel->maps.zappers);
	struct thprace_zapper_key key, *last = NULL;
	struct engine_zapper found;
	size_t count = 0, at, seen;

	memset(sum, 0, sizeof(*sum));
	for (seen = 0; seen < THPRACE_ZAPPERS_MAX && !bpf_map_get_next_key(map, last, &key);
	     seen++, last = &key) {
		if (bpf_map_lookup_elem(map, &key, &found.count))
			continue;
		found.who = key;
		sum->calls += found.count.calls;
		sum->zaps += found.count.zaps;
		for (at = count; at && zappers[at - 1].count.calls < found.count.calls; at--)
			if (at < max)
				zappers[at] = zappers[at - 1];
		if (at < max)
			zappers[at] = found;
		count += count < max;
	}
	return count;
}
