/* SPDX-License-Identifier: GPL-2.0-only */
/* Races from files in an engine: planned, loaded and attached here. Only for core/engine. */
#ifndef THPRACE_ENGINE_RACE_H
#define THPRACE_ENGINE_RACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/fentry.h"
#include "race/race_kernel.h"
#include "race_template.h"

struct engine;
struct engine_program;
struct target;

#define ENGINE_SITES_MAX 16 /* calls of one event */
#define ENGINE_RACE_PROGRAM_NAME 96

/* A program's runs before it was loaded again. */
struct engine_runs {
	uint64_t runs;
	uint64_t run_ns;
	uint64_t missed;
};

/* A program that is loaded, and where it runs. */
struct engine_race_program {
	const struct race_point *point; /* NULL: of none, at the exit of tasks */
	char name[ENGINE_RACE_PROGRAM_NAME];
	int program; /* descriptor */
	int link[ENGINE_SITES_MAX]; /* descriptors that keep it attached */
	int links;
	enum race_how how;
	bool at_return; /* of a call: after it */
	bool trampoline;
	struct fentry_program
		again; /* for kernels that need it, else without instructions; owns them */
	struct engine_runs before; /* it was loaded again */
};

/* A program of a point: the one for the event, and what it needs besides. */
struct engine_race_use {
	const char *template; /* in bpf/race.bpf.c */
	enum race_how how;
	bool at_return;
};

#define ENGINE_RACE_USES_MAX 3

#define ENGINE_RACE_PROGRAMS_MAX (2 * RACE_POINTS_MAX_ALL)

struct engine_race {
	const struct race *race;
	unsigned int class; /* 0: there are too many */
	char why[320]; /* it is not recorded; or "" */
	char shed[160]; /* … at present; or "" */
	uint64_t shed_at; /* its beginnings are detached since then, and its ends still attached;
			   * 0: no */
	struct race_on_kernel on;
	struct engine_race_program *program; /* space for ENGINE_RACE_PROGRAMS_MAX */
	int programs;
};

struct engine_races {
	struct btf *btf;
	struct types *types;
	struct race_templates templates;
	struct engine_race *race;
	size_t count;
	struct engine_race_program exit; /* at the exit of tasks, for all of them */
	pthread_mutex_t attaching; /* of those that are loaded at the same time */
};

/*
 * Check the engine's races on its target, before its files are closed. A race that cannot be
 * observed is no error. 0 or negative errno with a reason in why.
 */
int engine_race__plan(struct engine *engine, char *why, size_t why_size);

/*
 * In engine_race_load.c: load the programs, and attach all but those behind calls, which the other one
 * does (see enum attach_pass in engine_load.c). A race that is refused is no error.
 */
void engine_race__load(struct engine *engine);
void engine_race__attach_behind_calls(struct engine *engine);

/* What is only needed to load programs. */
void engine_race__forget(struct engine *engine);

/* In engine_race_attach.c: the programs of a point; returns their number. */
int engine_race__uses(const struct race_point *point,
		      struct engine_race_use use[ENGINE_RACE_USES_MAX]);

/*
 * Attach a program that is loaded. Returns 0, or negative errno with a reason in why; then links are
 * to be dropped.
 */
int engine_race__attach(struct engine *engine, struct engine_race_program *program, char *why,
			size_t why_size);

/* A place where a kprobe is opened. Returns 0, or negative errno, which ends it. */
typedef int (*engine_race_place_fn)(void *ctx, const char *symbol, uint32_t offset, bool at_return);

/* Call fn for each place of a program that is attached in this way. */
int engine_race__places(struct target *target, const struct race_place *place, enum race_how how,
			bool at_return, engine_race_place_fn fn, void *ctx, char *why,
			size_t why_size);

/*
 * Does a function of the running kernel call another one, where a probe can be: 0 or 1, or -1: not known, for
 * example if its code must not be read. For struct race_kernel, whose context is the target.
 */
int engine_race__calls(void *target, const char *function, const char *callee);

/* Detach one, which stays loaded. */
void engine_race__detach_one(struct engine_race_program *program);

/* In engine_race_shed.c: detach the ends of what was shed some seconds ago. now: ns. */
void engine_race__finish_shedding(struct engine *engine, uint64_t now);

/* Detach and unload one. */
void engine_race__drop(struct engine_race_program *program);

/*
 * Detach the programs with a trampoline; or those of the others that are part `number' of so many, for
 * threads that do this at the same time.
 */
void engine_race__detach(struct engine *engine, bool trampoline, unsigned int number,
			 unsigned int numbers);

/* Fill in up to max programs; returns their number. */
size_t engine_race__programs(const struct engine *engine, struct engine_program *programs,
			     size_t max);

void engine_race__free(struct engine *engine);

#endif
