// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of BPF maps that is mapped here. All of a mapping counts as resident from the beginning. So
 * what is large is mapped when it is first read, and no longer when nothing has come for a while: the
 * ring of incidents (engine.c), flight recorders, and the slots of tasks. A mapping for each incident
 * would cost records on a busy machine.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "engine_private.h"

/* Whole pages of a map's file. */
struct span {
	size_t from;
	size_t length;
};

static struct span pages(size_t from, size_t to)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	const size_t first = from & ~(page - 1);

	return (struct span){first, ((to + page - 1) & ~(page - 1)) - first};
}

static size_t stride_of(const struct bpf_map *map)
{
	return (bpf_map__value_size(map) + 7) & ~(size_t)7;
}

static struct span all_of(const struct bpf_map *map)
{
	return pages(0, stride_of(map) * bpf_map__max_entries(map));
}

/* What is before each CPU's flight recorder, at its place in the memory of all CPUs. */
static int map_counters(struct engine *engine)
{
	const struct bpf_map *map = engine->skel->maps.cpus;
	struct span span = all_of(map);
	char *memory = mmap(NULL, span.length, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t at;
	int cpu;

	if (memory == MAP_FAILED)
		return -errno;
	engine->cpu_map = (const void *)memory;
	for (cpu = 0; cpu < engine->cpus; cpu++) {
		at = (size_t)cpu * engine->cpu_stride;
		span = pages(at, at + offsetof(struct thprace_cpu, flight));
		if (mmap(memory + span.from, span.length, PROT_READ, MAP_SHARED | MAP_FIXED,
			 bpf_map__fd(map), (off_t)span.from) == MAP_FAILED)
			return -errno;
	}
	return 0;
}

/*
 * libbpf has mapped all variables. Three quarters of them are the slots of tasks, which are rarely read
 * here: their place stays, without memory, until libbpf unmaps everything.
 */
static int hide_slots(struct engine *engine)
{
	struct thprace_bpf__bss *bss = engine->skel->bss;
	const size_t page = sysconf(_SC_PAGESIZE);
	const size_t from = (offsetof(struct thprace_bpf__bss, slots) + page - 1) & ~(page - 1);
	const size_t to = (offsetof(struct thprace_bpf__bss, slots) + sizeof(bss->slots)) &
			  ~(page - 1);
	void *memory = mmap((char *)bss + from, to - from, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	return memory == MAP_FAILED ? -errno : 0;
}

int engine__map(struct engine *engine)
{
	const struct bpf_map *race_cpus = engine->skel->maps.race_cpus;
	void *memory;
	int err;

	engine->cpu_stride = stride_of(engine->skel->maps.cpus);
	err = map_counters(engine);
	if (!err)
		err = hide_slots(engine);
	if (err)
		return err;
	engine->flight = calloc(engine->cpus, sizeof(*engine->flight));
	if (!engine->flight)
		return -ENOMEM;
	if (engine->races) {
		engine->race_stride = stride_of(race_cpus);
		memory = mmap(NULL, all_of(race_cpus).length, PROT_READ, MAP_SHARED,
			      bpf_map__fd(race_cpus), 0);
		if (memory == MAP_FAILED)
			return -errno;
		engine->race_map = memory;
	}
	engine->flight_read = calloc(engine->cpus, sizeof(*engine->flight_read));
	engine->flight_copy = calloc(THPRACE_FLIGHT_RECORDS, sizeof(*engine->flight_copy));
	return engine->flight_read && engine->flight_copy ? 0 : -ENOMEM;
}

/* A part of a map's memory, for reading. NULL: no memory. */
static const void *map_part(const struct bpf_map *map, size_t from, size_t size)
{
	const struct span span = pages(from, from + size);
	const char *memory =
		mmap(NULL, span.length, PROT_READ, MAP_SHARED, bpf_map__fd(map), (off_t)span.from);

	return memory == MAP_FAILED ? NULL : memory + (from - span.from);
}

static void unmap_part(const void *part, size_t from, size_t size)
{
	const struct span span = pages(from, from + size);

	if (part)
		munmap((char *)part - (from - span.from), span.length);
}

static size_t flight_at(const struct engine *engine, int cpu)
{
	return (size_t)cpu * engine->cpu_stride + offsetof(struct thprace_cpu, flight);
}

const struct thprace_record *engine__map_flight(struct engine *engine, int cpu)
{
	if (!engine->flight[cpu])
		engine->flight[cpu] = map_part(engine->skel->maps.cpus, flight_at(engine, cpu),
					       sizeof(engine->cpu_map->flight));
	return engine->flight[cpu];
}

const struct thprace_slot *engine__map_slots(struct engine *engine)
{
	if (!engine->slots)
		engine->slots = map_part(engine->skel->maps.bss,
					 offsetof(struct thprace_bpf__bss, slots),
					 sizeof(engine->skel->bss->slots));
	return engine->slots;
}

void engine__unmap_rare(struct engine *engine)
{
	int cpu;

	for (cpu = 0; engine->flight && cpu < engine->cpus; cpu++) {
		unmap_part(engine->flight[cpu], flight_at(engine, cpu),
			   sizeof(engine->cpu_map->flight));
		engine->flight[cpu] = NULL;
	}
	unmap_part(engine->slots, offsetof(struct thprace_bpf__bss, slots),
		   sizeof(engine->skel->bss->slots));
	engine->slots = NULL;
}

void engine__unmap(struct engine *engine)
{
	engine__unmap_rare(engine);
	free(engine->flight);
	if (engine->cpu_map)
		munmap((void *)engine->cpu_map, all_of(engine->skel->maps.cpus).length);
	if (engine->race_map)
		munmap((void *)engine->race_map, all_of(engine->skel->maps.race_cpus).length);
}
