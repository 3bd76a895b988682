// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feeds arbitrary bytes to the trace reader: as they are; with valid checksums, without which
 * hardly anything gets past the headers; and also with valid counts and sizes, without which
 * nothing is unpacked.
 *
 * With clang -fsanitize=fuzzer -DTHPRACE_FUZZER: a libFuzzer target. Without: a program that
 * replays the given files, and `--seed FOLDER` writes traces to start from.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <json-c/json.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>
#include "replay/crosscheck.h"
#include "base/names.h"
#include "export/timeline.h"
#include "trace/record_pack.h"
#include "report/incident_groups.h"
#include "report/render_sum.h"
#include "report/summary.h"
#include "report/trace_sum.h"
#include "trace/trace_classes.h"
#include "trace/trace_reader.h"
#include "replay.h"
#include "trace/trace_writer.h"
#include "classes/race_class.h"

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fuzz_trace: %s\n", what);
	abort();
}

/* Records that were read can be packed, and are unpacked unchanged. */
static void check_packing(const struct thprace_record *records, uint32_t count)
{
	static unsigned char packed[THPRACE_BLOCK_MAX * 2 + RECORD_PACK_SLACK];
	static struct thprace_record again[THPRACE_BLOCK_MAX / sizeof(*records)];
	static struct record_pack *pack;
	size_t size;

	if (!pack)
		pack = record_pack__new();
	must(pack != NULL, "no memory");
	size = record_pack__pack(pack, packed, sizeof(packed) - RECORD_PACK_SLACK, records, count);
	must(size || !count, "records that cannot be packed");
	must(!record_pack__unpack(pack, again, count, packed, size), "packed, and not unpacked");
	must(!memcmp(records, again, count * sizeof(*records)), "packed, and others unpacked");
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
				     records[i].class < race_class__foreign_end() &&
				     records[i].origin < THPRACE_ORIGIN_MAX,
			     "record out of range");
		check_packing(records, block->count);
		break;
	case THPRACE_BLOCK_INCIDENTS:
		must(block->size == block->count * sizeof(*incidents), "size of incidents");
		for (i = 0; i < block->count; i++)
			must(incidents[i].verdict < THPRACE_VERDICT_MAX &&
				     incidents[i].walk.class < race_class__foreign_end() &&
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

/* Twice, as of two hosts: the second finds what the first has left. */
static void sum_with_itself(const struct summary *summary)
{
	struct render_options options = {.incidents = 2, .stacks = 1, .verbose = 1};
	FILE *out = fopen("/dev/null", "w");
	struct trace_sum *sum = trace_sum__new();

	must(out && sum, "no sum");
	must(!trace_sum__add(sum, summary, "a"), "not added");
	must(!trace_sum__add(sum, summary, "b"), "not added again");
	trace_sum__finish(sum);
	render_sum__text(out, sum, &options);
	must(!render_sum__json(out, sum, &options), "no JSON");
	trace_sum__free(sum);
	fclose(out);
}

/* What `thprace export` writes: JSON is made of lines without control characters. */
static void draw(int fd, const struct summary *summary, enum timeline_format format)
{
	struct trace_reader *reader;
	char *text = NULL, why[64];
	size_t size = 0, i;
	FILE *out = open_memstream(&text, &size);

	if (!out || lseek(fd, 0, SEEK_SET) < 0 ||
	    trace_reader__open_fd(&reader, fd, why, sizeof(why)))
		abort();
	must(!timeline__write(out, format, summary, reader), "no timeline");
	trace_reader__close(reader);
	must(!fclose(out), "no memory");
	for (i = 0; format == TIMELINE_CHROME && i < size; i++)
		must((unsigned char)text[i] >= 0x20 || text[i] == '\n', "a control character");
	free(text);
}

/* What `thprace report` does with it. */
static void sum_up(int fd)
{
	struct crosscheck *crosscheck = NULL;
	struct trace_reader *reader;
	struct summary *summary;
	char why[256] = "";
	size_t i;

	if (lseek(fd, 0, SEEK_SET) < 0)
		abort();
	if (trace_reader__open_fd(&reader, fd, why, sizeof(why)))
		return;
	if (summary__read(&summary, reader, why, sizeof(why))) {
		must(why[0] && names__plain(why), "refused without a reason");
	} else {
		must(names__plain(summary->kernel), "a name not for a terminal");
		for (i = race_class__end(); i < race_class__foreign_end(); i++)
			must(race_class__is_name(names__class((unsigned int)i)),
			     "a class with a name that is none");
		for (i = 0; i < summary->nr_probes; i++)
			must(names__plain(summary->probes[i].function),
			     "a name not for a terminal");
		for (i = 0; i < incident_groups__count(summary->groups); i++)
			must(names__plain(incident_groups__get(summary->groups, i)->walker),
			     "a name not for a terminal");
		/* One of both, and only where there is something to draw: they take time. */
		if (summary->records + summary->context + summary->incidents)
			draw(fd, summary,
			     summary->incidents % 2 ? TIMELINE_CHROME : TIMELINE_PERFETTO);
		sum_with_itself(summary);
		summary__free(summary);
	}
	trace_reader__close(reader);
	if (lseek(fd, 0, SEEK_SET) < 0 || trace_reader__open_fd(&reader, fd, why, sizeof(why)))
		abort();
	if (!crosscheck__run(&crosscheck, reader, why, sizeof(why)))
		crosscheck__free(crosscheck);
	else
		must(why[0] && names__plain(why), "refused without a reason");
	trace_reader__close(reader);
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

/* Number of bytes of a packed record's number at `at`: docs/trace-format.md. */
static size_t number_length(const uint8_t *at)
{
	return at[0] ? (size_t)__builtin_ctz(at[0]) + 1 : 9;
}

/* Number of packed records in the bytes; *size: the end of the last of them. */
static uint32_t count_packed(const uint8_t *data, size_t *size)
{
	size_t at = 0, next;
	uint32_t count = 0;
	unsigned int head;

	while (*size - at > 2) {
		head = data[at] | (unsigned int)data[at + 1] << 8;
		/* The time, and a number for each bit above the type. */
		for (next = at + 2, head = head >> 5 << 1 | 1; head && next < *size; head >>= 1)
			if (head & 1)
				next += number_length(data + next);
		if (head || next > *size)
			break;
		at = next;
		count++;
	}
	*size = at;
	return count;
}

/* The number of bytes to which a zlib stream decompresses, as far as it does. */
static uint32_t inflated_size(const uint8_t *data, size_t size)
{
	static uint8_t out[THPRACE_BLOCK_MAX + 1];
	z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)size};

	if (inflateInit(&z) != Z_OK)
		return 0;
	z.next_out = out;
	z.avail_out = sizeof(out);
	inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return (uint32_t)z.total_out;
}

