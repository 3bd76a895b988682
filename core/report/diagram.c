// SPDX-License-Identifier: GPL-2.0-only
#include "diagram_private.h"

#include <inttypes.h>
#include <string.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include <thprace/verdict.h>
#include "base/names.h"
#include "summary.h"
#include "who.h"
#include "classes/race_class.h"

static const char *verdict_colour(unsigned int verdict)
{
	if (verdict == THPRACE_ESCAPE)
		return RED;
	return verdict == THPRACE_CONTAINED ? GREEN : YELLOW;
}

static uint64_t first_known(const struct thprace_window *window, const struct thprace_walk *walk)
{
	if (window && window->open)
		return window->open;
	if (window && window->flags & THPRACE_WF_RANGE)
		return walk->enter;
	if (window && (window->removed || window->close))
		return window->close ? window->close : window->removed;
	return walk->enter ? walk->enter : walk->leave;
}

static void take_sides(struct diagram *diagram, const struct thprace_incident *incident)
{
	diagram->window = summary__has_window(incident) ? &incident->window : NULL;
	diagram->walk = &incident->walk;
	diagram->stacks[OPENER] = &incident->opener_stack;
	diagram->stacks[WALKER] = &incident->walker_stack;
	diagram->remained = incident->verdict == THPRACE_REMAINED;
	diagram->base = first_known(diagram->window, diagram->walk);
}

static void add_rows(struct diagram *diagram, const struct thprace_incident *incident)
{
	int window = diagram->window != NULL;
	int reuse = race_class__shape(incident->walk.class) == RACE_REUSE;
	int file = race_class__shape(incident->walk.class) == RACE_FILE;

	if (file)
		diagram_rows__file(diagram);
	else if (window && reuse)
		diagram_rows__reuse(diagram);
	else if (reuse)
		diagram_rows__reuse_alone(diagram);
	else if (window && incident->window.level == THPRACE_LEVEL_PTE)
		(incident->window.flags & THPRACE_WF_RANGE ? diagram_rows__range
							   : diagram_rows__removal)(diagram);
	else if (window)
		diagram_rows__pmd_window(diagram, 1);
	if (reuse || file)
		; /* both sides are present */
	else if (incident->type == THPRACE_MSG_CHECK)
		diagram_rows__check(diagram);
	else if (race_class__shape(incident->walk.class) == RACE_SPLIT)
		diagram_rows__split(diagram);
	else
		diagram_rows__walk(diagram, 1);
	diagram_rows__death(diagram);
}

unsigned int diagram__events(const struct summary *summary, const struct thprace_incident *incident,
			     struct diagram_event events[DIAGRAM_EVENTS_MAX], uint64_t *base)
{
	struct diagram diagram = {.summary = summary};
	unsigned int i;

	take_sides(&diagram, incident);
	add_rows(&diagram, incident);
	diagram_page__sort(&diagram);
	for (i = 0; i < diagram.nr; i++) {
		const struct diagram_row *row = &diagram.rows[i];

		events[i] = (struct diagram_event){
			.walker = row->side == WALKER,
			.timed = row->timed,
			.time = row->time,
			.indent = row->indent,
		};
		memcpy(events[i].text, row->text, sizeof(row->text));
	}
	*base = diagram.base;
	return diagram.nr;
}

/* "opener: user 1000, web.service", and the same of the walker. */
static void add_who(struct diagram *diagram)
{
	static const char *const sides[] = {[OPENER] = "opener", [WALKER] = "walker"};
	char text[WHO_TEXT_LEN], line[WHO_TEXT_LEN + 16];
	unsigned int side;
	struct who who;

	for (side = 0; side < sizeof(sides) / sizeof(sides[0]); side++) {
		who__read(&who, diagram->stacks[side],
			  summary__cgroup(diagram->summary, diagram->stacks[side]->cgroup));
		if (!who.known)
			continue;
		snprintf(line, sizeof(line), "%s: %s", sides[side],
			 who__text(text, sizeof(text), &who));
		diagram_page__paragraph(diagram, "", line);
	}
}

