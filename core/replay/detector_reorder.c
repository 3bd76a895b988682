// SPDX-License-Identifier: GPL-2.0-only
/* The detector's heap: records in, oldest out; records of the same time in the order of feeding. */
#include <errno.h>
#include <stdlib.h>
#include "detector_private.h"

static bool older(const struct detector_delayed *a, const struct detector_delayed *b)
{
	if (a->record.ts != b->record.ts)
		return a->record.ts < b->record.ts;
	return a->order < b->order;
}

int detector_reorder__push(struct detector_reorder *reorder, const struct thprace_record *record)
{
	struct detector_delayed delayed = {.record = *record, .order = reorder->order};
	struct detector_delayed *heap;
	size_t room, at, up;

	if (reorder->count == reorder->room) {
		room = reorder->room ? 2 * reorder->room : 64;
		heap = realloc(reorder->heap, room * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		reorder->heap = heap;
		reorder->room = room;
	}
	reorder->order++;
	for (at = reorder->count++; at; at = up) {
		up = (at - 1) / 2;
		if (!older(&delayed, &reorder->heap[up]))
			break;
		reorder->heap[at] = reorder->heap[up];
	}
	reorder->heap[at] = delayed;
	return 0;
}

bool detector_reorder__pop(struct detector_reorder *reorder, uint64_t until,
			   struct thprace_record *record)
{
	struct detector_delayed *heap = reorder->heap, *last;
	size_t at = 0, down;

	if (!reorder->count || heap[0].record.ts > until)
		return false;
	*record = heap[0].record;
	last = &heap[--reorder->count];
	for (;;) {
		down = 2 * at + 1;
		if (down >= reorder->count)
			break;
		if (down + 1 < reorder->count && older(&heap[down + 1], &heap[down]))
			down++;
		if (!older(&heap[down], last))
			break;
		heap[at] = heap[down];
		at = down;
	}
	heap[at] = *last;
	return true;
}
