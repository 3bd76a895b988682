// SPDX-License-Identifier: GPL-2.0-only
#include "spool_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <thprace/trace.h>
#include "cli.h"
#include "base/incident_time.h"
#include "trace/spool_dir.h"
#include "trace/trace_reader.h"

struct reading {
	const struct spool_range *range;
	const char *verb;
	spool_read_fn fn;
	void *ctx;
	const char *path;
	const struct thprace_trace_header *header;
	uint64_t number; /* number of the next incident */
};

static int hand_out(struct reading *reading, const struct trace_block *block)
{
	const struct thprace_trace_header *header = reading->header;
	const struct thprace_incident *incidents = block->data;
	const struct spool_range *range = reading->range;
	uint64_t number, wall;
	uint32_t i;
	int err = 0;

	for (i = 0; i < block->count && !err; i++) {
		number = reading->number++;
		if (number < range->from || (range->before && number >= range->before))
			continue;
		wall = header->started_wall + (incident_time__of(&incidents[i]) - header->started);
		err = reading->fn(reading->ctx, number, wall, reading->path, &incidents[i]);
	}
	return err;
}

static int read_file(struct reading *reading)
{
	struct trace_reader *reader = NULL;
	struct trace_block block;
	char why[256];
	int err = 0, got;

	if (trace_reader__open(&reader, reading->path, why, sizeof(why))) {
		cli__fail(reading->verb, reading->path, why);
		return 0;
	}
	reading->header = trace_reader__header(reader);
	while (!err && (got = trace_reader__next(reader, &block)) != 0) {
		/* The end of a file that is being written, or was when the daemon died. */
		if (got == -ENODATA)
			continue;
		if (got < 0)
			fprintf(stderr,
				"thprace %s: %s: %s; incidents may be missing, and the numbers of "
				"later ones be too low\n",
				reading->verb, reading->path, trace_reader__why(reader));
		else if (block.type == THPRACE_BLOCK_INCIDENTS)
			err = hand_out(reading, &block);
	}
	trace_reader__close(reader);
	return err;
}

/* May file i of count contain incidents of the range? */
static bool wanted(const struct spool_range *range, const struct spool_file *files, size_t i,
		   size_t count)
{
	if (range->before && files[i].first >= range->before)
		return false;
	if (range->since && files[i].mtime < range->since)
		return false;
	return i + 1 == count || files[i + 1].first > range->from;
}

int spool_read__each(const char *directory, const struct spool_range *range, const char *verb,
		     spool_read_fn fn, void *ctx)
{
	struct reading reading = {.range = range, .verb = verb, .fn = fn, .ctx = ctx};
	struct spool_file *files = NULL;
	char path[SPOOL_PATH_LEN];
	size_t count = 0, i;
	int err;

	err = spool_dir__list(directory, &files, &count);
	for (i = 0; !err && i < count; i++) {
		if (!wanted(range, files, i, count))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, files[i].name);
		reading.path = path;
		reading.number = files[i].first;
		err = read_file(&reading);
	}
	free(files);
	return err;
}
