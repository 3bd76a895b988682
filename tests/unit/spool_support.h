/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of the spool: a folder under /tmp for each test, and its content. */
#ifndef THPRACE_SPOOL_SUPPORT_H
#define THPRACE_SPOOL_SUPPORT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "spool_private.h"
#include "trace/trace_reader.h"
#include "class_ids.h"

static char base[64]; /* made for a test */
static char folder[80]; /* the spool's folder in it */
static struct config config;
static int healths; /* calls of the health hook */
static int health; /* its last errno */

/* The content of the spool's folder. */
struct found {
	unsigned int files;
	unsigned int ended; /* files with END */
	unsigned int damaged; /* bad blocks, except a truncated end */
	unsigned int metas, stats, symbols;
	uint64_t incidents;
	uint64_t first, last; /* numbers */
	uint64_t records, context;
	uint64_t reported_lost; /* by records of cause write */
	char first_symbols[256], last_symbols[256];
};

static inline char *hook_meta(void *ctx)
{
	(void)ctx;
	return strdup("{\"mode\":\"light\"}");
}

static inline char *hook_stats(void *ctx)
{
	(void)ctx;
	return strdup("{\"seen\":1}");
}

static inline void hook_health(void *ctx, int err, const char *path)
{
	(void)ctx;
	assert_string_equal(path, config.spool.directory);
	healths++;
	health = err;
}

static inline struct spool *open_spool(void)
{
	static const struct spool_hooks hooks = {
		.meta = hook_meta,
		.stats = hook_stats,
		.health = hook_health,
	};
	struct spool *spool;

	assert_int_equal(spool__open(&spool, &config, &hooks), 0);
	return spool;
}

static inline const char *in_folder(const char *name)
{
	static char path[2][256];
	static int which;

	which = !which;
	snprintf(path[which], sizeof(path[which]), "%s/%s", folder, name);
	return path[which];
}

static inline uint64_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_folder(name), &st), 0);
	return (uint64_t)st.st_size;
}

static inline void store(const char *name, const void *bytes, size_t size)
{
	FILE *out = fopen(in_folder(name), "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static inline void make_older(const char *name, uint64_t seconds)
{
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= (time_t)seconds;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, in_folder(name), times, 0), 0);
}

/* An incident that contains its number and compresses badly, so that files grow. */
static inline void make_incident(struct thprace_incident *incident, uint64_t number,
				 unsigned int verdict)
{
	uint64_t state = number * 0x9e3779b97f4a7c15ULL + 1;
	unsigned int i;

	memset(incident, 0, sizeof(*incident));
	incident->type = THPRACE_MSG_INCIDENT;
	incident->verdict = (__u8)verdict;
	incident->walk.class = THPRACE_SPLIT_UNMAP;
	incident->walk.origin = THPRACE_ORIGIN_SPLIT;
	incident->walk.enter = number;
	for (i = 0; i < THPRACE_STACK_MAX; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		incident->opener_stack.ip[i] = state; /* nr is 0: no names are wanted */
	}
}

/* Add one with this number; returns the number that it got. */
static inline uint64_t add_incident(struct spool *spool, uint64_t number, unsigned int verdict)
{
	struct thprace_incident incident;

	make_incident(&incident, number, verdict);
	return spool__incident(spool, &incident);
}

/* Add some; all must get the next number. Returns the first one's. */
static inline uint64_t add_incidents(struct spool *spool, unsigned int verdict, unsigned int count)
{
	uint64_t first = spool->next, number;

	for (number = first; number < first + count; number++)
		assert_int_equal(add_incident(spool, number, verdict), number);
	return first;
}

static inline void check_incidents(struct found *found, const struct trace_block *block,
				   uint64_t *number)
{
	const struct thprace_incident *incidents = block->data;
	struct thprace_incident wanted;
	uint32_t i;

	for (i = 0; i < block->count; i++, (*number)++) {
		make_incident(&wanted, *number, incidents[i].verdict);
		/* Its place in the file is its number. */
		assert_int_equal(incidents[i].walk.enter, *number);
		assert_memory_equal(incidents[i].opener_stack.ip, wanted.opener_stack.ip,
				    sizeof(wanted.opener_stack.ip));
		found->incidents++;
		if (!found->first || *number < found->first)
			found->first = *number;
		if (*number > found->last)
			found->last = *number;
	}
}

