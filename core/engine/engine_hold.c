// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: tasks wait in a part of a function, at a kprobe, or where a clock finds them. */
#include "engine_private.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#define PERIOD_NS 100000 /* of time that the task runs */

static const struct race_provoke *hold_of(const struct engine *engine)
{
	const struct race_provoke *provoke;

	if (!engine->options.widen || !engine->options.race_count)
		return NULL;
	provoke = &engine->options.races[0]->provoke;
	return provoke->given && provoke->parts ? provoke : NULL;
}

void engine__choose_hold(struct engine *engine)
{
	const struct race_provoke *provoke = hold_of(engine);

	bpf_program__set_autoload(engine->skel->progs.race_probe,
				  provoke && provoke->what == RACE_HOLD_PROBE);
	bpf_program__set_autoload(engine->skel->progs.race_clock,
				  provoke && provoke->what == RACE_HOLD_CLOCK);
}

static void set_place(struct engine *engine)
{
	const struct engine_race *of = &engine->races->race[0];

	engine->skel->bss->hold_place = THPRACE_RACE_PLACE(of->class, of->race->provoke.section);
}

int engine__start_probe(struct engine *engine, const struct kprobe_place *place, size_t count,
			char *why, size_t why_size)
{
	int err = 0;
	size_t i;

	set_place(engine);
	for (i = 0; i < count && i < THPRACE_CLOCK_SPANS && !err; i++) {
		err = kprobe__attach(&engine->hold_link[i], engine->skel->progs.race_probe,
				     place[i].symbol, place[i].offset, NULL, 0);
		if (err)
			snprintf(why, why_size, "the kernel refuses a kprobe at %s+0x%x: %s",
				 place[i].symbol, place[i].offset, strerror(-err));
		else
			engine->hold_links++;
	}
	return err;
}

/* One that runs with the task, and with all that it starts: the others are never interrupted. */
static int open_clock(uint32_t tgid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD_NS,
		.inherit = 1,
		.exclude_user = 1,
		.exclude_hv = 1,
	};
	int fd =
		(int)syscall(SYS_perf_event_open, &attr, (pid_t)tgid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int engine__start_clock(struct engine *engine, uint32_t tgid, const struct thprace_clock_span *span,
			size_t count, char *why, size_t why_size)
{
	struct thprace_bpf__bss *bss = engine->skel->bss;
	int fd, err;

	if (count > THPRACE_CLOCK_SPANS)
		return -E2BIG;
	memcpy((void *)bss->clock_span, span, count * sizeof(*span));
	set_place(engine);
	fd = open_clock(tgid);
	if (fd < 0) {
		snprintf(why, why_size, "the kernel refuses a clock: %s", strerror(-fd));
		return fd;
	}
	engine->hold_link[0] = bpf_program__attach_perf_event(engine->skel->progs.race_clock, fd);
	if (engine->hold_link[0]) {
		engine->hold_links = 1;
		return 0;
	}
	err = -errno;
	close(fd);
	snprintf(why, why_size, "the kernel refuses a program at a clock: %s", strerror(-err));
	return err;
}

void engine__stop_hold(struct engine *engine)
{
	while (engine->hold_links)
		bpf_link__destroy(engine->hold_link[--engine->hold_links]);
}
