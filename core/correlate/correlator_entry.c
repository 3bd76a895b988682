// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walkers that were reported, with their indexes, and the windows that each overlapped or may have
 * overlapped.
 */
#include "correlator_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hash_list *correlator_entry__list(const struct correlator *correlator,
					 enum correlator_index by, const struct thprace_walk *walk)
{
	uint64_t key = walk->folio;

	if (by != BY_FOLIO)
		key = hash__pair(by == BY_ENTER ? walk->enter : walk->leave, walk->pid);
	return correlator__list(correlator->index[by], key);
}

struct correlator_entry *correlator_entry__find(const struct correlator *correlator,
						const struct thprace_walk *walk)
{
	struct correlator_entry *entry;

	HASH_EACH(entry, correlator_entry__list(correlator, BY_ENTER, walk), by[BY_ENTER])
		if (entry->walk.pid == walk->pid && entry->walk.enter == walk->enter &&
		    entry->walk.class == walk->class && !entry->check)
			return entry;
	return NULL;
}

struct correlator_entry *correlator_entry__add(struct correlator *correlator,
					       const struct thprace_walk *walk, bool check,
					       uint64_t now)
{
	struct correlator_entry *entry = calloc(1, sizeof(*entry)), *older;
	int by;

	if (!entry)
		return NULL;
	entry->walk = *walk;
	entry->check = check;
	entry->seen = now;
	for (by = 0; by < INDEX_MAX; by++)
		hash_list__add(correlator_entry__list(correlator, by, walk), &entry->by[by]);
	entry->reach = walk->leave;
	older = HASH_NEXT(entry, by[BY_FOLIO]);
	if (older && older->reach > entry->reach)
		entry->reach = older->reach;
	*correlator->tail = entry;
	correlator->tail = &entry->next;
	return entry;
}

void correlator__copy_stack(struct thprace_stack *to, const struct thprace_stack *from)
{
	memset(to, 0, sizeof(*to));
	to->flags = from->flags;
	to->uid = from->uid;
	to->cgroup = from->cgroup;
	to->nr = from->nr < THPRACE_STACK_MAX ? from->nr : THPRACE_STACK_MAX;
	memcpy(to->ip, from->ip, to->nr * sizeof(to->ip[0]));
}

bool correlator_pair__is_of(const struct correlator_pair *pair, const struct thprace_window *window)
{
	return pair->window.pid == window->pid && pair->window.level == window->level &&
	       (pair->window.open == window->open || !pair->window.open);
}

void correlator_pair__settle(struct correlator_pair *pair, const struct thprace_window *window,
			     const struct thprace_stack *stack)
{
	pair->window = *window;
	correlator__copy_stack(&pair->stack, stack);
	hash_list__remove(&pair->waiting);
}

int correlator_pair__add(struct correlator *correlator, struct correlator_entry *entry,
			 const struct thprace_window *window, const struct thprace_stack *stack,
			 uint8_t first_verdict)
{
	bool settled = window->flags & THPRACE_WF_SETTLED;
	struct correlator_pair *pair, **place;

	for (place = &entry->pairs; (pair = *place); place = &pair->next) {
		if (correlator__is_removal(window) && correlator__is_removal(&pair->window)) {
			if (window->open < pair->window.open)
				correlator_pair__settle(pair, window, stack);
			return 0;
		}
		if (window->level == THPRACE_LEVEL_PTE || !correlator_pair__is_of(pair, window))
			continue;
		if (settled)
			correlator_pair__settle(pair, window, stack);
		return 0;
	}
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -ENOMEM;
	*place = pair;
	pair->window = *window;
	pair->first_verdict = first_verdict;
	if (settled)
		correlator_pair__settle(pair, window, stack);
	else
		hash_list__add(correlator__list(correlator->waiting, window->pid), &pair->waiting);
	return 0;
}

void correlator_entry__drop(struct correlator *correlator, struct correlator_entry **link)
{
	struct correlator_entry *entry = *link;
	struct correlator_pair *pair, *next;
	int by;

	*link = entry->next;
	if (!*link)
		correlator->tail = link;
	for (by = 0; by < INDEX_MAX; by++)
		hash_list__remove(&entry->by[by]);
	for (pair = entry->pairs; pair; pair = next) {
		next = pair->next;
		hash_list__remove(&pair->waiting);
		free(pair);
	}
	free(entry);
}
