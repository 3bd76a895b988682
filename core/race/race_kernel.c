// SPDX-License-Identifier: GPL-2.0-only
#include "race_kernel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/names.h"
#include "race_attach.h"

/* One section, while it is checked on the kernel. */
struct holding {
	struct race_on_kernel *result;
	const struct race_kernel *kernel;
	const struct race_section *section;
	int section_index;
	struct calc_name name[CALC_NAMES_MAX];
	int names;
	struct calc_type key;
	int err;
};

_Static_assert(RACE_EVENTS_MAX + RACE_SAVED_MAX <= CALC_NAMES_MAX, "all names have a place");
_Static_assert(RACE_CALCS_MAX >= 1 + RACE_CONDITIONS_MAX + 3 + RACE_SAVED_MAX + RACE_CONDITIONS_MAX,
	       "all expressions of a point have a place");

__attribute__((format(printf, 5, 6))) static void problem(struct holding *holding,
							  unsigned int line, unsigned int column,
							  bool absent, const char *format, ...)
{
	struct race_on_kernel *result = holding->result;
	struct race_problem found = {.line = line, .column = column, .absent = absent};
	va_list args;
	int i;

	va_start(args, format);
	vsnprintf(found.text, sizeof(found.text), format, args);
	va_end(args);
	/* Alternatives may lack the same name. */
	for (i = 0; i < result->problems; i++)
		if (result->problem[i].line == line && result->problem[i].column == column &&
		    !strcmp(result->problem[i].text, found.text))
			return;
	if (result->problems < RACE_PROBLEMS_MAX)
		result->problem[result->problems++] = found;
}

/*
 * The first alternative whose names the kernel knows. Returns whether there is one; else it is a
 * problem.
 */
static bool compile(struct holding *holding, struct race_point *point, enum race_use use, int index,
		    const struct race_formula *formula, bool interval)
{
	const struct calc_scope scope = {
		.types = holding->kernel->types,
		.function = point->place->function,
		.at_return = point->place->at == RACE_AT_RETURN ||
			     point->place->at == RACE_AT_RETURN_OF,
		.interval = interval,
		.key = holding->key,
		.names = holding->name,
		.count = holding->names,
	};
	struct race_calc *calc = &point->calc[point->calcs];
	struct expr_error error[RACE_FORMULA_WAYS_MAX];
	int i, err = 0;

	for (i = 0; i < formula->ways; i++) {
		err = calc__of(&calc->calc, formula->way[i], &scope, &error[i]);
		if (err == -ENOENT)
			continue;
		if (err == -ENOMEM)
			holding->err = err;
		if (err)
			problem(holding, formula->text.line, error[i].column, false, "%s",
				error[i].text);
		if (err)
			return false;
		calc->use = use;
		calc->index = index;
		point->calcs++;
		return true;
	}
	for (i = 0; i < formula->ways; i++)
		problem(holding, formula->text.line, error[i].column, true, "%s", error[i].text);
	return false;
}

static void compile_given(struct holding *holding, struct race_point *point, enum race_use use,
			  const struct race_formula *formula, bool interval)
{
	if (formula->ways)
		compile(holding, point, use, 0, formula, interval);
}

static void compile_key(struct holding *holding, struct race_point *point, bool interval)
{
	const struct race_section *section = holding->section;
	const struct race_calc *key = &point->calc[point->calcs];

	if (section->key.ways &&
	    compile(holding, point, RACE_USE_KEY, 0, &section->key, interval) && !holding->key.size)
		holding->key = key->calc.type;
	compile_given(holding, point, RACE_USE_FROM, &section->from, interval);
	compile_given(holding, point, RACE_USE_TO, &section->to, interval);
}

/* The type of a saved value is that of its first place. */
static void name_saved(struct holding *holding, int index, const struct calc_type *type)
{
	int i;

	for (i = 0; i < holding->names; i++)
		if (holding->name[i].op == CALC_SAVED && holding->name[i].index == index &&
		    !holding->name[i].type.size)
			holding->name[i].type = *type;
}

static void compile_escapes(struct holding *holding, struct race_point *point)
{
	const struct race_section *section = holding->section;
	int i;

	for (i = 0; i < section->escapes; i++)
		compile(holding, point, RACE_USE_ESCAPE, i, &section->escape[i], true);
}

