/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine: loads the BPF programs, attaches them, starts recording at one instant, delivers
 * records and incidents, reads counters and the flight recorder. All that it attached disappears
 * with it, even if the process is killed, because links and programs exist only as file
 * descriptors.
 */
#ifndef THPRACE_ENGINE_H
#define THPRACE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race_slot.h>
#include <thprace/record.h>
#include <thprace/shared.h>

#include "base/clock_source.h"
#include "kernel/kprobe.h"
#include "probe/probe.h"
#include "race/race.h"

struct engine;

/* A message of the incident ring: size bytes, the first member is enum thprace_message_type. */
typedef void (*engine_message_fn)(void *ctx, const void *message, size_t size);
typedef void (*engine_record_fn)(void *ctx, const struct thprace_record *record);

struct engine_options {
	enum thprace_mode mode;
	enum probe_attach attach;
	const char *btf; /* see struct target_options; NULL: the kernel's own, or the search path */
	bool all; /* stream every record */
	bool widen; /* load what engine__widen() needs: test machines only */
	/*
	 * An open descriptor of the kernel's BPF run-time statistics (bpf_enable_stats()), which the
	 * engine duplicates; -1: it opens one itself, if it may (CAP_SYS_ADMIN).
	 */
	int stats_fd;
	const struct kprobe_fd
		*kprobe_fds; /* kprobes that are already open; they must stay open as long as the
			      * engine */
	size_t kprobe_fd_count;
	const struct race *const *races; /* from files; they must live as long as the engine */
	size_t race_count;
	engine_message_fn message;
	engine_record_fn record; /* streamed records; may be NULL unless all */
	void *ctx;
};

/*
 * Sums over all CPUs, taken consistently: seen = submitted + filtered + lost, unless identity is
 * false.
 */
struct engine_counters {
	struct thprace_counters
		sum; /* closest: the nearest of all CPUs; phase[].max: the largest */
	uint64_t missed; /* runs that the kernel skipped; also in sum.seen and sum.lost */
	bool identity;
	struct thprace_race_measured race[THPRACE_CLASS_MAX]; /* of races from files */
};

/* Maximum number of loaded programs. */
#define ENGINE_PROGRAMS_MAX (THPRACE_POINT_MAX * 7 + 256)

/*
 * What is shed as a whole: a point (enum thprace_point), or a race from a file (ENGINE_RACE_UNIT plus
 * its class). What all such races have at the exit of tasks is never shed.
 */
#define ENGINE_RACE_UNIT THPRACE_POINT_MAX
#define ENGINE_EXIT_UNIT (ENGINE_RACE_UNIT + THPRACE_CLASS_MAX)
#define ENGINE_UNITS (ENGINE_EXIT_UNIT + 1)

/* The name of a point or race, or "exit". */
const char *engine__unit_name(unsigned int unit);

/* One loaded program. */
struct engine_program {
	const char *name; /* of a race from a file: "RACE/SECTION.EVENT" */
	unsigned int unit; /* below ENGINE_UNITS */
	const char *function;
	const char *kind; /* "fentry", "fexit", "kprobe", "kretprobe"; "call", "behind-call" */
	bool at_return; /* at the return of the function or call */
	uint64_t runs;
	uint64_t run_ns;
	uint64_t missed;
	uint32_t insns; /* translated instructions */
	uint32_t verified; /* instructions that the verifier walked; 0: the kernel does not say */
};

/* A task that opened windows, as stored in its slot. */
struct engine_task {
	uint32_t pid;
	uint32_t tgid;
	uint32_t windows;
	char comm[THPRACE_COMM_LEN];
};

/*
 * Load and attach everything in the plan; nothing is recorded yet. Needs root (CAP_BPF and
 * CAP_PERFMON). Returns 0 and *engine, to be closed with engine__close(); or negative errno with a
 * sentence in why: what failed, why, what to do.
 */
int engine__open(struct engine **engine, const struct engine_options *options, char *why,
		 size_t why_size);

