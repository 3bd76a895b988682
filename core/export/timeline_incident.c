// SPDX-License-Identifier: GPL-2.0-only
/*
 * An incident is drawn as both of its sides, unless records showed them already, and two instants:
 * where the overlap begins in the opener's thread, and the verdict in the walker's. An arrow
 * connects them; each has the stack of its side.
 */
#include "timeline_private.h"

#include <stdio.h>
#include <thprace/verdict.h>
#include "base/names.h"
#include "classes/race_class.h"
#include "report/diagram.h"
#include "report/saved_values.h"
#include "report/stack_names.h"
#include "report/summary.h"

static enum race_shape shape_of(const struct thprace_incident *incident)
{
	return race_class__shape(incident->walk.class);
}

static void add_window(struct event *event, const struct thprace_window *window)
{
	event__address(event, "folio", window->folio);
	if (window->mm)
		event__address(event, "mm", window->mm);
	event__address(event, "address", window->address);
	event__name(event, "level", names__level(window->level));
	if (window->level == THPRACE_LEVEL_PTE)
		event__number(event, "pages", window->pages);
	if (window->left >= 0)
		event__signed(event, "left", window->left);
}

static void draw_window(struct timeline *timeline, struct row *row,
			const struct thprace_window *window)
{
	struct event event = {.name = "window",
			      .category = "window",
			      .begin = window->open,
			      .end = window->close};

	if (!timeline__first(timeline, DRAWN_WINDOW, window->pid, window->open))
		return;
	timeline__phases(&event, window->removed);
	add_window(&event, window);
	if (window->close) {
		timeline__slice(timeline, row, &event, window->cpu);
	} else {
		event.name = "window: end not recorded";
		timeline__instant(timeline, row, &event);
	}
}

/* Of a race from a file. */
static void draw_race_window(struct timeline *timeline, struct row *row,
			     const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	struct event event = {.name = timeline__window(timeline, incident->walk.class),
			      .category = "window",
			      .begin = window->open,
			      .end = window->close};

	if (!timeline__first(timeline, drawn_race(incident->walk.class, RACE_DRAWS_WINDOW),
			     window->pid, window->open))
		return;
	event__address(&event, "folio", window->folio);
	event__name(&event, "class", names__class(incident->walk.class));
	timeline__slice(timeline, row, &event, window->cpu);
}

static void draw_range(struct timeline *timeline, struct row *row,
		       const struct thprace_window *window)
{
	struct event event = {.name = "zap of a range",
			      .category = "window",
			      .begin = window->open,
			      .end = window->close};

	if (!timeline__first(timeline, DRAWN_RANGE, window->pid, window->close))
		return;
	add_window(&event, window);
	timeline__slice(timeline, row, &event, window->cpu);
}

static void draw_removal(struct timeline *timeline, struct row *row,
			 const struct thprace_window *window)
{
	struct event event = {.name = "rmap removal", .category = "window", .begin = window->open};

	if (!timeline__first(timeline, DRAWN_REMOVAL, window->pid, window->open))
		return;
	add_window(&event, window);
	timeline__instant(timeline, row, &event);
}

/* The window of collapse-reuse: a collapse that failed, and the same task's next one. */
static void draw_collapse(struct timeline *timeline, struct row *row,
			  const struct thprace_window *window)
{
	struct event event = {.name = "collapse",
			      .category = "collapse",
			      .begin = window->open,
			      .end = window->removed};

	if (!window->removed ||
	    !timeline__first(timeline, DRAWN_COLLAPSE, window->pid, window->open))
		return;
	event__address(&event, "folio", window->folio);
	event__address(&event, "offset", window->address);
	timeline__slice(timeline, row, &event, window->cpu);
}

