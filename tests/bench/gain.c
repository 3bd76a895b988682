// SPDX-License-Identifier: GPL-2.0-only
/*
 * What code gains that is longer than the plain way to do the same: numbers by base/format.h
 * compared with snprintf(), lines by report/record_lines.c with fprintf(), records by
 * trace/record_pack.c with zlib. On the records of a trace; CPU time, the median of several rounds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <thprace/record.h>
#include <thprace/trace.h>
#include <zlib.h>

#include "base/format.h"
#include "base/names.h"
#include "report/record_lines.h"
#include "trace/record_pack.h"
#include "trace/trace_reader.h"
#include "median.h"

#define ROUNDS 7
#define BLOCK 16384 /* records that are packed at a time */

struct records {
	struct thprace_record *list;
	struct record_place *places;
	size_t nr;
};

/* All variants write to this, so that none of them is optimized away. */
static struct {
	FILE *null;
	unsigned char *packed[2]; /* by record_pack, by zlib; each block at its own place */
	uint32_t *size[2];
	struct thprace_record *unpacked;
	struct record_pack *pack;
	struct record_lines *lines;
	char text[64];
} to;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "gain: %s: %s\n", what, why);
	exit(1);
}

static void *room(size_t nr, size_t size)
{
	void *memory = calloc(nr, size);

	if (!memory)
		die("memory", strerror(ENOMEM));
	return memory;
}

static void read_records(struct records *records, const char *path)
{
	struct trace_reader *reader;
	struct trace_block block;
	char why[256];
	size_t i;

	if (trace_reader__open(&reader, path, why, sizeof(why)))
		die(path, why);
	while (trace_reader__next(reader, &block) > 0) {
		if (block.type != THPRACE_BLOCK_RECORDS && block.type != THPRACE_BLOCK_CONTEXT)
			continue;
		records->list = reallocarray(records->list, records->nr + block.count,
					     sizeof(*records->list));
		if (!records->list)
			die("memory", strerror(ENOMEM));
		memcpy(&records->list[records->nr], block.data, block.size);
		records->nr += block.count;
	}
	trace_reader__close(reader);
	if (!records->nr)
		die(path, "no records: record with --all");
	records->places = room(records->nr, sizeof(*records->places));
	for (i = 0; i < records->nr; i++)
		records->places[i] = (struct record_place){records->list[i].ts, &records->list[i]};
}

/* --- numbers: one decimal and one hexadecimal --- */

static void numbers_ours(const struct records *records)
{
	size_t i;

	for (i = 0; i < records->nr; i++)
		format__hex(format__number(to.text, records->list[i].ts), records->list[i].folio);
}

static void numbers_plain(const struct records *records)
{
	size_t i;

	for (i = 0; i < records->nr; i++)
		snprintf(to.text, sizeof(to.text), "%llu%llx", records->list[i].ts,
			 records->list[i].folio);
}

/* --- lines of JSON --- */

static void lines_ours(const struct records *records)
{
	record_lines__print(to.lines, to.null, records->places, records->nr, 0);
}

static void lines_plain(const struct records *records)
{
	const struct thprace_record *record;
	size_t i;

	for (i = 0; i < records->nr; i++) {
		record = &records->list[i];
		fprintf(to.null,
			"{\"type\":\"record\",\"record\":\"%s\",\"source\":\"%s\","
			"\"time_ns\":%llu,\"begin_ns\":%llu"
			",\"cpu\":%u,\"pid\":%u,\"tgid\":%u,\"folio\":\"0x%llx"
			"\",\"class\":\"%s\",\"kind\":\"%s\",\"flags\":%u,\"value\":%d"
			",\"arg\":\"0x%llx\",\"arg2\":\"0x%llx\"}\n",
			names__record(record->type), "stream", record->ts, record->entry,
			record->cpu, record->pid, record->tgid, record->folio,
			names__class(record->class), names__origin(record->origin), record->flags,
			record->value, record->arg, record->arg2);
	}
}

/* --- packing --- */

static size_t size_of(size_t records)
{
	return records * sizeof(struct thprace_record) + RECORD_PACK_ROOM;
}

