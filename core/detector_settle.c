// SPDX-License-Identifier: GPL-2.0-only
/*
 * The detector's verdicts.
 *
 * When a walker is settled. Its pairs are final when no window that opened in its time is open any
 * more; a PTE-level removal can explain it for THPRACE_ATTRIBUTION_NS after its return. And it waits
 * two watermarks more, counted from the last end that its results speak of, for losses: a LOST
 * record is written when the loss is noticed. One that reaches back behind what was given out is
 * counted in late_loss, since it cannot withdraw that.
 */
#include <stdlib.h>
#include "detector_private.h"

void detector_walker__free(struct detector_walker *walker)
{
	struct detector_pair *pair, *next;

	for (pair = walker->pairs; pair; pair = next) {
		next = pair->next;
		free(pair);
	}
	free(walker);
}

static void emit(struct detector *detector, const struct detector_walker *walker,
		 const struct thprace_window *window, enum thprace_verdict verdict,
		 uint8_t close_call)
{
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT,
		.verdict = (uint8_t)verdict,
		.said = (uint8_t)verdict,
		.close_call = close_call,
		.mode = (uint8_t)detector->options.mode,
		.walk = walker->walk,
	};

	if (window)
		incident.window = *window;
	if (detector->options.incident)
		detector->options.incident(detector->options.ctx, &incident);
}

/* Counts a pair and gives it out. */
static void give(struct detector *detector, const struct detector_walker *walker,
		 const struct thprace_window *window, enum thprace_verdict verdict,
		 uint8_t close_call)
{
	struct detector_class *class = &detector->stats.class[walker->walk.class];

	class->overlaps++;
	if (verdict == THPRACE_CONTAINED)
		class->contained++;
	else if (verdict == THPRACE_ESCAPE)
		class->escapes++;
	else
		class->unproven++;
	detector->stats.close_calls += close_call;
	emit(detector, walker, window, verdict, close_call);
}

static enum thprace_verdict settle_pair(struct detector *detector,
					const struct detector_walker *walker,
					const struct detector_pair *pair)
{
	const struct thprace_window *window = &pair->window;
	const struct thprace_walk *walk = &walker->walk;
	uint64_t from = window->open < walk->enter ? window->open : walk->enter;
	uint64_t to = window->close ? window->close : THPRACE_FOREVER;
	enum thprace_verdict verdict;
	uint8_t close_call = 0;

	if (to < walk->leave)
		to = walk->leave;
	if (walker->sort == DETECTOR_HEAD)
		verdict = thprace_judge_head(window->close, walk->leave, walk->result);
	else
		verdict = thprace_judge(
			window->removed, window->close, walk->enter, walk->leave, walk->residual,
			(walk->flags & THPRACE_RF_OWN) && (walk->flags & THPRACE_RF_OWN_FAILED),
			&close_call);
	if (pair->doubtful || detector_loss__touches(&detector->loss, from, to))
		give(detector, walker, window, THPRACE_UNPROVEN, 0);
	else
		give(detector, walker, window, verdict, close_call);
	return verdict;
}

/* A failed walker that no PMD-level window explains. */
static void settle_failed(struct detector *detector, struct detector_walker *walker, bool unproven)
{
	struct detector_class *class = &detector->stats.class[walker->walk.class];
	const struct thprace_walk *walk = &walker->walk;
	struct thprace_window window;
	uint64_t to = walk->leave;

	if (walker->sort == DETECTOR_WALKER && detector_match__explain(detector, walker, &window)) {
		if (window.close > to)
			to = window.close;
		if (to > walker->end)
			walker->end = to;
		if (detector_loss__touches(&detector->loss, walk->enter, to))
			unproven = true;
		give(detector, walker, &window, unproven ? THPRACE_UNPROVEN : THPRACE_ESCAPE, 0);
	} else if (unproven) {
		class->unproven++;
		emit(detector, walker, NULL, THPRACE_UNPROVEN, 0);
	} else {
		class->unattributed++;
		emit(detector, walker, NULL, THPRACE_UNATTRIBUTED, 0);
	}
}

/* A walker that did not fail, and a PTE-level window that ended in its time. */
static bool settle_contained(struct detector *detector, const struct detector_walker *walker,
			     bool unproven)
{
	const struct thprace_walk *walk = &walker->walk;
	struct thprace_window window;

	if (walker->sort != DETECTOR_WALKER ||
	    !detector_match__explain(detector, walker, &window) ||
	    !thprace_ended_in(window.open, walk->enter, walk->leave))
		return false;
	give(detector, walker, &window, unproven ? THPRACE_UNPROVEN : THPRACE_CONTAINED, 0);
	return true;
}

static void settle(struct detector *detector, struct detector_walker *walker)
{
	struct detector_class *class = &detector->stats.class[walker->walk.class];
	struct thprace_walk *walk = &walker->walk;
	bool lost = detector_loss__touches(&detector->loss, walk->enter, walk->leave);
	bool failed = walker->sort == DETECTOR_CHECK || detector_walk__failed(walk);
	const struct detector_pair *pair;
	bool escaped = false, contained = false;

	class->walkers++;
	if (lost)
		walk->flags |= THPRACE_KF_LOST;
	for (pair = walker->pairs; pair; pair = pair->next) {
		if (settle_pair(detector, walker, pair) == THPRACE_ESCAPE)
			escaped = true;
	}
	if (failed && !escaped)
		settle_failed(detector, walker, lost || walker->forgotten);
	else if (!escaped)
		contained = settle_contained(detector, walker, lost || walker->forgotten);
	if (!failed && !contained && !walker->pairs) {
		if (lost || walker->forgotten)
			class->unproven++;
		else
			class->clean++;
	}
	if (walker->end > detector->settled)
		detector->settled = walker->end;
}

static void settle_first(struct detector *detector)
{
	struct detector_walker *walker = detector->first;

	settle(detector, walker);
	detector->first = walker->next;
	if (!detector->first)
		detector->last = &detector->first;
	detector_match__forget(detector, walker);
	detector_walker__free(walker);
}

void detector_settle__ready(struct detector *detector)
{
	const struct detector_begun *oldest = detector->opened.first;
	const struct detector_walker *walker;

	while ((walker = detector->first)) {
		if (detector__after(walker->end, detector->settle) >= detector->now)
			return;
		/* An open window may meet it yet, be its closest pass, or turn out lost. */
		if (oldest && detector__after(walker->end, detector->settle) >= oldest->since)
			return;
		settle_first(detector);
	}
}

void detector_settle__all(struct detector *detector)
{
	while (detector->first)
		settle_first(detector);
}
