// SPDX-License-Identifier: GPL-2.0-only
#include "top_screen.h"

#include <curses.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/names.h"
#include "report/summary.h"
#include "when.h"

#define PAIR_BAD 1
#define PAIR_DIM 2
#define ROW_CLASSES 2
#define NAME_WIDTH 16
#define CLASS_WIDTH 61 /* of a class's row without its sparkline */
#define PAIRS_LEAST 3
#define PAIRS_TALL 8 /* on a terminal with more lines */
#define INCIDENTS_LEAST 4
/* Rows that are always there: two at the top, three heads, windows, loss, cost, keys. */
#define ROWS_FIXED 9
#define LABEL 9
#define PASS_LEN (NAMES_NUMBER_LEN + 16)

static bool coloured;

bool top_screen__begin(bool colour)
{
	/* Not initscr(): that ends the program if something is wrong. */
	if (!newterm(NULL, stdout, stdin))
		return false;
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	curs_set(0);
	set_escdelay(25);
	coloured = colour && has_colors();
	if (!coloured)
		return true;
	start_color();
	use_default_colors();
	init_pair(PAIR_BAD, COLOR_RED, -1);
	init_pair(PAIR_DIM, COLOR_CYAN, -1);
	return true;
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

/* One row. What is cut off at the right edge ends with a mark, so that no figure is misread. */
__attribute__((format(printf, 3, 4))) static void row(int y, attr_t look, const char *format, ...)
{
	char text[1024];
	va_list args;
	int shown;

	if (y < 0 || y >= LINES)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	shown = fitting(text, COLS);
	attrset(look);
	mvaddnstr(y, 0, text, shown);
	if (text[shown])
		mvaddch(y, COLS - 1, '>');
	attrset(A_NORMAL);
}

/* A table's head, over the whole width. */
__attribute__((format(printf, 2, 3))) static void head(int y, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	row(y, A_REVERSE, "%-*s", COLS < 200 ? COLS : 200, text);
}

/* Blanks before a text that has UTF-8, to put its end at this column. */
static int blanks(const char *text, int width)
{
	int columns = (int)names__columns(text);

	return columns < width ? width - columns : 0;
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

/* pass: ns; 0: none, and the text is empty. */
static const char *closest_pass(char buf[PASS_LEN], uint64_t pass, int utf8)
{
	char duration[NAMES_NUMBER_LEN];

	snprintf(buf, PASS_LEN, "%s%s", pass ? ", closest pass " : "",
		 pass ? names__duration(duration, sizeof(duration), pass, utf8) : "");
	return buf;
}

static void draw_head(const struct top *top, const struct top_view *view)
{
	const struct top_sample *now = &top->now;
	char up[48], escapes[NAMES_COUNTED_LEN], closest[PASS_LEN];

	row(0, A_BOLD, "%s%s on %s, %s mode, %s %s%s", now->version[0] ? "thpraced " : "thprace",
	    now->version, now->kernel, now->mode, now->version[0] ? "up" : "for",
	    span(up, sizeof(up), now->now > now->started ? now->now - now->started : 0),
	    view->frozen ? "   FROZEN" : "");
	names__counted(escapes, sizeof(escapes), now->escapes, "escape");
	closest_pass(closest, now->closest, top->utf8);
	if (view->trouble[0])
		row(1, bad(), "no new numbers for %s: %s",
		    span(up, sizeof(up), clock__now() - view->trouble_since), view->trouble);
	else if (now->escapes)
		row(1, bad(), "%s, %" PRIu64 " proved%s", escapes, now->escapes - now->likely,
		    closest);
	else
		row(1, A_NORMAL, "no escapes%s", closest);
}

/* Columns for a sparkline after this many. */
static unsigned int spark_columns(int after)
{
	return COLS > after ? (unsigned int)(COLS - after) : 0;
}

static void draw_class(int y, const struct top *top, unsigned int i)
{
	const struct top_class *class = &top->now.classes[i];
	char walkers[NAMES_NUMBER_LEN], overlaps[NAMES_NUMBER_LEN], n[3][NAMES_NUMBER_LEN];
	char spark[TOP_SPARK_LEN];

	if (!class->observable) {
		row(y, dim(), "%-*s %s%s", NAME_WIDTH, class->name, names__blindness(class->reason),
		    class->reason);
		return;
	}
	row(y, class->escapes ? bad() : A_NORMAL, "%-*s %10s %10s %8s %6s %5s %s", NAME_WIDTH,
	    class->name, per_second(walkers, sizeof(walkers), top->walkers_per_s[i]),
	    per_second(overlaps, sizeof(overlaps), top->overlaps_per_s[i]),
	    names__count(n[0], NAMES_NUMBER_LEN, class->overlaps),
	    names__count(n[1], NAMES_NUMBER_LEN, class->escapes),
	    names__count(n[2], NAMES_NUMBER_LEN, class->others),
	    top__spark(&top->walkers[i], spark_columns(CLASS_WIDTH), top->utf8, spark));
}

/* Rows for classes and for windows of races from files. */
static int class_room(void)
{
	return LINES - ROWS_FIXED - PAIRS_LEAST - INCIDENTS_LEAST;
}

/* Returns the row after them. */
static int draw_classes(const struct top *top, enum top_order order)
{
	static const char *const orders[] = TOP_ORDER_NAMES;
	int room = class_room(), y = ROW_CLASSES;
	unsigned int list[THPRACE_CLASS_MAX], i;

	head(y++, "%-*s %10s %10s %8s %6s %5s WALKERS OVER TIME", NAME_WIDTH, "CLASS", "WALKERS/s",
	     "OVERLAPS/s", "OVERLAPS", "ESCAPE", "OTHER");
	top__order(top, order, list);
	for (i = 0; i < top->now.nr_classes && (int)i < room; i++)
		draw_class(y++, top, list[i]);
	if (i && i < top->now.nr_classes)
		row(y - 1, dim(), "... and %u more, by %s", top->now.nr_classes - i + 1,
		    orders[order]);
	return y;
}

static void windows_text(char *text, size_t size, const char *name, double windows_per_s,
			 const struct top_phase *lengths, int utf8)
{
	char rate[NAMES_NUMBER_LEN], p50[NAMES_NUMBER_LEN], p99[NAMES_NUMBER_LEN];
	char max[NAMES_NUMBER_LEN];

	snprintf(text, size, "%-*s%s/s, p50 %s, p99 %s, max %s", LABEL, name,
		 per_second(rate, sizeof(rate), windows_per_s),
		 names__duration(p50, sizeof(p50), lengths->p50, utf8),
		 names__duration(p99, sizeof(p99), lengths->p99, utf8),
		 names__duration(max, sizeof(max), lengths->max, utf8));
}

/* Of races from files, as far as there is room. Returns the row after them. */
static int draw_race_windows(const struct top *top, int y)
{
	int room = class_room() - (int)top->now.nr_classes;
	const struct top_class *class;
	char text[200], name[40], closest[PASS_LEN];
	unsigned int i;

	for (i = 0; i < top->now.nr_classes; i++) {
		class = &top->now.classes[i];
		if (!class->measured || !class->observable || room-- <= 0)
			continue;
		snprintf(name, sizeof(name), "  %s: ", class->name);
		windows_text(text, sizeof(text), name, top->race_windows_per_s[i], &class->lengths,
			     top->utf8);
		row(y++, A_NORMAL, "%s%s", text, closest_pass(closest, class->closest, top->utf8));
	}
	return y;
}

static int draw_windows(const struct top *top, int y)
{
	const struct top_phase *whole = &top->now.phases[THPRACE_PHASE_WHOLE];
	char spark[TOP_SPARK_LEN], text[200];

	windows_text(text, sizeof(text), "windows", top->windows_per_s, whole, top->utf8);
	row(y, A_NORMAL, "%s  %s", text,
	    top__spark(&top->windows, spark_columns((int)names__columns(text) + 2), top->utf8,
		       spark));
	return y + 1;
}

static int draw_cost(const struct top *top, int y)
{
	const struct top_sample *now = &top->now;
	char share[64], budget[64] = "no budget", memory[48] = "";

	snprintf(share, sizeof(share), "not measured");
	if (now->measured)
		snprintf(share, sizeof(share), "%.3f%% of all CPUs", 100 * now->share);
	if (now->budget > 0)
		snprintf(budget, sizeof(budget), "budget %.2f%%", 100 * now->budget);
	if (now->rss)
		snprintf(memory, sizeof(memory), ", %.1f MiB", (double)now->rss / (1 << 20));
	row(y, now->over ? bad() : A_NORMAL, "cost     %s, %s%s, %s shed; process %.1f%%%s", share,
	    budget, now->over ? " EXCEEDED" : "", COUNTED(now->shed, "probe"), 100 * top->cpu_share,
	    memory);
	return y + 1;
}

static int draw_numbers(const struct top *top, int y)
{
	char rate[NAMES_NUMBER_LEN], n[2][NAMES_NUMBER_LEN];

	y = draw_race_windows(top, draw_windows(top, y));
	row(y++, top->now.lost ? bad() : A_NORMAL, "loss     %s of %s records, %s/s",
	    names__count(n[0], NAMES_NUMBER_LEN, top->now.lost),
	    names__count(n[1], NAMES_NUMBER_LEN, top->now.seen),
	    per_second(rate, sizeof(rate), top->lost_per_s));
	return draw_cost(top, y);
}

static void draw_pair(int y, const struct top *top, const struct incident_group *group)
{
	char count[NAMES_NUMBER_LEN], closest[NAMES_NUMBER_LEN] = "-";
	char name[INCIDENT_GROUP_NAME_LEN];

	if (group->has_closest)
		names__duration(closest, sizeof(closest), group->closest, top->utf8);
	row(y, group->verdict == THPRACE_ESCAPE ? bad() : A_NORMAL, "%7s %-16s %-12s %*s%s  %s",
	    names__count(count, sizeof(count), group->count), names__class(group->class),
	    names__verdict(group->verdict), blanks(closest, 9), "", closest,
	    incident_groups__name(name, sizeof(name), group, top->utf8));
}

static int draw_pairs(const struct top *top, const struct top_view *view, int y)
{
	const struct incident_group *list[TOP_PAIRS];
	size_t room = LINES > 40 ? PAIRS_TALL : PAIRS_LEAST, nr, i;

	head(y++, "%7s %-16s %-12s %9s  %s", "TIMES", "CLASS", "VERDICT", "CLOSEST",
	     "HOTTEST PAIRS: OPENER, WALKER");
	nr = top__pairs(top, view->verdict, list, room);
	for (i = 0; i < nr; i++)
		draw_pair(y++, top, list[i]);
	return y;
}

/* Of "11-21 19:00:30"; a narrow terminal has no space for the day. */
static int time_width(void)
{
	return COLS < 100 ? 8 : 14;
}

static void draw_incident(int y, const struct top *top, const struct top_incident *shown,
			  bool selected)
{
	const struct thprace_incident *incident = &shown->incident;
	char buf[WHEN_LEN], overlap[NAMES_NUMBER_LEN] = "-";
	char opener[TOP_TASK_LEN], walker[TOP_TASK_LEN];
	const char *when = when__short(buf, sizeof(buf), shown->wall);
	attr_t look = incident->verdict == THPRACE_ESCAPE ? bad() : A_NORMAL;

	if (summary__overlap_known(incident))
		names__duration(overlap, sizeof(overlap), summary__overlap(incident), top->utf8);
	row(y, selected ? look | A_REVERSE : look, "%7" PRIu64 " %-*s %-16s %-12s %*s%s  %s, %s",
	    shown->number, time_width(), when + strlen(when) - (size_t)time_width(),
	    names__class(incident->walk.class), names__verdict(incident->verdict),
	    blanks(overlap, 9), "", overlap,
	    top__task(opener, incident->window.comm, sizeof(incident->window.comm),
		      incident->window.pid, top->utf8),
	    top__task(walker, incident->walk.comm, sizeof(incident->walk.comm), incident->walk.pid,
		      top->utf8));
}

/* Keep what is selected, unless that is the latest: then the latest stays selected. */
static void select_again(struct top_view *view, const struct top_incident **list, size_t nr)
{
	size_t i;

	for (i = 0; view->selected && i < nr; i++) {
		if (list[i]->number == view->selected_number)
			view->selected = i;
	}
	if (view->selected >= nr)
		view->selected = nr ? nr - 1 : 0;
	view->selected_number = nr ? list[view->selected]->number : 0;
}

static void draw_incidents(const struct top *top, struct top_view *view, int y)
{
	static const struct top_incident *list[TOP_INCIDENTS];
	size_t nr = top__latest(top, view->verdict, list, TOP_INCIDENTS), first = 0, i;
	uint64_t unlisted = top->now.only_counted + top->missed;
	char count[NAMES_NUMBER_LEN], left_out[64] = "";
	int room;

	if (unlisted)
		snprintf(left_out, sizeof(left_out), " (%s not listed)",
			 names__count(count, sizeof(count), unlisted));
	head(y++, "%7s %-*s %-16s %-12s %9s  OPENER, WALKER%s", "NUMBER", time_width(), "TIME",
	     "CLASS", "VERDICT", "OVERLAP", left_out);
	room = LINES - 1 > y ? LINES - 1 - y : 1;
	select_again(view, list, nr);
	if (view->selected >= (size_t)room)
		first = view->selected - (size_t)room + 1;
	for (i = first; i < nr && i - first < (size_t)room; i++)
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
	y = draw_pairs(top, view, y);
	draw_incidents(top, view, y);
	row(LINES - 1, dim(), "q quit  ? help  s sort: %s  f filter: %s  space freeze  enter draw",
	    orders[view->order], view->verdict ? names__verdict(view->verdict) : "all");
	refresh();
}

size_t top_screen__text_lines(void)
{
	return LINES > 2 ? (size_t)LINES - 2 : 1;
}

int top_screen__columns(void)
{
	return COLS;
}

size_t top_screen__text(const char *title, const char *text, size_t first)
{
	size_t nr = 0, length;
	int y = 1;

	erase();
	head(0, "%s", title);
	for (; *text; text += length + !!text[length], nr++) {
		length = strcspn(text, "\n");
		if (nr >= first && y < LINES - 1)
			row(y++, A_NORMAL, "%.*s", (int)length, text);
	}
	row(LINES - 1, dim(), "up and down scroll  q back");
	refresh();
	return nr;
}
