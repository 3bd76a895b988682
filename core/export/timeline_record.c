// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records become slices and instants. A record that ends an interval has its begin, and is drawn
 * as a slice. One that begins an interval is drawn only if no end comes.
 */
#include "timeline_private.h"

#include "base/names.h"
#include "report/record_meaning.h"

enum role {
	ROLE_NONE, /* shown by another record: rmap-pmd is a time of zap-close; or by timeline_race.c */
	ROLE_BEGIN,
	ROLE_END,
	ROLE_INSTANT,
	ROLE_LOSS,
};

struct drawing {
	const char *name;
	const char *category;
	enum role role;
	enum drawn_kind kind;
	unsigned int pending; /* BEGIN, END: place in struct row */
	bool sleeps; /* an interval that says nothing about its CPU */
};

static const struct drawing drawings[THPRACE_REC_MAX] = {
	[THPRACE_REC_ZAP_OPEN] = {"window: end not recorded", "window", ROLE_BEGIN, DRAWN_WINDOW, 0,
				  false},
	[THPRACE_REC_ZAP_CLOSE] = {"window", "window", ROLE_END, DRAWN_WINDOW, 0, false},
	[THPRACE_REC_RMAP_PTE] = {"rmap removal", "window", ROLE_INSTANT, DRAWN_REMOVAL, 0, false},
	[THPRACE_REC_RANGE] = {"zap of a range", "window", ROLE_END, DRAWN_RANGE, PENDING_MAX,
			       false},
	[THPRACE_REC_WALK_ENTER] = {"walker: end not recorded", "walker", ROLE_BEGIN, DRAWN_WALKER,
				    1, false},
	[THPRACE_REC_WALK_RETURN] = {NULL, "walker", ROLE_END, DRAWN_WALKER, 1, false},
	[THPRACE_REC_OUTER] = {"return around a failed walker", "walker", ROLE_INSTANT, DRAWN_OUTER,
			       0, false},
	[THPRACE_REC_CHECK] = {"check: still mapped", "walker", ROLE_INSTANT, DRAWN_CHECK, 0,
			       false},
	[THPRACE_REC_SPLIT_ENTER] = {"split: end not recorded", "split", ROLE_BEGIN, DRAWN_SPLIT, 2,
				     false},
	[THPRACE_REC_SPLIT_RETURN] = {"split", "split", ROLE_END, DRAWN_SPLIT, 2, false},
	[THPRACE_REC_COLLAPSE_ENTER] = {"collapse: end not recorded", "collapse", ROLE_BEGIN,
					DRAWN_COLLAPSE, 3, false},
	[THPRACE_REC_COLLAPSE_RETURN] = {"collapse", "collapse", ROLE_END, DRAWN_COLLAPSE, 3,
					 false},
	[THPRACE_REC_POISON_ENTER] = {"memory_failure: end not recorded", "walker", ROLE_BEGIN,
				      DRAWN_POISON, 4, false},
	[THPRACE_REC_POISON_RETURN] = {"memory_failure", "walker", ROLE_END, DRAWN_POISON, 4,
				       false},
	[THPRACE_REC_HOLD_ENTER] = {"wait for a page: end not recorded", "walker", ROLE_BEGIN,
				    DRAWN_HOLD, 5, true},
	[THPRACE_REC_HOLD_RETURN] = {"wait for a page", "walker", ROLE_END, DRAWN_HOLD, 5, true},
	[THPRACE_REC_LOST] = {NULL, "loss", ROLE_LOSS, DRAWN_LOSS, 0, false},
};

/* arg or arg2, as its type says. */
static void add_value(struct event *event, const char *name, enum record_shape shape,
		      uint64_t value)
{
	if (shape == RECORD_ADDRESS) {
		event__address(event, name, value);
	} else if (shape == RECORD_COUNT) {
		event__signed(event, name, (int64_t)value);
	} else if (shape == RECORD_PAGES) {
		event__number(event, name, (uint32_t)value);
		if (value >> 32)
			event__number(event, "taking_ns", value >> 32);
	}
}

static void add_flags(struct event *event, const struct thprace_record *record)
{
	unsigned int i;

	if (record->flags & THPRACE_RF_OWN)
		event__name(event, "own_result",
			    record->flags & THPRACE_RF_OWN_FAILED ? "still-mapped" : "unmapped");
	for (i = 0; record_flags[i].flag; i++) {
		if (record->flags & record_flags[i].flag)
			event__name(event, record_flags[i].name, "yes");
	}
}

void timeline__details(struct event *event, const struct thprace_record *record)
{
	const struct record_meaning *meaning = &record_meanings[record->type];

	if (record->folio)
		event__address(event, "folio", record->folio);
	if (record->class)
		event__name(event, "class", names__class(record->class));
	if (record->class || record->origin)
		event__name(event, "kind", names__origin(record->origin));
	if (meaning->value)
		event__signed(event, meaning->value, record->value);
	if (record->type == THPRACE_REC_OUTER) {
		timeline__counts(event, "before_entire", "before_small",
				 thprace_counts_of(record->arg));
		timeline__counts(event, "now_entire", "now_small", thprace_counts_of(record->arg2));
		return;
	}
	add_value(event, meaning->arg, meaning->arg_as, record->arg);
	if (record->type == THPRACE_REC_ZAP_CLOSE)
		event__signed(event, "left", thprace_left_decode(record->flags));
	else
		add_flags(event, record);
	if (record->type != THPRACE_REC_WALK_RETURN)
		add_value(event, meaning->arg2, meaning->arg2_as, record->arg2);
	else if (record->arg2)
		timeline__counts(event, "left_entire", "left_small",
				 thprace_counts_of(record->arg2));
}

