// SPDX-License-Identifier: GPL-2.0-only
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "engine_private.h"

#define STREAM_RING_BYTES (2u << 20) /* per CPU, --all only */
#define NAMES_MAX 64
#define ARRAY_SIZE(array) (int)(sizeof(array) / sizeof((array)[0]))
#define SLOTS_MIN 256

/* What libbpf said last, and about which program: the only way to learn which one was refused. */
static struct {
	char program[64];
	char message[256];
} libbpf_said;

__attribute__((format(printf, 2, 0))) static int libbpf_listen(enum libbpf_print_level level,
							       const char *format, va_list list)
{
	char line[512], program[64];
	va_list copy;

	if (level > LIBBPF_WARN)
		return 0;
	if (getenv("THPRACE_DEBUG")) {
		va_copy(copy, list);
		vfprintf(stderr, format, copy);
		va_end(copy);
	}
	vsnprintf(line, sizeof(line), format, list);
	if (sscanf(line, "libbpf: prog '%63[^']'", program) == 1)
		memcpy(libbpf_said.program, program, sizeof(program));
	line[strcspn(line, "\n")] = '\0';
	snprintf(libbpf_said.message, sizeof(libbpf_said.message), "%.200s",
		 strncmp(line, "libbpf: ", 8) ? line : line + 8);
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Where a point's programs sit. */
enum {
	END_ENTRY,
	END_KPROBE,
	END_EXIT,
	END_WIDEN_AFTER,
	END_WIDEN,
	END_MAX
};

/*
 * The order of attaching, so that at a return `exit` runs before what comes after it: a trampoline
 * runs the program attached last first (bpf_trampoline_link_prog adds at the head of its list);
 * kretprobes run in the order of attaching (register_kprobe's list and the return's stack both turn
 * it round). Seen on 5.10, 6.1, 6.12 and 7.2.
 */
static const int fentry_order[] = {END_WIDEN_AFTER, END_EXIT, END_ENTRY, END_WIDEN};
static const int kprobe_order[] = {END_EXIT, END_WIDEN_AFTER, END_KPROBE, END_ENTRY, END_WIDEN};

/* Which program a point has at which end under its kind; NULL: none. */
static const char *program_name(const struct engine *engine, const struct probe *probe, int end,
				char *name, size_t size)
{
	const struct probe_point *point = probe->point;
	bool fentry = probe->kind == PROBE_FENTRY;

	const char *const base[END_MAX] = {
		[END_EXIT] = point->exit,
		[END_ENTRY] = point->entry,
		[END_WIDEN] = engine->options.widen ? point->widen : NULL,
		[END_WIDEN_AFTER] = engine->options.widen ? point->widen_after : NULL,
	};

	if (end == END_KPROBE)
		return !fentry ? point->kprobe_entry : NULL;
	if (!base[end])
		return NULL;
	if (end == END_ENTRY || end == END_WIDEN)
		snprintf(name, size, "%s_%s", base[end], fentry ? "fentry" : "kprobe");
	else
		snprintf(name, size, "%s_%s", base[end], fentry ? "fexit" : "kretprobe");
	return name;
}

static const char *kind_name(const struct probe *probe, bool at_return)
{
	if (probe->kind == PROBE_CALLS)
		return at_return ? "behind-call" : "call";
	if (probe->kind == PROBE_FENTRY)
		return at_return ? "fexit" : "fentry";
	return at_return ? "kretprobe" : "kprobe";
}

/* A program is to be attached: once, or at each of the calls. */
static void add_links(struct engine *engine, struct bpf_program *program, enum thprace_point point,
		      int end)
{
	const struct probe *probe = &engine->plan.probe[point];
	const bool calls = probe->kind == PROBE_CALLS;
	const bool at_return = end >= END_EXIT && end != END_WIDEN;
	int i;

	for (i = 0; i < (calls ? probe->site_count : 1); i++)
		engine->links[engine->link_count++] = (struct engine_link){
			.program = program,
			.point = point,
			.kind = kind_name(probe, at_return),
			.at_return = at_return,
			.site = calls ? &probe->sites[i] : NULL,
		};
}

/* Tell libbpf which programs to load and, for fentry, on which function. */
static int choose_programs(struct engine *engine)
{
	struct bpf_program *program;
	struct probe *probe;
	char buffer[64];
	const char *name;
	int point, end, err, i;
	bool fentry;
	int ends;

	for (program = bpf_object__next_program(engine->skel->obj, NULL); program;
	     program = bpf_object__next_program(engine->skel->obj, program))
		bpf_program__set_autoload(program, false);
	bpf_program__set_autoload(engine->skel->progs.window_setup, true);
	engine__choose_asked(engine);
	engine->link_count = 0;
	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		probe = &engine->plan.probe[point];
		engine->skel->rodata->args[point] = probe->args;
		if (probe->state != PROBE_PLANNED)
			continue;
		fentry = probe->kind == PROBE_FENTRY;
		ends = fentry ? ARRAY_SIZE(fentry_order) : ARRAY_SIZE(kprobe_order);
		for (i = 0; i < ends; i++) {
			end = fentry ? fentry_order[i] : kprobe_order[i];
			name = program_name(engine, probe, end, buffer, sizeof(buffer));
			if (!name)
				continue;
			program = bpf_object__find_program_by_name(engine->skel->obj, name);
			if (!program)
				return -ENOENT;
			bpf_program__set_autoload(program, true);
			if (probe->kind == PROBE_FENTRY) {
				err = bpf_program__set_attach_target(program, 0, probe->function);
				if (err)
					return err;
			}
			add_links(engine, program, point, end);
		}
	}
	return 0;
}

