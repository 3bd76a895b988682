// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of races from files: both sides are slices, instants and named events are instants. A
 * thread may be in several of them at the same time.
 */
#include "timeline_private.h"

#include <stdlib.h>

static enum race_drawing side_of(const struct thprace_record *record)
{
	return record->flags & THPRACE_RF_WALKER ? RACE_DRAWS_WALKER : RACE_DRAWS_WINDOW;
}

static const char *category_of(enum race_drawing side)
{
	return side == RACE_DRAWS_WALKER ? "walker" : "window";
}

/* The begin that this record's section awaits an end of. NULL: too many, or no memory. */
static struct pending *pending_of(struct timeline *timeline, struct row *row,
				  const struct thprace_record *record)
{
	struct pending_race *races;
	unsigned int i;

	for (i = 0; i < row->nr_races; i++)
		if (row->races[i].class == record->class &&
		    row->races[i].section == (uint8_t)record->value &&
		    row->races[i].walker == (side_of(record) == RACE_DRAWS_WALKER))
			return &row->races[i].pending;
	if (row->nr_races == PENDING_RACES_MAX)
		return NULL;
	races = reallocarray(row->races, row->nr_races + 1, sizeof(*races));
	timeline->failed |= !races;
	if (!races)
		return NULL;
	row->races = races;
	races[row->nr_races] = (struct pending_race){
		.class = record->class,
		.section = (uint8_t)record->value,
		.walker = side_of(record) == RACE_DRAWS_WALKER,
	};
	return &races[row->nr_races++].pending;
}

static void draw_unended(struct timeline *timeline, struct row *row, unsigned int class,
			 enum race_drawing side, struct pending *pending)
{
	timeline__unended(timeline, row, timeline->names[class].unended[side], category_of(side),
			  pending);
}

void timeline__forget_races(struct timeline *timeline, struct row *row)
{
	unsigned int i;

	for (i = 0; i < row->nr_races; i++)
		draw_unended(timeline, row, row->races[i].class,
			     row->races[i].walker ? RACE_DRAWS_WALKER : RACE_DRAWS_WINDOW,
			     &row->races[i].pending);
}

static void draw_begin(struct timeline *timeline, struct row *row,
		       const struct thprace_record *record)
{
	const enum race_drawing side = side_of(record);
	struct pending *pending;

	if (!timeline__first(timeline, DRAWN_BEGIN + drawn_race(record->class, side), record->pid,
			     record->ts))
		return;
	pending = pending_of(timeline, row, record);
	if (!pending || record->ts <= pending->ended)
		return;
	draw_unended(timeline, row, record->class, side, pending);
	pending->begin = record->ts;
	pending->folio = record->folio;
	pending->cpu = record->cpu;
}

/* What was no interval is not drawn, unless its end is not known. */
static void draw_end(struct timeline *timeline, struct row *row,
		     const struct thprace_record *record)
{
	const enum race_drawing side = side_of(record);
	struct event event = {
		.name = side == RACE_DRAWS_WALKER ? timeline__walker(timeline, record->class)
						  : timeline__window(timeline, record->class),
		.category = category_of(side),
		.begin = record->entry,
		.end = record->ts,
	};
	struct pending *pending = pending_of(timeline, row, record);

	if (pending && record->flags & THPRACE_RF_UNENDED)
		draw_unended(timeline, row, record->class, side, pending);
	if (pending && pending->begin == record->entry)
		pending->begin = 0;
	if (pending && pending->ended < record->entry)
		pending->ended = record->entry;
	if (record->flags & THPRACE_RF_DROPPED ||
	    !timeline__first(timeline, drawn_race(record->class, side), record->pid, record->entry))
		return;
	timeline__details(&event, record);
	if (!(record->flags & THPRACE_RF_INSTANT)) {
		timeline__slice(timeline, row, &event, record->cpu);
		return;
	}
	event.begin = record->ts;
	event__number(&event, "cpu", record->cpu);
	timeline__instant(timeline, row, &event);
}

static void draw_event(struct timeline *timeline, struct row *row,
		       const struct thprace_record *record)
{
	struct event event = {
		.name = timeline->names[record->class].event,
		.category = category_of(side_of(record)),
		.begin = record->ts,
	};

	if (!timeline__first(timeline, drawn_race(record->class, RACE_DRAWS_EVENT), record->pid,
			     record->ts))
		return;
	timeline__details(&event, record);
	event__number(&event, "cpu", record->cpu);
	timeline__instant(timeline, row, &event);
}

void timeline__race(struct timeline *timeline, const struct thprace_record *record)
{
	struct row *row;

	if (record->class >= THPRACE_CLASS_MAX)
		return;
	row = timeline__thread(timeline, record->tgid, record->pid, NULL);
	if (!row)
		return;
	if (record->type == THPRACE_REC_RACE_BEGIN)
		draw_begin(timeline, row, record);
	else if (record->type == THPRACE_REC_RACE_EVENT)
		draw_event(timeline, row, record);
	else
		draw_end(timeline, row, record);
}
