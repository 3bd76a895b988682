/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracks of a timeline, and the lanes in them. In a viewer, two slices of a track are either
 * apart or one is in the other. A slice that would overlap another in part goes to the next lane.
 *
 * Memory is limited: of a lane, the latest slices are known, and the older ones as one interval; and
 * if there are too many threads, all tracks are forgotten. Then a slice is at worst in a later lane
 * than necessary, or a track is described twice.
 */
#ifndef THPRACE_TRACKS_H
#define THPRACE_TRACKS_H

#include <stdbool.h>
#include <stdint.h>
#include <thprace/incident.h>
#include "base/hash_map.h"
#include "event.h"

#define LANE_SLICES 8 /* at first, */
#define LANE_SLICES_MAX 1024 /* at most, */
#define ALL_SLICES_MAX (256U << 10) /* and in all lanes, beyond the first ones */
#define LANES_MAX 8
#define TRACKS_MAX 16384
#define PENDING_MAX 6
#define PENDING_RACES_MAX 16 /* sections of races from files, in a thread */

struct slice_times {
	uint64_t begin;
	uint64_t end;
};

/* Slices of one lane that are in no other: apart, in order of time. */
struct lane {
	unsigned int nr;
	unsigned int room;
	struct slice_times *slices;
};

/* The latest begin of some kind of slice in a thread. */
struct pending {
	uint64_t begin; /* 0: none whose end is awaited */
	uint64_t ended; /* the begin of the latest that ended */
	uint64_t folio;
	uint16_t cpu;
};

/* The same of a section of a race from a file. */
struct pending_race {
	struct pending pending;
	uint8_t class;
	uint8_t section;
	bool walker;
};

struct row {
	struct track track; /* lane 0 */
	char name[THPRACE_COMM_LEN]; /* as in the file; "": not known */
	unsigned int described; /* lanes that the encoder knows, as bits */
	struct pending pending[PENDING_MAX];
	struct pending_race *races; /* freed with the row */
	unsigned int nr_races;
	struct lane lanes[LANES_MAX];
};

/* Zero it before use, and set encoder and forget. */
struct tracks {
	struct encoder *encoder;
	void (*forget)(void *context, struct row *row); /* before a row is freed */
	void *context;
	struct hash_map rows;
	size_t slices; /* the room of all lanes, beyond the first of each */
};

/*
 * The row of a track, described to the encoder, whose name may be known now (NULL or "": it is not).
 * NULL: no memory. Valid until the next call.
 */
struct row *tracks__row(struct tracks *tracks, enum track_kind kind, uint32_t tgid, uint32_t id,
			const char *name);

/*
 * Find a lane for a slice, which must not begin after its end. Sets event->track; the lane is
 * described then. A part that would overlap another slice in part is left out. False: no lane is
 * free, or there is no memory for another.
 */
bool tracks__place(struct tracks *tracks, struct row *row, struct event *event);

void tracks__free(struct tracks *tracks);

#endif