static unsigned int power_of_two(unsigned int at_least, unsigned int most)
{
	unsigned int n = 1;

	while (n < at_least && n < most)
		n <<= 1;
	return n;
}

static int size_maps(struct engine *engine)
{
	struct thprace_bpf *skel = engine->skel;
	int err, i;

	for (i = 0; i < THPRACE_SYMBOL_MAX; i++)
		skel->rodata->symbols[i] = target__address(engine->target, i);
	skel->rodata->precise = engine__mode(engine) == THPRACE_PRECISE;
	skel->rodata->slot_mask =
		power_of_two(engine->cpus * 16 > SLOTS_MIN ? engine->cpus * 16 : SLOTS_MIN,
			     THPRACE_SLOTS_MAX) -
		1;
	engine->stream_count = 0;
	if (engine->options.all)
		engine->stream_count = power_of_two(engine->cpus, STREAMS_MAX);
	skel->rodata->stream_count = engine->stream_count;
	err = bpf_map__set_max_entries(skel->maps.cpus, engine->cpus);
	if (!err && engine->stream_count)
		err = bpf_map__set_max_entries(skel->maps.streams, engine->stream_count);
	return err;
}

int engine__attach_one(const struct engine *engine, struct engine_link *link)
{
	const struct probe *probe = &engine->plan.probe[link->point];

	if (link->site)
		return kprobe__attach(&link->link, link->program, link->site->symbol,
				      link->at_return ? link->site->next : link->site->at,
				      engine->options.held, engine->options.held_count);
	if (probe->kind == PROBE_FENTRY)
		link->link = bpf_program__attach(link->program);
	else
		link->link =
			bpf_program__attach_kprobe(link->program, link->at_return, probe->function);
	return link->link ? 0 : -errno;
}

/*
 * 20 ms after a kprobe was registered that may be optimized to a jump, the kernel does so, and waits for a
 * grace period of tasks meanwhile, 100 ms and more, for which everybody waits who wants a kprobe, or
 * changes code (kprobe_optimizer(), kernel/kprobes.c). A call may not be: so those behind calls come last.
 */
#define ATTACH_PASSES 3

static int attach_pass(struct engine *engine, int pass, enum thprace_point *point)
{
	struct engine_link *link;
	size_t i;
	int err;

	for (i = 0; i < engine->link_count; i++) {
		link = &engine->links[i];
		if (pass != (link->site ? 1 + link->at_return : 0))
			continue;
		err = engine__attach_one(engine, link);
		if (err) {
			*point = link->point;
			return err;
		}
	}
	return 0;
}

static void detach_all(struct engine *engine, bool fentry)
{
	struct engine_link *link;
	size_t i;

	for (i = 0; i < engine->link_count; i++) {
		link = &engine->links[i];
		if ((engine->plan.probe[link->point].kind == PROBE_FENTRY) != fentry)
			continue;
		bpf_link__destroy(link->link);
		link->link = NULL;
	}
}

static void *detach_kprobes(void *engine)
{
	detach_all(engine, false);
	return NULL;
}

/*
 * The kernel takes off one at a time and waits for grace periods meanwhile: of RCU for each kprobe, of
 * tasks for each function's last trampoline (6.1; docs/performance.md). The two kinds wait side by side.
 */
