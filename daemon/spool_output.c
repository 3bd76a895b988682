// SPDX-License-Identifier: GPL-2.0-only
#include "spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/symbols.h"
#include "trace/trace_writer.h"
#include "base/clock.h"
#include "base/incident_time.h"

uint64_t spool_output__file_size(const struct config *config)
{
	uint64_t quarter = config->spool.max_size / 4;

	return config->spool.file_size < quarter ? config->spool.file_size : quarter;
}

void spool_output__prune(struct spool *spool, uint64_t room)
{
	bool ageless = spool->folder.ageless;

	spool_files__prune(&spool->folder, &spool->config,
			   spool->output.writer ? spool->output.first : 0, room);
	if (spool->folder.ageless != ageless && spool->hooks.ageless)
		spool->hooks.ageless(spool->hooks.ctx, spool->folder.ageless);
}

void spool_output__miss(struct spool *spool, uint64_t n)
{
	if (!n)
		return;
	if (!spool->missed)
		spool->missed_since = clock__now();
	spool->missed += n;
}

/* Find out which incidents are in complete blocks now. */
static void account(struct spool *spool)
{
	struct spool_output *output = &spool->output;
	uint64_t whole = trace_writer__incidents(output->writer) - output->saved;

	output->saved += whole;
	spool->memory.saved += whole;
	spool->stored += whole;
}

static int write_json(struct spool *spool, enum thprace_block_type type, char *text)
{
	int err = text ? trace_writer__json(spool->output.writer, type, text) : 0;

	free(text);
	return err;
}

static int sync_folder(struct spool *spool)
{
	int err = 0, fd;

	if (!spool->output.folder_unsynced)
		return 0;
	fd = open(spool->config.spool.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) && errno != EINVAL)
		err = -errno;
	close(fd);
	if (!err)
		spool->output.folder_unsynced = false;
	return err;
}