static inline void check_records(struct found *found, const struct trace_block *block)
{
	const struct thprace_record *records = block->data;
	uint32_t i;

	if (block->type == THPRACE_BLOCK_CONTEXT)
		found->context += block->count;
	else
		found->records += block->count;
	for (i = 0; i < block->count; i++)
		if (records[i].type == THPRACE_REC_LOST && records[i].value == THPRACE_LOSS_WRITE)
			found->reported_lost += records[i].arg;
}

static inline void check_json(struct found *found, const struct trace_block *block)
{
	if (block->type == THPRACE_BLOCK_META)
		found->metas++;
	if (block->type == THPRACE_BLOCK_STATS)
		found->stats++;
	if (block->type != THPRACE_BLOCK_SYMBOLS)
		return;
	if (!found->symbols++)
		snprintf(found->first_symbols, sizeof(found->first_symbols), "%s",
			 (const char *)block->data);
	snprintf(found->last_symbols, sizeof(found->last_symbols), "%s", (const char *)block->data);
}

/* Read one file; its numbers must not be below floor. Returns its last number plus 1. */
static inline uint64_t read_one(struct found *found, const struct spool_file *file, uint64_t floor)
{
	uint64_t number = file->first;
	struct trace_reader *reader;
	struct trace_block block;
	char why[256];
	int got;

	assert_true(number >= floor);
	found->files++;
	/* A file is empty if the process is killed between creating it and writing its header. */
	if (trace_reader__open(&reader, in_folder(file->name), why, sizeof(why))) {
		assert_int_equal(file->size, 0);
		return number;
	}
	while ((got = trace_reader__next(reader, &block)) != 0) {
		if (got < 0)
			found->damaged += got != -ENODATA;
		else if (block.type == THPRACE_BLOCK_INCIDENTS)
			check_incidents(found, &block, &number);
		else if (block.type == THPRACE_BLOCK_RECORDS || block.type == THPRACE_BLOCK_CONTEXT)
			check_records(found, &block);
		else
			check_json(found, &block);
	}
	found->ended += trace_reader__ended(reader) != 0;
	trace_reader__close(reader);
	return number;
}

/* The whole folder: every incident must have the number that it got, and none occurs twice. */
static inline void read_spool(struct found *found)
{
	struct spool_file *files;
	uint64_t floor = 1;
	size_t nr, i;

	memset(found, 0, sizeof(*found));
	assert_int_equal(spool_dir__list(folder, &files, &nr), 0);
	for (i = 0; i < nr; i++)
		floor = read_one(found, &files[i], floor);
	free(files);
	assert_int_equal(found->damaged, 0);
}

static inline unsigned int trace_files(void)
{
	struct spool_file *files;
	size_t nr;

	assert_int_equal(spool_dir__list(folder, &files, &nr), 0);
	free(files);
	return (unsigned int)nr;
}

static inline uint64_t folder_size(void)
{
	struct spool_file *files;
	uint64_t total = 0;
	size_t nr, i;

	assert_int_equal(spool_dir__list(folder, &files, &nr), 0);
	for (i = 0; i < nr; i++)
		total += files[i].size;
	free(files);
	return total;
}

/* Is the file that begins with this number complete, with END? */
static inline int ends_in_order(uint64_t first)
{
	struct spool_file file = {.first = first};
	struct found found = {0};

	spool_dir__name(file.name, first);
	read_one(&found, &file, 0);
	return (int)found.ended;
}

static inline void remove_all(const char *path)
{
	struct dirent *entry;
	char *below;
	DIR *list = opendir(path);

	while (list && (entry = readdir(list)) != NULL) {
		assert_true(asprintf(&below, "%s/%s", path, entry->d_name) > 0);
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlink(below) && (errno == EISDIR || errno == EPERM))
			remove_all(below);
		free(below);
	}
	if (list)
		closedir(list);
	rmdir(path);
}

static inline int make_base(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	umask(022);
	snprintf(base, sizeof(base), "/tmp/test_spool.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(folder, sizeof(folder), "%s/spool", base);
	memset(&config, 0, sizeof(config));
	snprintf(config.spool.directory, sizeof(config.spool.directory), "%s", folder);
	config.spool.max_size = 1 << 20;
	config.spool.file_size = 128 << 10;
	config.spool.max_age = 1000;
	config.spool.file_age = 1000;
	config.spool.contained_per_hour = 1000000;
	healths = 0;
	health = 0;
	return 0;
}

static inline int remove_base(void **state)
{
	(void)state;
	remove_all(base);
	return 0;
}

#define SPOOL_TEST(test)                                  \
	{                                                 \
#test, test, make_base, remove_base, NULL \
	}

#endif
