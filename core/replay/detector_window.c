// SPDX-License-Identifier: GPL-2.0-only
/* The detector's PMD-level windows: ZAP_OPEN, RMAP_PMD, ZAP_CLOSE, and their losses. */
#include <errno.h>
#include <stdlib.h>
#include "detector_private.h"

static struct detector_open *add(struct detector *detector, const struct thprace_record *record,
				 uint64_t open)
{
	struct detector_open *new = calloc(1, sizeof(*new));

	if (!new)
		return NULL;
	new->begun.since = open;
	new->begun.serial = detector->serial;
	new->begun.key = record->pid;
	new->window.open = open;
	new->window.folio = record->folio;
	new->window.pid = record->pid;
	new->window.tgid = record->tgid;
	new->window.cpu = record->cpu;
	new->window.level = THPRACE_LEVEL_PMD;
	new->window.left = THPRACE_LEFT_UNREAD;
	if (hash_map__set(&detector->open, record->pid, new)) {
		free(new);
		return NULL;
	}
	detector_begun__link(&detector->opened, &new->begun);
	return new;
}

static void take(struct detector *detector, struct detector_open *open,
		 struct thprace_window *window)
{
	*window = open->window;
	window->flags |= THPRACE_WF_SETTLED;
	detector_begun__unlink(&detector->opened, &open->begun);
	hash_map__remove(&detector->open, open->begun.key);
	free(open);
}

/* The window has closed: all of it is known. */
static int end(struct detector *detector, struct thprace_window *window)
{
	if (detector->options.mode == THPRACE_PRECISE && !window->removed) {
		detector->stats.voids++;
		return 0;
	}
	detector->stats.windows++;
	return detector_match__window(detector, window, false);
}

/*
 * The window's end was lost: the task was seen elsewhere at `until`, so it had ended by then. What
 * it touches is unproven; if not even its folio is known, everything in that time is.
 */
static int lose(struct detector *detector, struct detector_open *open, uint64_t until)
{
	struct thprace_window window;

	detector->stats.orphans++;
	take(detector, open, &window);
	window.close = until;
	if (!window.folio)
		return detector__lose(detector, window.open, until);
	return detector_match__window(detector, &window, true);
}

int detector_window__open(struct detector *detector, const struct thprace_record *record)
{
	struct detector_open *open = hash_map__get(&detector->open, record->pid);
	int err;

	if (open) {
		err = lose(detector, open, record->ts);
		if (err)
			return err;
	}
	open = add(detector, record, record->ts);
	if (!open)
		return -ENOMEM;
	open->window.mm = record->arg;
	open->window.address = record->arg2;
	return 0;
}

/*
 * The window of RMAP_PMD or ZAP_CLOSE, made up from the record if its ZAP_OPEN was lost. NULL in
 * *found if the record is of no use.
 */
static int belongs(struct detector *detector, const struct thprace_record *record,
		   struct detector_open **found)
{
	struct detector_open *open = hash_map__get(&detector->open, record->pid);
	int err;

	*found = open;
	if (open && open->window.open == record->entry)
		return 0;
	detector->stats.orphans++;
	*found = NULL;
	if (!record->entry || record->entry > record->ts)
		return 0;
	if (open && open->window.open > record->entry)
		return 0;
	if (open) {
		err = lose(detector, open, record->entry);
		if (err)
			return err;
	}
	/* A walker of its time may have been settled without it. */
	if (record->entry <= detector->settled)
		detector->stats.late_loss++;
	*found = add(detector, record, record->entry);
	return *found ? 0 : -ENOMEM;
}

int detector_window__removed(struct detector *detector, const struct thprace_record *record)
{
	struct detector_open *open;
	int err = belongs(detector, record, &open);

	if (err || !open)
		return err;
	open->window.removed = record->ts;
	if (record->folio)
		open->window.folio = record->folio;
	return 0;
}

int detector_window__close(struct detector *detector, const struct thprace_record *record)
{
	struct thprace_window window;
	struct detector_open *open;
	int err = belongs(detector, record, &open);

	if (err || !open)
		return err;
	take(detector, open, &window);
	window.close = record->ts;
	window.left = thprace_left_decode(record->flags);
	if (!window.removed)
		window.removed = record->arg;
	if (record->folio)
		window.folio = record->folio;
	if (!window.address)
		window.address = record->arg2;
	return end(detector, &window);
}

int detector_window__give_up(struct detector *detector)
{
	struct detector_begun *begun;
	uint64_t until;
	int err;

	while ((begun = detector->opened.first)) {
		until = detector__after(begun->since, detector->give_up);
		if (detector->now <= until ||
		    detector->serial - begun->serial < DETECTOR_GIVE_UP_RECORDS)
			break;
		err = lose(detector, (struct detector_open *)begun, until);
		if (err)
			return err;
	}
	return 0;
}

/* The recording ended before these windows did, or their end was lost: open until now. */
int detector_window__finish(struct detector *detector)
{
	struct thprace_window window;
	int err;

	while (detector->opened.first) {
		detector->stats.orphans++;
		take(detector, (struct detector_open *)detector->opened.first, &window);
		if (window.folio)
			err = detector_match__window(detector, &window, false);
		else if (detector_loss__touches(&detector->loss, window.open, THPRACE_FOREVER))
			err = detector__lose(detector, window.open, THPRACE_FOREVER);
		else
			err = 0;
		if (err)
			return err;
	}
	return 0;
}
