// SPDX-License-Identifier: GPL-2.0-only
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "engine_private.h"
#include "kprobe_trial.h"

#define NAMES_MAX (PROBE_NAMES_MAX + 1024)
#define REST_NS 10000000000ULL /* without a message */
#define MARKS_NS 100000000ULL /* longer than a zap takes */

static int on_message(void *ctx, void *data, size_t size)
{
	struct engine *engine = ctx;

	if (size >= sizeof(uint32_t))
		engine->options.message(engine->options.ctx, data, size);
	return 0;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct engine *engine = ctx;

	if (size >= sizeof(struct thprace_record))
		engine->options.record(engine->options.ctx, data);
	return 0;
}

/* Map the rings, if they are not mapped. */
static int map_rings(struct engine *engine)
{
	int err = 0, i;

	if (engine->rings)
		return 0;
	engine->rings = ring_buffer__new(bpf_map__fd(engine->skel->maps.incidents), on_message,
					 engine, NULL);
	if (!engine->rings)
		return -errno;
	for (i = 0; i < engine->stream_count && !err; i++)
		err = ring_buffer__add(engine->rings, engine->stream_fd[i], on_record, engine);
	if (!err)
		return 0;
	ring_buffer__free(engine->rings);
	engine->rings = NULL;
	return err;
}

static int watch_ring(const struct engine *engine, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_rings(struct engine *engine)
{
	uint32_t i;
	int fd, err;

	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (engine->epoll < 0)
		return -errno;
	err = watch_ring(engine, bpf_map__fd(engine->skel->maps.incidents));
	if (err)
		return err;
	for (i = 0; i < (uint32_t)engine->stream_count; i++) {
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "thprace_stream", 0, 0,
				    ENGINE_STREAM_BYTES, NULL);
		if (fd < 0)
			return fd;
		engine->stream_fd[i] = fd;
		err = bpf_map_update_elem(bpf_map__fd(engine->skel->maps.streams), &i, &fd,
					  BPF_ANY);
		if (!err)
			err = watch_ring(engine, fd);
		if (err)
			return err;
	}
	return map_rings(engine);
}

/* Before 5.11 BPF memory counts against RLIMIT_MEMLOCK; libbpf raises it only on request. */
static void raise_memlock(void)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

/* Recording may start when zaps have left their marks for longer than a zap takes. */
static void warm_up(const struct engine *engine)
{
	uint64_t passed = clock__now() - engine->marked_at;
	struct timespec pause = {.tv_nsec = passed < MARKS_NS ? MARKS_NS - passed : 0};

	nanosleep(&pause, NULL);
}

int engine__open(struct engine **result, const struct engine_options *options, char *why,
		 size_t why_size)
{
	const char *names[NAMES_MAX];
	struct probe_trial trial;
	struct engine *engine;
	size_t count = probe__names(names, NAMES_MAX), n;
	int err, i;

	engine = calloc(1, sizeof(*engine));
	if (!engine) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	engine->options = *options;
	engine->stats_fd = -1;
	engine->epoll = -1;
	for (i = 0; i < THPRACE_STREAMS_MAX; i++)
		engine->stream_fd[i] = -1;
	engine->cpus = libbpf_num_possible_cpus();
	clock_source__read(&engine->clock);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	engine__listen();
	raise_memlock();
	for (n = 0; n < options->race_count; n++)
		count = race_kernel__names(options->races[n], names, count, NAMES_MAX);
	err = target__new(&engine->target, &(struct target_options){.btf = options->btf}, names,
			  count, why, why_size);
	if (err)
		goto cleanup;
	if (options->attach != PROBE_ATTACH_FENTRY)
		kprobe_trial__run(&trial, engine->target, options->kprobe_fds,
				  options->kprobe_fd_count);
	probe__plan(&engine->plan, engine->target, options->mode, options->attach,
		    options->attach != PROBE_ATTACH_FENTRY ? &trial : NULL);
	err = engine_race__plan(engine, why, why_size);
	if (err)
		goto cleanup;
	target__close_files(engine->target);
	if (options->stats_fd >= 0)
		engine->stats_fd = fcntl(options->stats_fd, F_DUPFD_CLOEXEC, 3);
	else
		engine->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	err = engine__load(engine, why, why_size);
	if (err)
		goto cleanup;
	err = open_rings(engine);
	if (!err)
		err = engine__map(engine);
	if (!err)
		err = engine__light_beacon(engine);
	if (err) {
		snprintf(why, why_size, "cannot set up the rings: %s", strerror(-err));
		goto cleanup;
	}
	warm_up(engine);
	*result = engine;
	return 0;

cleanup:
	engine__close(engine);
	return err;
}

