// SPDX-License-Identifier: GPL-2.0-only
#include "recovery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/json.h"
#include "base/json_bounds.h"
#include "base/work.h"
#include "beacon.h"
#include "correlate/correlator.h"
#include "crash_json.h"
#include "dump_symbols.h"
#include "kernel/symbols.h"
#include "race_under_way.h"
#include "session/stats_json.h"
#include "trace/trace_validate.h"
#include "trace/trace_writer.h"
#include "under_way.h"

struct maker {
	struct recovery *result;
	const struct memory *memory;
	struct beacon beacon;
	const struct thprace_beacon_head *head;
	struct under_way under_way;
	struct race_under_way races;
	struct crash_json crash;
	struct dump_symbols names;
	struct session_totals totals;
	struct thprace_cpu *cpu; /* space for one */
	struct messages_ring ring;
	unsigned char *ring_data;
	uint64_t crashed; /* the latest stamp of all */
	uint64_t last_walk; /* entry of the last walker of the task in which the kernel died */
	struct correlator *correlator;
	struct symbols *symbols;
	struct trace_writer *writer;
	int err; /* the first failure of the writer, or -ENOMEM */
};

static void note_error(struct maker *maker, int err)
{
	if (err && err != -EINVAL && !maker->err)
		maker->err = err;
}

static bool read_cpu(struct maker *maker, unsigned int id)
{
	return !memory__virtual(maker->memory, maker->head->cpu + id * maker->head->cpu_stride,
				maker->cpu, sizeof(*maker->cpu));
}

/* The programs count these losses. The others are core's: of what was submitted to it. */
static bool is_counted(int cause)
{
	return cause != THPRACE_LOSS_WRITE && cause != THPRACE_LOSS_MEMORY &&
	       cause < THPRACE_LOSS_MAX;
}

/*
 * A program adds to `seen' first, and to an outcome a moment later: those that the crash stopped in
 * between are not counted.
 */
static void add_counters(struct maker *maker)
{
	struct thprace_counters *counters = &maker->cpu->counters;
	uint64_t counted = counters->submitted + counters->filtered;
	int i;

	for (i = 0; i < THPRACE_LOSS_SLOTS; i++) {
		if (!is_counted(i))
			counters->lost[i] = 0;
		counted += counters->lost[i];
	}
	if (counters->seen > counted)
		maker->result->cut_off += counters->seen - counted;
	counters->seen = counted + maker->cpu->head;
	counters->submitted += maker->cpu->head;
	engine__count_intervals(counters);
	engine__add_cpu_counters(&maker->totals.counters.sum, counters);
}

typedef void (*flight_fn)(struct maker *maker, struct thprace_record *record);

/* The valid records of the CPU that was read last. */
static void each_record(struct maker *maker, flight_fn handle)
{
	uint64_t head = maker->cpu->head, position;
	struct thprace_record *record;

	position = head > THPRACE_FLIGHT_RECORDS ? head - THPRACE_FLIGHT_RECORDS : 0;
	for (; position < head; position++) {
		record = &maker->cpu->flight[position & (THPRACE_FLIGHT_RECORDS - 1)];
		if (record->seq == (uint32_t)(position + 1))
			handle(maker, record);
	}
}

static void note_time(struct maker *maker, uint64_t time)
{
	if (time > maker->crashed)
		maker->crashed = time;
}

static void find_latest(struct maker *maker, struct thprace_record *record)
{
	note_time(maker, record->ts);
}

static void write_record(struct maker *maker, enum thprace_block_type type,
			 struct thprace_record *record)
{
	record->seq = 0;
	if (trace_validate__record(record)) {
		maker->result->records_refused++;
		return;
	}
	note_error(maker, trace_writer__record(maker->writer, type, record));
	maker->result->records++;
}

static void write_flown(struct maker *maker, struct thprace_record *record)
{
	write_record(maker, THPRACE_BLOCK_CONTEXT, record);
}

static void look_at_streamed(void *ctx, struct thprace_record *record)
{
	find_latest(ctx, record);
}

static void write_streamed(void *ctx, struct thprace_record *record)
{
	write_record(ctx, THPRACE_BLOCK_RECORDS, record);
}

