/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internals of the engine, shared by engine.c (open, start, stop) and engine_*.c (load, probe, read
 * …).
 */
#ifndef THPRACE_ENGINE_PRIVATE_H
#define THPRACE_ENGINE_PRIVATE_H

#include <thprace/beacon.h>

#include "engine.h"
#include "engine_race.h"
#include "kernel/fentry.h"
#include "thprace.skel.h"

struct bpf_prog_info;

#define ENGINE_STREAM_BYTES (2u << 20) /* of each stream, of `record --all' */

/* How long the ends of what is shed are still watched, for what was under way. */
#define SHED_GRACE_NS 10000000000ULL

struct engine_link {
	struct bpf_program *program;
	struct bpf_link *link;
	enum thprace_point point;
	const char *kind;
	bool at_return; /* at the return of the function or call */
	const struct probe_site *site; /* PROBE_CALLS: which call; else NULL */
	struct engine_runs before; /* it was loaded again */
};

#define LINKS_MAX (ENGINE_PROGRAMS_MAX + 2 * THPRACE_POINT_MAX * PROBE_SITES_MAX)

struct engine {
	struct engine_options options;
	struct target *target;
	struct probe_plan plan;
	struct clock_source clock;
	struct thprace_bpf *skel;
	struct engine_link links[LINKS_MAX];
	size_t link_count;
	struct fentry_notes fentry;
	struct engine_races *races; /* NULL: none */
	struct bpf_link *hold_link[THPRACE_CLOCK_SPANS]; /* of engine__start_clock(), …_probe() */
	size_t hold_links;
	struct ring_buffer *rings; /* NULL: not mapped, since nothing has come for a while */
	int epoll; /* of all rings */
	uint64_t worked; /* ns: when something came */
	int stream_fd[THPRACE_STREAMS_MAX];
	int stream_count;
	int stats_fd;
	int cpus;
	uint64_t marked_at; /* ns: since then zaps leave marks */
	const struct thprace_cpu *cpu_map; /* without flight recorders: engine_maps.c */
	const struct thprace_record **flight; /* of each CPU; NULL: not mapped */
	const struct thprace_slot *slots; /* NULL: not mapped */
	size_t cpu_stride;
	const struct thprace_race_cpu *race_map; /* NULL: there are no races from files */
	size_t race_stride;
	uint64_t *flight_read; /* per CPU: position up to which records were delivered */
	struct thprace_record *flight_copy; /* space for the records of one CPU */
	struct {
		uint64_t entry;
		uint64_t at_return;
	} before[THPRACE_POINT_MAX]; /* runs of its programs until recording started */
	uint64_t shed_at[THPRACE_POINT_MAX]; /* since then its entries are detached and its exits
					      * still attached; 0: no */
};

/* In engine_load.c: from now on, keep libbpf's messages, to report why a program was refused. */
void engine__listen(void);

/*
 * Load and attach the plan's programs, without those that the kernel refuses. 0, or negative errno
 * and a reason in why; then nothing is loaded.
 */
int engine__load(struct engine *engine, char *why, size_t why_size);

/* Detach and unload everything. */
void engine__unload(struct engine *engine);

/* Attach one program. 0 or negative errno. */
int engine__attach_one(const struct engine *engine, struct engine_link *link);

/*
 * In engine_pte_probe.c: mark the programs that receive the kernel's answers for loading, if there
 * are any.
 */
void engine__choose_pte_probe(struct engine *engine);

/*
 * In engine_pte_probe.c: let the programs learn from the kernel how to decode the entry of a huge
 * mapping, on machines where this is not known beforehand. Call it after loading and before
 * recording, when this thread has run window_setup.
 */
void engine__probe_ptes(struct engine *engine);

/*
 * In engine_kernel.c: where the struct page of frame 0 is, or would be; 0: not known. See
 * window_setup() in bpf/window.bpf.c.
 */
uint64_t engine__page_map(const struct engine *engine);

/*
 * In engine_beacon.c: mark its program for loading; and, when all memory is mapped, fill in the
 * beacon. Returns 0 or negative errno.
 */
void engine__choose_beacon(struct engine *engine);
int engine__light_beacon(struct engine *engine);

/*
 * In engine_hold.c: mark the program for loading that lets tasks wait in a part of a function, if a
 * race does so; and detach it.
 */
void engine__choose_hold(struct engine *engine);
void engine__stop_hold(struct engine *engine);

/*
 * In engine_maps.c: map what is read all the time of the memory that programs write; and the flight
 * recorder of one CPU, or all slots, when they are read, until engine__unmap_rare(). NULL: no memory.
 * From engine__map() on, skel->bss->slots may not be read.
 */
int engine__map(struct engine *engine);
void engine__unmap(struct engine *engine);
const struct thprace_record *engine__map_flight(struct engine *engine, int cpu);
const struct thprace_slot *engine__map_slots(struct engine *engine);
void engine__unmap_rare(struct engine *engine);

/* In engine_runs.c: a loaded program's data, with its runs before; and keep these runs there. */
bool engine__read_program(int fd, const struct engine_runs *before, struct bpf_prog_info *info);
void engine__keep_runs(int fd, struct engine_runs *before);

/* In engine_read.c: all runs so far were before recording. */
void engine__note_runs(struct engine *engine);

/* In engine_shed.c: detach the exits of what was shed some seconds ago. now: ns. */
void engine__finish_shedding(struct engine *engine, uint64_t now);

#endif
