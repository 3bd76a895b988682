// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: which programs races from files have, in which order they are loaded and attached. */
#include "engine_race_program.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "engine_private.h"
#include "race/race_attach.h"

/* "RACE/SECTION.EVENT", and ".keep" or ".leave" for those that are needed besides. */
static void name_program(const struct race_making *making, struct engine_race_program *program)
{
	const char *besides = strcmp(making->template, "race_keep") == 0	   ? ".keep"
			      : strcmp(making->template, "race_inside_leave") == 0 ? ".leave"
										   : "";

	snprintf(program->name, sizeof(program->name), "%s/%d.%.32s%s", making->of->race->name,
		 making->point->section_index + 1, race_kernel__moment(making->point), besides);
}

/* Is it attached last? See enum attach_pass in engine_load.c. */
static bool is_behind_call(const struct engine_race_program *program)
{
	return program->how == RACE_HOW_CALL && program->at_return;
}

/* 0 or negative errno with a reason in making->why. */
static int make(const struct race_making *making)
{
	struct engine_race *of = making->of;
	struct engine_race_program *program = &of->program[of->programs];
	int err;

	program->point = making->point;
	name_program(making, program);
	program->links = 0;
	program->how = making->how;
	program->at_return = making->at_return;
	program->trampoline = race_how__trampoline(making->how);
	program->before = (struct engine_runs){0};
	program->again = (struct fentry_program){0};
	program->program = race_making__load(making, &program->again);
	if (program->program < 0)
		return program->program;
	if (is_behind_call(program)) {
		err = 0;
	} else {
		pthread_mutex_lock(&making->engine->races->attaching);
		err = engine_race__attach(making->engine, program, making->why, making->why_size);
		pthread_mutex_unlock(&making->engine->races->attaching);
	}
	if (err)
		engine_race__drop(program);
	else
		of->programs++;
	return err;
}

/* Does `thprace provoke' let the task wait there? */
static bool is_held(const struct race_making *making)
{
	const struct race_provoke *provoke = &making->of->race->provoke;
	const struct race_point *point = making->point;

	if (!making->engine->options.widen || !provoke->given)
		return false;
	switch (provoke->what) {
	case RACE_HOLD_WINDOW:
	case RACE_HOLD_WALKER:
		return point->moment == RACE_BEGINS &&
		       (point->section->role == RACE_WINDOW) == (provoke->what == RACE_HOLD_WINDOW);
	case RACE_HOLD_EVENT:
		return point->moment == RACE_NAMED &&
		       !strcmp(point->section->event[point->named].name, provoke->name);
	case RACE_HOLD_PROBE: /* there it is found out whether it has waited */
	case RACE_HOLD_CLOCK:
		return point->moment == RACE_ENDS && point->section_index == provoke->section;
	}
	return false;
}

/* All programs of a point, as it is planned. */
static int make_point(struct race_making *making)
{
	struct engine_race_use use[ENGINE_RACE_USES_MAX];
	int i, count = engine_race__uses(making->point, use), err = 0;
	char held[32];

	snprintf(held, sizeof(held), "%s_held", use[0].template);
	for (i = 0; i < count && !err; i++) {
		making->template = !i && is_held(making) ? held : use[i].template;
		making->how = use[i].how;
		making->at_return = use[i].at_return;
		err = make(making);
	}
	making->template = NULL;
	return err;
}

/* What a task has begun ends with it: see race_exit in bpf/race.bpf.c. */
static int make_exit(struct race_making *making)
{
	struct engine_race_program *program = &making->engine->races->exit;
	int link;

	making->template = "race_exit";
	*program = (struct engine_race_program){.name = "races/exit"};
	program->program = race_making__load(making, NULL);
	if (program->program < 0)
		return program->program;
	link = bpf_raw_tracepoint_open("sched_process_exit", program->program);
	if (link < 0)
		return race_making__fail(making, link,
					 "the kernel refuses a program at the tracepoint: %s",
					 strerror(-link));
	program->link[program->links++] = link;
	return 0;
}

static void drop_from(struct engine_race *of, int first)
{
	while (of->programs > first)
		engine_race__drop(&of->program[--of->programs]);
}

/* All of a point, or nothing. */
static int try_point(struct race_making *making)
{
	const int first = making->of->programs;
	const int err = make_point(making);

	if (err)
		drop_from(making->of, first);
	return err;
}

/*
 * A kernel that refuses a trampoline may take one that reads by a helper: its verifier takes the first
 * member of a union for the one that is read. Or it takes kprobes.
 */
