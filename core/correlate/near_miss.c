// SPDX-License-Identifier: GPL-2.0-only
#include "near_miss.h"

#include <stdbool.h>
#include <stdlib.h>
#include "classes/race_class.h"

#define MISS_SPANS 8192 /* of one sample: so many windows, and so many walkers */
#define MISS_FAR_NS 50000000ULL /* belongs to two different rounds */

struct span {
	uint64_t folio;
	uint64_t from;
	uint64_t to;
	uint32_t pid;
};

struct spans {
	size_t count;
	struct span span[MISS_SPANS];
};

struct near_misses {
	enum thprace_class class;
	near_miss_fn pass;
	void *ctx;
	struct spans windows;
	struct spans walks;
};

struct near_misses *near_misses__new(enum thprace_class class, near_miss_fn pass, void *ctx)
{
	struct near_misses *near_misses = calloc(1, sizeof(*near_misses));

	if (!near_misses)
		return NULL;
	near_misses->class = class;
	near_misses->pass = pass;
	near_misses->ctx = ctx;
	return near_misses;
}

static void add(struct spans *spans, const struct thprace_record *record, uint64_t from,
		uint64_t to)
{
	if (spans->count < MISS_SPANS)
		spans->span[spans->count++] = (struct span){
			.folio = record->folio,
			.from = from,
			.to = to,
			.pid = record->pid,
		};
}

/* A walk of split-head is a split from its unmap on; its window is phase 2. */
void near_misses__record(struct near_misses *near_misses, const struct thprace_record *record)
{
	bool head = race_class__shape(near_misses->class) == RACE_SPLIT;
	uint64_t removed = record->arg; /* of ZAP_CLOSE; 0 if it was not seen */

	if (!record->folio)
		return;
	if (record->type == THPRACE_REC_ZAP_CLOSE && head)
		add(&near_misses->windows, record, removed ? removed : record->entry, record->ts);
	else if (record->type == THPRACE_REC_ZAP_CLOSE)
		add(&near_misses->windows, record, record->entry, removed ? removed : record->ts);
	else if (record->type == THPRACE_REC_RMAP_PTE)
		add(&near_misses->windows, record, record->ts, record->ts);
	else if (record->type == THPRACE_REC_SPLIT_RETURN && head && record->arg)
		add(&near_misses->walks, record, record->arg, record->ts);
	else if (record->type == THPRACE_REC_WALK_RETURN && record->class == near_misses->class)
		add(&near_misses->walks, record, record->entry, record->ts);
}

static int compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->folio != y->folio)
		return x->folio < y->folio ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* How much later than the window the walker came; 0: they overlapped. */
static int64_t late(const struct span *window, const struct span *walk)
{
	if (walk->from > window->to)
		return (int64_t)(walk->from - window->to);
	if (walk->to < window->from)
		return -(int64_t)(window->from - walk->to);
	return 0;
}

static uint64_t magnitude(int64_t ns)
{
	return ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
}

/* The first window of a walk's folio in the sorted array. */
static size_t first_of(const struct spans *windows, uint64_t folio)
{
	size_t low = 0, high = windows->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (windows->span[middle].folio < folio)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void report(const struct near_misses *near_misses, const struct span *walk)
{
	const struct spans *windows = &near_misses->windows;
	int64_t best = INT64_MAX, now;
	size_t i;

	for (i = first_of(windows, walk->folio);
	     i < windows->count && windows->span[i].folio == walk->folio; i++) {
		if (windows->span[i].pid == walk->pid)
			continue;
		now = late(&windows->span[i], walk);
		if (magnitude(now) < magnitude(best))
			best = now;
	}
	if (magnitude(best) <= MISS_FAR_NS)
		near_misses->pass(near_misses->ctx, best);
}

void near_misses__report(struct near_misses *near_misses)
{
	size_t i;

	qsort(near_misses->windows.span, near_misses->windows.count, sizeof(struct span), compare);
	for (i = 0; i < near_misses->walks.count; i++)
		report(near_misses, &near_misses->walks.span[i]);
	near_misses->windows.count = 0;
	near_misses->walks.count = 0;
}

void near_misses__free(struct near_misses *near_misses)
{
	free(near_misses);
}
