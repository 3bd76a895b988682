// SPDX-License-Identifier: GPL-2.0-only
#include "program_totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The counts of a loaded program. */
struct counts {
	uint64_t runs;
	uint64_t run_ns;
	uint64_t missed;
};

/* Two arrays of nr members each: sums[i] and last[i] belong to the same program. */
struct program_totals {
	struct engine_program *totals;
	struct counts *last;
	size_t nr;
};

struct program_totals *program_totals__new(void)
{
	return calloc(1, sizeof(struct program_totals));
}

static const char *text(const char *value)
{
	return value ? value : "";
}

static bool same(const struct engine_program *a, const struct engine_program *b)
{
	return a->unit == b->unit && !strcmp(a->name, text(b->name)) &&
	       !strcmp(a->function, text(b->function)) && !strcmp(a->kind, text(b->kind));
}

static void free_texts(struct engine_program *program)
{
	free((char *)program->name);
	free((char *)program->function);
	free((char *)program->kind);
}

/* Make space for one more in both arrays. */
static int grow(struct program_totals *totals)
{
	size_t nr = totals->nr + 1;
	struct engine_program *programs = realloc(totals->totals, nr * sizeof(*programs));
	struct counts *last;

	if (!programs)
		return -ENOMEM;
	totals->totals = programs;
	last = realloc(totals->last, nr * sizeof(*last));
	if (!last)
		return -ENOMEM;
	totals->last = last;
	return 0;
}

static int append(struct program_totals *totals, const struct engine_program *program)
{
	struct engine_program copy = *program;

	copy.runs = copy.run_ns = copy.missed = 0;
	copy.name = strdup(text(program->name));
	copy.function = strdup(text(program->function));
	copy.kind = strdup(text(program->kind));
	if (!copy.name || !copy.function || !copy.kind || grow(totals)) {
		free_texts(&copy);
		return -ENOMEM;
	}
	totals->totals[totals->nr] = copy;
	memset(&totals->last[totals->nr], 0, sizeof(*totals->last));
	totals->nr++;
	return 0;
}

/* A count that fell belongs to a program that was loaded again: all of it is new. */
static void add(uint64_t *total, uint64_t *last, uint64_t now)
{
	*total += now >= *last ? now - *last : now;
	*last = now;
}

int program_totals__read(struct program_totals *totals, const struct engine_program *programs,
			 size_t nr)
{
	struct engine_program *total;
	struct counts *last;
	size_t i, at;
	int err = 0;

	for (i = 0; i < nr; i++) {
		for (at = 0; at < totals->nr && !same(&totals->totals[at], &programs[i]); at++)
			;
		if (at == totals->nr && append(totals, &programs[i])) {
			err = -ENOMEM;
			continue;
		}
		total = &totals->totals[at];
		last = &totals->last[at];
		add(&total->runs, &last->runs, programs[i].runs);
		add(&total->run_ns, &last->run_ns, programs[i].run_ns);
		add(&total->missed, &last->missed, programs[i].missed);
		total->insns = programs[i].insns;
		total->verified = programs[i].verified;
	}
	return err;
}

void program_totals__restart(struct program_totals *totals)
{
	if (totals->nr)
		memset(totals->last, 0, totals->nr * sizeof(*totals->last));
}

const struct engine_program *program_totals__list(const struct program_totals *totals, size_t *nr)
{
	*nr = totals->nr;
	return totals->totals;
}

void program_totals__free(struct program_totals *totals)
{
	size_t i;

	if (!totals)
		return;
	for (i = 0; i < totals->nr; i++)
		free_texts(&totals->totals[i]);
	free(totals->totals);
	free(totals->last);
	free(totals);
}
