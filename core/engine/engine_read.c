// SPDX-License-Identifier: GPL-2.0-only
/* The engine's reading side: counters, flight recorder, programs, tasks. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/names.h"
#include "classes/race_class.h"
#include "engine_private.h"
#include "engine_race.h"

#define SETTLE_TRIES 1000

static const struct thprace_cpu *cpu_at(const struct engine *engine, int cpu)
{
	return (const void *)((const char *)engine->cpu_map + cpu * engine->cpu_stride);
}

static uint64_t counted(const struct thprace_counters *cpu)
{
	uint64_t sum = cpu->submitted + cpu->filtered;
	int i;

	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		sum += cpu->lost[i];
	return sum;
}

/*
 * A program increments `seen` first and its outcome a moment later: read until both agree. Returns
 * false if they never do. For the flight recorder, where nothing is lost, its head is the count.
 */
bool engine__cpu_counters(const struct engine *engine, int id, struct thprace_counters *cpu)
{
	uint64_t flight = __atomic_load_n(&cpu_at(engine, id)->head, __ATOMIC_ACQUIRE);
	struct timespec pause = {.tv_nsec = 10000};
	bool agreed = false;
	int i;

	for (i = 0; !agreed && i < SETTLE_TRIES; i++) {
		if (i)
			nanosleep(&pause, NULL);
		memcpy(cpu, &cpu_at(engine, id)->counters, sizeof(*cpu));
		agreed = cpu->seen == counted(cpu);
	}
	cpu->seen += flight;
	cpu->submitted += flight;
	engine__count_intervals(cpu);
	return agreed;
}

void engine__count_intervals(struct thprace_counters *cpu)
{
	unsigned int class;

	for (class = race_class__end(); class < THPRACE_CLASS_MAX; class ++) {
		cpu->seen += cpu->windows[class] + cpu->walkers[class];
		cpu->filtered += cpu->windows[class] + cpu->walkers[class];
	}
}

static void take_closest(struct thprace_closest *closest, const struct thprace_closest *other)
{
	if (other->distance && (!closest->distance || other->distance < closest->distance))
		*closest = *other;
}

void engine__add_cpu_counters(struct thprace_counters *sum, const struct thprace_counters *cpu)
{
	const uint64_t *from = (const uint64_t *)cpu;
	uint64_t *to = (uint64_t *)sum;
	struct thprace_closest closest = sum->closest;
	uint64_t max[THPRACE_PHASE_MAX];
	size_t i;

	take_closest(&closest, &cpu->closest);
	for (i = 0; i < THPRACE_PHASE_MAX; i++)
		max[i] = sum->phase[i].max > cpu->phase[i].max ? sum->phase[i].max
							       : cpu->phase[i].max;
	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
	sum->closest = closest;
	for (i = 0; i < THPRACE_PHASE_MAX; i++)
		sum->phase[i].max = max[i];
}

static void add_measured(struct thprace_race_measured *sum,
			 const struct thprace_race_measured *measured)
{
	int i;

	sum->window.sum += measured->window.sum;
	if (measured->window.max > sum->window.max)
		sum->window.max = measured->window.max;
	for (i = 0; i < THPRACE_BUCKETS; i++)
		sum->window.bucket[i] += measured->window.bucket[i];
	take_closest(&sum->closest, &measured->closest);
}

void engine__add_counters(struct engine_counters *sum, const struct engine_counters *counters)
{
	int class;

	engine__add_cpu_counters(&sum->sum, &counters->sum);
	sum->missed += counters->missed;
	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		add_measured(&sum->race[class], &counters->race[class]);
}

static void subtract_measured(struct thprace_race_measured *sum,
			      const struct thprace_race_measured *before)
{
	int i;

	sum->window.sum -= before->window.sum;
	sum->window.max = 0;
	for (i = 0; i < THPRACE_BUCKETS; i++)
		sum->window.bucket[i] -= before->window.bucket[i];
	memset(&sum->closest, 0, sizeof(sum->closest));
}