static int load_point(struct race_making *making)
{
	struct race_point *point = making->point;
	const bool trampoline = race_how__trampoline(point->how);
	int err = try_point(making);

	if (!err || !trampoline)
		return err;
	if (!point->by_helper) {
		point->by_helper = true;
		err = try_point(making);
		if (!err)
			return 0;
	}
	snprintf(point->reason, sizeof(point->reason), "%.150s", making->why);
	if (!race_attach__kprobe(point, making->engine->races->types))
		return err;
	return try_point(making);
}

/*
 * At one function, trampolines and kprobes that were attached last run first. An interval must
 * begin before arguments for its end are kept, and after the function around it.
 */
static int pass_of(const struct race_point *point)
{
	if (point->moment == RACE_INSIDE)
		return 2;
	return point->moment == RACE_BEGINS;
}

static void load_race(struct engine *engine, struct engine_race *of, char *log)
{
	char why[200] = "", place[RACE_PLACE_TEXT_MAX];
	struct race_making making = {
		.engine = engine, .of = of, .log = log, .why = why, .why_size = sizeof(why)};
	int i, pass;

	for (i = 0, pass = 0; pass < 3; i + 1 < of->on.points ? i++ : (i = 0, pass++)) {
		making.point = &of->on.point[i];
		if (pass_of(making.point) != pass || !load_point(&making))
			continue;
		snprintf(of->why, sizeof(of->why), "%s: %s",
			 race__place(making.point->place, place), why);
		drop_from(of, 0);
		return;
	}
}

/* Without it no race can be observed. */
static void load_exit(struct engine *engine)
{
	struct engine_races *races = engine->races;
	char *log = malloc(RACE_LOG_SIZE), why[200] = "out of memory";
	struct race_making making = {
		.engine = engine, .log = log, .why = why, .why_size = sizeof(why)};
	int err = log ? make_exit(&making) : -ENOMEM;
	size_t i;

	free(log);
	if (!err)
		return;
	engine_race__drop(&races->exit);
	for (i = 0; i < races->count; i++) {
		if (races->race[i].why[0])
			continue;
		snprintf(races->race[i].why, sizeof(races->race[i].why), "sched_process_exit: %s",
			 why);
		drop_from(&races->race[i], 0);
	}
}

#define LOADERS 4

/* Several load races, one after the other each. */
struct loaders {
	struct engine *engine;
	size_t next; /* race that nobody has taken */
};

static void *load_races(void *arg)
{
	struct loaders *loaders = arg;
	struct engine_races *races = loaders->engine->races;
	char *log = malloc(RACE_LOG_SIZE);
	struct engine_race *of;
	size_t i;

	while ((i = __atomic_fetch_add(&loaders->next, 1, __ATOMIC_RELAXED)) < races->count) {
		of = &races->race[i];
		if (of->why[0])
			continue;
		if (log)
			load_race(loaders->engine, of, log);
		else
			snprintf(of->why, sizeof(of->why), "out of memory");
	}
	free(log);
	return NULL;
}

static bool any_loaded(const struct engine_races *races)
{
	size_t i;

	for (i = 0; i < races->count; i++)
		if (races->race[i].programs)
			return true;
	return false;
}

/* The verifier takes most of the time. Several programs can be verified at the same time. */
void engine_race__load(struct engine *engine)
{
	struct loaders loaders = {.engine = engine};
	struct engine_races *races = engine->races;
	pthread_t thread[LOADERS - 1];
	unsigned int i, threads = 0;

	if (!races)
		return;
	for (i = 0; i < races->count; i++)
		drop_from(&races->race[i], 0); /* of an earlier try */
	engine_race__drop(&races->exit);
	while (threads < LOADERS - 1 && threads + 1 < races->count &&
	       !pthread_create(&thread[threads], NULL, load_races, &loaders))
		threads++;
	load_races(&loaders);
	while (threads)
		pthread_join(thread[--threads], NULL);
	if (any_loaded(races))
		load_exit(engine);
}

static void attach_behind_calls(struct engine *engine, struct engine_race *of)
{
	struct engine_race_program *program;
	char why[200], place[RACE_PLACE_TEXT_MAX];
	int i;

	for (i = 0; i < of->programs; i++) {
		program = &of->program[i];
		if (!is_behind_call(program) ||
		    !engine_race__attach(engine, program, why, sizeof(why)))
			continue;
		snprintf(of->why, sizeof(of->why), "%s: %s",
			 race__place(program->point->place, place), why);
		drop_from(of, 0);
	}
}

void engine_race__attach_behind_calls(struct engine *engine)
{
	size_t i;

	for (i = 0; i < engine__races(engine); i++)
		attach_behind_calls(engine, &engine->races->race[i]);
	engine_race__forget(engine);
}
