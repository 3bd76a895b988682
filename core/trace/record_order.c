// SPDX-License-Identifier: GPL-2.0-only
#include "record_order.h"

#include <string.h>

/* Must b come before a, which precedes it? */
static inline int swapped(const struct record_place *a, const struct record_place *b)
{
	if (a->ts != b->ts)
		return b->ts < a->ts;
	if (a->record->cpu != b->record->cpu)
		return b->record->cpu < a->record->cpu;
	return b->record->seq < a->record->seq;
}

/* The end of the run that begins at `from`. */
static size_t run_end(const struct record_place *places, size_t from, size_t count)
{
	size_t end = from + 1;

	while (end < count && !swapped(&places[end - 1], &places[end]))
		end++;
	return end < count ? end : count;
}

/* Merge the runs of `from` that begin at a and b; b ends at end. */
static void merge(struct record_place *to, const struct record_place *from, size_t a, size_t b,
		  size_t end)
{
	size_t a_end = b, at = a;

	while (a < a_end && b < end) {
		int second = swapped(&from[a], &from[b]);

		to[at++] = from[second ? b : a];
		a += !second;
		b += (size_t)second;
	}
	memcpy(&to[at], &from[a], (a_end - a) * sizeof(*to));
	memcpy(&to[at + a_end - a], &from[b], (end - b) * sizeof(*to));
}

struct record_place *record_order__sort(struct record_place *places, struct record_place *spare,
					size_t count)
{
	struct record_place *other;
	size_t from, middle, end;

	/* Each round merges neighbouring runs, which halves their number. */
	while (count && run_end(places, 0, count) < count) {
		for (from = 0; from < count; from = end) {
			middle = run_end(places, from, count);
			end = middle < count ? run_end(places, middle, count) : count;
			merge(spare, places, from, middle, end);
		}
		other = places;
		places = spare;
		spare = other;
	}
	return places;
}
