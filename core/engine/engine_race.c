// SPDX-License-Identifier: GPL-2.0-only
/* Internals of the engine: races from files, their plan, and what became of it. */
#include "engine_race.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "classes/race_class.h"
#include "engine_private.h"
#include "kernel/target.h"
#include "race/race_attach.h"

/* --- planning --- */

/* The first window's and the first walker's events, as they are on this kernel. */
static void name_events(const struct engine_race *of, char text[RACE_EVENTS][RACE_PLACE_TEXT_MAX],
			const char *event[RACE_EVENTS])
{
	const struct race_point *point;
	int i, at;

	for (i = 0; i < of->on.points; i++) {
		point = &of->on.point[i];
		if (point->moment != RACE_BEGINS && point->moment != RACE_ENDS)
			continue;
		at = (point->section->role == RACE_WALKER ? RACE_EVENT_ENTER : RACE_EVENT_OPEN) +
		     (point->moment == RACE_ENDS);
		if (!event[at])
			event[at] = race__place(point->place, text[at]);
	}
}

/* Where each section begins and ends, on this kernel. */
static void name_places(unsigned int class, const struct race_on_kernel *on)
{
	char text[RACE_SECTIONS_MAX][RACE_PLACES][RACE_PLACE_TEXT_MAX];
	const char *place[RACE_SECTIONS_MAX][RACE_PLACES] = {0};
	const struct race_point *point;
	int i, section, which;

	for (i = 0; i < on->points; i++) {
		point = &on->point[i];
		if (point->moment != RACE_BEGINS && point->moment != RACE_ENDS)
			continue;
		section = point->section_index;
		which = point->moment == RACE_ENDS ? RACE_PLACE_END : RACE_PLACE_BEGIN;
		if (!place[section][which])
			place[section][which] = race__place(point->place, text[section][which]);
	}
	for (section = 0; section < on->race->sections; section++)
		race_class__locate(class, (unsigned int)section, place[section]);
}

/* The names of what each section saves. */
static void name_values(unsigned int class, const struct race *race)
{
	char names[RACE_SAVED_TEXT];
	size_t used;
	int i, v;

	for (i = 0; i < race->sections; i++) {
		for (v = 0, used = 0; v < race->section[i].values && used < sizeof(names); v++)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 v ? " " : "", race->section[i].saved[v].name);
		race_class__save(class, (unsigned int)i, used ? names : NULL);
	}
}

/* As --attach says; if that is impossible, the reason is in of->why. */
static void restrict_ways(struct engine_race *of, const struct types *types,
			  enum probe_attach attach)
{
	char place[RACE_PLACE_TEXT_MAX];
	struct race_point *point;
	bool trampoline;
	int i;

	for (i = 0; i < of->on.points; i++) {
		point = &of->on.point[i];
		trampoline = race_how__trampoline(point->how);
		if (attach == PROBE_ATTACH_AUTO || trampoline == (attach == PROBE_ATTACH_FENTRY))
			continue;
		if (trampoline && race_attach__kprobe(point, types))
			continue;
		snprintf(of->why, sizeof(of->why), "%s: %s", race__place(point->place, place),
			 trampoline ? point->reason : "it needs a kprobe");
		return;
	}
}

static void plan_one(struct engine_race *of, const struct race_kernel *kernel,
		     enum probe_attach attach)
{
	const struct race *race = of->race;
	const char *why, *event[RACE_EVENTS] = {0};
	char text[RACE_EVENTS][RACE_PLACE_TEXT_MAX];

	of->program = calloc(ENGINE_RACE_PROGRAMS_MAX, sizeof(*of->program));
	if (!of->program || race_kernel__check(&of->on, race, kernel)) {
		snprintf(of->why, sizeof(of->why), "out of memory");
		return;
	}
	/* Also if it cannot be observed, which is told by its name. */
	name_events(of, text, event);
	of->class = race_class__add_file(race->name, event);
	if (!of->class) {
		snprintf(of->why, sizeof(of->why),
			 "there are too many races, or a built-in one of this name");
		return;
	}
	name_places(of->class, &of->on);
	name_values(of->class, race);
	why = race_kernel__not_observable(&of->on);
	if (why)
		snprintf(of->why, sizeof(of->why), "%s", why);
	if (!of->why[0])
		restrict_ways(of, kernel->types, attach);
}

int engine_race__plan(struct engine *engine, char *why, size_t why_size)
{
	struct engine_races *races;
	struct race_kernel kernel = {
		.target = engine->target, .calls = engine_race__calls, .context = engine->target};
	size_t i;

	if (!engine->options.race_count)
		return 0;
	races = calloc(1, sizeof(*races));
	engine->races = races;
	if (races) {
		races->exit.program = -1;
		pthread_mutex_init(&races->attaching, NULL);
		races->race = calloc(engine->options.race_count, sizeof(*races->race));
	}
	if (!races || !races->race) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	races->btf = target__read_btf(engine->target, why, why_size);
	if (!races->btf)
		return -ENOTSUP;
	races->types = types__new(races->btf);
	if (!races->types) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	kernel.types = races->types;
	for (i = 0; i < engine->options.race_count; i++) {
		races->race[i].race = engine->options.races[i];
		plan_one(&races->race[i], &kernel, engine->options.attach);
		races->count++;
	}
	return 0;
}