static void draw_opener(struct timeline *timeline, struct row *row,
			const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;

	if (shape_of(incident) == RACE_FILE)
		draw_race_window(timeline, row, incident);
	else if (shape_of(incident) == RACE_REUSE)
		draw_collapse(timeline, row, window);
	else if (window->level == THPRACE_LEVEL_PMD)
		draw_window(timeline, row, window);
	else if (window->flags & THPRACE_WF_RANGE)
		draw_range(timeline, row, window);
	else
		draw_removal(timeline, row, window);
}

static void add_walk(struct event *event, const struct thprace_walk *walk)
{
	event__address(event, "folio", walk->folio);
	event__name(event, "class", names__class(walk->class));
	event__name(event, "kind", names__origin(walk->origin));
	event__address(event, "ttu", walk->ttu);
	event__signed(event, "mapcount", walk->residual);
	if (thprace_failed(walk))
		timeline__counts(event, "left_entire", "left_small", walk->left);
}

/* Alone it may be a window, which then was drawn as one. */
static void draw_race_walker(struct timeline *timeline, struct row *row,
			     const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	struct event event = {.name = timeline__walker(timeline, walk->class),
			      .category = "walker",
			      .begin = walk->enter,
			      .end = walk->leave};

	if (!summary__has_window(incident) &&
	    !timeline__first(timeline, drawn_race(walk->class, RACE_DRAWS_WINDOW), walk->pid,
			     walk->enter))
		return;
	if (!timeline__first(timeline, drawn_race(walk->class, RACE_DRAWS_WALKER), walk->pid,
			     walk->enter))
		return;
	event__address(&event, "folio", walk->folio);
	event__name(&event, "class", names__class(walk->class));
	if (walk->enter != walk->leave) {
		timeline__slice(timeline, row, &event, walk->cpu);
		return;
	}
	event__number(&event, "cpu", walk->cpu);
	timeline__instant(timeline, row, &event);
}

static void draw_walker(struct timeline *timeline, struct row *row,
			const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	const enum race_shape shape = shape_of(incident);
	struct event event = {
		.name = timeline__walker(timeline, walk->class),
		.category = "walker",
		.begin = walk->enter,
		.end = walk->leave,
	};
	enum drawn_kind kind = DRAWN_WALKER;

	if (shape == RACE_SPLIT) {
		kind = DRAWN_SPLIT_REST;
		event.name = "split, unmapped";
		event.category = "split";
	} else if (shape == RACE_REUSE && summary__has_window(incident)) {
		kind = DRAWN_HOLD;
		event.name = "wait for a page";
	}
	/* The walker of a check point has no interval, and that of a lone reuse is a collapse. */
	if (incident->type == THPRACE_MSG_CHECK || !walk->leave ||
	    (shape == RACE_REUSE && kind != DRAWN_HOLD) ||
	    !timeline__first(timeline, kind, walk->pid, walk->enter))
		return;
	add_walk(&event, walk);
	timeline__slice(timeline, row, &event, kind == DRAWN_HOLD ? NO_CPU : walk->cpu);
}

/* When the walker returned, or the latest time that is known. */
static uint64_t verdict_time(const struct timeline *timeline,
			     const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;

	if (walk->leave)
		return walk->leave;
	if (window->close > walk->enter)
		return window->close; /* the holder waits */
	return walk->enter ? walk->enter : timeline->summary->header.started;
}

/* When both sides are under way, in the window if its times are known. */
static uint64_t meeting(const struct timeline *timeline, const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	uint64_t at = incident->walk.enter, last = verdict_time(timeline, incident);

	if (at < window->open)
		at = window->open;
	if (window->close && at > window->close)
		at = window->close;
	return at && at < last ? at : last;
}

