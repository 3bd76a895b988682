// SPDX-License-Identifier: GPL-2.0-only
/* The layout of a drawing: columns, times in one unit, broken lines. */
#include "diagram_private.h"

#include <stdlib.h>
#include <string.h>
#include <thprace/race.h>
#include "base/names.h"
#include "classes/race_class.h"

/* The columns: 12 characters for the time, two blanks, then the two CPUs. */
#define TIME_WIDTH 12
#define LEFT_START 14
#define RIGHT_START 58
#define RIGHT_START_LEAST 24

static int by_time(const void *a, const void *b)
{
	const struct diagram_row *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Are two of the shown times so close that tenths of a microsecond do not distinguish them? */
static int needs_ns(const struct diagram *diagram)
{
	const struct diagram_row *last = NULL;
	unsigned int i;

	for (i = 0; i < diagram->nr; i++) {
		const struct diagram_row *row = &diagram->rows[i];

		if (!row->timed)
			continue;
		if (last && row->time != last->time &&
		    (uint64_t)row->time - (uint64_t)last->time < 200)
			return 1;
		last = row;
	}
	return 0;
}

/*
 * One unit for the whole diagram, fine enough for its closest rows, and never wider than the
 * column.
 */
static void print_time(const struct diagram *diagram, int64_t time)
{
	uint64_t span = 0, length = time < 0 ? 0 - (uint64_t)time : (uint64_t)time;
	const int utf8 = diagram->options->utf8;
	char number[NAMES_NUMBER_LEN], text[40];
	unsigned int i;

	for (i = 0; i < diagram->nr; i++) {
		int64_t t = diagram->rows[i].time;

		if (diagram->rows[i].timed && (t < 0 ? 0 - (uint64_t)t : (uint64_t)t) > span)
			span = t < 0 ? 0 - (uint64_t)t : (uint64_t)t;
	}
	if (span < 10000 || (span < 10000000 && needs_ns(diagram)))
		names__in_unit(number, sizeof(number), length, 1000, 3, utf8);
	else if (span < 10000000)
		names__in_unit(number, sizeof(number), length, 1000, 1, utf8);
	else if (span < 10000000000)
		names__in_unit(number, sizeof(number), length, 1000000, 3, utf8);
	else if (length > 99999999ULL * 1000000000)
		/* No recording is three years long: the file is damaged. */
		snprintf(number, sizeof(number), "?");
	else
		names__in_unit(number, sizeof(number), length, 1000000000, 0, utf8);
	/* A time that is 0 in the digits shown has no sign. */
	snprintf(text, sizeof(text), "%s%s", time < 0 && strpbrk(number, "123456789") ? "-" : "",
		 number);
	fprintf(diagram->out, "%*s%s", TIME_WIDTH - (int)names__columns(text), "", text);
}

int diagram_page__width(const struct diagram *diagram)
{
	return diagram->options->width ? diagram->options->width : DIAGRAM_COLUMNS;
}

/* In a narrow page the columns overlap: each row has text in only one of them. */
static int right_start(const struct diagram *diagram)
{
	int start = RIGHT_START - (DIAGRAM_COLUMNS - diagram_page__width(diagram));

	if (start > RIGHT_START)
		return RIGHT_START;
	return start < RIGHT_START_LEAST ? RIGHT_START_LEAST : start;
}

/* Bytes of text up to the last blank within width columns; all of it if it fits or has no blank. */
static int fitting(const char *text, int width)
{
	int columns = 0, blank = 0, i;

	for (i = 0; text[i]; i++) {
		if (text[i] == ' ' && (!i || text[i - 1] != ' '))
			blank = i;
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (++columns > width)
			return blank ? blank : i;
	}
	return i;
}

static void print_row(const struct diagram *diagram, const struct diagram_row *row)
{
	int start = row->side == OPENER ? LEFT_START : right_start(diagram);
	int end = row->side == OPENER && right_start(diagram) == RIGHT_START
			  ? RIGHT_START - 1
			  : diagram_page__width(diagram);
	int width = end - start - row->indent;
	const char *text = row->text;
	int at = 0, indent = row->indent, length;

	if (row->timed) {
		print_time(diagram, row->time);
		at = TIME_WIDTH;
	}
	while (*text) {
		length = fitting(text, width);
		fprintf(diagram->out, "%*s%.*s\n", start + indent - at, "", length, text);
		text += length;
		text += strspn(text, " ");
		if (indent == row->indent) {
			indent += 4;
			width -= 4;
		}
		at = 0;
	}
}

void diagram_page__paragraph(const struct diagram *diagram, const char *colour, const char *text)
{
	int indent = 2, length;

	while (*text) {
		length = fitting(text, diagram_page__width(diagram) - indent);
		fprintf(diagram->out, "%*s%s%.*s%s\n", indent, "",
			diagram__paint(diagram->options, colour), length, text,
			*colour ? diagram__paint(diagram->options, RESET) : "");
		text += length;
		text += strspn(text, " ");
		indent = 4;
	}
}

/* "CPU0 comm/pid". */
static void head(const struct diagram *diagram, char *buf, size_t size, unsigned int cpu,
		 const char *comm, unsigned int pid)
{
	char clean[3 * THPRACE_COMM_LEN];

	if (!pid)
		snprintf(buf, size, "(task not known)");
	else if (diagram->threads && !*comm)
		snprintf(buf, size, "thread %u", pid);
	else
		snprintf(buf, size, "CPU%u %s/%u", cpu,
			 names__clean(clean, sizeof(clean), comm, THPRACE_COMM_LEN,
				      diagram->options->utf8),
			 pid);
}

static void print_heads(const struct diagram *diagram)
{
	const struct diagram_options *options = diagram->options;
	const struct thprace_window *window = diagram->window;
	const struct thprace_walk *walk = diagram->walk;
	char left[80] = "(no window seen)", right[80];
	int gap;

	if (window)
		head(diagram, left, sizeof(left), window->cpu, window->comm, window->pid);
	else if (race_class__shape(walk->class) == RACE_REUSE)
		snprintf(left, sizeof(left), "(holder not seen)");
	else if (diagram->remained)
		snprintf(left, sizeof(left), "(nobody unmapping)");
	head(diagram, right, sizeof(right), walk->cpu, walk->comm, walk->pid);
	fprintf(diagram->out, "\n%*s%s%s%s", LEFT_START, "", diagram__paint(options, BOLD), left,
		diagram__paint(options, RESET));
	gap = right_start(diagram) - LEFT_START - (int)names__columns(left);
	if (gap < 1) {
		fputc('\n', diagram->out);
		gap = right_start(diagram);
	}
	fprintf(diagram->out, "%*s%s%s%s\n", gap, "", diagram__paint(options, BOLD), right,
		diagram__paint(options, RESET));
}

void diagram_page__sort(struct diagram *diagram)
{
	qsort(diagram->rows, diagram->nr, sizeof(diagram->rows[0]), by_time);
}

void diagram_page__rows(struct diagram *diagram)
{
	unsigned int i;

	print_heads(diagram);
	diagram_page__sort(diagram);
	for (i = 0; i < diagram->nr; i++)
		print_row(diagram, &diagram->rows[i]);
	fputc('\n', diagram->out);
}
