/* SPDX-License-Identifier: GPL-2.0-only */
/* Races from files in an engine: planned, loaded and attached here. Only for core/engine. */
#ifndef THPRACE_ENGINE_RACE_H
#define THPRACE_ENGINE_RACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "race/race_kernel.h"
#include "race_template.h"

struct engine;
struct target;

#define ENGINE_SITES_MAX 16 /* calls of one event */

/* A program that is loaded, and where it runs. */
struct engine_race_program {
	const struct race_point *point; /* NULL: of none */
	int program; /* descriptor */
	int link[ENGINE_SITES_MAX]; /* descriptors that keep it attached */
	int links;
	bool trampoline;
};

#define ENGINE_RACE_PROGRAMS_MAX (2 * RACE_POINTS_MAX_ALL + 1)

struct engine_race {
	const struct race *race;
	unsigned int class; /* 0: it is not recorded: */
	char why[320];
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
};

/*
 * Check the engine's races on its target, before its files are closed. A race that cannot be
 * observed is no error. 0 or negative errno with a reason in why.
 */
int engine_race__plan(struct engine *engine, char *why, size_t why_size);

/* In engine_race_load.c: load and attach the programs, once the engine's own are. A race that is refused is no error. */
void engine_race__load(struct engine *engine);

/* Detach and unload one. */
void engine_race__drop(struct engine_race_program *program);

/* Detach the programs with a trampoline, or the others. */
void engine_race__detach(struct engine *engine, bool trampoline);

/* Runs that the kernel skipped. */
uint64_t engine_race__missed(const struct engine *engine);

void engine_race__free(struct engine *engine);

#endif
