// SPDX-License-Identifier: GPL-2.0-only
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stats_json.h"
#include "symbols.h"
#include "trace_writer.h"

#define CHECK_EVERY_NS 100000000ULL /* counters are read this often, to notice a loss */
#define SWEEP_EVERY_NS 1000000000ULL
#define CONTEXT_NS 1000000ULL /* flight records this near an incident are kept */
#define CONTEXT_EVERY_NS 10000000ULL /* and read at most this often */

struct recording {
	struct recording_options options;
	struct engine *engine;
	struct book *book;
	struct trace_writer *writer;
	struct symbols *symbols;
	uint64_t started;
	uint64_t stopped;
	uint64_t checked[2]; /* when the counters were read last, and before that */
	uint64_t context_read;
	uint64_t swept;
	struct engine_counters counters; /* as read last */
	int write_error;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void note_write(struct recording *recording, int err)
{
	if (err)
		recording->write_error = err;
}

static void write_record(void *ctx, const struct thprace_record *record)
{
	struct recording *recording = ctx;

	note_write(recording,
		   trace_writer__record(recording->writer, THPRACE_BLOCK_RECORDS, record));
}

static void write_context(void *ctx, const struct thprace_record *record)
{
	struct recording *recording = ctx;

	note_write(recording,
		   trace_writer__record(recording->writer, THPRACE_BLOCK_CONTEXT, record));
	if (recording->options.record)
		recording->options.record(recording->options.ctx, record);
}

static void on_incident(void *ctx, const struct thprace_incident *incident)
{
	struct recording *recording = ctx;

	symbols__want(recording->symbols, &incident->opener_stack);
	symbols__want(recording->symbols, &incident->walker_stack);
	note_write(recording, trace_writer__incident(recording->writer, incident));
	if (recording->options.incident)
		recording->options.incident(recording->options.ctx, incident);
}

/* The flight recorder around a report just made; a storm of reports is read in one go. */
static void read_context(struct recording *recording, uint64_t now)
{
	if (recording->options.all || now < recording->context_read + CONTEXT_EVERY_NS)
		return;
	engine__flight(recording->engine, now - CONTEXT_EVERY_NS - CONTEXT_NS, now, write_context,
		       recording);
	recording->context_read = now;
}

static void on_message(void *ctx, const void *message, size_t size)
{
	struct recording *recording = ctx;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	book__message(recording->book, message, size, now);
	if (*(const uint32_t *)message == THPRACE_MSG_INCIDENT ||
	    *(const uint32_t *)message == THPRACE_MSG_REUSE)
		read_context(recording, now);
}

int recording__open(struct recording **result, const struct recording_options *options, char *why,
		    size_t why_size)
{
	struct engine_options engine_options = {
		.mode = options->mode,
		.attach = options->attach,
		.all = options->all,
		.widen = options->widen,
		.message = on_message,
		.record = write_record,
	};
	struct recording *recording = calloc(1, sizeof(*recording));
	int err = -ENOMEM;

	if (!recording)
		goto cleanup;
	recording->options = *options;
	recording->symbols = symbols__new();
	if (!recording->symbols)
		goto cleanup;
	engine_options.ctx = recording;
	err = engine__open(&recording->engine, &engine_options, why, why_size);
	if (err)
		goto cleanup;
	recording->options.mode = engine__mode(recording->engine);
	recording->book = book__new(recording->options.mode, on_incident, recording);
	if (!recording->book) {
		err = -ENOMEM;
		goto cleanup;
	}
	*result = recording;
	return 0;

cleanup:
	if (err == -ENOMEM)
		snprintf(why, why_size, "out of memory");
	recording__close(recording);
	return err;
}

int recording__start(struct recording *recording, char *why, size_t why_size)
{
	const struct recording_options *options = &recording->options;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	uint64_t wall = clock_ns(CLOCK_REALTIME);
	char *meta;
	int err;

	err = trace_writer__open(&recording->writer, options->path, now, wall,
				 options->all ? THPRACE_TF_ALL : 0);
	if (err) {
		snprintf(why, why_size, "cannot write %s: %s", options->path, strerror(-err));
		return err;
	}
	meta = stats_json__meta(recording->engine, options);
	if (!meta)
		return -ENOMEM;
	err = trace_writer__json(recording->writer, THPRACE_BLOCK_META, meta);
	free(meta);
	if (err) {
		snprintf(why, why_size, "cannot write %s: %s", options->path, strerror(-err));
		return err;
	}
	recording->started = engine__start(recording->engine);
	recording->checked[0] = recording->started;
	recording->checked[1] = recording->started;
	engine__counters(recording->engine, &recording->counters);
	return 0;
}

/*
 * Something was lost since the counters were read last. A program stamps its record before it counts
 * it as lost, so the interval begins one reading earlier.
 */
static void tell_loss(struct recording *recording, int cause, uint64_t count, uint64_t now)
{
	struct thprace_record record = {
		.ts = now,
		.entry = recording->checked[1],
		.arg = count,
		.value = cause,
		.type = THPRACE_REC_LOST,
	};

	write_record(recording, &record);
	if (cause != THPRACE_LOSS_STREAM && cause != THPRACE_LOSS_WRITE)
		book__lost(recording->book, record.entry, record.ts);
}

static void check_losses(struct recording *recording, uint64_t now)
{
	struct engine_counters counters;
	int cause;

	engine__counters(recording->engine, &counters);
	for (cause = 0; cause < THPRACE_LOSS_MAX; cause++)
		if (counters.sum.lost[cause] != recording->counters.sum.lost[cause])
			tell_loss(recording, cause,
				  counters.sum.lost[cause] - recording->counters.sum.lost[cause],
				  now);
	recording->counters = counters;
	recording->checked[1] = recording->checked[0];
	recording->checked[0] = now;
}

int recording__step(struct recording *recording, int timeout_ms)
{
	int err = engine__poll(recording->engine, timeout_ms);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (recording->options.record)
		read_context(recording, now);
	if (now >= recording->checked[0] + CHECK_EVERY_NS) {
		check_losses(recording, now);
		/* A loss counted later may be as old as the reading before the last. */
		book__settle(recording->book, now, recording->checked[1]);
	}
	if (now >= recording->swept + SWEEP_EVERY_NS) {
		engine__sweep(recording->engine, now);
		recording->swept = now;
	}
	return err;
}

static void write_json(struct recording *recording, enum thprace_block_type type, char *text)
{
	note_write(recording, text ? trace_writer__json(recording->writer, type, text) : -ENOMEM);
	free(text);
}

int recording__finish(struct recording *recording, char *why, size_t why_size)
{
	struct recording_totals totals;
	int err;

	recording->stopped = engine__stop(recording->engine);
	check_losses(recording, clock_ns(CLOCK_MONOTONIC));
	book__finish(recording->book);
	note_write(recording, trace_writer__flush(recording->writer));
	recording__totals(recording, &totals);
	write_json(recording, THPRACE_BLOCK_TASKS, stats_json__tasks(recording->engine));
	symbols__resolve(recording->symbols);
	write_json(recording, THPRACE_BLOCK_SYMBOLS, symbols__json(recording->symbols));
	write_json(recording, THPRACE_BLOCK_STATS,
		   stats_json__stats(recording->engine, &totals, recording->stopped));
	err = trace_writer__close(recording->writer);
	recording->writer = NULL;
	if (!err)
		err = recording->write_error;
	if (err)
		snprintf(why, why_size,
			 "%s is not complete: %s. What was written before is whole and can be read",
			 recording->options.path, strerror(-err));
	return err;
}

void recording__totals(struct recording *recording, struct recording_totals *totals)
{
	const struct book_class *classes = book__classes(recording->book);
	uint64_t end = recording->stopped ? recording->stopped : clock_ns(CLOCK_MONOTONIC);
	int i;

	memset(totals, 0, sizeof(*totals));
	totals->counters = recording->counters;
	totals->windows = engine__windows(&totals->counters);
	totals->seconds = (end - recording->started) / 1e9;
	for (i = 0; i < THPRACE_CLASS_MAX; i++) {
		totals->classes[i] = classes[i];
		totals->walkers += recording->counters.sum.walkers[i];
		totals->overlaps += classes[i].overlaps;
		totals->contained += classes[i].contained;
		totals->escapes += classes[i].escapes;
		totals->unattributed += classes[i].unattributed;
		totals->unproven += classes[i].unproven;
	}
	totals->counters.sum.touching += book__touching(recording->book);
	if (recording->writer) {
		totals->counters.sum.lost[THPRACE_LOSS_WRITE] =
			trace_writer__lost(recording->writer);
		totals->records = trace_writer__records(recording->writer);
		totals->bytes = trace_writer__bytes(recording->writer);
	}
	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		totals->lost += totals->counters.sum.lost[i];
}

enum thprace_mode recording__mode(const struct recording *recording)
{
	return recording->options.mode;
}

struct engine *recording__engine(const struct recording *recording)
{
	return recording->engine;
}

int recording__write_error(const struct recording *recording)
{
	return recording->write_error;
}

void recording__close(struct recording *recording)
{
	if (!recording)
		return;
	engine__close(recording->engine);
	trace_writer__close(recording->writer);
	book__free(recording->book);
	symbols__free(recording->symbols);
	free(recording);
}
