// SPDX-License-Identifier: GPL-2.0-only
#include "layout.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include "names.h"

#define ROW_MAX 1024

/* Bytes of text that fit into `columns` columns; *taken: columns that they use. */
static size_t fitting(const char *text, size_t length, size_t columns, size_t *taken)
{
	size_t i;

	*taken = 0;
	for (i = 0; i < length; i++) {
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (*taken == columns)
			break;
		(*taken)++;
	}
	return i;
}

void layout__wrap(FILE *out, size_t width, const char *text, size_t column, size_t indent)
{
	size_t length, columns, part, room = width > indent + 1 ? width - indent : 1;
	bool first = true;

	text += strspn(text, " ");
	for (; *text; text += length + strspn(text + length, " ")) {
		length = strcspn(text, " ");
		fitting(text, length, length, &columns);
		if (column + !first + columns > width && (!first || column > indent)) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		if (!first)
			fputc(' ', out);
		column += !first;
		first = false;
		for (part = 0; part < length && columns > room; columns -= column - indent) {
			part += fwrite(text + part, 1,
				       fitting(text + part, length - part, room, &column), out);
			column += indent;
			fprintf(out, "\n%*s", (int)indent, "");
		}
		fwrite(text + part, 1, length - part, out);
		column = part ? indent + columns : column + columns;
	}
	fputc('\n', out);
}

static bool fits(const struct layout_table *table)
{
	size_t width = table->indent + table->name_width, i;

	for (i = 0; i < table->nr; i++)
		width += 1 + table->columns[i].width;
	return width <= table->width;
}

static void left(FILE *out, const char *text, size_t width)
{
	size_t columns = names__columns(text);

	fprintf(out, "%s%*s", text, columns < width ? (int)(width - columns) : 0, "");
}

static void right(FILE *out, const char *text, size_t width, const char *mark, const char *unmark)
{
	size_t columns = names__columns(text);

	fprintf(out, " %*s%s%s%s", columns < width ? (int)(width - columns) : 0, "", mark, text,
		unmark);
}

void layout__head(const struct layout_table *table, const char *name)
{
	size_t i;

	if (!fits(table))
		return;
	fprintf(table->out, "%*s", (int)table->indent, "");
	left(table->out, name, table->name_width);
	for (i = 0; i < table->nr; i++)
		right(table->out, table->columns[i].name, table->columns[i].width, "", "");
	fputc('\n', table->out);
}

static void narrow_row(const struct layout_table *table, const char *name, const char *const *cells)
{
	char text[ROW_MAX] = "";
	size_t used = 0, i;

	for (i = 0; i < table->nr && used < sizeof(text); i++) {
		if (i && (!strcmp(cells[i], "0") || !strcmp(cells[i], "-")))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s", i ? ", " : "",
					 table->columns[i].name, cells[i]);
	}
	layout__row_text(table, name, text);
}

void layout__row(const struct layout_table *table, const char *name, const char *const *cells,
		 size_t marked, const char *mark, const char *unmark)
{
	size_t i;

	if (!fits(table)) {
		narrow_row(table, name, cells);
		return;
	}
	fprintf(table->out, "%*s", (int)table->indent, "");
	left(table->out, name, table->name_width);
	for (i = 0; i < table->nr; i++)
		right(table->out, cells[i], table->columns[i].width, i == marked ? mark : "",
		      i == marked ? unmark : "");
	fputc('\n', table->out);
}

void layout__row_text(const struct layout_table *table, const char *name, const char *text)
{
	size_t start = table->indent + table->name_width + 1, at = names__columns(name);

	fprintf(table->out, "%*s", (int)table->indent, "");
	left(table->out, name, table->name_width);
	fputc(' ', table->out);
	at = at > table->name_width ? table->indent + at + 1 : start;
	layout__wrap(table->out, table->width, text, at, start);
}

void layout__line(FILE *out, size_t width, size_t indent, const char *label, const char *format,
		  ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(out, "%-*s", (int)indent, label);
	layout__wrap(out, width, text, indent, indent);
}
