// SPDX-License-Identifier: GPL-2.0-only
#include "tracks.h"

#include <stdlib.h>
#include <string.h>
#include "base/hash.h"

/* The number of slices that begin at this time or before it, or that end so. */
static unsigned int count_until(const struct lane *lane, uint64_t time, bool ends)
{
	unsigned int from = 0, to = lane->nr, middle;

	while (from < to) {
		middle = (from + to) / 2;
		if ((ends ? lane->slices[middle].end : lane->slices[middle].begin) <= time)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/*
 * Viewers sort by the time alone, and keep the order of the file where times are equal. So a slice
 * may begin where an earlier one of the file ends, but not end where one begins; and it may enclose
 * one that it follows in the file only if it begins before it.
 */
static bool fits(const struct lane *lane, uint64_t begin, uint64_t end)
{
	unsigned int first = count_until(lane, begin, true);
	unsigned int after = count_until(lane, end, false);

	/* From first to after - 1: those that it must enclose. */
	return first >= after ||
	       (begin < lane->slices[first].begin && lane->slices[after - 1].end <= end);
}

/*
 * Room for one more slice. More than at first is needed by threads whose slices come in no order,
 * or of which one encloses many. Returns false if there is no memory.
 */
static bool make_room(struct tracks *tracks, struct lane *lane)
{
	unsigned int room = lane->room ? 2 * lane->room : LANE_SLICES, half = lane->nr / 2;
	struct slice_times *slices;

	if (lane->nr < lane->room)
		return true;
	if (!lane->room ||
	    (room <= LANE_SLICES_MAX && tracks->slices + lane->room <= ALL_SLICES_MAX)) {
		slices = reallocarray(lane->slices, room, sizeof(*slices));
		if (!slices)
			return false;
		tracks->slices += lane->room;
		lane->slices = slices;
		lane->room = room;
		return true;
	}
	/* The older half becomes one interval. */
	lane->slices[0].end = lane->slices[half - 1].end;
	lane->nr -= half - 1;
	memmove(&lane->slices[1], &lane->slices[half], (lane->nr - 1) * sizeof(*slices));
	return true;
}

/* It fits, and there is room: those that it encloses are not needed any more. */
static void put(struct lane *lane, uint64_t begin, uint64_t end)
{
	unsigned int from = count_until(lane, begin, false);
	unsigned int to = count_until(lane, end, false);

	memmove(&lane->slices[from + 1], &lane->slices[to],
		(lane->nr - to) * sizeof(lane->slices[0]));
	lane->nr = from + 1 + lane->nr - to;
	lane->slices[from] = (struct slice_times){begin, end};
}

static void describe(struct tracks *tracks, struct row *row, unsigned int lane)
{
	struct track track = row->track;

	track.lane = lane;
	row->described |= 1U << lane;
	tracks->encoder->track(tracks->encoder, &track, row->name);
}

/* Slices in it come earlier in the file, so it must also enclose them, or be apart. */
static void place_parts(const struct lane *lane, struct event *event)
{
	unsigned int i, nr = 0;

	for (i = 0; i < event->nr_parts; i++) {
		if (fits(lane, event->parts[i].begin, event->parts[i].end))
			event->parts[nr++] = event->parts[i];
	}
	event->nr_parts = nr;
}

bool tracks__place(struct tracks *tracks, struct row *row, struct event *event)
{
	struct lane *lane;
	unsigned int i;

	for (i = 0; i < LANES_MAX; i++) {
		lane = &row->lanes[i];
		if (!fits(lane, event->begin, event->end))
			continue;
		if (!make_room(tracks, lane))
			return false;
		place_parts(lane, event);
		put(lane, event->begin, event->end);
		if (!(row->described & 1U << i))
			describe(tracks, row, i);
		event->track = row->track;
		event->track.lane = i;
		return true;
	}
	return false;
}

static void free_row(struct tracks *tracks, struct row *row)
{
	unsigned int i;

	tracks->forget(tracks->context, row);
	for (i = 0; i < LANES_MAX; i++)
		free(row->lanes[i].slices);
	free(row->races);
	free(row);
}

void tracks__free(struct tracks *tracks)
{
	size_t at;

	HASH_MAP_EACH(at, &tracks->rows)
		free_row(tracks, tracks->rows.values[at]);
	hash_map__free(&tracks->rows);
	tracks->slices = 0;
}

struct row *tracks__row(struct tracks *tracks, enum track_kind kind, uint32_t tgid, uint32_t id,
			const char *name)
{
	/* A thread's id may be used again, by a thread of another process. */
	uint64_t key = hash__pair((uint64_t)tgid << 32 | id, kind);
	struct row *row = hash_map__get(&tracks->rows, key);

	if (!row) {
		if (tracks->rows.count == TRACKS_MAX)
			tracks__free(tracks);
		row = calloc(1, sizeof(*row));
		if (!row || hash_map__set(&tracks->rows, key, row)) {
			free(row);
			return NULL;
		}
		row->track = (struct track){.kind = kind, .id = id, .tgid = tgid};
	}
	if (name && *name && !row->name[0]) {
		strncpy(row->name, name, sizeof(row->name) - 1);
		row->described &= ~1U;
	}
	if (!(row->described & 1))
		describe(tracks, row, 0);
	return row;
}
