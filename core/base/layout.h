/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for people, in pages of a given width: paragraphs, and tables that become sentences if they
 * do not fit. All text is UTF-8 that may go to a terminal (see names__clean()).
 */
#ifndef THPRACE_LAYOUT_H
#define THPRACE_LAYOUT_H

#include <stddef.h>
#include <stdio.h>

#define LAYOUT_WIDTH 100 /* if nothing says how wide */

/*
 * Print the words of text, beginning at the present column, in lines of width columns that are
 * indented by indent, and end the last line. A word that is longer than a line is broken.
 */
void layout__wrap(FILE *out, size_t width, const char *text, size_t column, size_t indent);

/* "label      text": the text wrapped, and indented by indent columns, of which label takes some. */
__attribute__((format(printf, 5, 6))) void layout__line(FILE *out, size_t width, size_t indent,
							const char *label, const char *format, ...);

struct layout_column {
	const char *name;
	size_t width;
};

struct layout_table {
	FILE *out;
	size_t width; /* of the page */
	size_t indent; /* of the table, in the page */
	size_t name_width; /* of the first column, which names the row and is on the left */
	const struct layout_column *columns; /* the others, on the right */
	size_t nr;
};

/* The header line. Omitted if the table does not fit: then each row names its cells. */
void layout__head(const struct layout_table *table, const char *name);

/*
 * One row; cells: a text for each column. If the table does not fit, the row becomes words:
 * "walkers 978, overlaps 827", without cells that are "0" or "-", but always with the first one.
 * marked: the index of a cell to be printed between mark and unmark (terminal codes), or nr.
 */
void layout__row(const struct layout_table *table, const char *name, const char *const *cells,
		 size_t marked, const char *mark, const char *unmark);

/* A row that has words instead of cells. */
void layout__row_text(const struct layout_table *table, const char *name, const char *text);

#endif