/* Counters, and when the last thing happened. */
static void read_cpus(struct maker *maker)
{
	unsigned int id;

	maker->crashed = maker->head->started;
	note_time(maker, maker->under_way.latest);
	note_time(maker, maker->races.latest);
	for (id = 0; id < maker->head->cpus; id++) {
		if (!read_cpu(maker, id)) {
			maker->result->cpus_missing++;
			continue;
		}
		add_counters(maker);
		each_record(maker, find_latest);
	}
	maker->result->all = maker->head->streams != 0;
	note_error(maker, streams__walk(&maker->result->streams, maker->memory, maker->head,
					look_at_streamed, maker));
}

static void write_records(struct maker *maker)
{
	unsigned int id;

	for (id = 0; id < maker->head->cpus; id++)
		if (read_cpu(maker, id))
			each_record(maker, write_flown);
	note_error(maker, streams__walk(&maker->result->streams, maker->memory, maker->head,
					write_streamed, maker));
}

static void on_task(void *ctx, const struct thprace_slot *slot)
{
	struct maker *maker = ctx;

	crash_json__task(&maker->crash, slot);
}

static void on_incident(void *ctx, const struct thprace_incident *incident)
{
	struct thprace_incident one = *incident;
	struct maker *maker = ctx;

	if (one.walk.enter == maker->last_walk && one.walk.pid == maker->crash.pid &&
	    maker->last_walk)
		one.walk.flags |= THPRACE_KF_DIED;
	symbols__want(maker->symbols, &incident->opener_stack);
	symbols__want(maker->symbols, &incident->walker_stack);
	note_error(maker, trace_writer__incident(maker->writer, &one));
	maker->result->incidents++;
	maker->result->escapes += incident->verdict == THPRACE_ESCAPE;
}

/* They are none of the correlator's, but are counted like its own. */
static void on_under_way(void *ctx, const struct thprace_incident *incident)
{
	struct maker *maker = ctx;

	correlator__count(maker->totals.classes, incident);
	on_incident(ctx, incident);
}

static void on_message(void *ctx, const void *message, size_t size)
{
	struct maker *maker = ctx;

	note_error(maker, correlator__message(maker->correlator, message, size, maker->crashed));
}

/*
 * Losses are known up to the last reading of the counters. Those that were counted since lie
 * between that and the crash. Core adds to the missed ones what the kernel counts of its own.
 */
static void apply_losses(struct maker *maker)
{
	const struct thprace_beacon_head *head = maker->head;
	__u64 *lost = maker->totals.counters.sum.lost;
	bool more = false;
	int i;

	for (i = 0; i < THPRACE_LOSS_MAX; i++) {
		if (i != THPRACE_LOSS_STREAM && lost[i] > head->lost[i])
			more = true;
		if (i == THPRACE_LOSS_MISSED && lost[i] < head->lost[i]) {
			maker->totals.counters.sum.seen += head->lost[i] - lost[i];
			lost[i] = head->lost[i];
		}
		if (!is_counted(i))
			lost[i] = head->lost[i];
	}
	if (head->lost_until)
		correlator__lost(maker->correlator, 0, head->lost_until);
	if (more)
		correlator__lost(maker->correlator, head->checked ? head->checked : head->started,
				 maker->crashed);
}

/* Reported by the task in which the kernel died? */
static void note_walk(struct maker *maker, const struct thprace_walk *walk)
{
	if (walk->pid && walk->pid == maker->crash.pid && walk->enter > maker->last_walk)
		maker->last_walk = walk->enter;
}

/* Messages may be later than all flight records that are left, and have names of tasks. */
static void look_at_message(void *ctx, const void *message, size_t size)
{
	const struct thprace_incident *incident = message;
	const struct thprace_opener *opener = message;
	const struct thprace_race_end *end = message;
	const struct thprace_hold *hold = message;
	struct maker *maker = ctx;

	(void)size;
	switch (*(const uint32_t *)message) {
	case THPRACE_MSG_INCIDENT:
	case THPRACE_MSG_CHECK:
		note_time(maker, incident->walk.leave);
		note_walk(maker, &incident->walk);
		break;
	case THPRACE_MSG_HOLD:
		note_walk(maker, &hold->walk);
		break;
	case THPRACE_MSG_OPENER:
	case THPRACE_MSG_REUSE:
		note_time(maker, opener->window.close);
		break;
	case THPRACE_MSG_RACE_END:
		note_time(maker, end->end);
		race_under_way__name(&maker->races, end);
		break;
	}
}

