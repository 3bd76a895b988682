// SPDX-License-Identifier: GPL-2.0-only
#include "program_sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a loaded program has counted. */
struct counts {
	uint64_t runs;
	uint64_t run_ns;
	uint64_t missed;
};

/* Two arrays of nr members each: sums[i] and last[i] are of the same program. */
struct program_sums {
	struct engine_program *sums;
	struct counts *last;
	size_t nr;
};

struct program_sums *program_sums__new(void)
{
	return calloc(1, sizeof(struct program_sums));
}

static const char *text(const char *value)
{
	return value ? value : "";
}

static bool same(const struct engine_program *a, const struct engine_program *b)
{
	return a->point == b->point && !strcmp(a->name, text(b->name)) &&
	       !strcmp(a->function, text(b->function)) && !strcmp(a->kind, text(b->kind));
}

static void free_texts(struct engine_program *program)
{
	free((char *)program->name);
	free((char *)program->function);
	free((char *)program->kind);
}

/* Room for one more in both arrays. */
static int grow(struct program_sums *sums)
{
	size_t nr = sums->nr + 1;
	struct engine_program *programs = realloc(sums->sums, nr * sizeof(*programs));
	struct counts *last;

	if (!programs)
		return -ENOMEM;
	sums->sums = programs;
	last = realloc(sums->last, nr * sizeof(*last));
	if (!last)
		return -ENOMEM;
	sums->last = last;
	return 0;
}

static int append(struct program_sums *sums, const struct engine_program *program)
{
	struct engine_program copy = *program;

	copy.runs = copy.run_ns = copy.missed = 0;
	copy.name = strdup(text(program->name));
	copy.function = strdup(text(program->function));
	copy.kind = strdup(text(program->kind));
	if (!copy.name || !copy.function || !copy.kind || grow(sums)) {
		free_texts(&copy);
		return -ENOMEM;
	}
	sums->sums[sums->nr] = copy;
	memset(&sums->last[sums->nr], 0, sizeof(*sums->last));
	sums->nr++;
	return 0;
}

/* A count that fell is of a program that was loaded again: all of it is new. */
static void add(uint64_t *sum, uint64_t *last, uint64_t now)
{
	*sum += now >= *last ? now - *last : now;
	*last = now;
}

int program_sums__read(struct program_sums *sums, const struct engine_program *programs, size_t nr)
{
	struct engine_program *sum;
	struct counts *last;
	size_t i, at;
	int err = 0;

	for (i = 0; i < nr; i++) {
		for (at = 0; at < sums->nr && !same(&sums->sums[at], &programs[i]); at++)
			;
		if (at == sums->nr && append(sums, &programs[i])) {
			err = -ENOMEM;
			continue;
		}
		sum = &sums->sums[at];
		last = &sums->last[at];
		add(&sum->runs, &last->runs, programs[i].runs);
		add(&sum->run_ns, &last->run_ns, programs[i].run_ns);
		add(&sum->missed, &last->missed, programs[i].missed);
		sum->insns = programs[i].insns;
		sum->verified = programs[i].verified;
	}
	return err;
}

void program_sums__restart(struct program_sums *sums)
{
	if (sums->nr)
		memset(sums->last, 0, sums->nr * sizeof(*sums->last));
}

const struct engine_program *program_sums__list(const struct program_sums *sums, size_t *nr)
{
	*nr = sums->nr;
	return sums->sums;
}

void program_sums__free(struct program_sums *sums)
{
	size_t i;

	if (!sums)
		return;
	for (i = 0; i < sums->nr; i++)
		free_texts(&sums->sums[i]);
	free(sums->sums);
	free(sums->last);
	free(sums);
}