void diagram__incident(FILE *out, const struct summary *summary, uint64_t number,
		       const struct thprace_incident *incident,
		       const struct diagram_options *options)
{
	struct diagram diagram = {.out = out, .summary = summary, .options = options};
	char text[DIAGRAM_TEXT_LEN], line[2 * DIAGRAM_TEXT_LEN], length[NAMES_NUMBER_LEN];
	int window = summary__has_window(incident);
	int overlap = summary__overlap_known(incident);
	int reuse = race_class__shape(incident->walk.class) == RACE_REUSE;
	int file = race_class__shape(incident->walk.class) == RACE_FILE;

	diagram.sides[OPENER] = reuse ? "collapser's stack" : "opener's stack";
	diagram.sides[WALKER] = !reuse	 ? "walker's stack"
				: window ? "holder's stack"
					 : "collapser's stack";
	take_sides(&diagram, incident);
	snprintf(line, sizeof(line), "incident %" PRIu64 ": %s, %s%s%s%s%s%s", number,
		 names__class(incident->walk.class),
		 window && !reuse && !file ? names__level(incident->window.level) : "",
		 window && !reuse && !file ? " level, " : "",
		 names__attribution(incident->attribution), incident->attribution ? " " : "",
		 names__verdict(incident->verdict), incident->close_call ? ", close call" : "");
	diagram_page__paragraph(&diagram, BOLD, line);
	names__duration(length, sizeof(length), summary__overlap(incident), options->utf8);
	diagram__proof(text, sizeof(text), incident);
	snprintf(line, sizeof(line), "%s 0x%" PRIx64 "   %s%s%sproof: %s", file ? "key" : "folio",
		 (uint64_t)incident->walk.folio, overlap ? "overlap " : "", overlap ? length : "",
		 overlap ? "   " : "", text);
	diagram_page__paragraph(&diagram, "", line);
	add_who(&diagram);
	add_rows(&diagram, incident);
	diagram_page__rows(&diagram);
	diagram__verdict(text, sizeof(text), incident, options->utf8);
	diagram_page__paragraph(&diagram, verdict_colour(incident->verdict), text);
	fputc('\n', out);
	if (options->stacks)
		diagram_stacks__print(&diagram, incident);
}

void diagram__closest(FILE *out, const struct summary *summary,
		      const struct summary_closest *closest, const struct diagram_options *options)
{
	const struct thprace_window *window = &closest->window;
	const struct thprace_walk *walk = &closest->walk;
	const int file = race_class__shape(walk->class) == RACE_FILE;
	struct diagram diagram = {.out = out, .summary = summary, .options = options};
	int walker_first = window->open && walk->leave && walk->leave <= window->open;
	char line[DIAGRAM_TEXT_LEN], length[NAMES_NUMBER_LEN];

	diagram.window = window;
	diagram.walk = walk;
	diagram.threads = true;
	diagram.base = first_known(window, walk);
	names__duration(length, sizeof(length), closest->distance, options->utf8);
	snprintf(line, sizeof(line), "closest pass: %s, missed each other by %s",
		 names__class(walk->class), length);
	diagram_page__paragraph(&diagram, BOLD, line);
	snprintf(line, sizeof(line), "%s 0x%" PRIx64, file ? "key" : "folio",
		 (uint64_t)(walk->folio ? walk->folio : window->folio));
	diagram_page__paragraph(&diagram, "", line);
	if (file) {
		diagram_rows__file_pass(&diagram);
	} else {
		diagram_rows__pmd_window(&diagram, 0);
		diagram_rows__walk(&diagram, 0);
	}
	diagram_page__rows(&diagram);
	snprintf(line, sizeof(line), "no overlap: the walker %s",
		 walker_first ? file ? "was gone before the window opened"
				     : "had returned before the window opened"
			      : "came after the window had closed");
	diagram_page__paragraph(&diagram, GREEN, line);
	fputc('\n', out);
}
