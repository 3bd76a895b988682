/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of the text report about incidents: a line for each group, then drawings. */
#ifndef THPRACE_RENDER_INCIDENTS_H
#define THPRACE_RENDER_INCIDENTS_H

#include "render_text.h"

struct summary_closest;

/* Groups that have a line, unless options->verbose. */
#define RENDER_GROUPS 20

/* A line for each group: verdict, name, count, and the incident that stands for it. */
void render_incidents__groups(FILE *out, const struct summary *summary,
			      const struct render_options *options);

/*
 * Draws at most options->incidents: one of each group first. Returns whether it drew any: then the
 * last line is empty.
 */
int render_incidents__draw(FILE *out, const struct summary *summary,
			   const struct render_options *options);

/* Draws a closest pass. */
void render_incidents__closest(FILE *out, const struct summary *summary,
			       const struct summary_closest *closest,
			       const struct render_options *options);

#endif