/*
 * Start recording: from this instant on, whose CLOCK_MONOTONIC ns is returned, all programs record.
 */
uint64_t engine__start(struct engine *engine);

/*
 * Widen the windows that process tgid and its children open: a busy wait of ns (at most
 * THPRACE_WIDEN_MAX_NS) in each, at the place given by `where`; THPRACE_WIDEN_NOT ends it. Needs
 * options.widen and precise mode. This lengthens the time for which a page-table lock is held, and
 * provokes races that would hardly happen otherwise: never use it on a production machine.
 */
void engine__widen(struct engine *engine, enum thprace_widen where, uint32_t tgid, uint32_t ns);

/*
 * Where engine__widen() lets tasks wait in a part of a function, if they are in an interval of the first
 * race: at these instructions, or, for `hold = clock in', whenever a clock finds them at one of these;
 * the clock runs in process tgid and in what it starts from now on. Needs options.widen. 0, or negative
 * errno with a reason in why.
 */
int engine__start_probe(struct engine *engine, const struct kprobe_place *place, size_t count,
			char *why, size_t why_size);
int engine__start_clock(struct engine *engine, uint32_t tgid, const struct thprace_clock_span *span,
			size_t count, char *why, size_t why_size);

/* For readers of a crash dump: META of the trace that is being written. */
void engine__describe(struct engine *engine, const char *meta);

/*
 * For the same: what was lost up to checked (ns). lost_until: a loss was found that is not after
 * this; 0: none.
 */
void engine__note_losses(struct engine *engine, const struct thprace_counters *sum,
			 uint64_t checked, uint64_t lost_until);

/* Number of windows widened so far. */
uint64_t engine__widened(const struct engine *engine);

/* Wait up to timeout_ms for messages and records and deliver them. 0 or negative errno. */
int engine__poll(struct engine *engine, int timeout_ms);

/* Stop recording at once and deliver what is still in the rings. Returns the time, ns. */
uint64_t engine__stop(struct engine *engine);

/* Becomes readable when engine__poll() has something to deliver. Owned by the engine. */
int engine__fd(const struct engine *engine);

void engine__counters(struct engine *engine, struct engine_counters *counters);

/* Subtract earlier counters. The closest passes and the longest windows are then unknown: 0. */
void engine__subtract_counters(struct engine_counters *sum, const struct engine_counters *before);

/* Add counters: sums, except for the closest passes and the longest windows; and identity stays. */
void engine__add_counters(struct engine_counters *sum, const struct engine_counters *counters);

/* The same for those of a CPU. */
void engine__add_cpu_counters(struct thprace_counters *sum, const struct thprace_counters *cpu);

/*
 * Of one CPU, as its programs counted: add the intervals of races from files, which they count by class
 * alone, to what was seen and filtered.
 */
void engine__count_intervals(struct thprace_counters *cpu);

/* Are run times of programs measured? If not, struct engine_program.run_ns stays 0. */
bool engine__measured(const struct engine *engine);

/* Bytes of kernel memory that maps and rings take, as the kernel accounts for it. */
uint64_t engine__memory(const struct engine *engine);

/*
 * Counters of one CPU, 0 to engine__cpus() - 1. False: seen and the outcomes never agreed while
 * they were read.
 */
bool engine__cpu_counters(const struct engine *engine, int id, struct thprace_counters *counters);

/* PMD-level windows that closed. */
uint64_t engine__windows(const struct engine_counters *counters);

/*
 * Records of the flight recorder with from <= ts <= to (ns), each only once in an engine's life, in
 * each CPU's order. Returns the number delivered.
 */
size_t engine__flight(struct engine *engine, uint64_t from, uint64_t to, engine_record_fn record,
		      void *ctx);

/*
 * Records of a CPU's flight recorder with ts >= from that one reader has not had yet. position: of
 * this reader and CPU, initially 0: then all that is still held. Adds to *overwritten the records
 * that were overwritten since the last call. Returns the number delivered.
 */
