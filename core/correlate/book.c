// SPDX-License-Identifier: GPL-2.0-only
/* The book, and what each message of the incident ring adds to it. */
#include "book_private.h"

#include <errno.h>
#include <stdlib.h>

#include "book_reuse.h"
#include "classes/race_class.h"

struct book *book__new(enum thprace_mode mode, book_incident_fn incident, void *ctx)
{
	struct book *book = calloc(1, sizeof(*book));
	bool ok;
	int i;

	if (!book)
		return NULL;
	book->mode = mode;
	book->incident = incident;
	book->ctx = ctx;
	book->tail = &book->entries;
	book->openers = calloc(OPENERS_MAX, sizeof(*book->openers));
	book->opener_index = calloc(HEADS, sizeof(struct book_opener *));
	book->waiting = calloc(HEADS, sizeof(struct book_pair *));
	book->reuse = book_reuse__new(book_settle__reuse, book);
	ok = book->openers && book->opener_index && book->waiting && book->reuse;
	for (i = 0; i < INDEX_MAX; i++) {
		book->index[i] = calloc(HEADS, sizeof(struct book_entry *));
		ok = ok && book->index[i];
	}
	if (ok)
		return book;
	book__free(book);
	return NULL;
}

static int on_incident(struct book *book, const struct thprace_incident *incident, uint64_t now)
{
	struct book_entry *entry = book_entry__find(book, &incident->walk);
	int err;

	if (!entry) {
		entry = book_entry__add(book, &incident->walk, false, now);
		if (!entry)
			return -ENOMEM;
		err = book_opener__add_known(book, entry);
		if (err)
			return err;
	}
	if (incident->walker_stack.nr)
		book__copy_stack(&entry->stack, &incident->walker_stack);
	if (!incident->window.pid)
		return 0;
	/* Copied while its owner went on to something else: the owner's word was sent before that. */
	if (incident->window.level != THPRACE_LEVEL_PMD &&
	    !(incident->window.flags & THPRACE_WF_SETTLED))
		return 0;
	return book_pair__add(book, entry, &incident->window, &incident->opener_stack,
			      incident->said);
}

/* A check point speaks of the last walker of its task on the folio that failed; or for itself. */
static int on_check(struct book *book, const struct thprace_incident *incident, uint64_t now)
{
	const struct thprace_walk *walk = &incident->walk;
	struct book_entry *entry = book_entry__first(book, BY_FOLIO, walk);

	for (; entry; entry = entry->older[BY_FOLIO]) {
		if (entry->walk.pid != walk->pid || entry->walk.folio != walk->folio ||
		    !thprace_failed(&entry->walk) || entry->check ||
		    !race_class__deletes(entry->walk.class) ||
		    walk->leave - entry->walk.leave >= THPRACE_ATTRIBUTION_NS)
			continue;
		entry->walk.flags |= THPRACE_KF_CHECK;
		return 0;
	}
	entry = book_entry__add(book, walk, true, now);
	if (!entry)
		return -ENOMEM;
	book__copy_stack(&entry->stack, &incident->walker_stack);
	return 0;
}

static void on_split(struct book *book, const struct thprace_split *split)
{
	const struct thprace_walk key = {.pid = split->pid, .leave = split->unmapped};
	struct book_entry *entry = book_entry__first(book, BY_LEAVE, &key);

	for (; entry; entry = entry->older[BY_LEAVE]) {
		if (entry->walk.pid != split->pid || entry->walk.leave != split->unmapped)
			continue;
		entry->walk.result = split->result;
		entry->walk.flags |= THPRACE_KF_RESULT;
	}
}

/* The function around a failed walker has returned. */
static void on_outer(struct book *book, const struct thprace_outer *outer)
{
	const struct thprace_walk key = {.pid = outer->pid, .leave = outer->leave};
	struct book_entry *entry = book_entry__first(book, BY_LEAVE, &key);

	for (; entry; entry = entry->older[BY_LEAVE]) {
		if (entry->walk.pid != outer->pid || entry->walk.leave != outer->leave ||
		    entry->check)
			continue;
		entry->walk.before = outer->before;
		entry->walk.outer = outer->now;
		entry->walk.outer_at = outer->at;
		entry->walk.order = outer->order;
	}
}

int book__message(struct book *book, const void *message, size_t size, uint64_t now)
{
	uint32_t type = *(const uint32_t *)message;

	if (type == THPRACE_MSG_INCIDENT && size >= sizeof(struct thprace_incident))
		return on_incident(book, message, now);
	if (type == THPRACE_MSG_CHECK && size >= sizeof(struct thprace_incident))
		return on_check(book, message, now);
	if (type == THPRACE_MSG_OPENER && size >= sizeof(struct thprace_opener))
		return book_opener__take(book, message);
	if (type == THPRACE_MSG_REUSE && size >= sizeof(struct thprace_opener))
		return book_reuse__window(book->reuse, message, now);
	if (type == THPRACE_MSG_HOLD && size >= sizeof(struct thprace_hold)) {
		book_reuse__hold(book->reuse, message);
		return 0;
	}
	if (type == THPRACE_MSG_OUTER && size >= sizeof(struct thprace_outer)) {
		on_outer(book, message);
		return 0;
	}
	if (type == THPRACE_MSG_SPLIT && size >= sizeof(struct thprace_split)) {
		on_split(book, message);
		return 0;
	}
	return -EINVAL;
}

void book__free(struct book *book)
{
	int i;

	if (!book)
		return;
	while (book->entries)
		book_entry__drop(book, &book->entries);
	for (i = 0; i < INDEX_MAX; i++)
		free(book->index[i]);
	book_reuse__free(book->reuse);
	free(book->waiting);
	free(book->opener_index);
	free(book->openers);
	free(book);
}
