// SPDX-License-Identifier: GPL-2.0-only
#include "top_screen.h"

#include <curses.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include "base/names.h"
#include "when.h"

#define PAIR_BAD 1
#define PAIR_DIM 2
#define ROW_CLASSES 3
#define NAME_WIDTH 17
#define INCIDENTS_LEAST 3 /* rows for incidents, whatever the number of classes */

static bool coloured;

void top_screen__begin(bool colour)
{
	initscr();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	set_escdelay(25);
	coloured = colour && has_colors();
	if (!coloured)
		return;
	start_color();
	use_default_colors();
	init_pair(PAIR_BAD, COLOR_RED, -1);
	init_pair(PAIR_DIM, COLOR_CYAN, -1);
}

void top_screen__end(void)
{
	endwin();
}

static attr_t bad(void)
{
	return A_BOLD | (coloured ? (attr_t)COLOR_PAIR(PAIR_BAD) : 0);
}

static attr_t dim(void)
{
	return coloured ? (attr_t)COLOR_PAIR(PAIR_DIM) : 0;
}

/* Bytes of the first columns of a text. */
static int fitting(const char *text, int columns)
{
	int i;

	for (i = 0; text[i]; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80 && columns-- == 0)
			break;
	}
	return i;
}

/* One row, cut off at the right edge. */
__attribute__((format(printf, 3, 4))) static void row(int y, attr_t look, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (y < 0 || y >= LINES)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	attrset(look);
	mvaddnstr(y, 0, text, fitting(text, COLS));
	attrset(A_NORMAL);
}

static const char *span(char *buf, size_t size, uint64_t ns)
{
	uint64_t minutes = ns / 60000000000ULL;

	if (!minutes)
		snprintf(buf, size, "%" PRIu64 " s", ns / 1000000000);
	else if (minutes < 60)
		snprintf(buf, size, "%" PRIu64 " min", minutes);
	else if (minutes < 1440)
		snprintf(buf, size, "%" PRIu64 " h %" PRIu64 " min", minutes / 60, minutes % 60);
	else
		snprintf(buf, size, "%" PRIu64 " d %" PRIu64 " h", minutes / 1440,
			 minutes / 60 % 24);
	return buf;
}

static const char *per_second(char *buf, size_t size, double rate)
{
	if (rate >= 100)
		names__count(buf, size, (uint64_t)rate);
	else
		snprintf(buf, size, "%.1f", rate);
	return buf;
}

static void draw_head(const struct top *top, const struct top_view *view)
{
	char up[48], escapes[NAMES_COUNTED_LEN];

	row(0, A_BOLD, "thpraced %s on %s, %s mode, up %s%s", top->version, top->kernel, top->mode,
	    span(up, sizeof(up), top->now - top->started), view->frozen ? "   FROZEN" : "");
	names__counted(escapes, sizeof(escapes), top->escapes, "escape");
	if (view->trouble[0])
		row(1, bad(), "%s", view->trouble);
	else if (top->escapes)
		row(1, bad(), "%s, %" PRIu64 " proved", escapes, top->escapes - top->likely);
	else
		row(1, A_NORMAL, "no escapes");
}

static void draw_class(int y, const struct top_class *class)
{
	char walkers[NAMES_NUMBER_LEN], overlaps[NAMES_NUMBER_LEN], n[4][NAMES_NUMBER_LEN];

	if (!class->observable) {
		row(y, dim(), "%-*s %s%s", NAME_WIDTH, class->name, names__blindness(class->reason),
		    class->reason);
		return;
	}
	row(y, class->escapes ? bad() : A_NORMAL, "%-*s %10s %10s %9s %9s %8s %8s", NAME_WIDTH,
	    class->name, per_second(walkers, sizeof(walkers), class->walkers_per_s),
	    per_second(overlaps, sizeof(overlaps), class->overlaps_per_s),
	    names__count(n[0], NAMES_NUMBER_LEN, class->overlaps),
	    names__count(n[1], NAMES_NUMBER_LEN, class->contained),
	    names__count(n[2], NAMES_NUMBER_LEN, class->escapes),
	    names__count(n[3], NAMES_NUMBER_LEN, class->others));
}

/* Returns the row after them. */
static int draw_classes(const struct top *top, enum top_order order)
{
	static const char *const orders[] = TOP_ORDER_NAMES;
	/* Below: four rows of numbers, and the incidents' head, its list and the keys. */
	int room = LINES - ROW_CLASSES - 6 - INCIDENTS_LEAST, y = ROW_CLASSES;
	unsigned int list[THPRACE_CLASS_MAX], i;

	row(y - 1, A_REVERSE, "%-*s %10s %10s %9s %9s %8s %8s", NAME_WIDTH, "CLASS", "WALKERS/s",
	    "OVERLAPS/s", "OVERLAPS", "CONTAINED", "ESCAPES", "OTHERS");
	top__order(top, order, list);
	for (i = 0; i < top->nr_classes && (int)i < room; i++)
		draw_class(y++, &top->classes[list[i]]);
	if (i < top->nr_classes)
		row(y - 1, dim(), "... and %u more, by %s", top->nr_classes - i + 1, orders[order]);
	return y + 1;
}