static void drop_objects(struct engine *engine)
{
	pthread_t thread;
	bool parallel = !pthread_create(&thread, NULL, detach_kprobes, engine);

	detach_all(engine, true);
	if (parallel)
		pthread_join(thread, NULL);
	else
		detach_all(engine, false);
	engine->link_count = 0;
	thprace_bpf__destroy(engine->skel);
	engine->skel = NULL;
}

/* The point whose program libbpf complained about; THPRACE_POINT_MAX: unknown. */
static enum thprace_point refused_point(const struct engine *engine)
{
	size_t i;

	for (i = 0; i < engine->link_count; i++)
		if (!strcmp(bpf_program__name(engine->links[i].program), libbpf_said.program))
			return engine->links[i].point;
	return THPRACE_POINT_MAX;
}

/*
 * One try: load and attach what the plan has. On failure *point tells whose program was refused
 * (THPRACE_POINT_MAX: it is no single program's fault) and everything is dropped again.
 */
static int try_plan(struct engine *engine, enum thprace_point *point)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	int err, pass;

	*point = THPRACE_POINT_MAX;
	memset(&libbpf_said, 0, sizeof(libbpf_said));
	options.btf_custom_path = target__btf_file(engine->target);
	engine->skel = thprace_bpf__open_opts(&options);
	if (!engine->skel)
		return -errno;
	err = choose_programs(engine);
	if (!err)
		err = size_maps(engine);
	if (!err)
		err = thprace_bpf__load(engine->skel);
	if (err) {
		*point = refused_point(engine);
		goto cleanup;
	}
	for (pass = 0; pass < ATTACH_PASSES; pass++) {
		err = attach_pass(engine, pass, point);
		if (err)
			goto cleanup;
	}
	return 0;

cleanup:
	drop_objects(engine);
	return err;
}

static void explain_load(int err, char *why, size_t why_size)
{
	if (err == -EPERM || err == -EACCES)
		snprintf(
			why, why_size,
			"the kernel refuses to load BPF programs: %s. Run as root (CAP_BPF and "
			"CAP_PERFMON, or CAP_SYS_ADMIN before 5.8), and see whether kernel lockdown "
			"(/sys/kernel/security/lockdown) or a container forbids it",
			strerror(-err));
	else
		snprintf(why, why_size, "cannot load the BPF programs: %s%s%s", strerror(-err),
			 libbpf_said.message[0] ? "; libbpf: " : "", libbpf_said.message);
}

static int load_and_attach(struct engine *engine, char *why, size_t why_size)
{
	enum thprace_point point;
	int err, tries, i;
	bool calls;

	for (tries = 0; tries < 2 * THPRACE_POINT_MAX; tries++) {
		if (!probe__usable(&engine->plan, why, why_size))
			return -EOPNOTSUPP;
		err = try_plan(engine, &point);
		if (!err)
			break;
		if (point == THPRACE_POINT_MAX) {
			explain_load(err, why, why_size);
			return err;
		}
		calls = engine->plan.probe[point].kind == PROBE_CALLS;
		probe__refused(&engine->plan, engine->target, point, -err);
		/* Who may not open one kprobe may open none. */
		for (i = 0; calls && (err == -EPERM || err == -EACCES) && i < THPRACE_POINT_MAX;
		     i++)
			if (engine->plan.probe[i].kind == PROBE_CALLS)
				probe__refused(&engine->plan, engine->target, i, -err);
		/* A kernel that refuses one trampoline for this reason refuses them all. */
		for (i = 0; !calls && (err == -EPERM || err == -EOPNOTSUPP || err == -524) &&
			    i < THPRACE_POINT_MAX;
		     i++)
			if (i != (int)point && engine->plan.probe[i].kind == PROBE_FENTRY &&
			    engine->plan.probe[i].state == PROBE_PLANNED)
				probe__refused(&engine->plan, engine->target, i, -err);
	}
	if (!engine->skel) {
		explain_load(err, why, why_size);
		return err;
	}
	for (i = 0; i < THPRACE_POINT_MAX; i++)
		if (engine->plan.probe[i].state == PROBE_PLANNED)
			engine->plan.probe[i].state = PROBE_ATTACHED;
	return 0;
}

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

