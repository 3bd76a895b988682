/* SPDX-License-Identifier: GPL-2.0-only */
/* The report of a trace, for people. */
#ifndef THPRACE_RENDER_TEXT_H
#define THPRACE_RENDER_TEXT_H

#include <stdio.h>

struct summary;

#define RENDER_INCIDENTS 5 /* incidents drawn by default */

struct render_options {
	unsigned int incidents; /* maximum number of incidents to draw */
	int stacks; /* with their kernel stacks */
	int verbose; /* everything in full: histograms, groups, probes, programs */
	int colour; /* ANSI colours: the caller checks isatty and NO_COLOR */
	int utf8; /* the reader's terminal does UTF-8 */
	int width; /* columns of the page; 0: LAYOUT_WIDTH */
};

/* Write the report to out. Errors stay in out: see ferror(). */
void render_text__report(FILE *out, const struct summary *summary,
			 const struct render_options *options);

/* Only the table of classes, which a recording prints at its end. */
void render_text__classes(FILE *out, const struct summary *summary,
			  const struct render_options *options);

/* Only the line about loss with its identity, and the causes. */
void render_text__loss(FILE *out, const struct summary *summary,
		       const struct render_options *options);

/* A probe, in words that may go to a terminal. */
struct render_probe {
	const char *point;
	const char *function;
	const char *kind;
	const char *state;
	const char *reason; /* or "" */
};

/* Lines of width columns, indented by indent. */
void render_text__probe(FILE *out, size_t width, size_t indent, const struct render_probe *probe);

#endif