/* The incident ring. What cannot be read of it is said in the result. */
static void read_messages(struct maker *maker)
{
	const struct thprace_beacon_head *head = maker->head;
	struct messages_ring *ring = &maker->ring;
	int err;

	*ring = (struct messages_ring){.size = head->ring_mask + 1,
				       .first_page = (head->ring_data - head->ring) >>
						     head->page_shift,
				       .page_shift = head->page_shift};
	maker->ring_data = malloc(ring->size);
	ring->data = maker->ring_data;
	err = ring->data ? 0 : -ENOMEM;
	if (!err)
		err = memory__virtual(maker->memory, head->ring_data, maker->ring_data,
				      ring->size) |
		      memory__number(maker->memory, head->ring_consumer, &ring->consumer) |
		      memory__number(maker->memory, head->ring_producer, &ring->producer);
	if (!err)
		err = messages__walk(ring, look_at_message, maker, &maker->result->messages);
	maker->result->no_messages = err != 0;
}

static void write_json(struct maker *maker, enum thprace_block_type type, char *text)
{
	note_error(maker, text ? trace_writer__json(maker->writer, type, text) : -ENOMEM);
	free(text);
}

/* A file that is named must be usable; that the dump has no table is no failure. */
static int read_names(struct maker *maker, const struct recovery_options *options, char *why,
		      size_t why_size)
{
	char reason[256] = "";
	uint64_t text;
	int err;

	if (!memory__info_hex(maker->memory, "SYMBOL(_stext)", &text))
		text = maker->head->text;
	if (!options->map && !options->image) {
		err = dump_symbols__read(&maker->names, maker->memory);
		return err == -ENOMEM ? err : 0;
	}
	if (options->map)
		err = dump_symbols__map(&maker->names, options->map, text, reason, sizeof(reason));
	else
		err = dump_symbols__image(&maker->names, options->image, text, reason,
					  sizeof(reason));
	if (err)
		snprintf(why, why_size, "%s cannot be used: %s",
			 options->map ? options->map : options->image, reason);
	return err;
}

static void find_names(struct maker *maker)
{
	FILE *file = maker->names.size ? fmemopen(maker->names.text, maker->names.size, "r") : NULL;

	if (!file)
		return;
	symbols__resolve_in(maker->symbols, file);
	maker->result->named = true;
}

static void add_totals(struct maker *maker)
{
	const struct verdict_counts *counts = correlator__classes(maker->correlator);
	struct verdict_counts *classes = maker->totals.classes;
	int i;

	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		classes[i].overlaps += counts[i].overlaps;
		classes[i].contained += counts[i].contained;
		classes[i].escapes += counts[i].escapes;
		classes[i].likely += counts[i].likely;
		classes[i].remained += counts[i].remained;
		classes[i].unattributed += counts[i].unattributed;
		classes[i].unproven += counts[i].unproven;
	}
	maker->totals.counters.sum.touching += correlator__touching(maker->correlator);
	maker->totals.counters.identity = true;
	maker->totals.records = trace_writer__records(maker->writer);
	maker->totals.bytes = trace_writer__bytes(maker->writer);
	maker->totals.seconds = maker->result->seconds;
	session__sum(&maker->totals);
}