static int open_rings(struct engine *engine)
{
	uint32_t i;
	int fd, err;

	engine->rings = ring_buffer__new(bpf_map__fd(engine->skel->maps.incidents), on_message,
					 engine, NULL);
	if (!engine->rings)
		return -errno;
	for (i = 0; i < (uint32_t)engine->stream_count; i++) {
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "thprace_stream", 0, 0, STREAM_RING_BYTES,
				    NULL);
		if (fd < 0)
			return fd;
		engine->stream_fd[i] = fd;
		err = bpf_map_update_elem(bpf_map__fd(engine->skel->maps.streams), &i, &fd,
					  BPF_ANY);
		if (!err)
			err = ring_buffer__add(engine->rings, fd, on_record, engine);
		if (err)
			return err;
	}
	return 0;
}

static const void *map_array(const struct bpf_map *map, size_t *stride)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size;
	void *memory;

	*stride = (bpf_map__value_size(map) + 7) & ~(size_t)7;
	size = (*stride * bpf_map__max_entries(map) + page - 1) & ~(page - 1);
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	return memory == MAP_FAILED ? NULL : memory;
}

/* Let the programs learn where struct pages are. */
static int run_setup(struct engine *engine)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(bpf_program__fd(engine->skel->progs.window_setup), &options);
}

static int map_arrays(struct engine *engine)
{
	struct thprace_bpf *skel = engine->skel;

	engine->cpu_map = map_array(skel->maps.cpus, &engine->cpu_stride);
	engine->flight_read = calloc(engine->cpus, sizeof(*engine->flight_read));
	if (!engine->cpu_map || !engine->flight_read)
		return -ENOMEM;
	return 0;
}

/* Before 5.11 BPF memory counts against RLIMIT_MEMLOCK; libbpf raises it only when asked. */
static void raise_memlock(void)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

/* Let zaps leave their marks for longer than one takes, before recording may start. */
static void warm_up(struct engine *engine)
{
	struct timespec pause = {.tv_nsec = 100000000};

	__atomic_store_n(&engine->skel->bss->marking, 1, __ATOMIC_SEQ_CST);
	nanosleep(&pause, NULL);
}

int engine__open(struct engine **result, const struct engine_options *options, char *why,
		 size_t why_size)
{
	const char *names[NAMES_MAX];
	struct engine *engine;
	int err, i;

	engine = calloc(1, sizeof(*engine));
	if (!engine) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	engine->options = *options;
	engine->stats_fd = -1;
	for (i = 0; i < STREAMS_MAX; i++)
		engine->stream_fd[i] = -1;
	engine->cpus = libbpf_num_possible_cpus();
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(libbpf_listen);
	raise_memlock();
	err = target__new(&engine->target, &(struct target_options){.btf = options->btf}, names,
			  probe__names(names, NAMES_MAX), why, why_size);
	if (err)
		goto cleanup;
	probe__plan(&engine->plan, engine->target, options->mode, options->attach);
	target__asked(engine->target);
	if (options->stats_fd >= 0)
		engine->stats_fd = fcntl(options->stats_fd, F_DUPFD_CLOEXEC, 3);
	else
		engine->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	err = load_and_attach(engine, why, why_size);
	if (err)
		goto cleanup;
	err = run_setup(engine);
	if (!err) {
		engine__ask(engine);
		err = open_rings(engine);
	}
	if (!err)
		err = map_arrays(engine);
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
	uint64_t now = now_ns();

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

int engine__poll(struct engine *engine, int timeout_ms)
{
	int got = ring_buffer__poll(engine->rings, timeout_ms);

	return got < 0 && got != -EINTR ? got : 0;
}

uint64_t engine__stop(struct engine *engine)
{
	struct timespec grace = {.tv_nsec = 20000000}; /* programs under way end within this */
	uint64_t now = now_ns();

	__atomic_store_n(&engine->skel->bss->recording, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&engine->skel->bss->marking, 0, __ATOMIC_SEQ_CST);
	nanosleep(&grace, NULL);
	ring_buffer__consume(engine->rings);
	return now;
}

static void unmap_array(const void *memory, const struct bpf_map *map, size_t stride)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (memory)
		munmap((void *)memory,
		       (stride * bpf_map__max_entries(map) + page - 1) & ~(page - 1));
}

void engine__close(struct engine *engine)
{
	int i;

	if (!engine)
		return;
	ring_buffer__free(engine->rings);
	if (engine->skel) {
		unmap_array(engine->cpu_map, engine->skel->maps.cpus, engine->cpu_stride);
		drop_objects(engine);
	}
	for (i = 0; i < STREAMS_MAX; i++)
		if (engine->stream_fd[i] >= 0)
			close(engine->stream_fd[i]);
	if (engine->stats_fd >= 0)
		close(engine->stats_fd);
	free(engine->flight_read);
	target__free(engine->target);
	free(engine);
}
