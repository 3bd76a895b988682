// SPDX-License-Identifier: GPL-2.0-only
/* A finished sum: its order, and the answer. */
#include "trace_sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/names.h"

#define CLASSES_NAMED 4 /* of a list; the others are counted */

uint64_t trace_sum__proved(const struct trace_sum_counts *counts)
{
	return counts->of[THPRACE_ESCAPE] - counts->likely;
}

static int more_first(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

/* What is worse comes first. */
static int by_counts(const struct trace_sum_counts *a, const struct trace_sum_counts *b)
{
	static const enum thprace_verdict verdicts[] = {THPRACE_UNATTRIBUTED, THPRACE_REMAINED,
							THPRACE_UNPROVEN, THPRACE_CONTAINED};
	int order = more_first(trace_sum__proved(a), trace_sum__proved(b));
	size_t i;

	if (!order)
		order = more_first(a->likely, b->likely);
	for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]) && !order; i++)
		order = more_first(a->of[verdicts[i]], b->of[verdicts[i]]);
	return order;
}

static int by_class(const void *a, const void *b)
{
	const struct trace_sum_row *x = *(struct trace_sum_row *const *)a;
	const struct trace_sum_row *y = *(struct trace_sum_row *const *)b;

	return strcmp(x->class, y->class);
}

static int by_rank(const void *a, const void *b)
{
	const struct trace_sum_row *x = *(struct trace_sum_row *const *)a;
	const struct trace_sum_row *y = *(struct trace_sum_row *const *)b;
	int order = by_counts(&x->of_class, &y->of_class);

	if (!order)
		order = strcmp(x->class, y->class);
	if (!order)
		order = by_counts(&x->counts, &y->counts);
	return order ? order : strcmp(x->kernel, y->kernel);
}

/* Those of a row are neighbours, the worst first. */
static int by_row(const void *a, const void *b)
{
	const struct trace_sum_pair *x = *(struct trace_sum_pair *const *)a;
	const struct trace_sum_pair *y = *(struct trace_sum_pair *const *)b;
	int order = 0;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	order = by_counts(&x->counts, &y->counts);
	if (!order)
		order = x->others - y->others;
	if (!order)
		order = strcmp(x->walker_stack, y->walker_stack);
	return order ? order : strcmp(x->opener_stack, y->opener_stack);
}

static void add_counts(struct trace_sum_counts *to, const struct trace_sum_counts *from)
{
	unsigned int v;

	for (v = 0; v < THPRACE_VERDICT_MAX; v++)
		to->of[v] += from->of[v];
	to->likely += from->likely;
}

/* Those of a class are neighbours. */
static void add_classes(struct trace_sum *sum)
{
	size_t begin = 0, end, i;

	for (; begin < sum->nr_rows; begin = end) {
		struct trace_sum_counts all = {0};

		for (end = begin;
		     end < sum->nr_rows && !strcmp(sum->rows[end]->class, sum->rows[begin]->class);
		     end++)
			add_counts(&all, &sum->rows[end]->counts);
		for (i = begin; i < end; i++)
			sum->rows[i]->of_class = all;
	}
}

void trace_sum__finish(struct trace_sum *sum)
{
	size_t i;

	if (!sum->nr_rows)
		return;
	qsort(sum->rows, sum->nr_rows, sizeof(*sum->rows), by_class);
	add_classes(sum);
	qsort(sum->rows, sum->nr_rows, sizeof(*sum->rows), by_rank);
	qsort(sum->pairs, sum->nr_pairs, sizeof(*sum->pairs), by_row);
	for (i = 0; i < sum->nr_pairs; i++) {
		struct trace_sum_row *row = sum->pairs[i]->row;

		if (!row->nr_pairs)
			row->pairs = &sum->pairs[i];
		row->nr_pairs++;
	}
}

static uint64_t is_proved(const struct trace_sum_counts *counts)
{
	return trace_sum__proved(counts);
}

