// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the bodies of tests/bench/bodies.bpf.c on this machine's kernel, alternating with the empty
 * one, and prints for each body, after subtracting the empty one: median, quartiles and number of
 * rounds.
 *
 *   bodies [ROUNDS]        columns: body, median, 1st quartile, 3rd quartile (ns), rounds
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <thprace/beacon.h>
#include <thprace/race_slot.h>
#include <thprace/shared.h>

#include "base/number.h"
#include "bodies.skel.h"
#include "classes/race_class.h"
#include "median.h"

#define ROUNDS_MAX 1000
#define SLOTS_MIN 256
#define STREAM_BYTES (2 << 20)

/* One load of the object, sized as core/engine/engine_load.c does for this many CPUs. */
struct load {
	unsigned int cpus;
	int stream; /* records go to a ring */
	int met; /* a window is open on the walker's folio */
	unsigned int race_has; /* THPRACE_RACE_HAS_* of the race from a file */
	int kept_end; /* its end reads an argument that was kept */
	struct bodies *skel;
	struct ring_buffer *rings;
	int stream_fd;
};

enum {
	LOAD_2,
	LOAD_64,
	LOAD_512,
	LOAD_4096,
	LOAD_STREAM,
	LOAD_MET,
	LOAD_MET_4096,
	LOAD_RACE_KEPT,
	LOAD_RACE_INSIDE,
	LOAD_RACE_CALL,
	LOAD_MAX
};

static struct load loads[LOAD_MAX] = {
	[LOAD_2] = {.cpus = 2},
	[LOAD_64] = {.cpus = 64},
	[LOAD_512] = {.cpus = 512},
	[LOAD_4096] = {.cpus = 4096},
	[LOAD_STREAM] = {.cpus = 2, .stream = 1},
	[LOAD_MET] = {.cpus = 2, .met = 1},
	[LOAD_MET_4096] = {.cpus = 4096, .met = 1},
	[LOAD_RACE_KEPT] = {.cpus = 2, .race_has = THPRACE_RACE_HAS_KEPT},
	[LOAD_RACE_INSIDE] = {.cpus = 2, .race_has = THPRACE_RACE_HAS_INSIDE},
	[LOAD_RACE_CALL] = {.cpus = 2, .kept_end = 1},
};

static const struct body {
	const char *name;
	const char *program;
	int load;
	unsigned int loops;
} bodies[] = {
	{"one reading of the clock", "bench_clock", LOAD_2, 20000},
	{"page_remove_rmap, order 0 (precise)", "bench_rmap_order0", LOAD_2, 20000},
	{"try_to_unmap, order 0", "bench_unmap_order0", LOAD_2, 20000},
	{"zap: open and close", "bench_zap", LOAD_2, 10000},
	{"zap: open and close, read-only", "bench_zap_read", LOAD_2, 10000},
	{"zap: open and close, by kprobes", "bench_zap_kprobe", LOAD_2, 10000},
	{"flight record", "bench_record", LOAD_2, 10000},
	{"full record (--all)", "bench_record", LOAD_STREAM, 10000},
	{"clean walker, 2 CPUs", "bench_walker", LOAD_2, 5000},
	{"clean walker, 64 CPUs", "bench_walker", LOAD_64, 5000},
	{"clean walker, 512 CPUs", "bench_walker", LOAD_512, 5000},
	{"clean walker, 4096 CPUs", "bench_walker", LOAD_4096, 5000},
	{"race file: window, open and close", "bench_race_window", LOAD_2, 5000},
	{"race file: walker, enter and leave", "bench_race_walker", LOAD_2, 5000},
	{"race file: window, arguments kept for a return", "bench_race_window_kept", LOAD_RACE_KEPT,
	 5000},
	{"race file: window, inside a function", "bench_race_window_inside", LOAD_RACE_INSIDE,
	 5000},
	{"race file: walker, at a call and after it", "bench_race_walker_call", LOAD_RACE_CALL,
	 5000},
	{"race file: walker, an instant", "bench_race_instant", LOAD_2, 5000},
	{"walker that meets a window, 2 CPUs", "bench_walker", LOAD_MET, 500},
	{"walker that meets a window, 4096 CPUs", "bench_walker", LOAD_MET_4096, 500},
};

