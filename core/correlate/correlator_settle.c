// SPDX-License-Identifier: GPL-2.0-only
/*
 * When all reports that may matter to a walker have arrived, its incidents are emitted. Losses are
 * applied before verdicts.
 */
#include "correlator_private.h"

#include <string.h>

#include "correlator_race.h"
#include "correlator_reuse.h"
#include "classes/race_class.h"

/*
 * How long to wait for a window's end, and for the return of the function around a walker; then it
 * is settled without.
 */
#define WINDOW_WAIT_NS 1000000000ULL

/*
 * Losses that touch each other are merged. If there are too many, the oldest are kept more
 * coarsely.
 */
int correlator__lost(struct correlator *correlator, uint64_t from, uint64_t to)
{
	struct correlator_loss *loss = correlator->losses,
			       *last = &loss[correlator->loss_count - 1];

	if (correlator->loss_count && from <= last->to && to >= last->from) {
		last->from = from < last->from ? from : last->from;
		last->to = to > last->to ? to : last->to;
		return 0;
	}
	if (correlator->loss_count == LOSSES_MAX) {
		loss[1].from = loss[0].from < loss[1].from ? loss[0].from : loss[1].from;
		loss[1].to = loss[0].to > loss[1].to ? loss[0].to : loss[1].to;
		memmove(loss, loss + 1, (LOSSES_MAX - 1) * sizeof(*loss));
		correlator->loss_count--;
	}
	loss[correlator->loss_count++] = (struct correlator_loss){.from = from, .to = to};
	return 0;
}

static bool touched_by_loss(const struct correlator *correlator, uint64_t from, uint64_t to)
{
	size_t i;

	for (i = 0; i < correlator->loss_count; i++)
		if (correlator->losses[i].from <= to && correlator->losses[i].to >= from)
			return true;
	return false;
}

void correlator__count(struct verdict_counts *classes, const struct thprace_incident *incident)
{
	struct verdict_counts *class = &classes[incident->walk.class];

	if (incident->window.pid)
		class->overlaps++;
	if (incident->verdict == THPRACE_CONTAINED)
		class->contained++;
	else if (incident->verdict == THPRACE_ESCAPE)
		class->escapes++;
	else if (incident->verdict == THPRACE_REMAINED)
		class->remained++;
	else if (incident->verdict == THPRACE_UNATTRIBUTED)
		class->unattributed++;
	else if (incident->verdict != THPRACE_CLEAN)
		class->unproven++;
	class->likely += incident->verdict == THPRACE_ESCAPE &&
			 !thprace_proved(incident->verdict, incident->attribution);
}

/* Emit one incident of a walker; pair NULL: the walker alone. */
static void emit(struct correlator *correlator, const struct correlator_entry *entry,
		 const struct correlator_pair *pair, struct thprace_finding finding)
{
	struct thprace_incident incident = {
		.type = THPRACE_MSG_INCIDENT, .mode = correlator->mode, .walk = entry->walk};
	uint64_t from = entry->walk.enter;
	uint64_t to = entry->walk.leave;

	if (pair) {
		incident.window = pair->window;
		incident.opener_stack = pair->stack;
		if (pair->window.open && pair->window.open < from)
			from = pair->window.open;
		if (!pair->window.close)
			to = THPRACE_FOREVER;
		else if (pair->window.close > to)
			to = pair->window.close;
	}
	if (!entry->check && thprace_failed(&entry->walk) &&
	    touched_by_loss(correlator, entry->walk.enter,
			    entry->walk.leave + THPRACE_ATTRIBUTION_NS))
		finding = thprace_after_loss(finding);
	incident.walk.flags &= ~THPRACE_KF_OUTER;
	incident.walker_stack = entry->stack;
	incident.verdict = finding.verdict;
	incident.attribution = finding.attribution;
	incident.close_call = finding.close_call;
	incident.first_verdict = pair && pair->first_verdict != THPRACE_CLEAN ? pair->first_verdict
									      : finding.verdict;
	if (entry->forgotten || touched_by_loss(correlator, from, to)) {
		incident.verdict = THPRACE_UNPROVEN;
		incident.attribution = THPRACE_ATTRIBUTION_NONE;
	}
	correlator__count(correlator->classes, &incident);
	correlator->incident(correlator->ctx, &incident);
}