static int draw_numbers(const struct top *top, int y)
{
	char rate[NAMES_NUMBER_LEN], p50[NAMES_NUMBER_LEN], p99[NAMES_NUMBER_LEN];
	char max[NAMES_NUMBER_LEN], spark[TOP_SPARK_LEN], n[2][NAMES_NUMBER_LEN], budget[64] = "";
	size_t fit = COLS > 40 ? (size_t)COLS - 1 : 39;

	row(y++, A_NORMAL, "windows  %s/s, p50 %s, p99 %s, max %s",
	    per_second(rate, sizeof(rate), top->windows_per_s),
	    names__duration(p50, sizeof(p50), top->whole.p50, top->utf8),
	    names__duration(p99, sizeof(p99), top->whole.p99, top->utf8),
	    names__duration(max, sizeof(max), top->whole.max, top->utf8));
	if (fit > 9 + TOP_SPARK)
		row(y++, dim(), "         %s", top__spark(top, spark));
	row(y++, top->lost ? bad() : A_NORMAL, "loss     %s of %s records, %s/s",
	    names__count(n[0], NAMES_NUMBER_LEN, top->lost),
	    names__count(n[1], NAMES_NUMBER_LEN, top->seen),
	    per_second(rate, sizeof(rate), top->lost_per_s));
	if (top->budget > 0)
		snprintf(budget, sizeof(budget), ", budget %.2f%%", 100 * top->budget);
	if (top->measured)
		row(y++, top->over ? bad() : A_NORMAL, "cost     %.3f%% of all CPUs%s, %s shed",
		    100 * top->share, budget, COUNTED(top->shed, "probe"));
	else
		row(y++, A_NORMAL, "cost     not measured%s, %s shed", budget,
		    COUNTED(top->shed, "probe"));
	return y;
}

/* Of "11-21 19:00:30"; a narrow terminal has no space for the day. */
static int time_width(void)
{
	return COLS < 100 ? 8 : 14;
}

static void draw_incident(int y, const struct top *top, const struct top_incident *incident,
			  bool selected)
{
	char when[WHEN_LEN], overlap[NAMES_NUMBER_LEN] = "-";
	const char *shown = when__short(when, sizeof(when), incident->wall);
	attr_t look = incident->verdict == THPRACE_ESCAPE ? bad() : A_NORMAL;
	int blanks;

	if (incident->overlap_known)
		names__duration(overlap, sizeof(overlap), incident->overlap, top->utf8);
	blanks = 9 - (int)names__columns(overlap);
	row(y, selected ? look | A_REVERSE : look, "%7" PRIu64 " %-*s %-16s %-12s %*s%s %s < %s",
	    incident->number, time_width(), shown + strlen(shown) - (size_t)time_width(),
	    names__class(incident->class), names__verdict(incident->verdict),
	    blanks > 0 ? blanks : 0, "", overlap, incident->walker, incident->opener);
}

static void draw_incidents(const struct top *top, struct top_view *view, int y)
{
	const struct top_incident *list[TOP_INCIDENTS];
	size_t nr = top__latest(top, view->verdict, list, TOP_INCIDENTS), first = 0, i;
	size_t room = LINES - 2 > y ? (size_t)(LINES - 2 - y) : 1;

	row(y++, A_REVERSE, "%7s %-*s %-16s %-12s %9s %s", "NUMBER", time_width(), "TIME", "CLASS",
	    "VERDICT", "OVERLAP", "WALKER < OPENER");
	if (view->selected >= nr)
		view->selected = nr ? nr - 1 : 0;
	view->selected_number = nr ? list[view->selected]->number : 0;
	if (view->selected >= room)
		first = view->selected - room + 1;
	for (i = first; i < nr && i - first < room; i++)
		draw_incident(y++, top, list[i], i == view->selected);
	if (!nr)
		row(y, A_NORMAL, "no incidents%s%s", view->verdict ? " with the verdict " : "",
		    view->verdict ? names__verdict(view->verdict) : "");
}

void top_screen__draw(const struct top *top, struct top_view *view)
{
	static const char *const orders[] = TOP_ORDER_NAMES;
	int y;

	erase();
	draw_head(top, view);
	y = draw_classes(top, view->order);
	y = draw_numbers(top, y);
	draw_incidents(top, view, y);
	row(LINES - 1, dim(), "q quit  s sort: %s  f filter: %s  space freeze  enter draw",
	    orders[view->order], view->verdict ? names__verdict(view->verdict) : "all");
	refresh();
}

size_t top_screen__text_lines(void)
{
	return LINES > 2 ? (size_t)LINES - 2 : 1;
}

size_t top_screen__text(const char *title, const char *text, size_t first)
{
	size_t nr = 0, length;
	int y = 1;

	erase();
	row(0, A_REVERSE, "%s", title);
	for (; *text; text += length + !!text[length], nr++) {
		length = strcspn(text, "\n");
		if (nr >= first && y < LINES - 1)
			row(y++, A_NORMAL, "%.*s", (int)length, text);
	}
	row(LINES - 1, dim(), "arrows scroll  q back");
	refresh();
	return nr;
}
