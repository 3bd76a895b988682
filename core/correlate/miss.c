// SPDX-License-Identifier: GPL-2.0-only
#include "miss.h"

#include <stdbool.h>
#include <stdlib.h>
#include "classes/race_class.h"

#define MISS_SPANS 8192 /* of one sample: windows and walkers, each */
#define MISS_FAR_NS 50000000ULL /* of two different rounds */

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

struct misses {
	enum thprace_class class;
	miss_fn pass;
	void *ctx;
	struct spans windows;
	struct spans walks;
};

struct misses *misses__new(enum thprace_class class, miss_fn pass, void *ctx)
{
	struct misses *misses = calloc(1, sizeof(*misses));

	if (!misses)
		return NULL;
	misses->class = class;
	misses->pass = pass;
	misses->ctx = ctx;
	return misses;
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
void misses__record(struct misses *misses, const struct thprace_record *record)
{
	bool head = race_class__shape(misses->class) == RACE_SPLIT;
	uint64_t removed = record->arg; /* of ZAP_CLOSE; 0 when it was not seen */

	if (!record->folio)
		return;
	if (record->type == THPRACE_REC_ZAP_CLOSE && head)
		add(&misses->windows, record, removed ? removed : record->entry, record->ts);
	else if (record->type == THPRACE_REC_ZAP_CLOSE)
		add(&misses->windows, record, record->entry, removed ? removed : record->ts);
	else if (record->type == THPRACE_REC_RMAP_PTE)
		add(&misses->windows, record, record->ts, record->ts);
	else if (record->type == THPRACE_REC_SPLIT_RETURN && head && record->arg)
		add(&misses->walks, record, record->arg, record->ts);
	else if (record->type == THPRACE_REC_WALK_RETURN && record->class == misses->class)
		add(&misses->walks, record, record->entry, record->ts);
}

static int compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->folio != y->folio)
		return x->folio < y->folio ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* How much later than the window the walker came; 0: they met. */
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

static void tell(const struct misses *misses, const struct span *walk)
{
	const struct spans *windows = &misses->windows;
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
		misses->pass(misses->ctx, best);
}

void misses__sum(struct misses *misses)
{
	size_t i;

	qsort(misses->windows.span, misses->windows.count, sizeof(struct span), compare);
	for (i = 0; i < misses->walks.count; i++)
		tell(misses, &misses->walks.span[i]);
	misses->windows.count = 0;
	misses->walks.count = 0;
}

void misses__free(struct misses *misses)
{
	free(misses);
}