static int begin(struct spool *spool, uint64_t first)
{
	struct spool_output *output = &spool->output;
	char name[SPOOL_NAME_LEN];
	int err;

	spool_output__prune(spool, spool_output__file_size(&spool->config));
	memset(output, 0, sizeof(*output));
	spool_dir__name(name, first);
	snprintf(output->path, sizeof(output->path), "%s/%s", spool->config.spool.directory, name);
	output->fd = open(output->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (output->fd < 0)
		return -errno;
	output->first = first;
	output->began = clock__now();
	output->began_wall = clock__wall();
	output->folder_unsynced = true;
	err = trace_writer__open_fd(&output->writer, output->fd, output->began, output->began_wall,
				    0);
	if (err) {
		unlink(output->path);
		close(output->fd);
		return err;
	}
	symbols__restart(spool->symbols);
	spool->folder.newest = first;
	if (!spool->folder.files) {
		spool->folder.oldest = first;
		spool->folder.oldest_wall = output->began_wall;
	}
	return write_json(spool, THPRACE_BLOCK_META, spool->hooks.meta(spool->hooks.ctx));
}

static int write_record(struct spool *spool, enum thprace_block_type type,
			const struct thprace_record *record)
{
	int err = trace_writer__record(spool->output.writer, type, record);

	/* No reader would accept it: the disk is not the problem. */
	if (err == -EINVAL)
		return 0;
	spool->output.records++;
	return err;
}

/* A record of what no file has. */
static int write_missed(struct spool *spool)
{
	struct thprace_record record = {
		.entry = spool->missed_since,
		.ts = clock__now(),
		.arg = spool->missed,
		.value = THPRACE_LOSS_WRITE,
		.type = THPRACE_REC_LOST,
	};

	if (!spool->missed)
		return 0;
	spool->output.reported_missed += spool->missed;
	spool->missed = 0;
	return write_record(spool, THPRACE_BLOCK_RECORDS, &record);
}

/* The records that were held back until an incident is stored: now. */
static int write_backlogs(struct spool *spool)
{
	struct thprace_record record;
	int err;

	err = write_missed(spool);
	while (!err && spool_backlog__take(&spool->lost, &record))
		err = write_record(spool, THPRACE_BLOCK_RECORDS, &record);
	while (!err && spool_backlog__take(&spool->context, &record))
		err = write_record(spool, THPRACE_BLOCK_CONTEXT, &record);
	return err;
}

/* Give the next incident to the writer. */
static int write_incident(struct spool *spool)
{
	struct spool_output *output = &spool->output;
	const struct thprace_incident *incident;
	int err;

	err = write_backlogs(spool);
	if (err)
		return err;
	incident = spool_memory__at(&spool->memory, spool->memory.handed);
	symbols__want(spool->symbols, &incident->opener_stack);
	symbols__want(spool->symbols, &incident->walker_stack);
	output->submitted++;
	output->unsynced++;
	*spool_memory__wall(&spool->memory, spool->memory.handed) =
		output->began_wall + (incident_time__of(incident) - output->began);
	spool->memory.handed++;
	err = trace_writer__incident(output->writer, incident);
	account(spool);
	return err;
}

static int sync_file(struct spool *spool)
{
	struct spool_output *output = &spool->output;
	int err = 0;

	if (trace_writer__bytes(output->writer) != output->synced_bytes)
		err = trace_writer__sync(output->writer);
	if (!err)
		err = sync_folder(spool);
	if (!err) {
		output->synced_bytes = trace_writer__bytes(output->writer);
		output->unsynced = 0;
	}
	return err;
}

static int flush_incidents(struct spool *spool)
{
	int err = trace_writer__flush(spool->output.writer);

	account(spool);
	return err;
}

static int write_names(struct spool *spool)
{
	char *text;

	spool->output.names_at = clock__now();
	if (!symbols__any_new(spool->symbols))
		return 0;
	text = symbols__json_new(spool->symbols);
	if (text && strcmp(text, "{}") == 0) {
		free(text);
		return 0;
	}
	return write_json(spool, THPRACE_BLOCK_SYMBOLS, text);
}

/* Are names still being searched for? */
static bool names_wait(struct spool *spool)
{
	if (!spool->hooks.find_names || !symbols__any_untried(spool->symbols))
		return false;
	spool->hooks.find_names(spool->hooks.ctx, spool->symbols);
	return true;
}

/* The limit on all files also holds while one is written: it may grow by more than expected. */
static void keep_size(struct spool *spool)
{
	uint64_t bytes = trace_writer__bytes(spool->output.writer);

	if (spool->folder.files && spool->folder.bytes + bytes > spool->config.spool.max_size)
		spool_output__prune(spool, 0);
}

int spool_output__flush(struct spool *spool, bool sync)
{
	int err;

	if (!spool->output.writer)
		return 0;
	err = flush_incidents(spool);
	if (!err && !names_wait(spool) && clock__now() - spool->output.names_at >= SPOOL_SYMBOLS_NS)
		err = write_names(spool);
	if (!err && sync)
		err = sync_file(spool);
	keep_size(spool);
	return err;
}

static bool needs_another(struct spool *spool, uint64_t number)
{
	const struct spool_output *output = &spool->output;
	uint64_t bytes, full = spool_output__file_size(&spool->config);

	if (!output->writer)
		return false;
	bytes = trace_writer__bytes(output->writer);
	return output->first + output->submitted != number ||
	       (bytes >= full && (bytes >= full + full / 4 || !names_wait(spool)));
}

int spool_output__write(struct spool *spool)
{
	struct spool_memory *memory = &spool->memory;
	uint64_t number;
	int err = 0;

	while (!err && memory->handed < memory->count) {
		number = spool_memory__number(memory, memory->handed);
		if (needs_another(spool, number))
			err = spool_output__complete(spool);
		if (!err && !spool->output.writer)
			err = begin(spool, number);
		if (!err)
			err = write_incident(spool);
		if (!err && spool->output.unsynced >= SPOOL_MEMORY)
			err = sync_file(spool);
		if (!err)
			keep_size(spool);
	}
	return err;
}

int spool_output__lost(struct spool *spool, const struct thprace_record *record)
{
	if (spool->output.writer)
		return write_record(spool, THPRACE_BLOCK_RECORDS, record);
	spool_backlog__add(&spool->lost, record);
	return 0;
}

/* Close what the writer has left, and count it as one of the folder's files. */
static int finish(struct spool *spool)
{
	struct spool_output *output = &spool->output;
	struct stat st = {0};
	int err, one;

	err = trace_writer__close(output->writer);
	output->writer = NULL;
	if (!err && fdatasync(output->fd))
		err = -errno;
	if (!fstat(output->fd, &st))
		spool->folder.bytes += (uint64_t)st.st_size;
	spool->folder.files++;
	close(output->fd);
	one = sync_folder(spool);
	return err ? err : one;
}

int spool_output__note(struct spool *spool)
{
	uint64_t next = spool->next + SPOOL_LEAP;
	int err;

	if (spool->next <= spool->noted)
		return 0;
	err = spool_files__note(spool->config.spool.directory, next);
	if (!err)
		spool->noted = next;
	return err;
}

int spool_output__complete(struct spool *spool)
{
	int err;

	if (!spool->output.writer)
		return 0;
	err = flush_incidents(spool);
	if (!err)
		err = write_names(spool);
	if (!err)
		err = write_json(spool, THPRACE_BLOCK_STATS, spool->hooks.stats(spool->hooks.ctx));
	if (!err)
		err = finish(spool);
	return err ? err : spool_output__note(spool);
}

void spool_output__abandon(struct spool *spool, bool salvage)
{
	struct spool_output *output = &spool->output;
	uint64_t records;

	if (output->writer) {
		if (salvage)
			(void)flush_incidents(spool);
		records = trace_writer__records(output->writer);
		if (!output->saved) {
			/* Nothing is left of the file, nor of the record that reported it. */
			records = output->reported_missed ? 1 : 0;
			spool_output__miss(spool, output->reported_missed);
			if (spool_output__in_place(spool))
				unlink(output->path);
		} else {
			spool->folder.files++;
			spool->folder.bytes += trace_writer__bytes(output->writer);
		}
		spool_output__miss(spool, output->records - records);
		trace_writer__abandon(output->writer);
		output->writer = NULL;
		close(output->fd);
	}
	spool->memory.handed = spool->memory.saved;
}

bool spool_output__in_place(const struct spool *spool)
{
	struct stat mine, there;

	return !fstat(spool->output.fd, &mine) && !stat(spool->output.path, &there) &&
	       mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}
