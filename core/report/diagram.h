/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An incident as kernel developers draw it: the opener's CPU on the left, the walker's on the
 * right, time downwards, counted from the opening of the window. In a narrow page the right column
 * begins further to the left, and each row has text in only one of them.
 */
#ifndef THPRACE_DIAGRAM_H
#define THPRACE_DIAGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <thprace/incident.h>

struct summary;
struct summary_closest;

#define DIAGRAM_COLUMNS 100
#define DIAGRAM_EVENTS_MAX 16
#define DIAGRAM_EVENT_LEN 320
/* Large enough for the results of diagram__verdict() and diagram__proof(). */
#define DIAGRAM_TEXT_LEN 512

struct diagram_options {
	int utf8; /* the reader's terminal does UTF-8 */
	int colour; /* ANSI colours */
	int stacks; /* print the stacks of both sides below */
	int width; /* columns of the page; 0: DIAGRAM_COLUMNS */
};

/*
 * Draw incident `number` of a trace. summary has the names of the probed functions and the symbols;
 * NULL: generic names, addresses. Nothing is kept.
 */
void diagram__incident(FILE *out, const struct summary *summary, uint64_t number,
		       const struct thprace_incident *incident,
		       const struct diagram_options *options);

/* One row of a drawing. */
struct diagram_event {
	int walker; /* of the walker's side; else of the opener's */
	int timed; /* time is known; else only the order is */
	int64_t time; /* ns since *base */
	int indent; /* columns */
	char text[DIAGRAM_EVENT_LEN];
};

/*
 * The rows of an incident's drawing in their order, for other ways to draw it. *base: the time that
 * counts as 0, ns CLOCK_MONOTONIC. Returns the number of events, at most DIAGRAM_EVENTS_MAX.
 */
unsigned int diagram__events(const struct summary *summary, const struct thprace_incident *incident,
			     struct diagram_event events[DIAGRAM_EVENTS_MAX], uint64_t *base);

/*
 * Draw a walker and a window on the same folio that missed each other. Times that are 0 are not
 * known, and not drawn.
 */
void diagram__closest(FILE *out, const struct summary *summary,
		      const struct summary_closest *closest, const struct diagram_options *options);

/*
 * The verdict in words, one sentence: "the walker waited: it returned 2.1 µs after phase 1 had
 * closed". Into buf; returns it.
 */
const char *diagram__verdict(char *buf, size_t size, const struct thprace_incident *incident,
			     int utf8);

/*
 * The evidence for the verdict: "residual mapcount 0 at the walker's return". Into buf; returns it.
 */
const char *diagram__proof(char *buf, size_t size, const struct thprace_incident *incident);

#endif