static uint32_t member_size(unsigned int type)
{
	if (type == THPRACE_BLOCK_INCIDENTS)
		return sizeof(struct thprace_incident);
	return type == THPRACE_BLOCK_RECORDS || type == THPRACE_BLOCK_CONTEXT
		       ? sizeof(struct thprace_record)
		       : 0;
}

/* Make count and both sizes fit the content of the block. */
static void fit(struct thprace_block_header *block, const uint8_t *data)
{
	uint32_t member = member_size(block->type);
	size_t size = block->stored_size;

	block->count = 0;
	block->codec %= member == sizeof(struct thprace_record) ? 3 : 2;
	if (block->codec == THPRACE_CODEC_PACKED) {
		block->count = count_packed(data, &size);
		block->stored_size = (uint32_t)size;
		block->raw_size = block->count * member;
		return;
	}
	if (block->codec == THPRACE_CODEC_RAW && member)
		block->stored_size -= block->stored_size % member;
	block->raw_size = block->codec == THPRACE_CODEC_RAW ? block->stored_size
							    : inflated_size(data, size);
	if (member)
		block->count = block->raw_size / member;
}

/*
 * Correct what a mutation cannot hit: magic numbers, checksums, sizes beyond the input; with fits,
 * also what the headers say about the content. The header's reserved member, which nobody reads,
 * selects what is left wrong.
 */