static void compile_begin(struct holding *holding, struct race_point *point)
{
	const struct race_section *section = holding->section;
	int i;

	for (i = 0; i < section->conditions; i++)
		compile(holding, point, RACE_USE_WHEN, i, &section->when[i], false);
	if (!section->learn.places)
		compile_key(holding, point, false);
	for (i = 0; i < section->values; i++)
		if (compile(holding, point, RACE_USE_SAVED, i, &section->saved[i].value, false))
			name_saved(holding, i, &point->calc[point->calcs - 1].calc.type);
	if (section->instant)
		compile_escapes(holding, point);
}

static void compile_point(struct holding *holding, struct race_point *point)
{
	compile_given(holding, point, RACE_USE_EVENT, &point->event->when,
		      point->moment != RACE_BEGINS);
	switch (point->moment) {
	case RACE_BEGINS:
		compile_begin(holding, point);
		break;
	case RACE_LEARNS:
		compile_key(holding, point, true);
		break;
	case RACE_ENDS:
		compile_escapes(holding, point);
		break;
	default:
		break;
	}
}

static void add_point(struct holding *holding, const struct race_event *event,
		      const struct race_place *place, enum race_moment moment, int named)
{
	struct race_on_kernel *result = holding->result;
	struct race_point *point;

	if (result->points == RACE_POINTS_MAX_ALL) {
		problem(holding, event->text.line, 0, false, "the race has more than %d places",
			RACE_POINTS_MAX_ALL);
		return;
	}
	point = &result->point[result->points++];
	*point = (struct race_point){
		.section = holding->section,
		.section_index = holding->section_index,
		.moment = moment,
		.named = named,
		.event = event,
		.place = place,
	};
	compile_point(holding, point);
	if (!race_attach__plan(point, holding->kernel))
		problem(holding, event->text.line, place->column, true, "%s", point->reason);
}

/* None of the places of a group exists. */
static void absent(struct holding *holding, const struct race_event *event, int group)
{
	const struct race_place *place;
	const char *missing;
	char hint[NEAREST_HINT_MAX];
	struct nearest nearest;
	unsigned int column;
	bool calls;
	int i;

	for (i = 0; i < event->places; i++) {
		place = &event->place[i];
		if (place->group != group)
			continue;
		missing = race_attach__missing(holding->kernel, place, &calls);
		column = missing == place->in ? place->in_column : place->column;
		if (calls) {
			problem(holding, event->text.line, column, true,
				"%s does not call %s: it was inlined, or is called elsewhere",
				place->in, place->function);
			continue;
		}
		nearest = nearest__to(missing);
		if (!types__consider(holding->kernel->types, BTF_KIND_FUNC, &nearest) &&
		    !holding->kernel->has && !holding->kernel->target) {
			problem(holding, event->text.line, column, true, NAMES_NO_FUNCTIONS);
			continue;
		}
		problem(holding, event->text.line, column, true, "there is no function '%s'%s",
			missing, nearest__hint(&nearest, hint));
	}
}

/* From each group the first place that exists. */
static void hold_event(struct holding *holding, const struct race_event *event,
		       enum race_moment moment, int named)
{
	int group, i;
	bool calls;

	for (group = 0; group < event->groups; group++) {
		for (i = 0; i < event->places; i++)
			if (event->place[i].group == group &&
			    !race_attach__missing(holding->kernel, &event->place[i], &calls))
				break;
		if (i < event->places)
			add_point(holding, event, &event->place[i], moment, named);
		else
			absent(holding, event, group);
	}
}

static void hold_section(struct holding *holding)
{
	const struct race_section *section = holding->section;
	int i;

	for (i = 0; i < section->values; i++)
		holding->name[holding->names++] = (struct calc_name){
			.name = section->saved[i].name, .op = CALC_SAVED, .index = i};
	for (i = 0; i < section->events; i++)
		holding->name[holding->names++] = (struct calc_name){
			.name = section->event[i].name, .op = CALC_EVENT, .index = i};
	hold_event(holding, &section->inside, RACE_INSIDE, 0);
	hold_event(holding, &section->begin, RACE_BEGINS, 0);
	hold_event(holding, &section->learn, RACE_LEARNS, 0);
	/* A key that could not be compiled counts as a number for the rest. */
	if (!holding->key.size)
		holding->key.size = 8;
	for (i = 0; i < holding->names; i++)
		if (!holding->name[i].type.size)
			holding->name[i].type.size = 8;
	for (i = 0; i < section->events; i++)
		hold_event(holding, &section->event[i].event, RACE_NAMED, i);
	hold_event(holding, &section->end, RACE_ENDS, 0);
	hold_event(holding, &section->drop, RACE_DROPS, 0);
}

