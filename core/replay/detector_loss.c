// SPDX-License-Identifier: GPL-2.0-only
/* The detector's lost intervals: no statement is made about anything that one of them touches. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "detector_private.h"

/* The first span that ends at t or later. */
static size_t first_reaching(const struct detector_loss *loss, uint64_t t)
{
	size_t low = 0, high = loss->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (loss->span[mid].to < t)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void replace(struct detector_loss *loss, size_t at, size_t n, struct detector_span span)
{
	memmove(loss->span + at + 1, loss->span + at + n,
		(loss->count - at - n) * sizeof(*loss->span));
	loss->span[at] = span;
	loss->count = loss->count + 1 - n;
}

/*
 * Merge the oldest half into one span. It covers more than was lost, at a time that hardly matters
 * now.
 */
static void coarsen(struct detector_loss *loss)
{
	size_t half = loss->count / 2;
	struct detector_span span = {loss->span[0].from, loss->span[half - 1].to};

	replace(loss, 0, half, span);
}

int detector_loss__add(struct detector_loss *loss, uint64_t from, uint64_t to)
{
	struct detector_span span = {from < to ? from : to, from < to ? to : from};
	struct detector_span *grown;
	size_t at, end, room;

	if (loss->count == loss->room) {
		if (loss->count >= DETECTOR_LOSSES_MAX) {
			coarsen(loss);
		} else {
			room = loss->room ? 2 * loss->room : 16;
			grown = realloc(loss->span, room * sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			loss->span = grown;
			loss->room = room;
		}
	}
	at = first_reaching(loss, span.from);
	for (end = at; end < loss->count && loss->span[end].from <= span.to; end++) {
		if (loss->span[end].from < span.from)
			span.from = loss->span[end].from;
		if (loss->span[end].to > span.to)
			span.to = loss->span[end].to;
	}
	replace(loss, at, end - at, span);
	return 0;
}

bool detector_loss__touches(const struct detector_loss *loss, uint64_t from, uint64_t to)
{
	size_t at = first_reaching(loss, from);

	return at < loss->count && loss->span[at].from <= to;
}

int detector__lose(struct detector *detector, uint64_t from, uint64_t to)
{
	if (from <= detector->settled || from <= detector->loss_matters_until)
		detector->stats.late_loss++;
	return detector_loss__add(&detector->loss, from, to);
}
