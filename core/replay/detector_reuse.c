// SPDX-License-Identifier: GPL-2.0-only
/*
 * The detector's collapse-reuse: collapses, revoked pages, holders.
 *
 * A window is a collapse that failed and left a huge page behind, from its start to the start of
 * its task's next call. Everything on which its verdicts are based has happened when it closes: it
 * is paired with its holders then, and settled later, like walkers.
 */
#include <errno.h>
#include <stdlib.h>
#include "detector_private.h"
#include "classes/race_class.h"

#define PAGE_BITS 12

struct hold {
	struct hold *next; /* in order of their start */
	struct thprace_walk walk; /* leave 0: it is waiting */
	unsigned int pairs; /* windows that are not settled */
	bool reported; /* in an incident */
	bool orphan; /* its return was lost: leave is the leave of its task's next hold */
};

/* A task that collapses. */
struct collapser {
	struct collapser *next;
	uint32_t pid;
	uint64_t enter; /* of the call under way, 0: none */
	uint64_t serial;
	uint64_t offset; /* in bytes */
	bool given_up; /* holders of its time may be forgotten */
	bool open; /* the window below is */
	struct thprace_window window;
	bool doubtful;
};

struct pair {
	struct pair *next;
	struct hold *hold;
};

struct closed {
	struct closed *next; /* in order of closing */
	struct thprace_window window;
	struct pair *pairs; /* in order of their start */
	bool doubtful;
};

struct detector_reuse {
	struct hold *holds;
	struct hold **last_hold;
	struct hash_map waiting; /* pid → hold */
	struct collapser *collapsers; /* khugepaged, and rarely others */
	struct closed *closed;
	struct closed **last_closed;
};

static struct detector_reuse *reuse_of(struct detector *detector)
{
	struct detector_reuse *reuse = detector->reuse;

	if (reuse)
		return reuse;
	reuse = calloc(1, sizeof(*reuse));
	if (!reuse)
		return NULL;
	reuse->last_hold = &reuse->holds;
	reuse->last_closed = &reuse->closed;
	detector->reuse = reuse;
	return reuse;
}

static struct detector_class *counts(struct detector *detector)
{
	return &detector->stats.class[race_class__with(RACE_REUSE)];
}

/* May a window that is open, or one that opens if a call under way fails, still overlap it? */
static bool is_wanted(const struct detector_reuse *reuse, const struct hold *hold)
{
	const struct collapser *collapser;

	if (!hold->walk.leave || hold->pairs)
		return true;
	for (collapser = reuse->collapsers; collapser; collapser = collapser->next) {
		if (collapser->open && collapser->window.folio == hold->walk.folio &&
		    collapser->window.open <= hold->walk.leave)
			return true;
		if (collapser->enter && !collapser->given_up &&
		    collapser->enter <= hold->walk.leave)
			return true;
	}
	return false;
}

static void count_hold(struct detector *detector, const struct hold *hold)
{
	if (!hold->walk.leave || hold->orphan)
		return;
	counts(detector)->walkers++;
	if (hold->reported)
		return;
	if (detector_loss__touches(&detector->loss, hold->walk.enter, hold->walk.leave))
		counts(detector)->unproven++;
	else
		counts(detector)->clean++;
}

static void drop_holds(struct detector *detector, bool all)
{
	struct detector_reuse *reuse = detector->reuse;
	struct hold *hold, **link = &reuse->holds;

	while ((hold = *link)) {
		if (!all && is_wanted(reuse, hold)) {
			link = &hold->next;
			continue;
		}
		count_hold(detector, hold);
		*link = hold->next;
		free(hold);
	}
	reuse->last_hold = link;
}

static struct collapser *collapser_of(struct detector_reuse *reuse, uint32_t pid)
{
	struct collapser *collapser;

	for (collapser = reuse->collapsers; collapser; collapser = collapser->next)
		if (collapser->pid == pid)
			return collapser;
	collapser = calloc(1, sizeof(*collapser));
	if (!collapser)
		return NULL;
	collapser->pid = pid;
	collapser->next = reuse->collapsers;
	reuse->collapsers = collapser;
	return collapser;
}

static void forget_collapser(struct detector_reuse *reuse, struct collapser *gone)
{
	struct collapser **link = &reuse->collapsers;

	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	free(gone);
}

static int add_pairs(struct detector_reuse *reuse, struct closed *closed)
{
	const struct thprace_window *window = &closed->window;
	struct pair **last = &closed->pairs;
	struct hold *hold;

	for (hold = reuse->holds; hold; hold = hold->next) {
		const struct thprace_walk *walk = &hold->walk;

		if (walk->folio != window->folio || walk->pid == window->pid ||
		    thprace_meets(window->open, window->close, walk->enter,
				  walk->leave ? walk->leave : THPRACE_FOREVER) != THPRACE_OVERLAP)
			continue;
		*last = calloc(1, sizeof(**last));
		if (!*last)
			return -ENOMEM;
		(*last)->hold = hold;
		hold->pairs++;
		last = &(*last)->next;
	}
	return 0;
}

/*
 * The collapser was called again: the page that it gets now shows what happened to the previous
 * one.
 */