#define NR_BODIES (sizeof(bodies) / sizeof(*bodies))

static double beyond[NR_BODIES][ROUNDS_MAX], empty[ROUNDS_MAX];

static void die(const char *what, int err)
{
	fprintf(stderr, "bodies: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static int discard(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

static unsigned int slots_for(unsigned int cpus)
{
	unsigned int slots = SLOTS_MIN;

	while (slots < cpus * 16 && slots < THPRACE_SLOTS_MAX)
		slots <<= 1;
	return slots;
}

static void run(struct load *load, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(load->skel->obj, name);
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int err;

	err = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
	if (err)
		die(name, err);
}

static void open_rings(struct load *load)
{
	__u32 zero = 0;
	int err;

	load->rings =
		ring_buffer__new(bpf_map__fd(load->skel->maps.incidents), discard, NULL, NULL);
	if (!load->rings)
		die("ring of incidents", errno);
	if (!load->stream)
		return;
	load->stream_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "stream", 0, 0, STREAM_BYTES, NULL);
	if (load->stream_fd < 0)
		die("ring of records", load->stream_fd);
	err = bpf_map_update_elem(bpf_map__fd(load->skel->maps.streams), &zero, &load->stream_fd,
				  0);
	if (!err)
		err = ring_buffer__add(load->rings, load->stream_fd, discard, NULL);
	if (err)
		die("ring of records", err);
}

static void load_object(struct load *load)
{
	struct bpf_program *program;
	const char *name;
	int err, i, j;

	load->skel = bodies__open();
	if (!load->skel)
		die("cannot open the programs", errno);
	bpf_object__for_each_program(program, load->skel->obj)
	{
		name = bpf_program__name(program);
		bpf_program__set_autoload(program, !strncmp(name, "bench_", 6));
	}
	for (i = 0; i < THPRACE_POINT_MAX; i++)
		for (j = 0; j < THPRACE_ARG_SLOTS; j++)
			load->skel->rodata->args[i].index[j] = (__s8)j;
	race_class__walkers(load->skel->rodata->classes);
	load->skel->rodata->slot_mask = slots_for(load->cpus) - 1;
	load->skel->rodata->slot_seed = 0xd1b54a32d192ed03ULL;
	load->skel->rodata->race_has = load->race_has;
	load->skel->rodata->race_kept_end = (__u32)load->kept_end;
	load->skel->rodata->stream_count = (__u32)load->stream;
	err = bpf_map__set_max_entries(load->skel->maps.cpus, load->cpus);
	if (!err)
		err = bpf_map__set_max_entries(load->skel->maps.race_cpus, load->cpus);
	if (!err)
		err = bodies__load(load->skel);
	if (err)
		die("cannot load the programs (Linux 5.17 or newer, root)", err);
	open_rings(load);
	run(load, "bench_setup");
	if (load->met)
		run(load, "bench_open");
}

/* ns of one run of a body, including its loop. */
static double measure(struct load *load, const char *program, unsigned int loops)
{
	load->skel->bss->spent = 0;
	load->skel->data->loops = loops;
	run(load, program);
	ring_buffer__consume(load->rings);
	return (double)load->skel->bss->spent / loops;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list list)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, list) : 0;
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	uint64_t wanted = 101;
	int rounds, round;
	size_t i;

	if (argc > 1 && number__parse(argv[1], 1, ROUNDS_MAX, &wanted)) {
		fprintf(stderr, "Usage: bodies [ROUNDS], 1 to %d\n", ROUNDS_MAX);
		return 2;
	}
	rounds = (int)wanted;
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	libbpf_set_print(quiet);
	for (i = 0; i < LOAD_MAX; i++)
		load_object(&loads[i]);
	for (round = -1; round < rounds; round++) {
		for (i = 0; i < NR_BODIES; i++) {
			const struct body *body = &bodies[i];
			double base = measure(&loads[body->load], "bench_empty", body->loops);
			double ns = measure(&loads[body->load], body->program, body->loops);

			if (round < 0) /* the first round warms up */
				continue;
			beyond[i][round] = ns - base;
			if (!i)
				empty[round] = base;
		}
	}
	median__print("empty program, in its loop", empty, rounds);
	for (i = 0; i < NR_BODIES; i++)
		median__print(bodies[i].name, beyond[i], rounds);
	return 0;
}
