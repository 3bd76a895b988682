// SPDX-License-Identifier: GPL-2.0-only
/* The correlator, and what it does with each message of the incident ring. */
#include "correlator_private.h"

#include <errno.h>
#include <stdlib.h>

#include "correlator_race.h"
#include "correlator_reuse.h"
#include "classes/race_class.h"

struct correlator *correlator__new(enum thprace_mode mode, correlator_incident_fn incident,
				   void *ctx)
{
	struct correlator *correlator = calloc(1, sizeof(*correlator));
	bool ok;
	int i;

	if (!correlator)
		return NULL;
	correlator->mode = mode;
	correlator->incident = incident;
	correlator->ctx = ctx;
	correlator->tail = &correlator->entries;
	correlator->openers = calloc(OPENERS_MAX, sizeof(*correlator->openers));
	correlator->opener_index = calloc(HEADS, sizeof(struct hash_list));
	correlator->waiting = calloc(HEADS, sizeof(struct hash_list));
	correlator->reuse = correlator_reuse__new(correlator_settle__reuse, correlator);
	correlator->race =
		correlator_race__new(correlator_settle__race, correlator_settle__touch, correlator);
	ok = correlator->openers && correlator->opener_index && correlator->waiting &&
	     correlator->reuse && correlator->race;
	for (i = 0; i < INDEX_MAX; i++) {
		correlator->index[i] = calloc(HEADS, sizeof(struct hash_list));
		ok = ok && correlator->index[i];
	}
	if (ok)
		return correlator;
	correlator__free(correlator);
	return NULL;
}

static int on_incident(struct correlator *correlator, const struct thprace_incident *incident,
		       uint64_t now)
{
	struct correlator_entry *entry = correlator_entry__find(correlator, &incident->walk);
	int err;

	if (!entry) {
		entry = correlator_entry__add(correlator, &incident->walk, false, now);
		if (!entry)
			return -ENOMEM;
		err = correlator_opener__add_known(correlator, entry);
		if (err)
			return err;
	}
	if (incident->walker_stack.nr || incident->walker_stack.flags)
		correlator__copy_stack(&entry->stack, &incident->walker_stack);
	if (!incident->window.pid)
		return 0;
	/*
	 * Copied while its owner had gone on to something else: the owner's report was sent before
	 * that.
	 */
	if (incident->window.level != THPRACE_LEVEL_PMD &&
	    !(incident->window.flags & THPRACE_WF_SETTLED))
		return 0;
	return correlator_pair__add(correlator, entry, &incident->window, &incident->opener_stack,
				    incident->first_verdict);
}

/*
 * A check point is about the last failed walker of its task on the folio; if there is none, it
 * stands alone.
 */
static int on_check(struct correlator *correlator, const struct thprace_incident *incident,
		    uint64_t now)
{
	const struct thprace_walk *walk = &incident->walk;
	struct correlator_entry *entry;

	HASH_EACH(entry, correlator_entry__list(correlator, BY_FOLIO, walk), by[BY_FOLIO]) {
		if (entry->walk.pid != walk->pid || entry->walk.folio != walk->folio ||
		    !thprace_failed(&entry->walk) || entry->check ||
		    !race_class__deletes(entry->walk.class) ||
		    walk->leave - entry->walk.leave >= THPRACE_ATTRIBUTION_NS)
			continue;
		entry->walk.flags |= THPRACE_KF_CHECK;
		return 0;
	}
	entry = correlator_entry__add(correlator, walk, true, now);
	if (!entry)
		return -ENOMEM;
	correlator__copy_stack(&entry->stack, &incident->walker_stack);
	return 0;
}

static void on_split(struct correlator *correlator, const struct thprace_split *split)
{
	const struct thprace_walk key = {.pid = split->pid, .leave = split->unmapped};
	struct correlator_entry *entry;

	HASH_EACH(entry, correlator_entry__list(correlator, BY_LEAVE, &key), by[BY_LEAVE]) {
		if (entry->walk.pid != split->pid || entry->walk.leave != split->unmapped)
			continue;
		entry->walk.result = split->result;
		entry->walk.flags |= THPRACE_KF_RESULT;
	}
}

/* The function around a failed walker has returned. */
static void on_outer(struct correlator *correlator, const struct thprace_outer *outer)
{
	const struct thprace_walk key = {.pid = outer->pid, .leave = outer->leave};
	struct correlator_entry *entry;

	HASH_EACH(entry, correlator_entry__list(correlator, BY_LEAVE, &key), by[BY_LEAVE]) {
		if (entry->walk.pid != outer->pid || entry->walk.leave != outer->leave ||
		    entry->check)
			continue;
		entry->walk.before = outer->before;
		entry->walk.outer = outer->now;
		entry->walk.outer_at = outer->at;
		entry->walk.order = outer->order;
	}
}

int correlator__message(struct correlator *correlator, const void *message, size_t size,
			uint64_t now)
{
	uint32_t type = *(const uint32_t *)message;

	if (type == THPRACE_MSG_INCIDENT && size >= sizeof(struct thprace_incident))
		return on_incident(correlator, message, now);
	if (type == THPRACE_MSG_CHECK && size >= sizeof(struct thprace_incident))
		return on_check(correlator, message, now);
	if (type == THPRACE_MSG_OPENER && size >= sizeof(struct thprace_opener))
		return correlator_opener__take(correlator, message);
	if (type == THPRACE_MSG_REUSE && size >= sizeof(struct thprace_opener))
		return correlator_reuse__window(correlator->reuse, message, now);
	if (type == THPRACE_MSG_HOLD && size >= sizeof(struct thprace_hold)) {
		correlator_reuse__hold(correlator->reuse, message);
		return 0;
	}
	if (type == THPRACE_MSG_OUTER && size >= sizeof(struct thprace_outer)) {
		on_outer(correlator, message);
		return 0;
	}
	if (type == THPRACE_MSG_SPLIT && size >= sizeof(struct thprace_split)) {
		on_split(correlator, message);
		return 0;
	}
	if (type == THPRACE_MSG_RACE_END && size >= sizeof(struct thprace_race_end))
		return correlator_race__end(correlator->race, message, now);
	if (type == THPRACE_MSG_RACE_PAIR && size >= sizeof(struct thprace_race_pair))
		return correlator_race__pair(correlator->race, message, now);
	return -EINVAL;
}

void correlator__free(struct correlator *correlator)
{
	int i;

	if (!correlator)
		return;
	while (correlator->entries)
		correlator_entry__drop(correlator, &correlator->entries);
	for (i = 0; i < INDEX_MAX; i++)
		free(correlator->index[i]);
	correlator_reuse__free(correlator->reuse);
	correlator_race__free(correlator->race);
	free(correlator->waiting);
	free(correlator->opener_index);
	free(correlator->openers);
	free(correlator);
}