static void repair(uint8_t *data, size_t size, int fits)
{
	struct thprace_trace_header header;
	struct thprace_block_header block;
	size_t at = sizeof(header), left;

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
		left = size - at - sizeof(block);
		block.magic = THPRACE_BLOCK_MAGIC;
		if (block.stored_size > left && block.reserved % 2 == 0)
			block.stored_size = (uint32_t)left;
		if (fits && block.stored_size <= left && block.reserved / 2 % 2 == 0)
			fit(&block, data + at + sizeof(block));
		if (block.stored_size <= left)
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

/* The classes that were read can be written, and read again. */
static void write_classes(void)
{
	struct json_object *meta, *classes;
	struct trace_classes again;
	const char *text;

	if (race_class__foreign_end() == race_class__end())
		return;
	meta = json_object_new_object();
	classes = trace_classes__json();
	json_object_object_add(meta, "classes", classes);
	text = json_object_to_json_string(meta);
	race_class__forget_foreign();
	must(!trace_classes__take(&again, text, strlen(text)), "what is written cannot be read");
	json_object_put(meta);
}

static void feed(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("trace", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	race_class__forget_foreign();
	read_all(fd);
	sum_up(fd);
	write_classes();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	int fits;

	if (!copy)
		return 0;
	feed(data, size);
	for (fits = 0; fits < 2; fits++) {
		memcpy(copy, data, size);
		repair(copy, size, fits);
		feed(copy, size);
	}
	free(copy);
	return 0;
}

#ifndef THPRACE_FUZZER
/* A task's records in sequence: what packing predicts, and what it does not. */
static void write_records(struct trace_writer *writer, enum thprace_block_type type)
{
	struct thprace_record record = {.ts = 1000, .pid = 7, .tgid = 7, .seq = 1};
	unsigned int i;

	for (i = 0; i < 3 * THPRACE_REC_MAX; i++) {
		record.type = (uint8_t)(1 + i % (THPRACE_REC_MAX - 1));
		record.ts += 100 + i * i * i * 37;
		record.entry = i % 5 ? record.ts : record.ts - 90;
		record.folio = 0xffffea0000000000ULL + (i / 6 << 15);
		record.arg = i % 4 ? 0 : 0x9c;
		record.arg2 = (uint64_t)i << 21;
		record.pid = 7 + i % 3;
		record.tgid = 7 + i % 2;
		record.value = (int32_t)(i % THPRACE_LOSS_MAX);
		if (record.type != THPRACE_REC_LOST)
			record.value -= 2;
		record.cpu = (uint16_t)(i % 4);
		record.class = (uint8_t)(i % race_class__end());
		record.origin = (uint8_t)(i % THPRACE_ORIGIN_MAX);
		record.flags = (uint16_t)(i % 8);
		record.seq = i % 7 ? record.seq + 1 : 0;
		trace_writer__record(writer, type, &record);
	}
}

static void write_incidents(struct trace_writer *writer)
{
	struct thprace_incident incident = {.type = THPRACE_MSG_INCIDENT};
	unsigned int verdict;

	incident.window.open = 1000;
	incident.window.pid = 7;
	incident.walk.enter = 1100;
	incident.walk.leave = 1200;
	incident.opener_stack.nr = 1;
	incident.opener_stack.ip[0] = 0xffffffff81000010ULL;
	for (verdict = 1; verdict < THPRACE_VERDICT_MAX; verdict++) {
		incident.verdict = (uint8_t)verdict;
		incident.walk.class = (uint8_t)verdict;
		trace_writer__incident(writer, &incident);
	}
}

#define META(more)                                                                                     \
	"{\"mode\":\"precise\",\"kernel\":\"6.1.0\",\"command\":[\"a\",\"b\"],\"probes\":[{\"point\":" \
	"\"zap\",\"function\":\"zap_huge_pmd\"}]" more "}"

/* Classes that this build has, with other ids, and some that it does not have. */
#define CLASSES                                                                                    \
	",\"classes\":[{\"id\":2,\"name\":\"split-unmap\"},{\"id\":1,\"name\":\"split-migrate\"}," \
	"{\"id\":3,\"name\":\"toy\",\"shape\":\"reuse\",\"point\":\"hold\",\"function\":\"io\"},"  \
	"{\"id\":4,\"name\":\"toy-2\",\"shape\":\"split\"},{\"id\":5,\"name\":\"toy-3\","          \
	"\"deletes\":true},{\"id\":6,\"name\":\"split-head\"},{\"id\":7,\"name\":\"collapse-reuse\"}]"

/* A race from a file, with values that its sections saved; and one whose names no terminal may get. */
#define RACES                                                                                          \
	",\"classes\":[{\"id\":8,\"name\":\"lost\",\"shape\":\"file\",\"open\":\"f entry\",\"close\":" \
	"\"f return\",\"enter\":\"g entry\",\"leave\":\"g return\",\"saved\":[\"a b\",\"\",7,\"c\"]}]"
#define HOSTILE \
	",\"classes\":[{\"id\":8,\"name\":\"lost\",\"shape\":\"file\",\"saved\":[\"\\u001b[2J\"]}]"

static void write_seed(const char *folder, const char *name, uint32_t flags, const char *meta)
{
	struct trace_writer *writer;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	must(!trace_writer__open(&writer, path, 1, 2, flags), "cannot write a seed");
	trace_writer__json(writer, THPRACE_BLOCK_META, meta);
	write_records(writer,
		      flags & THPRACE_TF_ALL ? THPRACE_BLOCK_RECORDS : THPRACE_BLOCK_CONTEXT);
	write_incidents(writer);
	trace_writer__flush(writer);
	trace_writer__json(writer, THPRACE_BLOCK_SYMBOLS,
			   "{\"0xffffffff81000010\":\"zap_huge_pmd+0x10\"}");
	trace_writer__json(writer, THPRACE_BLOCK_TASKS,
			   "[{\"pid\":7,\"tgid\":7,\"comm\":\"duel\",\"windows\":1,\"walks\":0}]");
	trace_writer__json(
		writer, THPRACE_BLOCK_STATS,
		"{\"seen\":3,\"lost\":{\"stream\":1},\"phases\":{\"phase1\":{\"count\":1,"
		"\"buckets\":[[33,1]]}},\"programs\":[{\"name\":\"zap_enter\"}],"
		"\"closest\":{\"distance\":7,\"window\":{\"level\":\"pmd\"}}}");
	must(!trace_writer__close(writer), "cannot write a seed");
}

int main(int argc, char **argv)
{
	int failed = 0, i;

	if (argc == 3 && strcmp(argv[1], "--seed") == 0) {
		write_seed(argv[2], "all", THPRACE_TF_ALL, META(""));
		write_seed(argv[2], "context", 0, META(""));
		write_seed(argv[2], "classes", THPRACE_TF_ALL, META(CLASSES));
		write_seed(argv[2], "races", THPRACE_TF_ALL, META(RACES));
		write_seed(argv[2], "hostile", 0, META(HOSTILE));
		write_seed(argv[2], "spaces", 0, META(", \"a\" : 1"));
		write_seed(argv[2], "quotes", 0, META(", 'a': 1"));
		write_seed(argv[2], "deep", 0, META(",\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"));
		return 0;
	}
	for (i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
#endif