/* --- afterwards --- */

void engine_race__drop(struct engine_race_program *program)
{
	engine_race__detach_one(program);
	if (program->program >= 0)
		close(program->program);
	program->program = -1;
	free((void *)program->again.insn);
	free((void *)program->again.func_info);
	program->again.insn = NULL;
	program->again.func_info = NULL;
}

void engine_race__detach(struct engine *engine, bool trampoline, unsigned int number,
			 unsigned int numbers)
{
	struct engine_races *races = engine->races;
	size_t i;
	int n;

	if (!races)
		return;
	if (trampoline)
		engine_race__drop(&races->exit);
	for (i = 0; i < races->count; i++)
		for (n = 0; n < races->race[i].programs; n++)
			if (races->race[i].program[n].trampoline == trampoline &&
			    (trampoline || (i + n) % numbers == number))
				engine_race__drop(&races->race[i].program[n]);
}

static bool read_info(const struct engine_race_program *program, struct bpf_prog_info *info)
{
	return engine__read_program(program->program, &program->before, info);
}

size_t engine__races(const struct engine *engine)
{
	return engine->races ? engine->races->count : 0;
}

const struct race *engine__race(const struct engine *engine, size_t index)
{
	return engine->races->race[index].race;
}

unsigned int engine__race_class(const struct engine *engine, size_t index)
{
	return engine->races->race[index].class;
}

const char *engine__race_why(const struct engine *engine, size_t index)
{
	const struct engine_race *of = &engine->races->race[index];

	if (of->why[0])
		return of->why;
	return of->shed[0] ? of->shed : NULL;
}

const char *engine__not_observable(const struct engine *engine, unsigned int class)
{
	size_t i;

	if (class < race_class__end())
		return probe__not_observable(&engine->plan, class);
	for (i = 0; i < engine__races(engine); i++)
		if (engine->races->race[i].class == class)
			return engine__race_why(engine, i);
	return "it is not among the races that are observed";
}

/* True: it is there. */
static bool read_one(const struct engine_race_program *from, unsigned int unit,
		     struct engine_program *program)
{
	struct bpf_prog_info info;

	if (!read_info(from, &info))
		return false;
	*program = (struct engine_program){
		.name = from->name,
		.unit = unit,
		.function = from->point ? from->point->place->function : "",
		.kind = race_kernel__how(from->how),
		.at_return = from->at_return,
		.runs = info.run_cnt,
		.run_ns = info.run_time_ns,
		.missed = info.recursion_misses,
		.insns = info.xlated_prog_len / 8,
		.verified = info.verified_insns,
	};
	return true;
}

size_t engine_race__programs(const struct engine *engine, struct engine_program *programs,
			     size_t max)
{
	const struct engine_races *races = engine->races;
	const struct engine_race *of;
	size_t i, count = 0;
	int n;

	for (i = 0; i < engine__races(engine); i++) {
		of = &races->race[i];
		for (n = 0; n < of->programs && count < max; n++)
			count += read_one(&of->program[n], ENGINE_RACE_UNIT + of->class,
					  &programs[count]);
	}
	if (races && count < max)
		count += read_one(&races->exit, ENGINE_EXIT_UNIT, &programs[count]);
	return count;
}

bool engine__race_event(const struct engine *engine, size_t index, size_t number,
			struct engine_race_event *event)
{
	const struct engine_race *of = &engine->races->race[index];
	const struct engine_race_program *program;
	struct bpf_prog_info info;
	int n;

	if (number >= (size_t)of->on.points || of->why[0])
		return false;
	*event = (struct engine_race_event){.moment = race_kernel__moment(&of->on.point[number])};
	event->side = race__role(of->on.point[number].section->role);
	race__place(of->on.point[number].place, event->place);
	event->how = race_kernel__how(of->on.point[number].how);
	for (n = 0; n < of->programs; n++) {
		program = &of->program[n];
		if (program->point != &of->on.point[number])
			continue;
		if (read_info(program, &info)) {
			event->runs += info.run_cnt;
			event->run_ns += info.run_time_ns;
		}
		break;
	}
	return true;
}

void engine_race__forget(struct engine *engine)
{
	struct engine_races *races = engine->races;

	if (!races)
		return;
	if (!fentry__once(target__release(engine->target)))
		race_templates__release(&races->templates);
	types__free(races->types);
	btf__free(races->btf);
	races->types = NULL;
	races->btf = NULL;
}

void engine_race__free(struct engine *engine)
{
	struct engine_races *races = engine->races;
	size_t i;

	if (!races)
		return;
	for (i = 0; races->race && i < races->count; i++) {
		if (races->race[i].on.point)
			race_kernel__release(&races->race[i].on);
		free(races->race[i].program);
	}
	free(races->race);
	engine_race__forget(engine);
	race_templates__release(&races->templates);
	free(races);
	engine->races = NULL;
}
