// SPDX-License-Identifier: GPL-2.0-only
#include "spool_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "kernel/symbols.h"
#include "trace/trace_validate.h"
#include "trace/trace_writer.h"

static const char *directory_of(const struct spool *spool)
{
	return spool->config.spool.directory;
}

static void report_health(struct spool *spool, int err)
{
	spool->hooks.health(spool->hooks.ctx, err, directory_of(spool));
}

/* The disk accepts no writes (err < 0): from now on incidents wait in memory. */
static void fail(struct spool *spool, int err)
{
	bool news = !spool->failing;

	spool_output__abandon(spool, true);
	spool->failing = err;
	spool->retry_at = clock__now() + SPOOL_RETRY_NS;
	if (news)
		report_health(spool, err);
}

/*
 * Make next higher than every number that the folder ever had. Incidents that wait in memory get
 * other numbers if the folder, which was not seen until now, has used theirs already.
 */
static int count(struct spool *spool)
{
	const struct spool_memory *memory = &spool->memory;
	uint64_t newest, next, first = spool->next;
	int err;

	err = spool_files__newest(directory_of(spool), &newest);
	if (err || (spool->folder.counted && newest <= spool->folder.newest))
		return err;
	err = spool_files__number(directory_of(spool), &next);
	if (err)
		return err;
	if (memory->saved < memory->count)
		first = spool_memory__number(memory, memory->saved);
	if (next > first) {
		spool_memory__renumber(&spool->memory, next - first);
		spool->next += next - first;
	}
	spool->folder.newest = newest;
	spool->folder.counted = true;
	return 0;
}

/* Make the folder ready for writing. Returns 0 or negative errno. */
static int prepare(struct spool *spool)
{
	int err;

	/* This also shows whether the folder, which may be another one now, can be written to. */
	spool->noted = 0;
	err = spool_files__make(directory_of(spool));
	if (!err)
		err = count(spool);
	if (!err)
		err = spool_output__note(spool);
	if (!err)
		spool_output__prune(spool, spool_output__file_size(&spool->config));
	return err;
}

/* Try the disk again, and write out what has waited. */
static void try_again(struct spool *spool)
{
	int err;

	err = prepare(spool);
	if (!err)
		err = spool_files__probe(directory_of(spool));
	if (!err)
		err = spool_output__write(spool);
	if (!err)
		err = spool_output__flush(spool, true);
	if (err) {
		fail(spool, err);
		return;
	}
	spool->failing = 0;
	report_health(spool, 0);
}

static int make_backlog(struct spool_backlog *backlog, size_t room)
{
	backlog->room = room;
	backlog->records = calloc(room, sizeof(*backlog->records));
	return backlog->records ? 0 : -ENOMEM;
}

static void release(struct spool *spool)
{
	symbols__free(spool->symbols);
	free(spool->context.records);
	free(spool->lost.records);
	free(spool);
}

/* Numbers that no earlier start has used, if the used ones cannot be read or noted. */
static uint64_t number_by_clock(uint64_t next)
{
	uint64_t by_clock = (uint64_t)time(NULL) * 100;

	return by_clock > next ? by_clock : next;
}

int spool__open(struct spool **result, const struct config *config, const struct spool_hooks *hooks)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int err;

	*result = NULL;
	if (!spool)
		return -ENOMEM;
	spool->config = *config;
	spool->hooks = *hooks;
	spool->next = 1;
	spool->symbols = symbols__new();
	if (!spool->symbols || make_backlog(&spool->context, SPOOL_BACKLOG_CONTEXT) ||
	    make_backlog(&spool->lost, SPOOL_BACKLOG_LOST)) {
		release(spool);
		return -ENOMEM;
	}
	err = prepare(spool);
	if (err) {
		spool->next = number_by_clock(spool->next);
		fail(spool, err);
	}
	*result = spool;
	return 0;
}

uint64_t spool__incident(struct spool *spool, const struct thprace_incident *incident)
{
	uint64_t number;
	int dropped, err;

	if (trace_validate__incident(incident)) {
		spool->dropped++;
		return 0;
	}
	if (incident->verdict <= THPRACE_CONTAINED &&
	    !spool_quota__take(&spool->quota, incident->walk.class,
			       spool->config.spool.contained_per_hour, clock__now())) {
		spool->skipped++;
		return 0;
	}
	dropped = spool_memory__add(&spool->memory, spool->next, incident);
	if (dropped) {
		spool->dropped++;
		spool_output__miss(spool, 1);
	}
	if (dropped < 0)
		return 0;
	number = spool->next++;
	if (!spool->failing) {
		err = spool_output__write(spool);
		if (err)
			fail(spool, err);
	}
	return number;
}

void spool__record(struct spool *spool, const struct thprace_record *record, bool context)
{
	unsigned int dropped;
	int err;

	if (!context && !spool->failing) {
		err = spool_output__lost(spool, record);
		if (err)
			fail(spool, err);
		return;
	}
	dropped = spool_backlog__add(context ? &spool->context : &spool->lost, record);
	if (spool->failing)
		spool_output__miss(spool, dropped);
}