static void subtract_cpu_counters(struct thprace_counters *sum,
				  const struct thprace_counters *before)
{
	const uint64_t *from = (const uint64_t *)before;
	uint64_t *to = (uint64_t *)sum;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] -= from[i];
	/* The closest or longest since then is not known. */
	memset(&sum->closest, 0, sizeof(sum->closest));
	for (i = 0; i < THPRACE_PHASE_MAX; i++)
		sum->phase[i].max = 0;
}

void engine__subtract_counters(struct engine_counters *sum, const struct engine_counters *before)
{
	int class;

	subtract_cpu_counters(&sum->sum, &before->sum);
	sum->missed -= before->missed;
	for (class = 0; class < THPRACE_CLASS_MAX; class ++)
		subtract_measured(&sum->race[class], &before->race[class]);
}

static void read_measured(const struct engine *engine, struct engine_counters *counters)
{
	const struct thprace_race_cpu *cpu;
	size_t i;
	int id;

	for (id = 0; id < engine->cpus; id++) {
		cpu = (const void *)((const char *)engine->race_map + id * engine->race_stride);
		for (i = 0; i < engine->races->count; i++)
			add_measured(&counters->race[engine->races->race[i].class],
				     &cpu->of[engine->races->race[i].class]);
	}
}

void engine__counters(struct engine *engine, struct engine_counters *counters)
{
	struct engine_program programs[ENGINE_PROGRAMS_MAX];
	struct thprace_counters cpu;
	size_t i, count;
	int id;

	memset(counters, 0, sizeof(*counters));
	counters->identity = true;
	for (id = 0; id < engine->cpus; id++) {
		if (!engine__cpu_counters(engine, id, &cpu))
			counters->identity = false;
		engine__add_cpu_counters(&counters->sum, &cpu);
	}
	if (engine->race_map)
		read_measured(engine, counters);
	count = engine__programs(engine, programs, ENGINE_PROGRAMS_MAX);
	for (i = 0; i < count; i++)
		counters->missed += programs[i].missed;
	counters->sum.seen += counters->missed;
	counters->sum.lost[THPRACE_LOSS_MISSED] += counters->missed;
}

uint64_t engine__windows(const struct engine_counters *counters)
{
	const struct thprace_phase_lengths *whole = &counters->sum.phase[THPRACE_PHASE_WHOLE];
	uint64_t count = 0;
	int i;

	for (i = 0; i < THPRACE_BUCKETS; i++)
		count += whole->bucket[i];
	return count;
}

/*
 * Wait until a CPU's stores are visible. x86 keeps their order by itself. arm64 does not, and a BPF
 * program for all kernels since 5.10 has no barrier; so the reader causes an interrupt there, which
 * acts as a barrier for the interrupted code (as membarrier(2) does).
 */
