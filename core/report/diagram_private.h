/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internals of the drawings, shared by diagram.c (the two kinds), diagram_rows.c (the events of
 * each side), diagram_page.c (the layout) and diagram_stacks.c.
 */
#ifndef THPRACE_DIAGRAM_PRIVATE_H
#define THPRACE_DIAGRAM_PRIVATE_H

#include <stdbool.h>
#include "diagram.h"

#define ROWS_MAX DIAGRAM_EVENTS_MAX

enum diagram_side {
	OPENER,
	WALKER,
};

struct diagram_row {
	int64_t time; /* ns since the window opened; also orders rows without a time */
	int timed; /* show the time */
	unsigned int seq;
	enum diagram_side side;
	int indent;
	char text[DIAGRAM_EVENT_LEN];
};

struct diagram {
	FILE *out;
	const struct summary *summary;
	const struct thprace_window *window; /* NULL: none */
	bool remained;
	const struct thprace_walk *walk;
	const struct thprace_stack *stacks[2]; /* NULL: not known */
	const struct diagram_options *options;
	const char *sides[2]; /* the titles of the stacks */
	bool threads; /* if there is no name, the CPU is not known either */
	uint64_t base; /* the time that counts as 0 */
	unsigned int nr;
	struct diagram_row rows[ROWS_MAX];
};

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RESET "\033[0m"

static inline const char *diagram__paint(const struct diagram_options *options, const char *colour)
{
	return options->colour ? colour : "";
}

/* Columns of the page. */
int diagram_page__width(const struct diagram *diagram);

/* A paragraph. */
void diagram_page__paragraph(const struct diagram *diagram, const char *colour, const char *text);

/* Brings the rows into the order of time. */
void diagram_page__sort(struct diagram *diagram);

/* The header with both sides, then all rows in order of time. */
void diagram_page__rows(struct diagram *diagram);

/* The functions below add rows: each for one side, or for both. */

/* A huge mapping is zapped. whole: draw its end, seen or not. */
void diagram_rows__pmd_window(struct diagram *diagram, int whole);

/* A part of a vma is zapped that maps pages of the folio. */
void diagram_rows__range(struct diagram *diagram);

/* The removal of the rmap of small pages for which a walker waited. */
void diagram_rows__removal(struct diagram *diagram);

/* A walker. proof: also draw what it found. */
void diagram_rows__walk(struct diagram *diagram, int proof);

/* A split after its own walker: [that walker's return, the split's return]. */
void diagram_rows__split(struct diagram *diagram);

/* A check point of the kernel, without a walker before it. */
void diagram_rows__check(struct diagram *diagram);

/* A failed collapse and what happened to its page, as the collapser and a holder saw it. */
void diagram_rows__reuse(struct diagram *diagram);

/* The window and the walker, or one of them, of a race that a file describes. */
void diagram_rows__file(struct diagram *diagram);

/* What is known of two of its sides that missed each other. */
void diagram_rows__file_pass(struct diagram *diagram);

/* That the kernel died in the walker's task, if it did. */
void diagram_rows__death(struct diagram *diagram);

/* A reuse alone: walk is the collapser's. */
void diagram_rows__reuse_alone(struct diagram *diagram);

/*
 * The stacks of both sides: next to each other if both exist and fit, else one after the other.
 * Frames of the observer's own programs are left out.
 */
void diagram_stacks__print(const struct diagram *diagram, const struct thprace_incident *incident);

#endif
