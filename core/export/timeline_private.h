/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by timeline.c, which reads the trace, timeline_record.c, timeline_race.c and
 * timeline_incident.c, which say what is drawn, and timeline_draw.c, which draws it.
 */
#ifndef THPRACE_TIMELINE_PRIVATE_H
#define THPRACE_TIMELINE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include "base/hash_map.h"
#include "event.h"
#include "tracks.h"

/*
 * A flight recorder's records may be in the file several times, and incidents show the same slices
 * as records. The latest ones are kept here, so that each is drawn once.
 */
#define DRAWN (1U << 18)

/* What is drawn, as a part of its key. */
enum drawn_kind {
	DRAWN_WINDOW,
	DRAWN_RANGE,
	DRAWN_REMOVAL,
	DRAWN_WALKER,
	DRAWN_SPLIT,
	DRAWN_SPLIT_REST, /* from the return of its walker on */
	DRAWN_COLLAPSE,
	DRAWN_POISON,
	DRAWN_HOLD,
	DRAWN_CHECK,
	DRAWN_OUTER,
	DRAWN_LOSS,
	DRAWN_RACE, /* of a race from a file: drawn_race() */
	DRAWN_BEGIN, /* of a slice without an end; added */
};

enum race_drawing {
	RACE_DRAWS_WINDOW,
	RACE_DRAWS_WALKER,
	RACE_DRAWS_EVENT,
	RACE_DRAWINGS
};

/* A kind for each race. */
static inline enum drawn_kind drawn_race(unsigned int class, enum race_drawing what)
{
	return (enum drawn_kind)(DRAWN_RACE | (RACE_DRAWINGS * class + what) << 8);
}

#define WALKER_NAME (THPRACE_COMM_LEN + 48)

/* What drawings of a class are called. */
struct class_names {
	char walker[WALKER_NAME]; /* "CLASS walker" */
	/* Of races from files: */
	char window[WALKER_NAME];
	char event[WALKER_NAME];
	char unended[2][WALKER_NAME + 24]; /* of enum race_drawing */
};

struct timeline {
	struct encoder *encoder;
	const struct summary *summary;
	struct hash_map comms; /* struct summary_task, by thread id */
	struct tracks tracks;
	uint64_t drawn[DRAWN];
	struct class_names names[THPRACE_CLASS_MAX];
	uint64_t incidents;
	bool loss; /* some was drawn */
	bool failed; /* no memory */
};

/* Is this the first time? at: its begin, or if that is not always known, its end. */
bool timeline__first(struct timeline *timeline, enum drawn_kind kind, uint32_t pid, uint64_t at);

/* The thread's row. comm: "" or NULL if the name is not known here. NULL: no memory. */
struct row *timeline__thread(struct timeline *timeline, uint32_t tgid, uint32_t pid,
			     const char *comm);

#define NO_CPU (-1)

/*
 * Draw a slice in a row, and, in short, on a CPU. If it has no place, or if its begin is 0 or after
 * its end, it is drawn as an instant, at its end.
 */
void timeline__slice(struct timeline *timeline, struct row *row, struct event *event, int cpu);

/* Draw an instant, at event->begin. */
void timeline__instant(struct timeline *timeline, struct row *row, struct event *event);

/* The name of a walker of this class; of the window of a race from a file. */
const char *timeline__walker(const struct timeline *timeline, unsigned int class);
const char *timeline__window(const struct timeline *timeline, unsigned int class);

/* The details of a record, named as in other outputs. */
void timeline__details(struct event *event, const struct thprace_record *record);

/* The phases of a window, if removed is in it. */
void timeline__phases(struct event *event, uint64_t removed);

/* A split's time after the return of its walker. */
void timeline__split_rest(struct event *event, uint64_t unmapped);

/* What a walker left: by PMDs and by PTEs. */
void timeline__counts(struct event *event, const char *by_pmd, const char *by_pte,
		      struct thprace_counts counts);

void timeline__record(struct timeline *timeline, const struct thprace_record *record);

/* One of the records of a race from a file. */
void timeline__race(struct timeline *timeline, const struct thprace_record *record);

/* Draw the begins in this row that never ended. */
void timeline__forget_records(struct timeline *timeline, struct row *row);
void timeline__forget_races(struct timeline *timeline, struct row *row);

/* A begin that never ended. */
void timeline__unended(struct timeline *timeline, struct row *row, const char *name,
		       const char *category, struct pending *pending);

void timeline__incident(struct timeline *timeline, const struct thprace_incident *incident);

#endif
