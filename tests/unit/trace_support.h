/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of the trace file: files of one folder under /tmp, written and read. */
#ifndef THPRACE_TRACE_SUPPORT_H
#define THPRACE_TRACE_SUPPORT_H

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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include <thprace/race.h>
#include "trace/trace_reader.h"
#include "trace/trace_writer.h"
#include "class_ids.h"
#include "classes/race_class.h"

#define BLOCKS_MAX 16
#define BATCH 4096 /* records that the writer puts into one block */

static const char meta[] = "{\"tool\":\"thprace\",\"mode\":\"precise\",\"cpus\":2}";
static const char symbols[] = "{\"0xffffffff81000000\":\"zap_huge_pmd+0x10\"}";
static const char tasks[] = "[{\"pid\":7,\"tgid\":7,\"comm\":\"duel\",\"windows\":1,\"walks\":0}]";
static const char stats[] = "{\"seen\":1}";

static char folder[64], file[96], other[96];

/* A block as it was read. */
struct seen {
	struct trace_block block;
	unsigned char *data;
};

struct whole {
	struct seen blocks[BLOCKS_MAX];
	unsigned int nr;
	int ended;
	int err; /* of the last failed next() */
	unsigned int errs;
	char why[256];
};

static inline uint32_t next_random(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

/* Valid, and compresses badly. */
static inline struct thprace_record some_record(void)
{
	struct thprace_record record;
	unsigned char *bytes = (unsigned char *)&record;
	size_t i;

	for (i = 0; i < sizeof(record); i++)
		bytes[i] = (unsigned char)next_random();
	record.type = (__u8)(next_random() % THPRACE_REC_LOST);
	record.class = (__u8)(next_random() % race_class__end());
	record.origin = (__u8)(next_random() % THPRACE_ORIGIN_MAX);
	return record;
}

static inline struct thprace_incident some_incident(void)
{
	struct thprace_incident incident;

	memset(&incident, 0, sizeof(incident));
	incident.type = THPRACE_MSG_INCIDENT;
	incident.verdict = (__u8)(next_random() % THPRACE_VERDICT_MAX);
	incident.first_verdict = THPRACE_ESCAPE;
	incident.mode = THPRACE_PRECISE;
	incident.window.open = next_random();
	incident.window.level = THPRACE_LEVEL_PTE;
	strcpy(incident.window.comm, "fifteen letters");
	incident.walk.residual = -1;
	incident.walk.class = THPRACE_COLLAPSE_REUSE;
	incident.walk.origin = THPRACE_ORIGIN_RECLAIM;
	incident.opener_stack.nr = THPRACE_STACK_MAX;
	incident.opener_stack.ip[THPRACE_STACK_MAX - 1] = next_random();
	return incident;
}

static inline size_t load(const char *path, unsigned char *bytes, size_t size)
{
	FILE *in = fopen(path, "rb");
	size_t got;

	assert_non_null(in);
	got = fread(bytes, 1, size, in);
	fclose(in);
	return got;
}

static inline void store(const char *path, const void *bytes, size_t size)
{
	FILE *out = fopen(path, "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static inline uint64_t file_size(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

static inline void take_all(struct trace_reader *reader, struct whole *whole)
{
	struct trace_block block;
	int got;

	memset(whole, 0, sizeof(*whole));
	while ((got = trace_reader__next(reader, &block)) != 0) {
		if (got < 0) {
			whole->err = got;
			snprintf(whole->why, sizeof(whole->why), "%s", trace_reader__why(reader));
			/* Every reason has the offset. */
			assert_non_null(strstr(whole->why, "byte "));
			assert_true(whole->errs++ < BLOCKS_MAX);
			continue;
		}
		assert_true(whole->nr < BLOCKS_MAX);
		assert_int_equal((uintptr_t)block.data % 8, 0);
		assert_int_equal(((const char *)block.data)[block.size], 0);
		whole->blocks[whole->nr].block = block;
		whole->blocks[whole->nr].data = malloc(block.size + 1);
		assert_non_null(whole->blocks[whole->nr].data);
		memcpy(whole->blocks[whole->nr].data, block.data, block.size + 1);
		whole->nr++;
	}
	assert_int_equal(trace_reader__next(reader, &block), 0);
	whole->ended = trace_reader__ended(reader);
	trace_reader__close(reader);
}

static inline void drop(struct whole *whole)
{
	unsigned int i;

	for (i = 0; i < whole->nr; i++)
		free(whole->blocks[i].data);
}

/* Returns the result of open; whole->why is then its reason. */
static inline int read_file(const char *path, struct whole *whole)
{
	struct trace_reader *reader;
	char why[256];
	int err;

	memset(whole, 0, sizeof(*whole));
	err = trace_reader__open(&reader, path, why, sizeof(why));
	if (err) {
		assert_null(reader);
		assert_true(strlen(why) > 0);
		memcpy(whole->why, why, sizeof(why));
		return err;
	}
	take_all(reader, whole);
	return 0;
}

/* One block of each type. */
static inline void write_small(const char *path)
{
	struct thprace_record record = {.ts = 1000, .type = THPRACE_REC_ZAP_OPEN, .pid = 7};
	struct thprace_incident incident;
	struct trace_writer *writer;
	int i;

	memset(&incident, 0, sizeof(incident));
	incident.type = THPRACE_MSG_CHECK;
	incident.window.open = 1000;
	strcpy(incident.walk.comm, "punch");
	assert_int_equal(trace_writer__open(&writer, path, 1, 2, THPRACE_TF_ALL), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, meta), 0);
	for (i = 0; i < 3; i++, record.ts += 10)
		assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &record), 0);
	assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_CONTEXT, &record), 0);
	assert_int_equal(trace_writer__incident(writer, &incident), 0);
	assert_int_equal(trace_writer__flush(writer), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS, symbols), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_TASKS, tasks), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_STATS, stats), 0);
	assert_int_equal(trace_writer__close(writer), 0);
}

/* Make fd the process's own `as` (0, 1); returns the former one, for restore(). */
static inline int become(int fd, int as)
{
	int kept = dup(as);

	assert_true(kept >= 0);
	assert_int_equal(dup2(fd, as), as);
	close(fd);
	return kept;
}

static inline void restore(int kept, int as)
{
	dup2(kept, as);
	close(kept);
}

static inline int make_folder(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	snprintf(folder, sizeof(folder), "/tmp/test_trace.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/file.thpr", folder);
	snprintf(other, sizeof(other), "%s/other.thpr", folder);
	return 0;
}

static inline int remove_folder(void **state)
{
	(void)state;
	unlink(file);
	unlink(other);
	return rmdir(folder);
}

#endif