int race_kernel__check(struct race_on_kernel *result, const struct race *race,
		       const struct race_kernel *kernel)
{
	struct holding holding;
	int i;

	*result = (struct race_on_kernel){.race = race};
	result->point = calloc(RACE_POINTS_MAX_ALL, sizeof(*result->point));
	if (!result->point)
		return -ENOMEM;
	for (i = 0; i < race->sections; i++) {
		holding = (struct holding){
			.result = result,
			.kernel = kernel,
			.section = &race->section[i],
			.section_index = i,
		};
		hold_section(&holding);
		if (holding.err) {
			race_kernel__release(result);
			return holding.err;
		}
	}
	return 0;
}

void race_kernel__release(struct race_on_kernel *result)
{
	int i, j;

	for (i = 0; i < result->points; i++)
		for (j = 0; j < result->point[i].calcs; j++)
			calc__release(&result->point[i].calc[j].calc);
	free(result->point);
	result->point = NULL;
	result->points = 0;
}

const char *race_kernel__not_observable(const struct race_on_kernel *result)
{
	if (!result->race->sections)
		return "it has neither [window] nor [walker]";
	return result->problems ? result->problem[0].text : NULL;
}

bool race_kernel__wrong(const struct race_on_kernel *result)
{
	int i;

	for (i = 0; i < result->problems; i++)
		if (!result->problem[i].absent)
			return true;
	return false;
}

const char *race_kernel__how(enum race_how how)
{
	static const char *const names[RACE_HOW_MAX] = {
		[RACE_HOW_NONE] = "-",
		[RACE_HOW_FENTRY] = "fentry",
		[RACE_HOW_FEXIT] = "fexit",
		[RACE_HOW_KPROBE] = "kprobe",
		[RACE_HOW_KRETPROBE] = "kretprobe",
		[RACE_HOW_CALL] = "kprobe at each call",
	};

	return names[how];
}

const char *race_kernel__moment(const struct race_point *point)
{
	const bool window = point->section->role == RACE_WINDOW;

	switch (point->moment) {
	case RACE_BEGINS:
		return window ? "open" : point->section->instant ? "at" : "enter";
	case RACE_ENDS:
		return window ? "close" : "leave";
	case RACE_DROPS:
		return "drop";
	case RACE_LEARNS:
		return "learn";
	case RACE_INSIDE:
		return "inside";
	default:
		return point->section->event[point->named].name;
	}
}

static size_t add_name(const char *name, const char **names, size_t count, size_t max)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return count;
	if (!*name || count == max)
		return count;
	names[count] = name;
	return count + 1;
}

static size_t add_event(const struct race_event *event, const char **names, size_t count,
			size_t max)
{
	int i;

	for (i = 0; i < event->places; i++) {
		count = add_name(event->place[i].function, names, count, max);
		count = add_name(event->place[i].in, names, count, max);
	}
	return count;
}

static size_t add_names(const struct race_names *add, const char **names, size_t count, size_t max)
{
	int i;

	for (i = 0; i < add->count; i++)
		count = add_name(add->name[i], names, count, max);
	return count;
}

size_t race_kernel__names(const struct race *race, const char **names, size_t count, size_t max)
{
	const struct race_section *section;
	int i, j;

	for (i = 0; i < race->sections; i++) {
		section = &race->section[i];
		count = add_event(&section->begin, names, count, max);
		count = add_event(&section->end, names, count, max);
		count = add_event(&section->drop, names, count, max);
		count = add_event(&section->learn, names, count, max);
		count = add_event(&section->inside, names, count, max);
		for (j = 0; j < section->events; j++)
			count = add_event(&section->event[j].event, names, count, max);
	}
	for (i = 0; i < race->provoke.parts; i++) {
		count = add_names(&race->provoke.part[i].in, names, count, max);
		count = add_names(&race->provoke.part[i].after, names, count, max);
		count = add_names(&race->provoke.part[i].before, names, count, max);
	}
	return count;
}