void correlator_settle__reuse(void *ctx, struct thprace_incident *incident, uint64_t from,
			      uint64_t to, bool doubtful)
{
	struct correlator *correlator = ctx;

	incident->mode = correlator->mode;
	incident->first_verdict = incident->verdict;
	if (doubtful || touched_by_loss(correlator, from, to))
		incident->verdict = THPRACE_UNPROVEN;
	if (incident->verdict == THPRACE_ESCAPE)
		incident->attribution = THPRACE_EXACT;
	correlator__count(correlator->classes, incident);
	correlator->incident(correlator->ctx, incident);
}

void correlator_settle__race(void *ctx, struct thprace_incident *incident, uint64_t from,
			     uint64_t to)
{
	struct correlator *correlator = ctx;

	incident->mode = correlator->mode;
	incident->first_verdict = incident->verdict;
	if (touched_by_loss(correlator, from, to)) {
		incident->verdict = THPRACE_UNPROVEN;
		incident->attribution = THPRACE_ATTRIBUTION_NONE;
	}
	correlator__count(correlator->classes, incident);
	correlator->incident(correlator->ctx, incident);
}

void correlator_settle__touch(void *ctx)
{
	struct correlator *correlator = ctx;

	correlator->touching++;
}

/* Is the pair's information about this window final, and does the window concern this walker? */
static bool counts(const struct thprace_walk *walk, const struct thprace_window *window)
{
	/*
	 * It was opening when the walker looked, and has not been reported since: it opened after
	 * the walker.
	 */
	if (window->level == THPRACE_LEVEL_PMD && !window->open)
		return false;
	return !(window->flags & THPRACE_WF_VOID) && window->folio == walk->folio;
}

/* A PMD-level window of a walker, final. Verdict THPRACE_CLEAN: no overlap. */
static struct thprace_finding judge(struct correlator *correlator, const struct thprace_walk *walk,
				    const struct thprace_window *window,
				    const struct thprace_tally *tally)
{
	struct thprace_finding none = {.verdict = THPRACE_CLEAN};
	enum thprace_meeting meeting;

	if (!counts(walk, window))
		return none;
	if (race_class__shape(walk->class) == RACE_SPLIT) {
		if (!thprace_open_at(window->open, window->close, walk->enter))
			return none;
		return thprace_finding_head(window->close, walk->leave, walk->result);
	}
	meeting = thprace_meets(window->open, window->close, walk->enter, walk->leave);
	if (meeting == THPRACE_TOUCH)
		correlator->touching++;
	if (meeting != THPRACE_OVERLAP)
		return none;
	return thprace_judge(window, walk, tally);
}

/* The range that is named, of those that explain a failed walker. */
static const struct correlator_pair *explanation(const struct correlator_entry *entry,
						 const struct thprace_tally *tally,
						 struct thprace_finding *finding)
{
	const struct correlator_pair *pair, *first = NULL;
	struct thprace_finding of_pair;

	for (pair = entry->pairs; pair; pair = pair->next) {
		if (!(pair->window.flags & THPRACE_WF_RANGE))
			continue;
		of_pair = thprace_judge(&pair->window, &entry->walk, tally);
		if (of_pair.verdict != THPRACE_ESCAPE ||
		    (first &&
		     !thprace_named_before(&pair->window, of_pair, &first->window, *finding)))
			continue;
		first = pair;
		*finding = of_pair;
	}
	return first;
}

