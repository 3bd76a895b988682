// SPDX-License-Identifier: GPL-2.0-only
/*
 * Openers' reports: the final times of windows. They are kept for a while and given to the walkers
 * that they concern.
 */
#include "correlator_private.h"
#include "classes/race_class.h"

/* Could this window matter to this walker? When it is settled, only final times decide. */
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
 * A window that began after a failed walker's return is never emitted with it. It is only counted,
 * because a failed walker gets reports of everything that follows. Until the function around the
 * walker has reported what it found, it is open how the window counts; until then it is kept, like
 * a window that was opening when the walker looked.
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

/* Keep an opener's report, in the place of the oldest. */
static struct correlator_opener *keep_opener(struct correlator *correlator,
					     const struct thprace_opener *report)
{
	struct correlator_opener *opener = &correlator->openers[correlator->opener_next], *older;

	correlator->opener_next = (correlator->opener_next + 1) % OPENERS_MAX;
	if (hash_node__listed(&opener->by_folio) && opener->window.close > correlator->forgotten)
		correlator->forgotten = opener->window.close;
	hash_list__remove(&opener->by_folio);
	opener->window = report->window;
	opener->window.flags |= THPRACE_WF_SETTLED;
	if (correlator->mode == THPRACE_PRECISE && opener->window.level == THPRACE_LEVEL_PMD &&
	    !opener->window.removed && !(opener->window.flags & THPRACE_WF_CRASH))
		opener->window.flags |= THPRACE_WF_VOID; /* no rmap to remove: huge zero page */
	opener->stack = report->stack;
	hash_list__add(correlator__list(correlator->opener_index, report->window.folio),
		       &opener->by_folio);
	opener->reach = opener->window.close;
	older = HASH_NEXT(opener, by_folio);
	if (older && older->reach > opener->reach)
		opener->reach = older->reach;
	return opener;
}

/* A range is reported to each pending walker: on one folio it counts once. */
static bool is_known(const struct correlator *correlator, const struct thprace_window *window)
{
	const struct correlator_opener *opener;

	if (!(window->flags & THPRACE_WF_RANGE))
		return false;
	HASH_EACH(opener, correlator__list(correlator->opener_index, window->folio), by_folio)
		if (opener->window.flags & THPRACE_WF_RANGE && opener->window.pid == window->pid &&
		    opener->window.folio == window->folio && opener->window.close == window->close)
			return true;
	return false;
}

int correlator_opener__take(struct correlator *correlator, const struct thprace_opener *report)
{
	const struct thprace_window *window = &report->window;
	const struct correlator_opener *opener;
	struct correlator_pair *pair, *next;
	struct correlator_entry *entry;
	struct hash_list *waiting;
	uint64_t began;
	int err;

	if (is_known(correlator, window))
		return 0;
	opener = keep_opener(correlator, report);
	window = &opener->window;
	began = window->level == THPRACE_LEVEL_PTE ? 0 : window->open;
	/*
	 * Walkers that took the window for open get its final times now; it may have ended earlier,
	 * or on another folio.
	 */
	waiting = correlator__list(correlator->waiting, window->pid);
	pair = window->level == THPRACE_LEVEL_PMD
		       ? HASH_FIRST(waiting, struct correlator_pair, waiting)
		       : NULL;
	for (; pair; pair = next) {
		next = HASH_NEXT(pair, waiting);
		if (correlator_pair__is_of(pair, window))
			correlator_pair__settle(pair, window, &opener->stack);
	}
	HASH_EACH(entry, correlator__list(correlator->index[BY_FOLIO], window->folio),
		  by[BY_FOLIO]) {
		if (entry->reach + THPRACE_ATTRIBUTION_NS < began)
			break;
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
	const struct correlator_opener *opener;
	int err;

	entry->forgotten = walk->enter <= correlator->forgotten;
	HASH_EACH(opener, correlator__list(correlator->opener_index, walk->folio), by_folio) {
		if (opener->reach < walk->enter)
			break;
		if (!may_concern(entry, &opener->window))
			continue;
		err = add_opener(correlator, entry, opener);
		if (err)
			return err;
	}
	return 0;
}