static int close_window(struct detector_reuse *reuse, struct collapser *collapser,
			const struct thprace_record *record)
{
	struct closed *closed = calloc(1, sizeof(*closed));
	struct thprace_window *window;

	if (!closed)
		return -ENOMEM;
	*reuse->last_closed = closed;
	reuse->last_closed = &closed->next;
	closed->window = collapser->window;
	closed->doubtful = collapser->doubtful;
	window = &closed->window;
	window->close = record->ts;
	window->cpu = record->cpu;
	window->flags = THPRACE_WF_SETTLED;
	if (record->folio && record->folio == window->folio) {
		window->flags |= THPRACE_WF_REUSED;
		window->mm = record->arg2 << PAGE_BITS;
		window->pages = record->value > 0 ? (uint32_t)record->value : 0;
		if (record->flags & THPRACE_RF_ELSEWHERE)
			window->flags |= THPRACE_WF_ELSEWHERE;
		if (record->flags & THPRACE_RF_LOCKED)
			window->flags |= THPRACE_WF_LOCKED;
	}
	return add_pairs(reuse, closed);
}

static int collapse_enter(struct detector *detector, const struct thprace_record *record)
{
	struct detector_reuse *reuse = detector->reuse;
	struct collapser *collapser = collapser_of(reuse, record->pid);
	int err = 0;

	if (!collapser)
		return -ENOMEM;
	/* A call that never returned shows nothing about the page before it. */
	if (collapser->open && !collapser->enter)
		err = close_window(reuse, collapser, record);
	collapser->open = false;
	collapser->enter = record->ts;
	collapser->serial = detector->serial;
	collapser->offset = record->arg2 << PAGE_BITS;
	collapser->given_up = false;
	drop_holds(detector, false);
	return err;
}

static void collapse_return(struct detector *detector, const struct thprace_record *record)
{
	struct detector_reuse *reuse = detector->reuse;
	struct collapser *collapser = collapser_of(reuse, record->pid);

	if (!collapser)
		return;
	if (collapser->enter == record->entry && record->flags & THPRACE_RF_FAILED &&
	    record->folio) {
		collapser->window = (struct thprace_window){
			.open = collapser->enter,
			.removed = record->ts,
			.folio = record->folio,
			.address = collapser->offset,
			.pid = record->pid,
			.tgid = record->tgid,
		};
		collapser->doubtful = collapser->given_up;
		collapser->open = true;
		collapser->enter = 0;
	} else {
		forget_collapser(reuse, collapser);
	}
	drop_holds(detector, false);
}

static int hold_enter(struct detector_reuse *reuse, const struct thprace_record *record)
{
	struct hold *before = hash_map__get(&reuse->waiting, record->pid);
	struct hold *hold = calloc(1, sizeof(*hold));

	if (!hold)
		return -ENOMEM;
	if (before) {
		before->walk.leave = record->ts;
		before->orphan = true;
	}
	hold->walk = (struct thprace_walk){
		.enter = record->ts,
		.folio = record->folio,
		.pid = record->pid,
		.tgid = record->tgid,
		.cpu = record->cpu,
		.class = record->class,
		.origin = record->origin,
	};
	*reuse->last_hold = hold;
	reuse->last_hold = &hold->next;
	return hash_map__set(&reuse->waiting, record->pid, hold);
}

static void hold_return(struct detector *detector, const struct thprace_record *record)
{
	struct detector_reuse *reuse = detector->reuse;
	struct hold *hold = hash_map__get(&reuse->waiting, record->pid);

	if (!hold || hold->walk.enter != record->entry)
		return;
	hold->walk.leave = record->ts;
	hash_map__remove(&reuse->waiting, record->pid);
	drop_holds(detector, false);
}

int detector_reuse__record(struct detector *detector, const struct thprace_record *record)
{
	struct detector_reuse *reuse = reuse_of(detector);

	if (!reuse)
		return -ENOMEM;
	switch (record->type) {
	case THPRACE_REC_COLLAPSE_ENTER:
		return collapse_enter(detector, record);
	case THPRACE_REC_COLLAPSE_RETURN:
		collapse_return(detector, record);
		return 0;
	case THPRACE_REC_HOLD_ENTER:
		return hold_enter(reuse, record);
	default:
		hold_return(detector, record);
		return 0;
	}
}

static void emit(struct detector *detector, struct thprace_incident *incident, uint64_t from,
		 uint64_t to, bool doubtful)
{
	struct detector_class *class = counts(detector);

	incident->type = THPRACE_MSG_INCIDENT;
	incident->mode = (uint8_t)detector->options.mode;
	if (doubtful || detector_loss__touches(&detector->loss, from, to))
		incident->verdict = THPRACE_UNPROVEN;
	incident->first_verdict = incident->verdict;
	if (incident->verdict == THPRACE_ESCAPE)
		incident->attribution = THPRACE_EXACT;
	class->overlaps += incident->window.pid != 0;
	if (incident->verdict == THPRACE_CONTAINED)
		class->contained++;
	else if (incident->verdict == THPRACE_ESCAPE)
		class->escapes++;
	else if (incident->verdict == THPRACE_UNATTRIBUTED)
		class->unattributed++;
	else
		class->unproven++;
	if (detector->options.incident)
		detector->options.incident(detector->options.ctx, incident);
}

