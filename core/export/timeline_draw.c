// SPDX-License-Identifier: GPL-2.0-only
/* Draws slices and instants: in their thread, and on their CPU. */
#include "timeline_private.h"

#include "base/hash.h"
#include "report/summary.h"

bool timeline__first(struct timeline *timeline, enum drawn_kind kind, uint32_t pid, uint64_t at)
{
	uint64_t key = hash__pair((uint64_t)kind << 32 | pid, at);
	uint64_t *place = &timeline->drawn[key & (DRAWN - 1)];

	if (*place == key)
		return false;
	*place = key;
	return true;
}

/* The name of a thread, if TASKS has it. */
static const char *comm_of(const struct timeline *timeline, uint32_t pid)
{
	const struct summary_task *task = hash_map__get(&timeline->comms, pid);

	return task ? task->comm : NULL;
}

struct row *timeline__thread(struct timeline *timeline, uint32_t tgid, uint32_t pid,
			     const char *comm)
{
	const char *main_comm = comm_of(timeline, tgid);
	struct row *row;

	if (!comm || !*comm)
		comm = comm_of(timeline, pid);
	if (pid == tgid && comm)
		main_comm = comm;
	row = tracks__row(&timeline->tracks, TRACK_PROCESS, tgid, tgid, main_comm);
	if (row)
		row = tracks__row(&timeline->tracks, TRACK_THREAD, tgid, pid, comm);
	timeline->failed |= !row;
	return row;
}

void timeline__instant(struct timeline *timeline, struct row *row, struct event *event)
{
	event->instant = true;
	event->track = row->track;
	timeline->encoder->event(timeline->encoder, event);
}

static void on_cpu(struct timeline *timeline, const struct row *row, const struct event *event,
		   unsigned int cpu)
{
	struct event brief = {.name = event->name,
			      .category = event->category,
			      .begin = event->begin,
			      .end = event->end};
	struct row *place;

	event__number(&brief, "pid", row->track.id);
	place = tracks__row(&timeline->tracks, TRACK_CPU, 0, cpu, NULL);
	timeline->failed |= !place;
	if (place && tracks__place(&timeline->tracks, place, &brief))
		timeline->encoder->event(timeline->encoder, &brief);
}

void timeline__slice(struct timeline *timeline, struct row *row, struct event *event, int cpu)
{
	bool known = event->begin && event->begin <= event->end;

	if (cpu != NO_CPU)
		event__number(event, "cpu", (unsigned int)cpu);
	if (!known || !tracks__place(&timeline->tracks, row, event)) {
		if (known)
			event__number(event, "took_ns", event->end - event->begin);
		event->begin = event->end;
		timeline__instant(timeline, row, event);
		return;
	}
	timeline->encoder->event(timeline->encoder, event);
	if (cpu != NO_CPU)
		on_cpu(timeline, row, event, (unsigned int)cpu);
}

const char *timeline__walker(const struct timeline *timeline, unsigned int class)
{
	/* A class that the file uses and does not name has none. */
	return class < THPRACE_CLASS_MAX && timeline->names[class].walker[0]
		       ? timeline->names[class].walker
		       : "walker";
}

const char *timeline__window(const struct timeline *timeline, unsigned int class)
{
	return class < THPRACE_CLASS_MAX && timeline->names[class].window[0]
		       ? timeline->names[class].window
		       : "window";
}

static void add_part(struct event *event, const char *name, uint64_t begin, uint64_t end)
{
	event->parts[event->nr_parts++] = (struct event_part){name, begin, end};
}

void timeline__phases(struct event *event, uint64_t removed)
{
	if (removed < event->begin || removed > event->end)
		return;
	add_part(event, "phase 1", event->begin, removed);
	add_part(event, "phase 2", removed, event->end);
}

void timeline__split_rest(struct event *event, uint64_t unmapped)
{
	if (unmapped > event->begin && unmapped <= event->end)
		add_part(event, "unmapped", unmapped, event->end);
}

void timeline__counts(struct event *event, const char *by_pmd, const char *by_pte,
		      struct thprace_counts counts)
{
	event__signed(event, by_pmd, counts.entire);
	event__signed(event, by_pte, counts.small);
}
