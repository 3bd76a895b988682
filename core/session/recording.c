// SPDX-License-Identifier: GPL-2.0-only
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/private_file.h"
#include "stats_json.h"
#include "kernel/symbols.h"
#include "trace/trace_writer.h"

#define CHECK_EVERY_NS 100000000ULL /* counters are read this often, to notice a loss */

struct recording {
	struct recording_options options;
	struct session *session;
	int fd; /* of the file, until the trace begins; or -1 */
	bool made; /* and the file did not exist before */
	struct trace_writer *writer;
	struct symbols *symbols;
	uint64_t stopped;
	uint64_t checked;
	int write_error;
};

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

int recording__open(struct recording **result, const struct recording_options *options, char *why,
		    size_t why_size)
{
	struct session_options session_options = {
		.mode = options->mode,
		.attach = options->attach,
		.btf = options->btf,
		.all = options->all,
		.widen = options->widen,
		.races = options->races,
		.race_count = options->race_count,
		.stats_fd = -1,
		.incident = on_incident,
		.record = write_record,
		.context = write_context,
	};
	struct recording *recording = calloc(1, sizeof(*recording));
	int err = -ENOMEM;

	why[0] = '\0';
	if (!recording)
		goto cleanup;
	recording->options = *options;
	/* First, so that a file that cannot be written is reported before the kernel is touched. */
	recording->fd = private_file__open(options->path, &recording->made);
	if (recording->fd < 0) {
		err = recording->fd;
		snprintf(why, why_size, "cannot write %s: %s", options->path,
			 private_file__why(err));
		goto cleanup;
	}
	recording->symbols = symbols__new();
	if (!recording->symbols)
		goto cleanup;
	session_options.ctx = recording;
	err = session__open(&recording->session, &session_options, why, why_size);
	if (err)
		goto cleanup;
	recording->options.mode = engine__mode(recording__engine(recording));
	*result = recording;
	return 0;

cleanup:
	if (err == -ENOMEM && !why[0])
		snprintf(why, why_size, "out of memory");
	recording__close(recording);
	return err;
}

int recording__start(struct recording *recording, char *why, size_t why_size)
{
	const struct recording_options *options = &recording->options;
	struct stats_meta about = {
		.attach = options->attach, .all = options->all, .command = options->command};
	uint64_t now = clock__now();
	uint64_t wall = clock__wall();
	char *meta;
	int err;

	err = trace_writer__begin(&recording->writer, recording->fd, now, wall,
				  options->all ? THPRACE_TF_ALL : 0);
	recording->fd = -1;
	if (err) {
		snprintf(why, why_size, "cannot write %s: %s", options->path, strerror(-err));
		return err;
	}
	meta = stats_json__meta(recording__engine(recording), &about);
	if (!meta)
		return -ENOMEM;
	engine__describe(recording__engine(recording), meta);
	err = trace_writer__json(recording->writer, THPRACE_BLOCK_META, meta);
	free(meta);
	if (err) {
		snprintf(why, why_size, "cannot write %s: %s", options->path, strerror(-err));
		return err;
	}
	recording->checked = session__start(recording->session);
	return 0;
}

int recording__step(struct recording *recording, int timeout_ms)
{
	int err = session__poll(recording->session, timeout_ms);
	uint64_t now = clock__now();

	if (recording->options.record)
		session__context(recording->session);
	if (now >= recording->checked + CHECK_EVERY_NS) {
		session__check(recording->session);
		recording->checked = now;
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
	struct session_totals totals;
	int err;

	recording->stopped = session__stop(recording->session);
	note_write(recording, trace_writer__flush(recording->writer));
	recording__totals(recording, &totals);
	write_json(recording, THPRACE_BLOCK_TASKS, stats_json__tasks(recording__engine(recording)));
	symbols__resolve(recording->symbols);
	write_json(recording, THPRACE_BLOCK_SYMBOLS, symbols__json(recording->symbols));
	write_json(recording, THPRACE_BLOCK_STATS,
		   stats_json__stats(recording__engine(recording), &totals, recording->stopped));
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

void recording__totals(struct recording *recording, struct session_totals *totals)
{
	session__totals(recording->session, totals);
	if (recording->writer) {
		totals->counters.sum.lost[THPRACE_LOSS_WRITE] =
			trace_writer__lost(recording->writer);
		totals->records = trace_writer__records(recording->writer);
		totals->bytes = trace_writer__bytes(recording->writer);
		session__sum(totals);
	}
}

enum thprace_mode recording__mode(const struct recording *recording)
{
	return recording->options.mode;
}

struct engine *recording__engine(const struct recording *recording)
{
	return session__engine(recording->session);
}

int recording__write_error(const struct recording *recording)
{
	return recording->write_error;
}

void recording__close(struct recording *recording)
{
	if (!recording)
		return;
	session__close(recording->session);
	trace_writer__close(recording->writer);
	if (recording->fd >= 0) {
		close(recording->fd);
		if (recording->made)
			unlink(recording->options.path);
	}
	symbols__free(recording->symbols);
	free(recording);
}