static enum thprace_verdict settle_pair(struct detector *detector, const struct closed *closed,
					struct hold *hold)
{
	const struct thprace_window *window = &closed->window;
	struct thprace_incident incident = {.window = *window, .walk = hold->walk};
	uint64_t from = hold->walk.enter < window->open ? hold->walk.enter : window->open;
	enum thprace_verdict verdict;

	verdict = thprace_judge_reuse(!!(window->flags & THPRACE_WF_REUSED),
				      !!(window->flags & THPRACE_WF_ELSEWHERE),
				      !!(window->flags & THPRACE_WF_LOCKED), (int32_t)window->pages,
				      window->close, hold->walk.leave);
	if (verdict == THPRACE_CLEAN)
		return verdict;
	hold->reported = true;
	incident.verdict = (uint8_t)verdict;
	incident.walk.residual = (int32_t)window->pages;
	emit(detector, &incident, from, window->close, closed->doubtful);
	return verdict;
}

/* A reuse with references that no holder explains: the collapser alone. */
static void settle_alone(struct detector *detector, const struct closed *closed)
{
	const struct thprace_window *window = &closed->window;
	struct thprace_incident incident = {
		.walk = {.enter = window->open,
			 .leave = window->close,
			 .folio = window->folio,
			 .pid = window->pid,
			 .tgid = window->tgid,
			 .residual = (int32_t)window->pages,
			 .cpu = window->cpu,
			 .class = (uint8_t)race_class__with(RACE_REUSE)},
	};
	enum thprace_verdict verdict;

	verdict = thprace_judge_alone(!!(window->flags & THPRACE_WF_REUSED),
				      !!(window->flags & THPRACE_WF_ELSEWHERE),
				      (int32_t)window->pages);
	if (verdict == THPRACE_CLEAN)
		return;
	incident.verdict = (uint8_t)verdict;
	emit(detector, &incident, window->open, window->close, closed->doubtful);
}

static void settle_first(struct detector *detector)
{
	struct detector_reuse *reuse = detector->reuse;
	struct closed *closed = reuse->closed;
	struct pair *pair;
	bool escaped = false;

	while ((pair = closed->pairs)) {
		escaped |= settle_pair(detector, closed, pair->hold) == THPRACE_ESCAPE;
		pair->hold->pairs--;
		closed->pairs = pair->next;
		free(pair);
	}
	if (!escaped)
		settle_alone(detector, closed);
	if (closed->window.close > detector->settled)
		detector->settled = closed->window.close;
	reuse->closed = closed->next;
	if (!reuse->closed)
		reuse->last_closed = &reuse->closed;
	free(closed);
}

/* Its time is over, and its holders have returned, which an incident shows. */
static bool is_ready(const struct detector *detector, const struct closed *closed)
{
	const struct pair *pair;

	if (detector__after(closed->window.close, detector->settle) >= detector->now)
		return false;
	if (detector__after(closed->window.close, detector->give_up) < detector->now)
		return true;
	for (pair = closed->pairs; pair; pair = pair->next)
		if (!pair->hold->walk.leave)
			return false;
	return true;
}

/* Holders are not kept forever for a call whose return may be lost. */
static void give_up(struct detector *detector)
{
	struct collapser *collapser;

	for (collapser = detector->reuse->collapsers; collapser; collapser = collapser->next)
		if (collapser->enter &&
		    detector->now > detector__after(collapser->enter, detector->give_up) &&
		    detector->serial - collapser->serial >= DETECTOR_GIVE_UP_RECORDS)
			collapser->given_up = true;
}

void detector_reuse__ready(struct detector *detector)
{
	struct detector_reuse *reuse = detector->reuse;
	bool settled = false;

	if (!reuse)
		return;
	give_up(detector);
	while (reuse->closed && is_ready(detector, reuse->closed)) {
		settle_first(detector);
		settled = true;
	}
	if (settled)
		drop_holds(detector, false);
}

void detector_reuse__all(struct detector *detector)
{
	struct detector_reuse *reuse = detector->reuse;

	if (!reuse)
		return;
	while (reuse->closed)
		settle_first(detector);
	drop_holds(detector, true);
}

void detector_reuse__free(struct detector *detector)
{
	struct detector_reuse *reuse = detector->reuse;
	struct collapser *collapser;
	struct closed *closed;
	struct hold *hold;
	struct pair *pair;

	if (!reuse)
		return;
	while ((closed = reuse->closed)) {
		reuse->closed = closed->next;
		while ((pair = closed->pairs)) {
			closed->pairs = pair->next;
			free(pair);
		}
		free(closed);
	}
	while ((hold = reuse->holds)) {
		reuse->holds = hold->next;
		free(hold);
	}
	while ((collapser = reuse->collapsers)) {
		reuse->collapsers = collapser->next;
		free(collapser);
	}
	hash_map__free(&reuse->waiting);
	free(reuse);
	detector->reuse = NULL;
}
