// SPDX-License-Identifier: GPL-2.0-only
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include "base/names.h"
#include "classes/race_class.h"
#include "report/summary.h"
#include "timeline_private.h"
#include "trace/record_order.h"
#include "trace/trace_reader.h"

/* Loss of which only the number is known. */
static void draw_whole_loss(struct timeline *timeline)
{
	const struct summary *summary = timeline->summary;
	struct event event = {
		.name = "lost, at a time that is not known",
		.category = "loss",
		.begin = summary->header.started,
		.end = summary->stopped,
	};
	struct row *row;

	if (timeline->loss || !summary->lost_total)
		return;
	row = tracks__row(&timeline->tracks, TRACK_LOSS, 0, 0, NULL);
	timeline->failed |= !row;
	if (!row)
		return;
	if (event.end < event.begin)
		event.end = event.begin;
	event__number(&event, "records", summary->lost_total);
	timeline__slice(timeline, row, &event, NO_CPU);
}

static void draw_record(struct timeline *timeline, const struct thprace_record *record)
{
	if (record->type == THPRACE_REC_RACE_BEGIN || record->type == THPRACE_REC_RACE_EVENT ||
	    record->type == THPRACE_REC_RACE_END)
		timeline__race(timeline, record);
	else
		timeline__record(timeline, record);
}

/* In order of time within the block: ends of slices after their begins, inner before outer ones. */
static void draw_records(struct timeline *timeline, const struct trace_block *block,
			 struct record_place *places)
{
	const struct thprace_record *records = block->data;
	uint32_t i;

	for (i = 0; i < block->count; i++)
		places[i] = (struct record_place){records[i].ts, &records[i]};
	places = record_order__sort(places, &places[block->count], block->count);
	for (i = 0; i < block->count && !timeline->failed; i++)
		draw_record(timeline, places[i].record);
}

static void draw_incidents(struct timeline *timeline, const struct trace_block *block)
{
	const struct thprace_incident *incidents = block->data;
	uint32_t i;

	for (i = 0; i < block->count && !timeline->failed; i++)
		timeline__incident(timeline, &incidents[i]);
}

static void draw(struct timeline *timeline, struct trace_reader *reader,
		 struct record_place *places)
{
	struct trace_block block;
	int got;

	timeline->encoder->begin(timeline->encoder);
	while (!timeline->failed && !ferror(timeline->encoder->out) &&
	       (got = trace_reader__next(reader, &block)) != 0) {
		if (got < 0)
			continue;
		if (block.type == THPRACE_BLOCK_RECORDS || block.type == THPRACE_BLOCK_CONTEXT)
			draw_records(timeline, &block, places);
		else if (block.type == THPRACE_BLOCK_INCIDENTS)
			draw_incidents(timeline, &block);
	}
	draw_whole_loss(timeline);
	tracks__free(&timeline->tracks);
	timeline->encoder->end(timeline->encoder);
}

static void forget(void *timeline, struct row *row)
{
	timeline__forget_records(timeline, row);
	timeline__forget_races(timeline, row);
}

static void name_class(struct class_names *names, unsigned int class)
{
	const char *name = names__class(class);

	snprintf(names->walker, sizeof(names->walker), "%s walker", name);
	snprintf(names->window, sizeof(names->window), "%s window", name);
	snprintf(names->event, sizeof(names->event), "%s event", name);
	snprintf(names->unended[RACE_DRAWS_WINDOW], sizeof(names->unended[0]),
		 "%s window: end not recorded", name);
	snprintf(names->unended[RACE_DRAWS_WALKER], sizeof(names->unended[0]),
		 "%s walker: end not recorded", name);
}

static int prepare(struct timeline *timeline)
{
	const struct summary *summary = timeline->summary;
	unsigned int class;
	size_t i;

	timeline->tracks.encoder = timeline->encoder;
	timeline->tracks.forget = forget;
	timeline->tracks.context = timeline;
	for (class = 1; class < race_class__foreign_end(); class ++)
		name_class(&timeline->names[class], class);
	for (i = 0; i < summary->nr_tasks; i++) {
		if (hash_map__set(&timeline->comms, summary->tasks[i].pid, &summary->tasks[i]))
			return -ENOMEM;
	}
	return 0;
}

int timeline__write(FILE *out, enum timeline_format format, const struct summary *summary,
		    struct trace_reader *reader)
{
	const size_t most = THPRACE_BLOCK_MAX / sizeof(struct thprace_record);
	struct record_place *places = calloc(2 * most, sizeof(*places));
	struct timeline *timeline = calloc(1, sizeof(*timeline));
	int err = -ENOMEM;

	if (!places || !timeline)
		goto cleanup;
	timeline->summary = summary;
	timeline->encoder = format == TIMELINE_PERFETTO ? perfetto__new(out, summary)
							: chrome__new(out, summary);
	if (!timeline->encoder || prepare(timeline))
		goto cleanup;
	draw(timeline, reader, places);
	err = timeline->failed ? -ENOMEM : 0;
cleanup:
	if (timeline) {
		hash_map__free(&timeline->comms);
		free(timeline->encoder);
	}
	free(timeline);
	free(places);
	return err;
}
