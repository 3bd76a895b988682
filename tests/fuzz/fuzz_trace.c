// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds arbitrary bytes to the trace reader: as they are, and once more with the checksums made
 * right, without which hardly anything gets past the headers.
 *
 * With clang -fsanitize=fuzzer -DTHPRACE_FUZZER: a libFuzzer target. Without: a program that
 * replays the files given, and `--seed FILE` writes a trace to start from.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include "trace_reader.h"
#include "trace_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_trace: %s\n", what);
	abort();
}

/* What the reader promises about a block that it returns. */
static void check_block(const struct trace_block *block)
{
	const struct thprace_incident *incidents = block->data;
	const struct thprace_record *records = block->data;
	const unsigned char *bytes = block->data;
	volatile unsigned char sink;
	size_t i;

	must((uintptr_t)bytes % 8 == 0, "data is not aligned");
	must(bytes[block->size] == 0, "data is not terminated");
	for (i = 0; i < block->size; i++)
		sink = bytes[i];
	(void)sink;
	switch (block->type) {
	case THPRACE_BLOCK_RECORDS:
	case THPRACE_BLOCK_CONTEXT:
		must(block->size == block->count * sizeof(*records), "size of records");
		for (i = 0; i < block->count; i++)
			must(records[i].type < THPRACE_REC_MAX &&
				     records[i].class < THPRACE_CLASS_MAX &&
				     records[i].kind < THPRACE_KIND_MAX,
			     "record out of range");
		break;
	case THPRACE_BLOCK_INCIDENTS:
		must(block->size == block->count * sizeof(*incidents), "size of incidents");
		for (i = 0; i < block->count; i++)
			must(incidents[i].verdict < THPRACE_VERDICT_MAX &&
				     incidents[i].walk.class < THPRACE_CLASS_MAX &&
				     strlen(incidents[i].walk.comm) < THPRACE_COMM_LEN &&
				     incidents[i].opener_stack.nr <= THPRACE_STACK_MAX &&
				     incidents[i].walker_stack.nr <= THPRACE_STACK_MAX,
			     "incident out of range");
		break;
	default:
		must(block->type && block->type < THPRACE_BLOCK_TYPE_MAX, "type not known");
		must(block->count == 0, "count without members");
		must(block->type != THPRACE_BLOCK_END || !block->size, "END with contents");
	}
}

static void read_all(int fd)
{
	struct trace_reader *reader;
	struct trace_block block;
	uint64_t offset = 0;
	char why[64];
	int got;

	if (lseek(fd, 0, SEEK_SET) < 0)
		abort();
	if (trace_reader__open_fd(&reader, fd, why, sizeof(why))) {
		must(why[0], "refused without a reason");
		return;
	}
	while ((got = trace_reader__next(reader, &block)) != 0) {
		if (got < 0) {
			must(trace_reader__why(reader)[0], "failed without a reason");
			continue;
		}
		must(block.offset > offset, "offset does not grow");
		offset = block.offset;
		check_block(&block);
	}
	must(trace_reader__next(reader, &block) == 0, "goes on after its end");
	trace_reader__close(reader);
}

/* Put right what a mutation cannot hit: magic numbers, checksums, sizes beyond the input. */
static void repair(uint8_t *data, size_t size)
{
	struct thprace_trace_header header;
	struct thprace_block_header block;
	size_t at = sizeof(header);

	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	memcpy(header.magic, THPRACE_TRACE_MAGIC, sizeof(header.magic));
	header.version = THPRACE_TRACE_VERSION;
	header.header_size = sizeof(header);
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header,
				     offsetof(struct thprace_trace_header, crc));
	memcpy(data, &header, sizeof(header));
	while (size - at >= sizeof(block)) {
		memcpy(&block, data + at, sizeof(block));
		block.magic = THPRACE_BLOCK_MAGIC;
		/* One in two keeps a size that reaches too far. */
		if (block.stored_size > size - at - sizeof(block) && block.reserved % 2 == 0)
			block.stored_size = (uint32_t)(size - at - sizeof(block));
		if (block.stored_size <= size - at - sizeof(block))
			block.crc =
				(uint32_t)crc32(0, data + at + sizeof(block), block.stored_size);
		block.header_crc =
			(uint32_t)crc32(0, (const Bytef *)&block,
					offsetof(struct thprace_block_header, header_crc));
		memcpy(data + at, &block, sizeof(block));
		at += sizeof(block);
		if (block.stored_size > size - at)
			return;
		at += block.stored_size;
	}
}

static void feed(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("trace", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	read_all(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	feed(data, size);
	copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	repair(copy, size);
	feed(copy, size);
	free(copy);
	return 0;
}

#ifndef THPRACE_FUZZER
static int write_seed(const char *path)
{
	struct thprace_record record = {.ts = 1000, .type = THPRACE_REC_WALK_RETURN, .class = 1};
	static struct thprace_incident incident;
	struct trace_writer *writer;
	int err, i;

	err = trace_writer__open(&writer, path, 1, 2, THPRACE_TF_ALL);
	if (err)
		return err;
	incident.type = THPRACE_MSG_INCIDENT;
	incident.verdict = THPRACE_CONTAINED;
	trace_writer__json(writer, THPRACE_BLOCK_META, "{\"mode\":\"light\"}");
	for (i = 0; i < 4; i++, record.ts += 1000) {
		trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &record);
		trace_writer__record(writer, THPRACE_BLOCK_CONTEXT, &record);
	}
	trace_writer__incident(writer, &incident);
	trace_writer__flush(writer);
	trace_writer__json(writer, THPRACE_BLOCK_STATS, "{}");
	return trace_writer__close(writer);
}

static int replay(const char *path)
{
	static uint8_t data[16 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0, i;

	if (argc == 3 && strcmp(argv[1], "--seed") == 0)
		return write_seed(argv[2]) != 0;
	for (i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
#endif