static uint64_t is_likely(const struct trace_sum_counts *counts)
{
	return counts->likely;
}

/* "(one-class, another and 2 more)" */
static void add_names(struct banner *banner, const struct trace_sum *sum,
		      uint64_t (*is)(const struct trace_sum_counts *counts))
{
	size_t i, named = 0, more = 0;
	const char *last = "";

	for (i = 0; i < sum->nr_rows; i++) {
		const struct trace_sum_row *row = sum->rows[i];

		if (!is(&row->of_class) || !strcmp(row->class, last))
			continue;
		last = row->class;
		if (named == CLASSES_NAMED)
			more++;
		else
			banner__add(banner, "%s%s", named++ ? ", " : " (", last);
	}
	if (more)
		banner__add(banner, " and %zu more", more);
	if (named)
		banner__add(banner, ")");
}

/* ": in 3 of 120 files, on 1 of 4 kernels" */
static void add_where(struct banner *banner, const struct trace_sum *sum)
{
	uint64_t kernels = 0;
	const struct trace_sum_row *a, *b;
	size_t i, k;

	for (i = 0; i < sum->nr_rows; i++) {
		a = sum->rows[i];
		for (k = 0; k < i && a->counts.of[THPRACE_ESCAPE]; k++) {
			b = sum->rows[k];
			if (b->counts.of[THPRACE_ESCAPE] && !strcmp(a->kernel, b->kernel))
				break;
		}
		kernels += a->counts.of[THPRACE_ESCAPE] && k == i;
	}
	banner__add(banner, ": in %llu of %s, on %llu of %s", (unsigned long long)sum->escaped,
		    COUNTED(sum->files, "file"), (unsigned long long)kernels,
		    COUNTED(sum->nr_kernels, "kernel"));
}

/* What limits the answer. */
static void add_limits(struct banner *banner, const struct trace_sum *sum)
{
	if (sum->kind[BANNER_NOT_TOLD])
		banner__add(banner, "; %llu of %s cannot tell",
			    (unsigned long long)sum->kind[BANNER_NOT_TOLD],
			    COUNTED(sum->files, "file"));
	if (sum->skipped)
		banner__add(banner, "; %s skipped", COUNTED(sum->skipped, "file"));
}

void trace_sum__answer(struct banner *banner, const struct trace_sum *sum)
{
	uint64_t proved = trace_sum__proved(&sum->counts), likely = sum->counts.likely;
	uint64_t elsewhere = sum->kind[BANNER_ESCAPE] + sum->kind[BANNER_LIKELY];

	memset(banner, 0, sizeof(*banner));
	banner->kind = sum->kind[BANNER_NOT_TOLD] || sum->skipped || !sum->files ? BANNER_NOT_TOLD
										 : BANNER_NO_ESCAPE;
	if (proved) {
		banner->kind = BANNER_ESCAPE;
		banner__add(banner, "%s proved", COUNTED(proved, "escape"));
		add_names(banner, sum, is_proved);
		if (likely)
			banner__add(banner, ", %llu more likely", (unsigned long long)likely);
		add_where(banner, sum);
	} else if (likely) {
		banner->kind = BANNER_LIKELY;
		banner__add(banner, "no escape proved, %llu likely", (unsigned long long)likely);
		add_names(banner, sum, is_likely);
		add_where(banner, sum);
	} else if (elsewhere) {
		banner->kind = BANNER_NOT_TOLD;
		banner__add(banner, "not told: %s count escapes that are not in them",
			    COUNTED(elsewhere, "file"));
	} else {
		banner__add(banner, "%s: %s contained in %s",
			    banner->kind == BANNER_NO_ESCAPE ? "no escape" : "not told",
			    COUNTED(sum->counts.of[THPRACE_CONTAINED], "overlap"),
			    COUNTED(sum->files, "file"));
		if (banner->kind == BANNER_NOT_TOLD)
			banner__add(banner, ", none escaped");
	}
	add_limits(banner, sum);
}
