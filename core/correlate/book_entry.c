// SPDX-License-Identifier: GPL-2.0-only
/* Walkers that were reported, by what they are looked up by, and the windows that each met or may have met. */
#include "book_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct book_entry **head(const struct book *book, enum book_index by,
				const struct thprace_walk *walk)
{
	if (by == BY_FOLIO)
		return &book->index[by][book__hash(walk->folio, 0)];
	return &book->index[by][book__hash(by == BY_ENTER ? walk->enter : walk->leave, walk->pid)];
}

struct book_entry *book_entry__first(const struct book *book, enum book_index by,
				     const struct thprace_walk *walk)
{
	return *head(book, by, walk);
}

struct book_entry *book_entry__find(const struct book *book, const struct thprace_walk *walk)
{
	struct book_entry *entry;

	for (entry = *head(book, BY_ENTER, walk); entry; entry = entry->older[BY_ENTER])
		if (entry->walk.pid == walk->pid && entry->walk.enter == walk->enter &&
		    entry->walk.class == walk->class && !entry->check)
			return entry;
	return NULL;
}

struct book_entry *book_entry__add(struct book *book, const struct thprace_walk *walk, bool check,
				   uint64_t now)
{
	struct book_entry *entry = calloc(1, sizeof(*entry)), **first;
	int by;

	if (!entry)
		return NULL;
	entry->walk = *walk;
	entry->check = check;
	entry->seen = now;
	for (by = 0; by < INDEX_MAX; by++) {
		first = head(book, by, walk);
		entry->older[by] = *first;
		entry->link[by] = first;
		if (*first)
			(*first)->link[by] = &entry->older[by];
		*first = entry;
	}
	entry->reach = walk->leave;
	if (entry->older[BY_FOLIO] && entry->older[BY_FOLIO]->reach > entry->reach)
		entry->reach = entry->older[BY_FOLIO]->reach;
	*book->tail = entry;
	book->tail = &entry->next;
	return entry;
}

void book__copy_stack(struct thprace_stack *to, const struct thprace_stack *from)
{
	memset(to, 0, sizeof(*to));
	to->nr = from->nr < THPRACE_STACK_MAX ? from->nr : THPRACE_STACK_MAX;
	memcpy(to->ip, from->ip, to->nr * sizeof(to->ip[0]));
}

bool book_pair__is_of(const struct book_pair *pair, const struct thprace_window *window)
{
	return pair->window.pid == window->pid && pair->window.level == window->level &&
	       (pair->window.open == window->open || !pair->window.open);
}

static void stop_waiting(struct book_pair *pair)
{
	if (!pair->link)
		return;
	*pair->link = pair->older;
	if (pair->older)
		pair->older->link = pair->link;
	pair->link = NULL;
}

static void wait_for_word(struct book *book, struct book_pair *pair)
{
	struct book_pair **first = &book->waiting[book__hash(pair->window.pid, 0)];

	pair->older = *first;
	pair->link = first;
	if (*first)
		(*first)->link = &pair->older;
	*first = pair;
}

void book_pair__settle(struct book_pair *pair, const struct thprace_window *window,
		       const struct thprace_stack *stack)
{
	pair->window = *window;
	book__copy_stack(&pair->stack, stack);
	stop_waiting(pair);
}

int book_pair__add(struct book *book, struct book_entry *entry, const struct thprace_window *window,
		   const struct thprace_stack *stack, uint8_t said)
{
	bool settled = window->flags & THPRACE_WF_SETTLED;
	struct book_pair *pair, **place;

	for (place = &entry->pairs; (pair = *place); place = &pair->next) {
		if (book__is_removal(window) && book__is_removal(&pair->window)) {
			if (window->open < pair->window.open)
				book_pair__settle(pair, window, stack);
			return 0;
		}
		if (window->level == THPRACE_LEVEL_PTE || !book_pair__is_of(pair, window))
			continue;
		if (settled)
			book_pair__settle(pair, window, stack);
		return 0;
	}
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return -ENOMEM;
	*place = pair;
	pair->window = *window;
	pair->said = said;
	if (settled)
		book_pair__settle(pair, window, stack);
	else
		wait_for_word(book, pair);
	return 0;
}

void book_entry__drop(struct book *book, struct book_entry **link)
{
	struct book_entry *entry = *link;
	struct book_pair *pair, *next;
	int by;

	*link = entry->next;
	if (!*link)
		book->tail = link;
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