/* A failed walker that no PMD-level window explains, or a check point alone. */
static void settle_failed(struct correlator *correlator, const struct correlator_entry *entry,
			  const struct thprace_tally *tally)
{
	struct thprace_finding finding = {.verdict = THPRACE_UNATTRIBUTED};
	const struct correlator_pair *pair = NULL;

	if (!entry->check)
		pair = explanation(entry, tally, &finding);
	if (!pair && !entry->check)
		finding.verdict = thprace_judge_failed(&entry->walk, tally);
	emit(correlator, entry, pair, finding);
}

static void settle_entry(struct correlator *correlator, struct correlator_entry *entry)
{
	const struct correlator_pair *pair, *removal = NULL;
	struct thprace_tally tally = entry->later;
	struct thprace_finding finding;
	bool escaped = false;

	for (pair = entry->pairs; pair; pair = pair->next) {
		if (correlator__is_removal(&pair->window))
			removal = pair;
		else if (counts(&entry->walk, &pair->window))
			thprace_tally__add(&tally, &pair->window, &entry->walk);
	}
	for (pair = entry->pairs; pair; pair = pair->next) {
		if (pair->window.level == THPRACE_LEVEL_PTE)
			continue;
		finding = judge(correlator, &entry->walk, &pair->window, &tally);
		if (finding.verdict == THPRACE_CLEAN)
			continue;
		escaped |= finding.verdict == THPRACE_ESCAPE;
		emit(correlator, entry, pair, finding);
	}
	if (race_class__shape(entry->walk.class) == RACE_SPLIT || escaped)
		return;
	if (entry->check || thprace_failed(&entry->walk))
		settle_failed(correlator, entry, &tally);
	else if (removal)
		emit(correlator, entry, removal,
		     (struct thprace_finding){.verdict = THPRACE_CONTAINED});
}

/* Has everything arrived that may matter to this walker? */
static bool is_ready(const struct correlator_entry *entry, uint64_t now, uint64_t checked)
{
	uint64_t quiet = entry->walk.leave;
	const struct correlator_pair *pair;

	if (thprace_failed(&entry->walk))
		quiet += THPRACE_ATTRIBUTION_NS;
	if (now < quiet || checked < quiet)
		return false;
	if (entry->walk.flags & THPRACE_KF_OUTER && !entry->walk.outer_at &&
	    now < entry->seen + WINDOW_WAIT_NS)
		return false;
	for (pair = entry->pairs; pair; pair = pair->next) {
		if (hash_node__listed(&pair->waiting) && now < entry->seen + WINDOW_WAIT_NS)
			return false;
		if (!hash_node__listed(&pair->waiting) && checked < pair->window.close)
			return false;
	}
	return true;
}

/* In order of arrival, and never before an earlier one: a walker looks at those that came later. */
void correlator__settle(struct correlator *correlator, uint64_t now, uint64_t checked)
{
	while (correlator->entries && is_ready(correlator->entries, now, checked)) {
		settle_entry(correlator, correlator->entries);
		correlator_entry__drop(correlator, &correlator->entries);
	}
	correlator_reuse__settle(correlator->reuse, now, checked);
	correlator_race__settle(correlator->race, now, checked);
}

void correlator__finish(struct correlator *correlator)
{
	while (correlator->entries) {
		settle_entry(correlator, correlator->entries);
		correlator_entry__drop(correlator, &correlator->entries);
	}
	correlator_reuse__settle(correlator->reuse, THPRACE_FOREVER, THPRACE_FOREVER);
	correlator_race__settle(correlator->race, THPRACE_FOREVER, THPRACE_FOREVER);
}

bool correlator__unsettled(const struct correlator *correlator)
{
	return correlator->entries || correlator_reuse__unsettled(correlator->reuse) ||
	       correlator_race__unsettled(correlator->race);
}

const struct verdict_counts *correlator__classes(const struct correlator *correlator)
{
	return correlator->classes;
}

uint64_t correlator__touching(const struct correlator *correlator)
{
	return correlator->touching;
}
