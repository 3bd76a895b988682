/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine: loads the BPF programs, attaches them, starts recording at one instant, brings records
 * and incidents out, reads counters and the flight recorder. Everything that it attached goes with
 * it, also when the process is killed: links and programs live in file descriptors only.
 */
#ifndef THPRACE_ENGINE_H
#define THPRACE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/record.h>
#include <thprace/shared.h>

#include "base/clock_source.h"
#include "kernel/kprobe.h"
#include "probe/probe.h"

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
		*kprobe_fds; /* kprobes that are open already, as long as the engine is */
	size_t kprobe_fd_count;
	engine_message_fn message;
	engine_record_fn record; /* streamed records; may be NULL unless all */
	void *ctx;
};

/* Sums over all CPUs, settled: seen = submitted + filtered + lost, unless identity is false. */
struct engine_counters {
	struct thprace_counters sum; /* closest: the nearest of all; phase[].max: the largest */
	uint64_t missed; /* runs that the kernel skipped; in sum.seen and sum.lost too */
	bool identity;
};

/* Programs that may be loaded at most. */
#define ENGINE_PROGRAMS_MAX (THPRACE_POINT_MAX * 7)

/* One loaded program. */
struct engine_program {
	const char *name;
	enum thprace_point point;
	const char *function;
	const char *kind; /* "fentry", "fexit", "kprobe", "kretprobe"; "call", "behind-call" */
	bool at_return; /* of the function, or of the call */
	uint64_t runs;
	uint64_t run_ns;
	uint64_t missed;
	uint32_t insns; /* translated instructions */
	uint32_t verified; /* instructions that the verifier walked; 0: the kernel does not say */
};

/* A task that opened windows, as its slot remembers it. */
struct engine_task {
	uint32_t pid;
	uint32_t tgid;
	uint32_t windows;
	char comm[THPRACE_COMM_LEN];
};

/*
 * Load and attach everything that the plan says; nothing is recorded yet. Needs root (CAP_BPF and
 * CAP_PERFMON). Returns 0 and *engine, to be ended with engine__close(); or negative errno with a
 * sentence in why: what failed, why, what to do.
 */
int engine__open(struct engine **engine, const struct engine_options *options, char *why,
		 size_t why_size);

/* Start recording: from this instant on, whose CLOCK_MONOTONIC ns is returned, all programs record. */
uint64_t engine__start(struct engine *engine);

/*
 * Widen the windows that process tgid, and the processes that it forks, open: a busy wait of ns (at
 * most THPRACE_WIDEN_MAX_NS) in each, at the place that `where` says; THPRACE_WIDEN_NOT ends it. Needs
 * options.widen and precise mode. This lengthens the time for which a page-table lock is held, and
 * brings races out that would hardly happen else: never on a machine in production.
 */
void engine__widen(struct engine *engine, enum thprace_widen where, uint32_t tgid, uint32_t ns);

/* Windows widened so far. */
uint64_t engine__widened(const struct engine *engine);

/* Wait up to timeout_ms for messages and records and hand them out. 0 or negative errno. */
int engine__poll(struct engine *engine, int timeout_ms);

/* Stop recording at once and hand out what is still in the rings. Returns the instant, ns. */
uint64_t engine__stop(struct engine *engine);

/* Becomes readable when engine__poll() has something to hand out. The engine's own. */
int engine__fd(const struct engine *engine);

void engine__counters(struct engine *engine, struct engine_counters *counters);

/* Take off what was counted before. The closest pass and the longest windows are not known then: 0. */
void engine__subtract_counters(struct thprace_counters *sum, const struct thprace_counters *before);

/* Add up counters: sums, but for the closest pass and the longest windows. */
void engine__add_counters(struct thprace_counters *sum, const struct thprace_counters *counters);

/* Are run times of programs measured? If not, struct engine_program.run_ns stays 0. */
bool engine__measured(const struct engine *engine);

/* Bytes of kernel memory that maps and rings take, as the kernel accounts for it. */
uint64_t engine__memory(const struct engine *engine);

/*
 * Counters of one CPU, 0 to engine__cpus() - 1. False: seen and the outcomes never agreed while
 * reading.
 */
bool engine__cpu_counters(const struct engine *engine, int id, struct thprace_counters *counters);

/* PMD-level windows that closed. */
uint64_t engine__windows(const struct engine_counters *counters);

/*
 * Records of the flight recorder with from <= ts <= to (ns), each only once in an engine's life, in
 * each CPU's order. Returns how many were handed out.
 */
size_t engine__flight(struct engine *engine, uint64_t from, uint64_t to, engine_record_fn record,
		      void *ctx);

/*
 * Records of a CPU's flight recorder with ts >= from that a reader of its own has not had yet. position: of
 * this reader and CPU, 0 to begin with: then all that is still held. Adds to *overwritten what came and
 * went since the last time. Returns how many were handed out.
 */
size_t engine__flight_follow(struct engine *engine, int cpu, uint64_t *position, uint64_t from,
			     engine_record_fn record, void *ctx, uint64_t *overwritten);

/* Set positions, one for each CPU, to the end: whatever is stamped after this returns is behind them. */
void engine__flight_skip(struct engine *engine, uint64_t *position);

/*
 * Take the programs of an optional point (probe__optional()), and of those that are of use only together
 * with it (probe__leader()), away because of what they cost. Its classes are not observable then:
 * NAMES_SHED and `reason`. What has begun is still followed to its end for some seconds. Returns 0, or
 * -EINVAL: not attached, not optional, or not a leader.
 */
int engine__shed(struct engine *engine, enum thprace_point leader, const char *reason);

/* Bring them back. Returns 0 or negative errno of the kernel: then they stay shed. */
int engine__restore(struct engine *engine, enum thprace_point leader);

/* Who calls __pmd_trans_huge_lock, as programs of these points see it. */
struct engine_zapper {
	struct thprace_zapper_key who;
	struct thprace_zapper count;
};

/* Begin to count, from 0; or end it. Each call costs more meanwhile. */
void engine__count_zappers(struct engine *engine, bool count);

/* Up to max of those that called most since then, the first most; returns how many. *sum: of all. */
size_t engine__zappers(struct engine *engine, struct engine_zapper *zappers, size_t max,
		       struct thprace_zapper *sum);

/* The mode in force: see probe__mode(). */
enum thprace_mode engine__mode(const struct engine *engine);

/* Forget failed walkers that waited for attribution for too long. now: ns. Call it now and then. */
void engine__sweep(struct engine *engine, uint64_t now);

const struct probe_plan *engine__plan(const struct engine *engine);
const struct clock_source *engine__clock(const struct engine *engine);

/* The page frame whose struct page is at this address. False: where struct pages are is not known, or it is none. */
bool engine__pfn(const struct engine *engine, uint64_t page, uint64_t *pfn);

/* Classes that this kernel is open to by the way it is built: 1U << enum thprace_class. */
uint32_t engine__possible(const struct engine *engine);

const char *engine__release(const struct engine *engine);
const char *engine__machine(const struct engine *engine);
int engine__cpus(const struct engine *engine);

/*
 * Fill in up to max programs / tasks; return how many. Programs that are read say in the plan whether an
 * entry is silent (probe__ran()).
 */
size_t engine__programs(struct engine *engine, struct engine_program *programs, size_t max);
size_t engine__tasks(struct engine *engine, struct engine_task *tasks, size_t max);

/* Detach and free everything. */
void engine__close(struct engine *engine);

#endif
