// SPDX-License-Identifier: GPL-2.0-only
/* Walkers that were reported, by what they are looked up by, and the windows that each met or may have met. */
#include "correlator_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct correlator_entry **head(const struct correlator *correlator, enum correlator_index by,
				      const struct thprace_walk *walk)
{
	if (by == BY_FOLIO)
		return &correlator->index[by][correlator__hash(walk->folio, 0)];
	return &correlator->index[by][correlator__hash(by == BY_ENTER ? walk->enter : walk->leave,
						       walk->pid)];
}

struct correlator_entry *correlator_entry__first(const struct correlator *correlator,
						 enum correlator_index by,
						 const struct thprace_walk *walk)
{
	return *head(correlator, by, walk);
}

struct correlator_entry *correlator_entry__find(const struct correlator *correlator,
						const struct thprace_walk *walk)
{
	struct correlator_entry *entry;

	for (entry = *head(correlator, BY_ENTER, walk); entry; entry = entry->older[BY_ENTER])
		if (entry->walk.pid == walk->pid && entry->walk.enter == walk->enter &&
		    entry->walk.class == walk->class && !entry->check)
			return entry;
	return NULL;
}

struct correlator_entry *correlator_entry__add(struct correlator *correlator,
					       const struct thprace_walk *walk, bool check,
					       uint64_t now)
{
	struct correlator_entry *entry = calloc(1, sizeof(*entry)), **first;
	int by;

	if (!entry)
		return NULL;
	entry->walk = *walk;
	entry->check = check;
	entry->seen = now;
	for (by = 0; by < INDEX_MAX; by++) {
		first = head(correlator, by, walk);
		entry->older[by] = *first;
		entry->link[by] = first;
		if (*first)
			(*first)->link[by] = &entry->older[by];
		*first = entry;
	}
	entry->reach = walk->leave;
	if (entry->older[BY_FOLIO] && entry->older[BY_FOLIO]->reach > entry->reach)
		entry->reach = entry->older[BY_FOLIO]->reach;
	*correlator->tail = entry;
	correlator->tail = &entry->next;
	return entry;
}

void correlator__copy_stack(struct thprace_stack *to, const struct thprace_stack *from)
{
	memset(to, 0, sizeof(*to));
	to->nr = from->nr < THPRACE_STACK_MAX ? from->nr : THPRACE_STACK_MAX;
	memcpy(to->ip, from->ip, to->nr * sizeof(to->ip[0]));
}

bool correlator_pair__is_of(const struct correlator_pair *pair, const struct thprace_window *window)
{
	return pair->window.pid == window->pid && pair->window.level == window->level &&
	       (pair->window.open == window->open || !pair->window.open);
}

static void stop_waiting(struct correlator_pair *pair)
{
	if (!pair->link)
		return;
	*pair->link = pair->older;
	if (pair->older)
		pair->older->link = pair->link;
	pair->link = NULL;
}

static void wait_for_report(struct correlator *correlator, struct correlator_pair *pair)
{
	struct correlator_pair **first =
		&correlator->waiting[correlator__hash(pair->window.pid, 0)];

	pair->older = *first;
	pair->link = first;
	if (*first)
		(*first)->link = &pair->older;
	*first = pair;
}

void correlator_pair__settle(struct correlator_pair *pair, const struct thprace_window *window,
			     const struct thprace_stack *stack)
{
	pair->window = *window;
	correlator__copy_stack(&pair->stack, stack);
	stop_waiting(pair);
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
		wait_for_report(correlator, pair);
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
	for (by = 0; by < INDEX_MAX; by++) {
		*entry->link[by] = entry->older[by];
		if (entry->older[by])
			entry->older[by]->link[by] = entry->link[by];
	}
	for (pair = entry->pairs; pair; pair = next) {
		next = pair->next;
		stop_waiting(pair);
		free(pair);
	}
	free(entry);
}