/* All of the trace. The last META counts: what the rest is, is known at the end. */
static void write_trace(struct maker *maker, const struct recovery_options *options)
{
	note_error(maker, trace_writer__json(maker->writer, THPRACE_BLOCK_META,
					     crash_json__first(&maker->crash)));
	write_records(maker);
	apply_losses(maker);
	if (!maker->result->no_messages)
		note_error(maker, messages__walk(&maker->ring, on_message, maker,
						 &maker->result->messages));
	under_way__report(&maker->under_way, maker->crashed, on_message, maker);
	race_under_way__report(&maker->races, maker->crashed, on_message, maker);
	correlator__finish(maker->correlator);
	under_way__incidents(&maker->under_way, maker->head->mode, maker->crashed, on_under_way,
			     maker);
	note_error(maker, trace_writer__flush(maker->writer));
	add_totals(maker);
	find_names(maker);
	write_json(maker, THPRACE_BLOCK_META,
		   crash_json__meta(&maker->crash, &maker->under_way, &maker->races, maker->result,
				    options->format, maker->head->started, maker->crashed));
	write_json(maker, THPRACE_BLOCK_TASKS, crash_json__tasks(&maker->crash));
	write_json(maker, THPRACE_BLOCK_SYMBOLS, symbols__json(maker->symbols));
	write_json(maker, THPRACE_BLOCK_STATS, stats_json__span(&maker->totals, maker->crashed));
}

static int open_all(struct maker *maker, const struct recovery_options *options)
{
	maker->symbols = symbols__new();
	maker->correlator = correlator__new(maker->head->mode, on_incident, maker);
	if (!maker->symbols || !maker->correlator)
		return -ENOMEM;
	return trace_writer__open(&maker->writer, options->path, maker->head->started,
				  maker->head->started_wall, 0);
}

/* Everything that can show that there is nothing to recover, before a file is made. */
static int read_all(struct maker *maker, struct work *work, char *why, size_t why_size)
{
	int err = beacon__find(&maker->beacon, maker->memory, work, why, why_size);

	if (err)
		return err;
	maker->result->others = maker->beacon.others;
	work__begin(work, "reading thprace's memory", 0);
	err = crash_json__begin(&maker->crash, maker->beacon.content.meta, maker->head->meta_size);
	if (err) {
		snprintf(why, why_size,
			 "the recording's description in the dump is damaged, or was too long");
		return err;
	}
	maker->cpu = malloc(sizeof(*maker->cpu));
	err = maker->cpu ? under_way__read(&maker->under_way, maker->memory, maker->head, on_task,
					   maker)
			 : -ENOMEM;
	if (err) {
		snprintf(why, why_size,
			 err == -ENOMEM ? "out of memory"
					: "the dump does not have the memory of thprace's tables");
		return err;
	}
	err = race_under_way__read(&maker->races, maker->memory, maker->head);
	if (err == -ENOMEM) {
		snprintf(why, why_size, "out of memory");
		return err;
	}
	maker->result->no_races = err != 0;
	maker->result->races = maker->races.nr;
	read_cpus(maker);
	crash_json__log(&maker->crash, maker->memory, maker->result);
	read_messages(maker);
	maker->result->windows = maker->under_way.nr_windows;
	maker->result->ranges = maker->under_way.nr_ranges;
	maker->result->walkers = maker->under_way.nr_walkers;
	maker->result->waiting = maker->under_way.nr_waiting;
	maker->result->seconds = (double)(maker->crashed - maker->head->started) / 1e9;
	return 0;
}

int recovery__make(struct recovery *recovery, const struct memory *memory,
		   const struct recovery_options *options, char *why, size_t why_size)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	int err;

	*recovery = (struct recovery){0};
	if (!maker) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	maker->result = recovery;
	maker->memory = memory;
	maker->head = &maker->beacon.content.head;
	err = read_all(maker, options->work, why, why_size);
	if (!err) {
		work__begin(options->work, "reading the names of the kernel's functions", 0);
		err = read_names(maker, options, why, why_size);
	}
	if (err)
		goto cleanup;
	err = open_all(maker, options);
	if (!err) {
		work__begin(options->work, "writing the trace", 0);
		write_trace(maker, options);
		err = trace_writer__close(maker->writer);
		maker->writer = NULL;
		if (maker->err)
			err = maker->err;
	}
	if (err)
		snprintf(why, why_size, "cannot write %s: %s", options->path, strerror(-err));

cleanup:
	trace_writer__close(maker->writer);
	correlator__free(maker->correlator);
	symbols__free(maker->symbols);
	crash_json__release(&maker->crash);
	dump_symbols__release(&maker->names);
	under_way__release(&maker->under_way);
	race_under_way__release(&maker->races);
	free(maker->cpu);
	free(maker->ring_data);
	free(maker);
	return err;
}
