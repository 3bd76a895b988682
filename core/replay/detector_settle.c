// SPDX-License-Identifier: GPL-2.0-only
/*
 * The detector's verdicts.
 *
 * When a walker is settled. Its pairs are final when all windows that opened in its time have
 * closed; a PTE-level removal can explain it for THPRACE_ATTRIBUTION_NS after its return. Then it
 * waits two more watermarks, counted from the last end on which its results depend, for losses: a
 * LOST record is written when the loss is noticed. A loss that reaches back before what was emitted
 * is counted in late_loss, because it cannot withdraw that.
 */
#include "detector_private.h"

/* A loss after this time does not change the walker's results. */
static uint64_t loss_matters_until(const struct detector_walker *walker)
{
	uint64_t last = walker->walk.leave;

	if (walker->sort == DETECTOR_WALKER && thprace_failed(&walker->walk))
		last = detector__after(last, THPRACE_ATTRIBUTION_NS);
	return last > walker->end ? last : walker->end;
}

/* Counts one result of a walker and emits it; window NULL: the walker alone. */
static void emit(struct detector *detector, const struct detector_walker *walker,
		 const struct thprace_window *window, struct thprace_finding finding, bool unproven)
{
	struct detector_class *class = &detector->stats.class[walker->walk.class];
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT,
		.mode = (uint8_t)detector->options.mode,
		.walk = walker->walk,
	};

	if (walker->sort == DETECTOR_WALKER && thprace_failed(&walker->walk) &&
	    detector_loss__touches(&detector->loss, walker->walk.enter,
				   detector__after(walker->walk.leave, THPRACE_ATTRIBUTION_NS)))
		finding = thprace_after_loss(finding);
	if (unproven)
		finding = (struct thprace_finding){.verdict = THPRACE_UNPROVEN};
	incident.verdict = finding.verdict;
	incident.first_verdict = finding.verdict;
	incident.attribution = finding.attribution;
	incident.close_call = finding.close_call;
	if (window)
		incident.window = *window;
	class->overlaps += window != NULL;
	class->contained += finding.verdict == THPRACE_CONTAINED;
	class->escapes += finding.verdict == THPRACE_ESCAPE;
	class->remained += finding.verdict == THPRACE_REMAINED;
	class->unattributed += finding.verdict == THPRACE_UNATTRIBUTED;
	class->unproven += finding.verdict == THPRACE_UNPROVEN;
	detector->stats.close_calls += finding.close_call;
	if (detector->options.incident)
		detector->options.incident(detector->options.ctx, &incident);
}

/* Returns the verdict, before losses are applied. */
static enum thprace_verdict settle_pair(struct detector *detector,
					const struct detector_walker *walker,
					const struct detector_pair *pair,
					const struct thprace_tally *tally)
{
	const struct thprace_window *window = &pair->window;
	const struct thprace_walk *walk = &walker->walk;
	uint64_t from = window->open < walk->enter ? window->open : walk->enter;
	uint64_t to = window->close ? window->close : THPRACE_FOREVER;
	struct thprace_finding finding;

	if (to < walk->leave)
		to = walk->leave;
	if (walker->sort == DETECTOR_HEAD)
		finding = thprace_finding_head(window->close, walk->leave, walk->result);
	else
		finding = thprace_judge(window, walk, tally);
	emit(detector, walker, window, finding,
	     pair->doubtful || detector_loss__touches(&detector->loss, from, to));
	return finding.verdict;
}

/* A failed walker that no PMD-level window explains, or a check point alone. */
static void settle_failed(struct detector *detector, struct detector_walker *walker,
			  const struct thprace_tally *tally, bool unproven)
{
	struct thprace_finding finding = {.verdict = THPRACE_UNATTRIBUTED};
	const struct thprace_walk *walk = &walker->walk;
	struct thprace_window window;
	uint64_t from = walk->enter, to = walk->leave;

	if (walker->sort != DETECTOR_WALKER) {
		emit(detector, walker, NULL, finding, unproven);
		return;
	}
	if (!detector_match__explain(detector, walker, tally, &window, &finding)) {
		finding.verdict = thprace_judge_failed(walk, tally);
		emit(detector, walker, NULL, finding, unproven);
		return;
	}
	if (window.open && window.open < from)
		from = window.open;
	if (window.close > to)
		to = window.close;
	if (to > walker->end)
		walker->end = to;
	emit(detector, walker, &window, finding,
	     unproven || detector_loss__touches(&detector->loss, from, to));
}

/* A walker that did not fail, and a PTE-level window that ended in its time. */
static bool settle_contained(struct detector *detector, const struct detector_walker *walker,
			     bool unproven)
{
	const struct thprace_finding contained = {.verdict = THPRACE_CONTAINED};
	struct thprace_window window;

	if (walker->sort != DETECTOR_WALKER ||
	    !detector_match__removal_in(detector, walker, &window))
		return false;
	emit(detector, walker, &window, contained, unproven);
	return true;
}

static void settle(struct detector *detector, struct detector_walker *walker)
{
	struct detector_class *class = &detector->stats.class[walker->walk.class];
	struct thprace_walk *walk = &walker->walk;
	bool lost = detector_loss__touches(&detector->loss, walk->enter, walk->leave);
	bool failed = walker->sort == DETECTOR_CHECK ||
		      (walker->sort == DETECTOR_WALKER && thprace_failed(walk));
	const struct detector_pair *pair;
	struct thprace_tally tally = {0};
	bool escaped = false, contained = false;

	class->walkers++;
	if (lost)
		walk->flags |= THPRACE_KF_LOST;
	if (failed)
		detector_match__tally(detector, walker, &tally);
	for (pair = walker->pairs; pair; pair = pair->next) {
		if (settle_pair(detector, walker, pair, &tally) == THPRACE_ESCAPE)
			escaped = true;
	}
	if (failed && !escaped)
		settle_failed(detector, walker, &tally, lost || walker->forgotten);
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
	if (loss_matters_until(walker) > detector->loss_matters_until)
		detector->loss_matters_until = loss_matters_until(walker);
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
		/*
		 * An open window may still overlap it, be its closest pass, or turn out to be lost.
		 */
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
