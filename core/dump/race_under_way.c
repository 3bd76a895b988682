// SPDX-License-Identifier: GPL-2.0-only
#include "race_under_way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classes/race_class.h"

/* Is it an open interval that a race of this recording can have? */
static bool is_open(const struct thprace_race_slot *slot)
{
	return slot->owners && slot->begin &&
	       (slot->state == THPRACE_RACE_OPEN || slot->state == THPRACE_RACE_CLOSING ||
		slot->state == THPRACE_RACE_PASSING) &&
	       !(slot->place & THPRACE_RACE_INSIDE) && slot->side < THPRACE_RACE_SIDES &&
	       race_class__shape(slot->place >> 8) == RACE_FILE;
}

/* As bpf/race.bpf.c does; the classes are those of META. */
static void save(const struct thprace_race_slot *slot, struct thprace_race_end *report)
{
	const unsigned int values = race_class__values(report->class, report->section);
	unsigned int i;

	for (i = 0; i < values; i++)
		report->stack.ip[THPRACE_STACK_MAX - 1 - i] = slot->interval.saved[i];
	report->stack.values = (__u8)values;
	report->stack.section = report->section;
}

static void take(struct race_under_way *races, const struct thprace_race_slot *slot)
{
	struct race_side *side = &races->sides[races->nr++];

	*side = (struct race_side){
		.report = {.type = THPRACE_MSG_RACE_END,
			   .class = (uint8_t)(slot->place >> 8),
			   .side = (uint8_t)slot->side,
			   .section = (uint8_t)((slot->place & 0xff) >> 1),
			   .flags = THPRACE_RACE_CRASH,
			   .id = slot->id,
			   .begin = slot->begin,
			   .key = slot->interval.key,
			   .pid = (uint32_t)slot->task,
			   .tgid = (uint32_t)(slot->task >> 32)},
		.from = slot->from,
		.to = slot->to,
	};
	save(slot, &side->report);
	if (slot->begin > races->latest)
		races->latest = slot->begin;
}

int race_under_way__read(struct race_under_way *races, const struct memory *memory,
			 const struct thprace_beacon_head *head)
{
	struct thprace_race_slot slot;
	int i, err;

	*races = (struct race_under_way){0};
	if (!head->race_slots)
		return 0;
	races->sides = calloc(THPRACE_RACE_SLOTS, sizeof(*races->sides));
	if (!races->sides)
		return -ENOMEM;
	for (i = 0; i < THPRACE_RACE_SLOTS; i++) {
		err = memory__virtual(memory, head->race_slots + (uint64_t)i * sizeof(slot), &slot,
				      sizeof(slot));
		if (err)
			return err;
		if (is_open(&slot))
			take(races, &slot);
	}
	return 0;
}

void race_under_way__name(struct race_under_way *races, const struct thprace_race_end *report)
{
	size_t i;

	for (i = 0; i < races->nr; i++)
		if (races->sides[i].report.pid == report->pid)
			memcpy(races->sides[i].report.comm, report->comm, THPRACE_COMM_LEN);
}

static bool meet(const struct race_side *window, const struct race_side *walker)
{
	const struct thprace_race_end *x = &window->report, *y = &walker->report;

	return x->side == THPRACE_RACE_WINDOW && y->side == THPRACE_RACE_WALKER &&
	       x->class == y->class && x->key == y->key && x->pid != y->pid &&
	       window->from < walker->to && walker->from < window->to;
}

void race_under_way__report(struct race_under_way *races, uint64_t crashed, messages_fn message,
			    void *ctx)
{
	struct race_side *window, *walker, *end = races->sides + races->nr;
	struct thprace_race_pair pair = {.type = THPRACE_MSG_RACE_PAIR};

	for (window = races->sides; window < end; window++) {
		window->report.end = crashed;
		message(ctx, &window->report, sizeof(window->report));
		for (walker = races->sides; walker < end; walker++) {
			if (!meet(window, walker))
				continue;
			pair.class = window->report.class;
			pair.section[THPRACE_RACE_WINDOW] = window->report.section;
			pair.section[THPRACE_RACE_WALKER] = walker->report.section;
			pair.id[THPRACE_RACE_WINDOW] = window->report.id;
			pair.id[THPRACE_RACE_WALKER] = walker->report.id;
			pair.begin[THPRACE_RACE_WINDOW] = window->report.begin;
			pair.begin[THPRACE_RACE_WALKER] = walker->report.begin;
			pair.pid[THPRACE_RACE_WINDOW] = window->report.pid;
			pair.pid[THPRACE_RACE_WALKER] = walker->report.pid;
			message(ctx, &pair, sizeof(pair));
		}
	}
}

void race_under_way__release(struct race_under_way *races)
{
	free(races->sides);
}
