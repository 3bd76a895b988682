// SPDX-License-Identifier: GPL-2.0-only
/*
 * Follows values through a function, along all paths, until nothing changes. Where paths meet, the
 * values on which they agree are kept. Code that is only reached by a jump table is not seen.
 */
#include "code_private.h"

#include <errno.h>
#include <stdlib.h>

#define STEPS_MAX 400000

struct place {
	const struct code_insn *insn;
	struct code_state *before; /* the state before it, where paths begin or meet */
	bool leads; /* paths meet before it */
	bool waits; /* it is in the work list */
	bool follows; /* the instruction before it in memory leads to it */
};

struct paths {
	struct code *code;
	const struct code_visitor *visitor;
	struct place *place;
	size_t places;
	size_t *work;
	size_t works;
	size_t steps;
};

static size_t find_place(const struct paths *paths, uint64_t address)
{
	size_t i, low = 0, high = paths->places;

	while (low < high) {
		i = low + (high - low) / 2;
		if (paths->place[i].insn->address < address)
			low = i + 1;
		else
			high = i;
	}
	return low < paths->places && paths->place[low].insn->address == address ? low
										 : paths->places;
}

static int by_address(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	return (a->insn->address > b->insn->address) - (a->insn->address < b->insn->address);
}

static bool ends(const struct paths *paths, const struct code_insn *insn)
{
	const struct code *code = paths->code;
	size_t i;

	if (insn->flow == CODE_CALL) {
		for (i = 0; i < sizeof(code->ends) / sizeof(code->ends[0]); i++)
			if (code->ends[i] && insn->target == code->ends[i])
				return true;
		if (paths->visitor->stops && code_targets__have(paths->visitor->stops, insn))
			return true;
	}
	if (paths->visitor->read_size &&
	    code->machine->reads(insn, paths->visitor->read_offset, paths->visitor->read_size))
		return true;
	if (insn->flow == CODE_TRAP)
		return !paths->visitor->warns;
	return insn->flow == CODE_JUMP || insn->flow == CODE_END;
}

static int lay_out(struct paths *paths, const struct code_function *function)
{
	const struct code_part *part;
	size_t i, j, target;

	for (i = 0; i < function->parts; i++)
		paths->places += function->part[i].count;
	paths->place = calloc(paths->places + 1, sizeof(*paths->place));
	paths->work = calloc(paths->places + 1, sizeof(*paths->work));
	if (!paths->place || !paths->work)
		return -ENOMEM;
	paths->places = 0;
	for (i = 0; i < function->parts; i++) {
		part = &function->part[i];
		for (j = 0; j < part->count; j++)
			paths->place[paths->places++].insn = &part->insn[j];
	}
	qsort(paths->place, paths->places, sizeof(*paths->place), by_address);
	for (i = 0; i < paths->places; i++) {
		paths->place[i].follows =
			i && paths->place[i - 1].insn->address + paths->place[i - 1].insn->size ==
				     paths->place[i].insn->address;
		if (!code_insn__jumps(paths->place[i].insn))
			continue;
		target = find_place(paths, paths->place[i].insn->target);
		if (target < paths->places)
			paths->place[target].leads = true;
	}
	return 0;
}

/* A path with this state reaches a place where paths meet. */
static int arrive(struct paths *paths, size_t at, const struct code_state *state)
{
	struct place *place = &paths->place[at];
	bool changed = true;

	if (!place->before) {
		place->before = malloc(sizeof(*place->before));
		if (!place->before)
			return -ENOMEM;
		*place->before = *state;
	} else {
		changed = code_state__join(place->before, state);
	}
	if (changed && !place->waits) {
		place->waits = true;
		paths->work[paths->works++] = at;
	}
	return 0;
}

/*
 * From a place where paths meet to the next ones. visit: all is known, show it to the visitor; else
 * pass on what is known.
 */
static int run(struct paths *paths, size_t at, bool visit)
{
	struct code_state state = *paths->place[at].before;
	const struct code_insn *insn;
	size_t target, begin = at;
	int err = 0;

	for (; at < paths->places; at++) {
		insn = paths->place[at].insn;
		if (at != begin && !paths->place[at].follows)
			return 0;
		if (at != begin && paths->place[at].leads)
			return visit ? 0 : arrive(paths, at, &state);
		if (++paths->steps > STEPS_MAX)
			return -E2BIG;
		if (visit)
			paths->visitor->visit(paths->visitor->context, &state, insn);
		if (!visit && code_insn__jumps(insn)) {
			target = find_place(paths, insn->target);
			if (target < paths->places)
				err = arrive(paths, target, &state);
			if (err)
				return err;
		}
		if (ends(paths, insn))
			return 0;
		paths->code->machine->step(paths->code, &state, insn);
	}
	return 0;
}

static int begin(struct paths *paths, uint64_t entry)
{
	size_t at = find_place(paths, entry);
	struct code_state state;

	code_state__begin(paths->code, &state, paths->visitor->parameter);
	if (at == paths->places)
		return 0;
	paths->place[at].leads = true;
	return arrive(paths, at, &state);
}

int code__follow(struct code *code, const struct code_function *function,
		 const struct code_visitor *visitor)
{
	struct paths paths = {.code = code, .visitor = visitor};
	size_t i, at;
	int err;

	if (visitor->parameter < 0 || visitor->parameter > CODE_PARAMETERS_MAX)
		return -EINVAL;
	err = lay_out(&paths, function);
	if (!err)
		err = begin(&paths, visitor->from ? visitor->from : function->part[0].address);
	while (!err && paths.works) {
		at = paths.work[--paths.works];
		paths.place[at].waits = false;
		err = run(&paths, at, false);
	}
	paths.steps = 0;
	for (i = 0; i < paths.places && !err; i++)
		if (paths.place[i].before)
			err = run(&paths, i, true);
	for (i = 0; i < paths.places; i++)
		free(paths.place[i].before);
	free(paths.place);
	free(paths.work);
	return err;
}