static uint32_t nr_of(const struct records *records, size_t from)
{
	return (uint32_t)(records->nr - from < BLOCK ? records->nr - from : BLOCK);
}

static void pack_ours(const struct records *records)
{
	uint32_t *size = to.size[0];
	size_t i;

	for (i = 0; i < records->nr; i += BLOCK)
		*size++ = (uint32_t)record_pack__pack(to.pack, to.packed[0] + size_of(i),
						      size_of(BLOCK), &records->list[i],
						      nr_of(records, i));
}

static void pack_plain(const struct records *records)
{
	uint32_t *size = to.size[1];
	uLongf length;
	size_t i;

	for (i = 0; i < records->nr; i += BLOCK) {
		length = size_of(BLOCK);
		if (compress2(to.packed[1] + size_of(i), &length, (Bytef *)&records->list[i],
			      nr_of(records, i) * sizeof(struct thprace_record),
			      Z_BEST_SPEED) != Z_OK)
			die("zlib", "a block does not shrink");
		*size++ = (uint32_t)length;
	}
}

static void unpack_ours(const struct records *records)
{
	const uint32_t *size = to.size[0];
	size_t i;

	for (i = 0; i < records->nr; i += BLOCK)
		if (record_pack__unpack(to.pack, to.unpacked, nr_of(records, i),
					to.packed[0] + size_of(i), *size++))
			die("record_pack", "packed, and not unpacked");
}

static void unpack_plain(const struct records *records)
{
	const uint32_t *size = to.size[1];
	uLongf length;
	size_t i;

	for (i = 0; i < records->nr; i += BLOCK) {
		length = BLOCK * sizeof(struct thprace_record);
		if (uncompress((Bytef *)to.unpacked, &length, to.packed[1] + size_of(i), *size++) !=
		    Z_OK)
			die("zlib", "packed, and not unpacked");
	}
}

static double bytes(const struct records *records, const uint32_t *size)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < records->nr; i += BLOCK)
		sum += *size++;
	return sum / (double)records->nr;
}

/* --- measuring --- */

static double cpu_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_utime.tv_sec * 1e9 + (double)usage.ru_utime.tv_usec * 1e3;
}

/* ns for each record */
static double measure(void (*way)(const struct records *), const struct records *records)
{
	size_t repeat = 1 + 2000000 / records->nr, i;
	double ns[ROUNDS], begin;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		begin = cpu_ns();
		for (i = 0; i < repeat; i++)
			way(records);
		ns[round] = (cpu_ns() - begin) / (double)(repeat * records->nr);
	}
	return median__of(ns, ROUNDS);
}

static void compare(const char *what, void (*ours)(const struct records *),
		    void (*plain)(const struct records *), const struct records *records)
{
	double a = measure(ours, records), b = measure(plain, records);

	printf("%-22s %7.1f ns a record, plain %7.1f ns: %4.1f times\n", what, a, b, b / a);
}

int main(int argc, char **argv)
{
	const struct render_record render = {.format = RENDER_JSON};
	struct records records = {0};
	int i;

	if (argc != 2) {
		fputs("Usage: gain FILE.thpr\n", stderr);
		return 2;
	}
	read_records(&records, argv[1]);
	to.null = fopen("/dev/null", "w");
	to.pack = record_pack__new();
	to.lines = record_lines__new(&render);
	if (!to.null || !to.pack || !to.lines)
		die("begin", strerror(errno));
	to.unpacked = room(BLOCK, sizeof(*to.unpacked));
	for (i = 0; i < 2; i++) {
		to.packed[i] = room(1, size_of(records.nr + BLOCK) + RECORD_PACK_SLACK);
		to.size[i] = room(records.nr / BLOCK + 1, sizeof(*to.size[i]));
	}
	compare("numbers", numbers_ours, numbers_plain, &records);
	compare("lines of JSON", lines_ours, lines_plain, &records);
	compare("packing", pack_ours, pack_plain, &records);
	compare("unpacking", unpack_ours, unpack_plain, &records);
	printf("%-22s %7.1f bytes a record, zlib %7.1f, as they are %zu\n", "packed",
	       bytes(&records, to.size[0]), bytes(&records, to.size[1]),
	       sizeof(struct thprace_record));
	return 0;
}
