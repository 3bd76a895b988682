/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by timeline.c, which reads the trace, timeline_record.c and timeline_incident.c, which say
 * what is drawn, and timeline_draw.c, which draws it.
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
	DRAWN_BEGIN, /* of a slice without an end */
};

#define WALKER_NAME (THPRACE_COMM_LEN + 48)

struct timeline {
	struct encoder *encoder;
	const struct summary *summary;
	struct hash_map comms; /* struct summary_task, by thread id */
	struct tracks tracks;
	uint64_t drawn[DRAWN];
	char walkers[THPRACE_CLASS_MAX][WALKER_NAME]; /* "CLASS walker" */
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

/* The name of a walker of this class. */
const char *timeline__walker(const struct timeline *timeline, unsigned int class);

/* The phases of a window, if removed is in it. */
void timeline__phases(struct event *event, uint64_t removed);

/* A split's time after the return of its walker. */
void timeline__split_rest(struct event *event, uint64_t unmapped);

/* What a walker left: by PMDs and by PTEs. */
void timeline__counts(struct event *event, const char *by_pmd, const char *by_pte,
		      struct thprace_counts counts);

void timeline__record(struct timeline *timeline, const struct thprace_record *record);

/* Draw the begins in this row that never ended. */
void timeline__forget(void *timeline, struct row *row);

void timeline__incident(struct timeline *timeline, const struct thprace_incident *incident);

#endif