static void draw_meeting(struct timeline *timeline, struct row *row,
			 const struct thprace_incident *incident)
{
	struct thprace_stack stack =
		stack_names__kernel(timeline->summary, &incident->opener_stack);
	char saved[SAVED_VALUES_LEN];
	struct event event = {
		.name = "overlap",
		.category = "incident",
		.begin = meeting(timeline, incident),
		.flow = timeline->incidents,
		.flow_at = meeting(timeline, incident),
	};

	event__number(&event, "incident", timeline->incidents);
	event__name(&event, "class", names__class(incident->walk.class));
	event__text(&event, "walker", incident->walk.comm);
	event__number(&event, "walker_pid", incident->walk.pid);
	if (*saved_values__text(saved, sizeof(saved), incident->walk.class,
				&incident->opener_stack))
		event__text(&event, "saved", saved);
	if (stack.nr)
		event__arg(&event, "stack", VALUE_STACK)->stack = &stack;
	timeline__instant(timeline, row, &event);
}

static void add_verdict(struct event *event, const struct thprace_incident *incident)
{
	event__name(event, "class", names__class(incident->walk.class));
	event__name(event, "verdict", names__verdict(incident->verdict));
	if (incident->attribution)
		event__name(event, "attribution", names__attribution(incident->attribution));
	event__name(event, "said", names__verdict(incident->first_verdict));
	event__name(event, "mode", names__mode(incident->mode));
	if (incident->close_call)
		event__name(event, "close_call", "yes");
	if (summary__overlap_known(incident))
		event__number(event, "overlap_ns", summary__overlap(incident));
	event__address(event, "folio", incident->walk.folio);
	event__name(event, "kind", names__origin(incident->walk.origin));
	event__signed(event, "mapcount", incident->walk.residual);
	if (incident->walk.flags & THPRACE_KF_RESULT)
		event__signed(event, "split_result", incident->walk.result);
	if (incident->walk.outer_at)
		timeline__counts(event, "outer_entire", "outer_small", incident->walk.outer);
}

static void draw_verdict(struct timeline *timeline, struct row *row,
			 const struct thprace_incident *incident)
{
	struct thprace_stack stack =
		stack_names__kernel(timeline->summary, &incident->walker_stack);
	const struct thprace_walk *walk = &incident->walk;
	bool window = summary__has_window(incident);
	char words[DIAGRAM_TEXT_LEN], proof[DIAGRAM_TEXT_LEN], saved[SAVED_VALUES_LEN];
	struct event event = {
		.name = names__verdict(incident->verdict),
		.category = "incident",
		.begin = verdict_time(timeline, incident),
		.flow = window ? timeline->incidents : 0,
		.flow_ends = true,
		.flow_at = verdict_time(timeline, incident),
	};

	/* A slice does not contain its end. */
	if (event.begin > meeting(timeline, incident))
		event.flow_at--;
	event__number(&event, "incident", timeline->incidents);
	add_verdict(&event, incident);
	event__text(&event, "words", diagram__verdict(words, sizeof(words), incident, 1));
	event__text(&event, "proof", diagram__proof(proof, sizeof(proof), incident));
	if (window)
		event__text(&event, "opener", incident->window.comm);
	if (window)
		event__number(&event, "opener_pid", incident->window.pid);
	if (*saved_values__text(saved, sizeof(saved), walk->class, &incident->walker_stack))
		event__text(&event, "saved", saved);
	event__number(&event, "cpu", walk->cpu);
	if (stack.nr)
		event__arg(&event, "stack", VALUE_STACK)->stack = &stack;
	timeline__instant(timeline, row, &event);
}

void timeline__incident(struct timeline *timeline, const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	struct row *row;

	timeline->incidents++;
	/* The opener's side first: its arrow begins there. */
	if (summary__has_window(incident)) {
		row = timeline__thread(timeline, window->tgid, window->pid, window->comm);
		if (!row)
			return;
		draw_opener(timeline, row, incident);
		draw_meeting(timeline, row, incident);
	}
	row = timeline__thread(timeline, walk->tgid, walk->pid, walk->comm);
	if (!row)
		return;
	(shape_of(incident) == RACE_FILE ? draw_race_walker : draw_walker)(timeline, row, incident);
	draw_verdict(timeline, row, incident);
}
