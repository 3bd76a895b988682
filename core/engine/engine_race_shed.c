// SPDX-License-Identifier: GPL-2.0-only
/* Races from files that cost too much: detached, and attached again. */
#include "engine_race.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/names.h"
#include "engine_private.h"

static struct engine_race *find(const struct engine *engine, unsigned int class)
{
	size_t i;

	for (i = 0; i < engine__races(engine); i++)
		if (engine->races->race[i].class == class)
			return &engine->races->race[i];
	return NULL;
}

static bool begins(const struct engine_race_program *program)
{
	return program->point->moment == RACE_BEGINS;
}

static bool ends(const struct engine_race_program *program)
{
	return program->point->moment != RACE_BEGINS;
}

static void detach(struct engine_race *of, bool (*which)(const struct engine_race_program *))
{
	int i;

	for (i = 0; i < of->programs; i++)
		if (which(&of->program[i]))
			engine_race__detach_one(&of->program[i]);
}

/* In the order in which they were loaded: beginnings last (pass_of() in engine_race_load.c). */
static int attach(struct engine *engine, struct engine_race *of)
{
	struct engine_race_program *program;
	char why[200];
	int i, err;

	for (i = 0; i < of->programs; i++) {
		program = &of->program[i];
		if (program->links)
			continue;
		err = engine_race__attach(engine, program, why, sizeof(why));
		if (err)
			return err;
	}
	return 0;
}

int engine__shed_race(struct engine *engine, unsigned int class, const char *reason)
{
	struct engine_race *of = find(engine, class);

	if (!of || of->why[0] || of->shed[0])
		return -EINVAL;
	detach(of, begins);
	of->shed_at = clock__now();
	snprintf(of->shed, sizeof(of->shed), NAMES_SHED "%s", reason);
	return 0;
}

int engine__restore_race(struct engine *engine, unsigned int class)
{
	struct engine_race *of = find(engine, class);
	int err;

	if (!of || !of->shed[0])
		return -EINVAL;
	of->shed_at = 0;
	err = attach(engine, of);
	if (err) {
		detach(of, begins);
		detach(of, ends);
		return err;
	}
	of->shed[0] = '\0';
	return 0;
}

void engine_race__finish_shedding(struct engine *engine, uint64_t now)
{
	struct engine_race *of;
	size_t i;

	for (i = 0; i < engine__races(engine); i++) {
		of = &engine->races->race[i];
		if (!of->shed_at || now < of->shed_at + SHED_GRACE_NS)
			continue;
		detach(of, ends);
		of->shed_at = 0;
	}
}
