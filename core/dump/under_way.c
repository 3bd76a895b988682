// SPDX-License-Identifier: GPL-2.0-only
#include "under_way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classes/race_class.h"

static void note_time(struct under_way *under_way, uint64_t time)
{
	if (time > under_way->latest)
		under_way->latest = time;
}

static void take_window(struct under_way *under_way, const struct thprace_slot *slot)
{
	struct thprace_window *window = &under_way->windows[under_way->nr_windows++];

	*window = slot->opener.window;
	window->pid = (uint32_t)slot->task;
	window->tgid = slot->task >> 32;
	window->level = THPRACE_LEVEL_PMD;
	window->flags = THPRACE_WF_CRASH;
	window->left = THPRACE_LEFT_UNREAD;
	window->taking = 0;
	if (window->removed < window->open)
		window->removed = 0;
	window->comm[THPRACE_COMM_LEN - 1] = '\0';
	note_time(under_way, window->open);
	note_time(under_way, window->removed);
}

/* What the zap covers, as bpf/range.bpf.c finds it at the range's end. */
static bool find_pages(struct under_way_range *range, const struct thprace_slot *slot,
		       const struct memory *memory, const struct thprace_beacon_head *head)
{
	const struct thprace_beacon_members *member = &head->members;
	uint64_t vma = slot->range_vma, start, offset, file, anon;

	if (!vma || slot->range_end <= slot->range_start ||
	    memory__number(memory, vma + member->vm_start, &start) ||
	    memory__number(memory, vma + member->vm_pgoff, &offset) ||
	    memory__number(memory, vma + member->vm_file, &file) ||
	    memory__number(memory, vma + member->vm_anon_vma, &anon))
		return false;
	if (file)
		memory__number(memory, file + member->file_mapping, &range->file);
	if (anon)
		memory__number(memory, anon + member->anon_vma_root, &range->anon);
	range->first = offset + ((slot->range_start - start) >> head->page_shift);
	range->last = offset + ((slot->range_end - 1 - start) >> head->page_shift);
	return true;
}

static void take_range(struct under_way *under_way, const struct thprace_slot *slot,
		       const struct memory *memory, const struct thprace_beacon_head *head)
{
	struct under_way_range *range = &under_way->ranges[under_way->nr_ranges++];

	range->window = (struct thprace_window){
		.open = slot->range_began,
		.removed = slot->range_removed,
		.folio = slot->range_folio,
		.address = slot->range_start,
		.pid = (uint32_t)slot->task,
		.tgid = slot->task >> 32,
		.level = THPRACE_LEVEL_PTE,
		.flags = THPRACE_WF_RANGE | THPRACE_WF_CRASH,
		.pages = slot->range_pages,
		.left = THPRACE_LEFT_UNREAD,
	};
	memcpy(range->window.comm, slot->opener.window.comm, THPRACE_COMM_LEN - 1);
	range->known = find_pages(range, slot, memory, head);
	note_time(under_way, range->window.open);
	note_time(under_way, range->window.removed);
}

/* Its task has not returned, so the task's structure is still there. */
static void take_walker(struct under_way *under_way, const struct thprace_pending *pending,
			const struct memory *memory, const struct thprace_beacon_head *head)
{
	struct thprace_walk *walk = &under_way->walkers[under_way->nr_walkers++];

	*walk = (struct thprace_walk){
		.enter = pending->enter,
		.folio = pending->folio,
		.pid = pending->pid,
		.tgid = pending->tgid,
		.class = pending->class,
		.origin = pending->origin,
		.flags = THPRACE_KF_CRASH,
	};
	if (memory__virtual(memory, pending->task + head->members.task_comm, walk->comm,
			    THPRACE_COMM_LEN - 1))
		walk->comm[0] = '\0';
}

static void take_pending(struct under_way *under_way, const struct thprace_pending *pending,
			 const struct memory *memory, const struct thprace_beacon_head *head)
{
	if (!pending->folio || !pending->enter || pending->class >= race_class__end() ||
	    pending->origin >= THPRACE_ORIGIN_MAX)
		return;
	note_time(under_way, pending->enter);
	note_time(under_way, pending->returned);
	if (pending->leave)
		under_way->nr_waiting++;
	else
		take_walker(under_way, pending, memory, head);
}

static int read_slots(struct under_way *under_way, const struct memory *memory,
		      const struct thprace_beacon_head *head, under_way_task_fn task, void *ctx)
{
	struct thprace_slot slot;
	int i, err;

	for (i = 0; i < THPRACE_SLOTS_MAX; i++) {
		err = memory__virtual(memory, head->self + head->slots + (uint64_t)i * sizeof(slot),
				      &slot, sizeof(slot));
		if (err)
			return err;
		if (!slot.task)
			continue;
		slot.opener.window.comm[THPRACE_COMM_LEN - 1] = '\0';
		if (slot.state == THPRACE_SLOT_OPEN && slot.opener.window.open)
			take_window(under_way, &slot);
		if (slot.in_range)
			take_range(under_way, &slot, memory, head);
		task(ctx, &slot);
	}
	return 0;
}