static void fence(const struct engine *engine, int cpu)
{
#if defined(__aarch64__)
	struct bpf_test_run_opts options = {
		.sz = sizeof(options),
		.flags = BPF_F_TEST_RUN_ON_CPU,
		.cpu = (__u32)cpu,
	};

	/* A CPU that is offline stores nothing. */
	bpf_prog_test_run_opts(bpf_program__fd(engine->skel->progs.fence), &options);
#else
	(void)engine;
	(void)cpu;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/*
 * Copy a CPU's records from position to head, which may be overwritten meanwhile. A complete record
 * keeps its seq, all others get 0. A program stores seq last, and stores 0 there before it
 * overwrites a record. So everything stored before a visible seq is visible after the first fence;
 * and if a record was overwritten while it was copied, the 0 is visible after the second. Without
 * memory for it, none is complete.
 */
static void copy_flight(struct engine *engine, int cpu, uint64_t position, uint64_t head,
			struct thprace_record *copy)
{
	const struct thprace_record *flight = engine__map_flight(engine, cpu);
	size_t i, count = head - position;
	uint32_t seen[THPRACE_FLIGHT_RECORDS];

	if (!flight) {
		memset(copy, 0, count * sizeof(*copy));
		return;
	}
#define AT(i) (&flight[(position + (i)) & (THPRACE_FLIGHT_RECORDS - 1)])
	for (i = 0; i < count; i++)
		seen[i] = __atomic_load_n(&AT(i)->seq, __ATOMIC_ACQUIRE);
	fence(engine, cpu);
	for (i = 0; i < count; i++)
		memcpy(&copy[i], AT(i), sizeof(copy[i]));
	fence(engine, cpu);
	for (i = 0; i < count; i++)
		if (seen[i] != (uint32_t)(position + i + 1) ||
		    __atomic_load_n(&AT(i)->seq, __ATOMIC_ACQUIRE) != seen[i])
			copy[i].seq = 0;
		else
			copy[i].seq = seen[i];
#undef AT
}

size_t engine__flight(struct engine *engine, uint64_t from, uint64_t to, engine_record_fn handle,
		      void *ctx)
{
	struct thprace_record *record, *end;
	uint64_t head, position;
	size_t count = 0;
	int cpu;

	for (cpu = 0; cpu < engine->cpus; cpu++) {
		head = __atomic_load_n(&cpu_at(engine, cpu)->head, __ATOMIC_ACQUIRE);
		position = engine->flight_read[cpu];
		if (head > THPRACE_FLIGHT_RECORDS && position < head - THPRACE_FLIGHT_RECORDS)
			position = head - THPRACE_FLIGHT_RECORDS;
		if (position == head)
			continue;
		copy_flight(engine, cpu, position, head, engine->flight_copy);
		end = engine->flight_copy + (head - position);
		for (record = engine->flight_copy; record < end; record++) {
			if (!record->seq || record->ts < from)
				continue;
			if (record->ts > to)
				break;
			record->seq = 0;
			handle(ctx, record);
			count++;
		}
		engine->flight_read[cpu] = position + (uint64_t)(record - engine->flight_copy);
	}
	return count;
}

size_t engine__flight_follow(struct engine *engine, int cpu, uint64_t *position, uint64_t from,
			     engine_record_fn handle, void *ctx, uint64_t *overwritten)
{
	uint64_t head = __atomic_load_n(&cpu_at(engine, cpu)->head, __ATOMIC_ACQUIRE);
	uint64_t oldest = head > THPRACE_FLIGHT_RECORDS ? head - THPRACE_FLIGHT_RECORDS : 0;
	struct thprace_record *record, *end;
	size_t count = 0;

	if (*position > head)
		*position = 0; /* another engine's */
	if (*position < oldest) {
		if (*position)
			*overwritten += oldest - *position;
		*position = oldest;
	}
	if (*position == head)
		return 0;
	copy_flight(engine, cpu, *position, head, engine->flight_copy);
	end = engine->flight_copy + (head - *position);
	*position = head;
	for (record = engine->flight_copy; record < end; record++) {
		if (!record->seq) {
			++*overwritten;
			continue;
		}
		if (record->ts < from)
			continue;
		record->seq = 0;
		handle(ctx, record);
		count++;
	}
	return count;
}

void engine__flight_skip(struct engine *engine, uint64_t *position)
{
	int cpu;

	for (cpu = 0; cpu < engine->cpus; cpu++)
		position[cpu] = __atomic_load_n(&cpu_at(engine, cpu)->head, __ATOMIC_ACQUIRE);
}

enum thprace_mode engine__mode(const struct engine *engine)
{
	return probe__mode(&engine->plan);
}

const struct probe_plan *engine__plan(const struct engine *engine)
{
	return &engine->plan;
}

const struct clock_source *engine__clock(const struct engine *engine)
{
	return &engine->clock;
}

const char *engine__release(const struct engine *engine)
{
	return target__release(engine->target);
}

const char *engine__machine(const struct engine *engine)
{
	return target__machine(engine->target);
}

int engine__cpus(const struct engine *engine)
{
	return engine->cpus;
}

/* Runs of a point's programs. True: it has one at its entry and one at its return. */
static bool sum_runs(const struct engine_program *programs, size_t count, int point,
		     uint64_t *entry, uint64_t *at_return)
{
	bool has_entry = false, has_return = false;
	size_t i;

	*entry = 0;
	*at_return = 0;
	for (i = 0; i < count; i++) {
		if (programs[i].unit != (unsigned int)point)
			continue;
		*(programs[i].at_return ? at_return : entry) += programs[i].runs;
		has_return = has_return || programs[i].at_return;
		has_entry = has_entry || !programs[i].at_return;
	}
	return has_entry && has_return;
}

const char *engine__unit_name(unsigned int unit)
{
	if (unit == ENGINE_EXIT_UNIT)
		return "exit";
	return unit < ENGINE_RACE_UNIT ? probe_points[unit].name
				       : names__class(unit - ENGINE_RACE_UNIT);
}

static size_t read_programs(const struct engine *engine, struct engine_program *programs,
			    size_t max)
{
	struct bpf_prog_info info;
	size_t i, count = 0;

	for (i = 0; i < engine->link_count && count < max; i++) {
		if (i && engine->links[i].program == engine->links[i - 1].program)
			continue; /* at another call */
		if (!engine__read_program(bpf_program__fd(engine->links[i].program),
					  &engine->links[i].before, &info))
			continue;
		programs[count++] = (struct engine_program){
			.name = bpf_program__name(engine->links[i].program),
			.unit = engine->links[i].point,
			.function = engine->plan.probe[engine->links[i].point].function,
			.kind = engine->links[i].kind,
			.runs = info.run_cnt,
			.run_ns = info.run_time_ns,
			.missed = info.recursion_misses,
			.insns = info.xlated_prog_len / 8,
			.at_return = engine->links[i].at_return,
			.verified = info.verified_insns,
		};
	}
	return count;
}

size_t engine__programs(struct engine *engine, struct engine_program *programs, size_t max)
{
	/* Returns first: then the entry of each counted return has been counted too. */
	struct engine_program returned[ENGINE_PROGRAMS_MAX];
	size_t before = read_programs(engine, returned, ENGINE_PROGRAMS_MAX);
	size_t count = read_programs(engine, programs, max);
	const size_t all = count + engine_race__programs(engine, programs + count, max - count);
	uint64_t entry, at_return, other;
	struct probe *probe;
	int point;

	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		probe = &engine->plan.probe[point];
		if (probe->state != PROBE_ATTACHED ||
		    !sum_runs(programs, count, point, &entry, &other) ||
		    !sum_runs(returned, before, point, &other, &at_return))
			continue;
		probe__ran(probe, entry - engine->before[point].entry,
			   at_return - engine->before[point].at_return);
	}
	return all;
}

void engine__note_runs(struct engine *engine)
{
	struct engine_program programs[ENGINE_PROGRAMS_MAX];
	size_t count = read_programs(engine, programs, ENGINE_PROGRAMS_MAX);
	int point;

	for (point = 0; point < THPRACE_POINT_MAX; point++)
		sum_runs(programs, count, point, &engine->before[point].entry,
			 &engine->before[point].at_return);
}

size_t engine__tasks(struct engine *engine, struct engine_task *tasks, size_t max)
{
	const struct thprace_slot *slots = engine__map_slots(engine), *slot;
	size_t i, count = 0;

	for (i = 0; slots && i < THPRACE_SLOTS_MAX && count < max; i++) {
		slot = &slots[i];
		if (!slot->task || !slot->windows)
			continue;
		tasks[count].pid = (uint32_t)slot->task;
		tasks[count].tgid = slot->task >> 32;
		tasks[count].windows = slot->windows;
		memcpy(tasks[count].comm, slot->opener.window.comm, sizeof(tasks[count].comm));
		tasks[count].comm[THPRACE_COMM_LEN - 1] = '\0';
		count++;
	}
	return count;
}