uint64_t engine__start(struct engine *engine)
{
	uint64_t now;

	engine__note_runs(engine);
	now = clock__now();
	engine->skel->bss->beacon.head.started_wall = clock__wall();
	engine->skel->bss->beacon.head.started = now;
	__atomic_store_n(&engine->skel->bss->recording, 1, __ATOMIC_SEQ_CST);
	return now;
}

void engine__widen(struct engine *engine, enum thprace_widen where, uint32_t tgid, uint32_t ns)
{
	struct thprace_bpf__bss *bss = engine->skel->bss;

	__atomic_store_n(&bss->widen_tgid, 0, __ATOMIC_SEQ_CST);
	bss->widen_where = where;
	bss->widen_ns = ns < THPRACE_WIDEN_MAX_NS ? ns : THPRACE_WIDEN_MAX_NS;
	__atomic_store_n(&bss->widen_tgid, where == THPRACE_WIDEN_NOT ? 0 : tgid, __ATOMIC_SEQ_CST);
}

uint64_t engine__widened(const struct engine *engine)
{
	return engine->skel->bss->widened;
}

/* Nothing has come for a while: give back the memory in which it comes, until something does. */
static void rest(struct engine *engine)
{
	if (engine->stream_count || !engine->rings)
		return;
	ring_buffer__free(engine->rings);
	engine->rings = NULL;
	engine__unmap_rare(engine);
}

int engine__poll(struct engine *engine, int timeout_ms)
{
	struct epoll_event event;
	int got = epoll_wait(engine->epoll, &event, 1, timeout_ms), err;
	const uint64_t now = clock__now();

	if (got < 0)
		return errno == EINTR ? 0 : -errno;
	if (!got) {
		if (now - engine->worked > REST_NS)
			rest(engine);
		return 0;
	}
	engine->worked = now;
	err = map_rings(engine);
	got = err ? err : ring_buffer__consume(engine->rings);
	return got < 0 && got != -EINTR ? got : 0;
}

uint64_t engine__stop(struct engine *engine)
{
	struct timespec grace = {.tv_nsec = 20000000}; /* programs under way end within this */
	uint64_t now = clock__now();

	__atomic_store_n(&engine->skel->bss->recording, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&engine->skel->bss->marking, 0, __ATOMIC_SEQ_CST);
	nanosleep(&grace, NULL);
	if (!map_rings(engine))
		ring_buffer__consume(engine->rings);
	return now;
}

void engine__close(struct engine *engine)
{
	int i;

	if (!engine)
		return;
	ring_buffer__free(engine->rings);
	if (engine->epoll >= 0)
		close(engine->epoll);
	if (engine->skel) {
		engine__unmap(engine);
		engine__unload(engine);
	}
	for (i = 0; i < THPRACE_STREAMS_MAX; i++)
		if (engine->stream_fd[i] >= 0)
			close(engine->stream_fd[i]);
	if (engine->stats_fd >= 0)
		close(engine->stats_fd);
	engine_race__free(engine);
	free(engine->flight_read);
	free(engine->flight_copy);
	target__free(engine->target);
	free(engine);
}
