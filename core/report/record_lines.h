/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records of a trace, one per line, as text, JSON or CSV. A trace has millions of them, so
 * lines are composed in one buffer, from fragments that were made before the first one.
 */
#ifndef THPRACE_RECORD_LINES_H
#define THPRACE_RECORD_LINES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "trace/record_order.h"
#include "render_record.h"

/* The fragments and the buffer. Large: allocated once, used for every block. */
struct record_lines;

/* Returns a new object for the format of render, to be freed with record_lines__free(), or NULL. */
struct record_lines *record_lines__new(const struct render_record *render);
void record_lines__free(struct record_lines *lines);

/*
 * Write count records to out, which has them all on return. context: they come from the flight
 * recorder (a CONTEXT block). Stops at the first failed write: see ferror(); errno says why.
 */
void record_lines__print(struct record_lines *lines, FILE *out, const struct record_place *records,
			 size_t count, int context);

#endif