/* Write out; returns 0 or negative errno. */
static int flush(struct spool *spool, bool sync)
{
	struct spool_output *output = &spool->output;
	uint64_t age = spool->config.spool.file_age * SECOND;
	int err;

	if (!output->writer)
		return 0;
	/* Somebody removed or moved it: what was not written yet goes into another one. */
	if (!spool_output__in_place(spool)) {
		spool_output__abandon(spool, false);
		err = prepare(spool);
		if (!err)
			err = spool_output__write(spool);
		if (err)
			return err;
	}
	err = spool_output__flush(spool, sync);
	if (!err && output->writer && clock__now() - output->began >= age)
		err = spool_output__complete(spool);
	return err;
}

void spool__flush(struct spool *spool, bool sync)
{
	uint64_t now = clock__now();
	int err;

	if (spool->failing) {
		if (now >= spool->retry_at)
			try_again(spool);
	} else {
		err = flush(spool, sync);
		if (err)
			fail(spool, err);
	}
	if (now - spool->folder.pruned_at >= SPOOL_PRUNE_NS)
		spool_output__prune(spool, 0);
}

void spool__rotate(struct spool *spool)
{
	int err = spool_output__complete(spool);

	if (err)
		fail(spool, err);
}

/* Complete the file, and note the numbers exactly: after a normal end none is skipped. */
static void leave(struct spool *spool)
{
	spool__rotate(spool);
	if (spool->folder.counted)
		(void)spool_files__note(directory_of(spool), spool->next);
}

void spool__configure(struct spool *spool, const struct config *config)
{
	bool moved = strcmp(directory_of(spool), config->spool.directory) != 0;
	uint64_t removed = spool->folder.removed;
	int err;

	if (moved)
		leave(spool);
	spool->config = *config;
	if (moved) {
		memset(&spool->folder, 0, sizeof(spool->folder));
		spool->folder.removed = removed;
	}
	if (spool->failing) {
		try_again(spool);
	} else if (moved) {
		err = prepare(spool);
		if (err)
			fail(spool, err);
	} else {
		spool_output__prune(spool, 0);
	}
}

int spool__recent(const struct spool *spool, uint64_t number, struct thprace_incident *incident)
{
	size_t i = spool_memory__find(&spool->memory, number);

	if (i == spool->memory.count)
		return -ENOENT;
	*incident = *spool_memory__at(&spool->memory, i);
	return 0;
}

uint64_t spool__wall_of(struct spool *spool, uint64_t number)
{
	size_t i = spool_memory__find(&spool->memory, number);

	return i == spool->memory.count ? 0 : *spool_memory__wall(&spool->memory, i);
}

uint64_t spool__recent_first(const struct spool *spool)
{
	return spool->memory.count ? spool_memory__number(&spool->memory, 0) : spool->next;
}

bool spool__file_of(const struct spool *spool, uint64_t number, char *path, size_t size)
{
	const struct spool_output *output = &spool->output;
	struct spool_file *files;
	size_t nr, i;

	if (!number || number >= spool->next)
		return false;
	if (output->writer && number >= output->first) {
		snprintf(path, size, "%s", output->path);
		return number < output->first + output->submitted;
	}
	i = spool_memory__find(&spool->memory, number);
	if (i < spool->memory.count && i >= spool->memory.saved)
		return false;
	if (spool_dir__list(directory_of(spool), &files, &nr))
		return false;
	for (i = nr; i > 0 && files[i - 1].first > number; i--)
		;
	if (i > 0)
		snprintf(path, size, "%s/%s", directory_of(spool), files[i - 1].name);
	free(files);
	return i > 0;
}

bool spool__name_of(const struct spool *spool, uint64_t address, char *name)
{
	return symbols__name(spool->symbols, address, name);
}

void spool__state(const struct spool *spool, struct spool_state *state)
{
	const struct spool_folder *folder = &spool->folder;
	const struct trace_writer *writer = spool->output.writer;

	memset(state, 0, sizeof(*state));
	state->directory = directory_of(spool);
	state->health = spool->failing ? SPOOL_DEGRADED : SPOOL_OK;
	state->reason = spool->failing ? strerror(-spool->failing) : NULL;
	state->bytes = folder->bytes + (writer ? trace_writer__bytes(writer) : 0);
	state->max_bytes = spool->config.spool.max_size;
	state->files = folder->files + (writer != NULL);
	state->oldest_wall = state->files ? folder->oldest_wall : 0;
	state->next_id = spool->next;
	state->stored = spool->stored;
	state->skipped = spool->skipped;
	state->memory = spool->memory.count - spool->memory.saved;
	state->dropped = spool->dropped;
	state->removed_files = folder->removed;
}

void spool__close(struct spool *spool)
{
	if (!spool)
		return;
	if (spool->failing)
		try_again(spool);
	leave(spool);
	release(spool);
}
