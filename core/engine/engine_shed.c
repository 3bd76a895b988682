// SPDX-License-Identifier: GPL-2.0-only
/* Points whose programs cost too much: detached, and attached again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "engine_private.h"
#include "base/clock.h"
#include "base/names.h"

/* From now on programs do (or do not) expect that each call of the point is seen. */
static void set_blind(struct engine *engine, enum thprace_point point, bool blind)
{
	uint32_t bit = 1U << point;

	if (blind)
		__atomic_fetch_or(&engine->skel->bss->blind, bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&engine->skel->bss->blind, ~bit, __ATOMIC_SEQ_CST);
}

/* Does it see the end of something? The end of a hold is the entry of another function. */
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
	engine_race__finish_shedding(engine, now);
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

	if (!probe__optional(probe__mode(&engine->plan), leader))
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

/* One that was attached once, in the place of the program that was: struct fentry_program. */
static int attach_anew(struct engine *engine, struct engine_link *link)
{
	const struct fentry_program *again = fentry__noted(&engine->fentry, link->program);
	int fd = again ? fentry__load(again) : -ENOENT, err = 0;

	if (fd < 0)
		return fd;
	engine__keep_runs(bpf_program__fd(link->program), &link->before);
	if (dup3(fd, bpf_program__fd(link->program), O_CLOEXEC) < 0)
		err = -errno;
	close(fd);
	return err ? err : engine__attach_one(engine, link);
}

/* Exits first, so that the end of whatever begins meanwhile is seen. */
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
		if (err == -ENOENT)
			err = attach_anew(engine, link);
		if (err)
			return err;
	}
	return 0;
}

int engine__restore(struct engine *engine, enum thprace_point leader)
{
	int point, entries, found = 0, err = 0;

	/* First all that see ends, of the whole group. */
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