size_t engine__flight_follow(struct engine *engine, int cpu, uint64_t *position, uint64_t from,
			     engine_record_fn record, void *ctx, uint64_t *overwritten);

/* Set positions, one per CPU, to the end: everything stamped after the return comes after them. */
void engine__flight_skip(struct engine *engine, uint64_t *position);

/*
 * Detach the programs of an optional point (probe__optional()), and of the points that are useful
 * only together with it (probe__leader()), because of their cost. Its classes are not observable
 * then: NAMES_SHED and `reason`. What has begun is still followed to its end for some seconds.
 * Returns 0, or -EINVAL: not attached, not optional, or not a leader.
 */
int engine__shed(struct engine *engine, enum thprace_point leader, const char *reason);

/* Attach them again. Returns 0 or the kernel's negative errno: then they stay shed. */
int engine__restore(struct engine *engine, enum thprace_point leader);

/* Callers of __pmd_trans_huge_lock, as programs at these points see them. */
struct engine_zapper {
	struct thprace_zapper_key who;
	struct thprace_zapper count;
};

/* Start to count, from 0; or stop. Each call costs more while this is on. */
void engine__count_zappers(struct engine *engine, bool count);

/*
 * Up to max of the most frequent callers since then, the most frequent first; returns their number.
 * *sum: calls of all.
 */
size_t engine__zappers(struct engine *engine, struct engine_zapper *zappers, size_t max,
		       struct thprace_zapper *sum);

/* The mode in force: see probe__mode(). */
enum thprace_mode engine__mode(const struct engine *engine);

/*
 * Forget failed walkers that waited for attribution for too long. now: ns. Call it from time to
 * time.
 */
void engine__sweep(struct engine *engine, uint64_t now);

const struct probe_plan *engine__plan(const struct engine *engine);
const struct clock_source *engine__clock(const struct engine *engine);

/*
 * The page frame whose struct page is at this address. False: it is not known where struct pages
 * are, or there is none.
 */
bool engine__pfn(const struct engine *engine, uint64_t page, uint64_t *pfn);

/* Classes to which this kernel is open by its configuration: 1U << enum thprace_class. */
uint32_t engine__possible(const struct engine *engine);

const char *engine__release(const struct engine *engine);
const char *engine__machine(const struct engine *engine);
int engine__cpus(const struct engine *engine);

/*
 * Fill in up to max programs / tasks; return their number. Reading programs also updates in the
 * plan whether an entry is silent (probe__ran()).
 */
size_t engine__programs(struct engine *engine, struct engine_program *programs, size_t max);
size_t engine__tasks(struct engine *engine, struct engine_task *tasks, size_t max);

/* --- races from files --- */

/* Their number: those of the options. */
size_t engine__races(const struct engine *engine);

const struct race *engine__race(const struct engine *engine, size_t index);

/* The class under which a race is recorded; 0: there are too many. */
unsigned int engine__race_class(const struct engine *engine, size_t index);

/* Why it is not recorded, at least at present (NAMES_SHED); NULL: it is. */
const char *engine__race_why(const struct engine *engine, size_t index);

/* The same for any class. */
const char *engine__not_observable(const struct engine *engine, unsigned int class);

/*
 * Detach the programs of a race from a file because of their cost, and attach them again: as
 * engine__shed() and engine__restore().
 */
int engine__shed_race(struct engine *engine, unsigned int class, const char *reason);
int engine__restore_race(struct engine *engine, unsigned int class);

/* An event of a race that is recorded. */
struct engine_race_event {
	const char *side; /* "window", "walker" */
	const char *moment; /* "open", "close" … */
	const char *how; /* "fentry" … */
	uint64_t runs; /* of its program; 0 also if they are not measured (engine__measured()) */
	uint64_t run_ns; /* the same of the time that they took */
	char place[RACE_PLACE_TEXT_MAX];
};

/* False: there are fewer. */
bool engine__race_event(const struct engine *engine, size_t index, size_t number,
			struct engine_race_event *event);

/* Detach and free everything. */
void engine__close(struct engine *engine);

#endif
