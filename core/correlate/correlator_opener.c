// SPDX-License-Identifier: GPL-2.0-only
/* Openers' reports: the final times of windows. Kept for a while, and given to the walkers that they concern. */
#include "correlator_private.h"
#include "classes/race_class.h"

/* Could this window matter to this walker? Decided by final times only when it is settled. */
static bool may_concern(const struct correlator_entry *entry, const struct thprace_window *window)
{
	const struct thprace_walk *walk = &entry->walk;
	bool failed = thprace_failed(walk) && race_class__shape(walk->class) != RACE_SPLIT;

	if (entry->check || window->folio != walk->folio)
		return false;
	if (failed && !correlator__is_removal(window))
		return thprace_concerns(window, walk);
	if (window->pid == walk->pid)
		return false;
	if (window->level == THPRACE_LEVEL_PMD)
		return window->open <= walk->leave && window->close >= walk->enter;
	return correlator__is_removal(window) && race_class__shape(walk->class) != RACE_SPLIT &&
	       !failed && thprace_ended_in(window->open, walk->enter, walk->leave);
}

/*
 * A window that began after a failed walker's return is never emitted with it: it is only
 * counted, since a walker that failed hears of all that follow. While the function around the walker
 * has not reported yet what it found, how the window counts is open: then it is kept, like one that the
 * walker saw opening.
 */
static bool counts_only(const struct correlator_entry *entry, const struct thprace_window *window)
{
	const struct thprace_walk *walk = &entry->walk;
	const struct correlator_pair *pair;

	if (correlator__is_removal(window) || thprace_role(window, walk) != THPRACE_ROLE_LATER ||
	    (walk->flags & THPRACE_KF_OUTER && !walk->outer_at))
		return false;
	for (pair = entry->pairs; pair; pair = pair->next)
		if (correlator_pair__is_of(pair, window))
			return false;
	return true;
}

static int add_opener(struct correlator *correlator, struct correlator_entry *entry,
		      const struct correlator_opener *opener)
{
	if (counts_only(entry, &opener->window)) {
		if (!(opener->window.flags & THPRACE_WF_VOID))
			thprace_tally__add(&entry->later, &opener->window, &entry->walk);
		return 0;
	}
	return correlator_pair__add(correlator, entry, &opener->window, &opener->stack,
				    THPRACE_CLEAN);
}

/* Keep an opener's report, in place of the oldest. */
static struct correlator_opener *keep_opener(struct correlator *correlator,
					     const struct thprace_opener *report)
{
	struct correlator_opener *opener = &correlator->openers[correlator->opener_next];
	struct correlator_opener **first =
		&correlator->opener_index[correlator__hash(report->window.folio, 0)];

	correlator->opener_next = (correlator->opener_next + 1) % OPENERS_MAX;
	if (opener->link) {
		if (opener->window.close > correlator->forgotten)
			correlator->forgotten = opener->window.close;
		*opener->link = NULL; /* the oldest of all: the last of its list */
	}
	opener->window = report->window;
	opener->window.flags |= THPRACE_WF_SETTLED;
	if (correlator->mode == THPRACE_PRECISE && opener->window.level == THPRACE_LEVEL_PMD &&
	    !opener->window.removed)
		opener->window.flags |= THPRACE_WF_VOID; /* no rmap to remove: huge zero page */
	opener->stack = report->stack;
	opener->older = *first;
	opener->link = first;
	if (*first)
		(*first)->link = &opener->older;
	*first = opener;
	opener->reach = opener->window.close;
	if (opener->older && opener->older->reach > opener->reach)
		opener->reach = opener->older->reach;
	return opener;
}

/* A range is reported for each pending walker: on one folio it counts once. */
static bool is_known(const struct correlator *correlator, const struct thprace_window *window)
{
	const struct correlator_opener *opener =
		correlator->opener_index[correlator__hash(window->folio, 0)];

	for (; opener && window->flags & THPRACE_WF_RANGE; opener = opener->older)
		if (opener->window.flags & THPRACE_WF_RANGE && opener->window.pid == window->pid &&
		    opener->window.folio == window->folio && opener->window.close == window->close)
			return true;
	return false;
}

int correlator_opener__take(struct correlator *correlator, const struct thprace_opener *report)
{
	const struct thprace_window *window = &report->window;
	const struct correlator_opener *opener;
	struct correlator_pair *pair, *older;
	struct correlator_entry *entry;
	uint64_t began;
	int err;

	if (is_known(correlator, window))
		return 0;
	opener = keep_opener(correlator, report);
	window = &opener->window;
	began = window->level == THPRACE_LEVEL_PTE ? 0 : window->open;
	/* Whoever took it for open knows now; it may turn out to have ended before, or elsewhere. */
	pair = window->level == THPRACE_LEVEL_PMD
		       ? correlator->waiting[correlator__hash(window->pid, 0)]
		       : NULL;
	for (; pair; pair = older) {
		older = pair->older;
		if (correlator_pair__is_of(pair, window))
			correlator_pair__settle(pair, window, &opener->stack);
	}
	entry = correlator->index[BY_FOLIO][correlator__hash(window->folio, 0)];
	for (; entry && entry->reach + THPRACE_ATTRIBUTION_NS >= began;
	     entry = entry->older[BY_FOLIO]) {
		if (!may_concern(entry, window))
			continue;
		err = add_opener(correlator, entry, opener);
		if (err)
			return err;
	}
	return 0;
}

int correlator_opener__add_known(struct correlator *correlator, struct correlator_entry *entry)
{
	const struct thprace_walk *walk = &entry->walk;
	const struct correlator_opener *opener =
		correlator->opener_index[correlator__hash(walk->folio, 0)];
	int err;

	entry->forgotten = walk->enter <= correlator->forgotten;
	for (; opener && opener->reach >= walk->enter; opener = opener->older) {
		if (!may_concern(entry, &opener->window))
			continue;
		err = add_opener(correlator, entry, opener);
		if (err)
			return err;
	}
	return 0;
}