void timeline__unended(struct timeline *timeline, struct row *row, const char *name,
		       const char *category, struct pending *pending)
{
	struct event event = {.name = name, .category = category, .begin = pending->begin};

	if (!pending->begin)
		return;
	if (pending->folio)
		event__address(&event, "folio", pending->folio);
	event__number(&event, "cpu", pending->cpu);
	timeline__instant(timeline, row, &event);
	pending->begin = 0;
}

void timeline__forget_records(struct timeline *timeline, struct row *row)
{
	unsigned int type;

	for (type = 0; type < THPRACE_REC_MAX; type++) {
		if (drawings[type].role == ROLE_BEGIN)
			timeline__unended(timeline, row, drawings[type].name,
					  drawings[type].category,
					  &row->pending[drawings[type].pending]);
	}
}

/* Blocks are not sorted among each other: the end may have come before. */
static void begin_slice(struct timeline *timeline, const struct drawing *drawing,
			const struct thprace_record *record)
{
	struct row *row;
	struct pending *pending;

	if (!timeline__first(timeline, DRAWN_BEGIN + drawing->kind, record->pid, record->ts))
		return;
	row = timeline__thread(timeline, record->tgid, record->pid, NULL);
	if (!row)
		return;
	pending = &row->pending[drawing->pending];
	if (record->ts <= pending->ended)
		return;
	timeline__unended(timeline, row, drawing->name, drawing->category, pending);
	pending->begin = record->ts;
	pending->folio = record->folio;
	pending->cpu = record->cpu;
}

static void end_slice(struct timeline *timeline, const struct drawing *drawing,
		      const struct thprace_record *record)
{
	const bool walker = record->type == THPRACE_REC_WALK_RETURN;
	struct event event = {
		.name = walker ? timeline__walker(timeline, record->class) : drawing->name,
		.category = drawing->category,
		.begin = record->entry,
		.end = record->ts,
	};
	struct row *row = timeline__thread(timeline, record->tgid, record->pid, NULL);
	struct pending *pending;

	if (!row)
		return;
	if (drawing->pending < PENDING_MAX) {
		pending = &row->pending[drawing->pending];
		if (pending->begin == record->entry)
			pending->begin = 0;
		if (pending->ended < record->entry)
			pending->ended = record->entry;
	}
	/* When a range began is not always known. */
	if (!timeline__first(timeline, drawing->kind, record->pid,
			     record->type == THPRACE_REC_RANGE ? record->ts : record->entry))
		return;
	if (record->type == THPRACE_REC_ZAP_CLOSE)
		timeline__phases(&event, record->arg);
	if (record->type == THPRACE_REC_SPLIT_RETURN && record->arg &&
	    timeline__first(timeline, DRAWN_SPLIT_REST, record->pid, record->arg))
		timeline__split_rest(&event, record->arg);
	timeline__details(&event, record);
	timeline__slice(timeline, row, &event, drawing->sleeps ? NO_CPU : record->cpu);
}

static void draw_instant(struct timeline *timeline, const struct drawing *drawing,
			 const struct thprace_record *record)
{
	struct event event = {
		.name = drawing->name, .category = drawing->category, .begin = record->ts};
	struct row *row;

	if (!timeline__first(timeline, drawing->kind, record->pid, record->ts))
		return;
	row = timeline__thread(timeline, record->tgid, record->pid, NULL);
	if (!row)
		return;
	timeline__details(&event, record);
	event__number(&event, "cpu", record->cpu);
	timeline__instant(timeline, row, &event);
}

static void draw_loss(struct timeline *timeline, const struct thprace_record *record)
{
	struct event event = {
		.name = "records lost",
		.category = "loss",
		.begin = record->entry,
		.end = record->ts,
	};
	struct row *row;

	if (!timeline__first(timeline, DRAWN_LOSS, (uint32_t)record->value << 16 ^ record->cpu,
			     record->ts))
		return;
	row = tracks__row(&timeline->tracks, TRACK_LOSS, 0, 0, NULL);
	timeline->failed |= !row;
	if (!row)
		return;
	timeline->loss = true;
	event__number(&event, "records", record->arg);
	event__name(&event, "cause", names__loss((unsigned int)record->value));
	event__number(&event, "cpu", record->cpu);
	timeline__slice(timeline, row, &event, NO_CPU);
}

void timeline__record(struct timeline *timeline, const struct thprace_record *record)
{
	const struct drawing *drawing = &drawings[record->type];

	switch (drawing->role) {
	case ROLE_NONE:
		break;
	case ROLE_BEGIN:
		begin_slice(timeline, drawing, record);
		break;
	case ROLE_END:
		end_slice(timeline, drawing, record);
		break;
	case ROLE_INSTANT:
		draw_instant(timeline, drawing, record);
		break;
	case ROLE_LOSS:
		draw_loss(timeline, record);
		break;
	}
}
