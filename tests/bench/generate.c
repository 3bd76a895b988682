// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a long trace from a recorded one: its records and incidents again and again, each round
 * later by the length of the recording. So all interleavings are real, and so is the share of
 * incidents, while the number of records is as requested.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/incident.h>
#include <thprace/record.h>
#include <thprace/trace.h>

#include "base/number.h"
#include "trace/trace_reader.h"
#include "trace/trace_writer.h"

/* Output of one round, in file order: a run of records or of incidents. */
struct run {
	enum thprace_block_type type;
	size_t count;
	void *members;
};

struct source {
	struct thprace_trace_header header;
	struct run *runs;
	size_t nr_runs;
	char *json[THPRACE_BLOCK_TYPE_MAX]; /* the last of each type */
	uint64_t records;
	uint64_t first; /* ns */
	uint64_t last;
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "generate: %s: %s\n", what, why);
	exit(1);
}

static size_t member_size(enum thprace_block_type type)
{
	return type == THPRACE_BLOCK_INCIDENTS ? sizeof(struct thprace_incident)
					       : sizeof(struct thprace_record);
}

static void take_members(struct source *source, const struct trace_block *block)
{
	const struct thprace_record *records = block->data;
	struct run *run;
	uint32_t i;

	source->runs = reallocarray(source->runs, source->nr_runs + 1, sizeof(*source->runs));
	if (!source->runs)
		die("memory", strerror(ENOMEM));
	run = &source->runs[source->nr_runs++];
	run->type = block->type;
	run->count = block->count;
	run->members = calloc(block->count, member_size(block->type));
	if (!run->members)
		die("memory", strerror(ENOMEM));
	memcpy(run->members, block->data, block->size);
	if (block->type != THPRACE_BLOCK_RECORDS)
		return;
	source->records += block->count;
	for (i = 0; i < block->count; i++) {
		if (!source->first || records[i].ts < source->first)
			source->first = records[i].ts;
		if (records[i].ts > source->last)
			source->last = records[i].ts;
	}
}

static void take_block(struct source *source, const struct trace_block *block)
{
	switch (block->type) {
	case THPRACE_BLOCK_RECORDS:
	case THPRACE_BLOCK_INCIDENTS:
		if (block->count)
			take_members(source, block);
		return;
	case THPRACE_BLOCK_META:
	case THPRACE_BLOCK_STATS:
	case THPRACE_BLOCK_SYMBOLS:
	case THPRACE_BLOCK_TASKS:
		free(source->json[block->type]);
		source->json[block->type] = strdup(block->data);
		return;
	default:
		return;
	}
}

static void read_source(struct source *source, const char *path)
{
	struct trace_reader *reader;
	struct trace_block block;
	char why[256];
	int got;

	if (trace_reader__open(&reader, path, why, sizeof(why)))
		die(path, why);
	source->header = *trace_reader__header(reader);
	while ((got = trace_reader__next(reader, &block)) != 0) {
		if (got < 0)
			die(path, trace_reader__why(reader));
		take_block(source, &block);
	}
	trace_reader__close(reader);
	if (!source->records)
		die(path, "no records: it has to be recorded with --all");
}

static uint64_t later(uint64_t ns, uint64_t by)
{
	return ns ? ns + by : 0;
}

static struct thprace_record record_later(const struct thprace_record *from, uint64_t by)
{
	struct thprace_record record = *from;

	record.ts = later(record.ts, by);
	record.entry = later(record.entry, by);
	/* These have a time in arg: see record.h. */
	if (record.type == THPRACE_REC_ZAP_CLOSE || record.type == THPRACE_REC_SPLIT_RETURN)
		record.arg = later(record.arg, by);
	return record;
}

static struct thprace_incident incident_later(const struct thprace_incident *from, uint64_t by)
{
	struct thprace_incident incident = *from;

	incident.window.open = later(incident.window.open, by);
	incident.window.removed = later(incident.window.removed, by);
	incident.window.close = later(incident.window.close, by);
	incident.walk.enter = later(incident.walk.enter, by);
	incident.walk.leave = later(incident.walk.leave, by);
	return incident;
}

static int write_run(struct trace_writer *writer, const struct run *run, uint64_t by,
		     uint64_t *left)
{
	const struct thprace_incident *incidents = run->members;
	const struct thprace_record *records = run->members;
	struct thprace_incident incident;
	struct thprace_record record;
	int err = 0;
	size_t i;

	for (i = 0; i < run->count && *left && !err; i++) {
		if (run->type == THPRACE_BLOCK_INCIDENTS) {
			incident = incident_later(&incidents[i], by);
			err = trace_writer__incident(writer, &incident);
		} else {
			record = record_later(&records[i], by);
			err = trace_writer__record(writer, run->type, &record);
			(*left)--;
		}
	}
	return err;
}

static int write_json(struct trace_writer *writer, const struct source *source,
		      enum thprace_block_type type)
{
	return source->json[type] ? trace_writer__json(writer, type, source->json[type]) : 0;
}

static int write_trace(struct trace_writer *writer, const struct source *source, uint64_t records)
{
	uint64_t step = source->last - source->first + 1000000, by, left = records;
	size_t i;
	int err;

	err = write_json(writer, source, THPRACE_BLOCK_META);
	for (by = 0; left && !err; by += step)
		for (i = 0; i < source->nr_runs && left && !err; i++)
			err = write_run(writer, &source->runs[i], by, &left);
	if (!err)
		err = trace_writer__flush(writer);
	if (!err)
		err = write_json(writer, source, THPRACE_BLOCK_SYMBOLS);
	if (!err)
		err = write_json(writer, source, THPRACE_BLOCK_TASKS);
	if (!err)
		err = write_json(writer, source, THPRACE_BLOCK_STATS);
	return err;
}

int main(int argc, char **argv)
{
	struct source source = {0};
	struct trace_writer *writer;
	uint64_t records = 0;
	int err;

	if (argc != 4) {
		fputs("Usage: generate SOURCE.thpr RECORDS OUTPUT.thpr\n", stderr);
		return 2;
	}
	if (number__parse(argv[2], 1, UINT64_MAX, &records)) {
		fprintf(stderr, "generate: '%s' is not a number of records\n", argv[2]);
		return 2;
	}
	read_source(&source, argv[1]);
	err = trace_writer__open(&writer, argv[3], source.header.started,
				 source.header.started_wall, source.header.flags);
	if (err)
		die(argv[3], strerror(-err));
	err = write_trace(writer, &source, records);
	if (err) {
		trace_writer__close(writer);
		die(argv[3], strerror(-err));
	}
	err = trace_writer__close(writer);
	if (err)
		die(argv[3], strerror(-err));
	return 0;
}