int under_way__read(struct under_way *under_way, const struct memory *memory,
		    const struct thprace_beacon_head *head, under_way_task_fn task, void *ctx)
{
	int i, err;

	*under_way = (struct under_way){
		.windows = calloc(THPRACE_SLOTS_MAX, sizeof(*under_way->windows)),
		.ranges = calloc(THPRACE_SLOTS_MAX, sizeof(*under_way->ranges)),
	};
	if (!under_way->windows || !under_way->ranges)
		return -ENOMEM;
	err = memory__virtual(memory, head->self + head->pending, under_way->pending,
			      sizeof(under_way->pending));
	if (err)
		return err;
	for (i = 0; i < THPRACE_PENDING_MAX; i++)
		take_pending(under_way, &under_way->pending[i], memory, head);
	return read_slots(under_way, memory, head, task, ctx);
}

/* May the range take a mapping of this walker's folio? */
static bool covers(const struct under_way_range *range, const struct thprace_pending *pending)
{
	if (range->window.folio && range->window.folio == pending->folio)
		return true;
	return range->known && pending->object &&
	       (pending->object == range->file || pending->object == range->anon) &&
	       pending->index <= range->last && pending->index + pending->pages > range->first;
}

/* The range as a window on this folio. */
static struct thprace_window on_folio(const struct under_way_range *range, uint64_t folio,
				      uint64_t crashed)
{
	struct thprace_window window = range->window;

	if (window.folio != folio) {
		window.folio = folio;
		window.removed = 0;
		window.pages = 0;
	}
	window.close = crashed;
	return window;
}

void under_way__report(const struct under_way *under_way, uint64_t crashed, messages_fn message,
		       void *ctx)
{
	struct thprace_opener opener = {.type = THPRACE_MSG_OPENER};
	const struct thprace_pending *pending;
	size_t i, j;

	for (i = 0; i < under_way->nr_windows; i++) {
		opener.window = under_way->windows[i];
		opener.window.close = crashed;
		message(ctx, &opener, sizeof(opener));
	}
	for (i = 0; i < under_way->nr_ranges; i++) {
		for (j = 0; j < THPRACE_PENDING_MAX; j++) {
			pending = &under_way->pending[j];
			if (!pending->folio || !pending->leave ||
			    !covers(&under_way->ranges[i], pending))
				continue;
			opener.window = on_folio(&under_way->ranges[i], pending->folio, crashed);
			message(ctx, &opener, sizeof(opener));
		}
	}
}

static const struct thprace_pending *pending_of(const struct under_way *under_way,
						const struct thprace_walk *walk)
{
	const struct thprace_pending *pending = under_way->pending;

	while (pending->folio != walk->folio || pending->pid != walk->pid ||
	       pending->enter != walk->enter || pending->leave)
		pending++;
	return pending;
}

void under_way__incidents(const struct under_way *under_way, enum thprace_mode mode,
			  uint64_t crashed, correlator_incident_fn incident, void *ctx)
{
	struct thprace_incident one = {.type = THPRACE_MSG_INCIDENT,
				       .verdict = THPRACE_UNPROVEN,
				       .first_verdict = THPRACE_UNPROVEN,
				       .mode = mode};
	const struct thprace_window *window;
	const struct under_way_range *range;
	bool met;
	size_t i, j;

	for (i = 0; i < under_way->nr_walkers; i++) {
		one.walk = under_way->walkers[i];
		one.walk.leave = crashed;
		met = false;
		for (j = 0; j < under_way->nr_windows; j++) {
			window = &under_way->windows[j];
			if (window->folio != one.walk.folio || window->pid == one.walk.pid)
				continue;
			one.window = *window;
			one.window.close = crashed;
			incident(ctx, &one);
			met = true;
		}
		for (j = 0; j < under_way->nr_ranges; j++) {
			range = &under_way->ranges[j];
			if (range->window.pid == one.walk.pid ||
			    !covers(range, pending_of(under_way, &one.walk)))
				continue;
			one.window = on_folio(range, one.walk.folio, crashed);
			incident(ctx, &one);
			met = true;
		}
		one.window = (struct thprace_window){0};
		if (!met)
			incident(ctx, &one);
	}
}

void under_way__release(struct under_way *under_way)
{
	free(under_way->windows);
	free(under_way->ranges);
}
