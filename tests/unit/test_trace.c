// SPDX-License-Identifier: GPL-2.0-only
/* Damaged traces: damage is reported and left out, and the rest is read. */
#include "trace_support.h"
#include "class_ids.h"

static void assert_same(const struct seen *a, const struct seen *b)
{
	assert_int_equal(a->block.type, b->block.type);
	assert_int_equal(a->block.count, b->block.count);
	assert_int_equal(a->block.size, b->block.size);
	assert_int_equal(a->block.offset, b->block.offset);
	assert_memory_equal(a->data, b->data, a->block.size);
}

static void test_small(void **state)
{
	static const enum thprace_block_type types[] = {
		THPRACE_BLOCK_META,	 THPRACE_BLOCK_RECORDS, THPRACE_BLOCK_CONTEXT,
		THPRACE_BLOCK_INCIDENTS, THPRACE_BLOCK_SYMBOLS, THPRACE_BLOCK_TASKS,
		THPRACE_BLOCK_STATS,	 THPRACE_BLOCK_END};
	struct whole whole;
	unsigned int i;

	(void)state;
	write_small(file);
	assert_int_equal(read_file(file, &whole), 0);
	assert_int_equal(whole.errs, 0);
	assert_int_equal(whole.nr, sizeof(types) / sizeof(*types));
	for (i = 0; i < whole.nr; i++)
		assert_int_equal(whole.blocks[i].block.type, types[i]);
	assert_string_equal(whole.blocks[4].data, symbols);
	assert_string_equal(whole.blocks[5].data, tasks);
	assert_int_equal(whole.ended, 1);
	drop(&whole);
}

/* A file truncated at any byte is read up to its last complete block. */
static void test_truncated(void **state)
{
	static unsigned char bytes[8192];
	struct whole whole, part;
	uint64_t end = 0;
	size_t size, length;
	unsigned int i, expected;

	(void)state;
	write_small(file);
	size = load(file, bytes, sizeof(bytes));
	assert_true(size < sizeof(bytes));
	assert_int_equal(read_file(file, &whole), 0);
	for (length = 0; length < size; length++) {
		store(other, bytes, length);
		if (length < sizeof(struct thprace_trace_header)) {
			assert_int_equal(read_file(other, &part), -ENODATA);
			continue;
		}
		assert_int_equal(read_file(other, &part), 0);
		end = sizeof(struct thprace_trace_header);
		for (expected = 0; expected + 1 < whole.nr; expected++) {
			if (whole.blocks[expected + 1].block.offset > length)
				break;
			end = whole.blocks[expected + 1].block.offset;
		}
		assert_int_equal(part.nr, expected);
		for (i = 0; i < part.nr; i++)
			assert_same(&part.blocks[i], &whole.blocks[i]);
		assert_int_equal(part.ended, 0);
		assert_int_equal(part.errs, length == end ? 0 : 1);
		assert_int_equal(part.err, length == end ? 0 : -ENODATA);
		drop(&part);
	}
	drop(&whole);
}

/* One type only: the others are passed over, whatever is in them, and the end is still seen. */
static void test_only(void **state)
{
	static unsigned char bytes[8192];
	struct trace_reader *reader;
	struct whole whole, part;
	char why[256];
	unsigned int i;
	size_t size;

	(void)state;
	write_small(file);
	size = load(file, bytes, sizeof(bytes));
	assert_int_equal(read_file(file, &whole), 0);
	for (i = 0; i < whole.nr; i++) {
		/* The contents of the first block are damaged, which matters if it is wanted. */
		bytes[whole.blocks[0].block.offset + sizeof(struct thprace_block_header)] ^= i & 1;
		store(other, bytes, size);
		assert_int_equal(trace_reader__open(&reader, other, why, sizeof(why)), 0);
		trace_reader__only(reader, whole.blocks[i].block.type);
		take_all(reader, &part);
		assert_int_equal(part.nr, 1 + (whole.blocks[i].block.type != THPRACE_BLOCK_END));
		assert_int_equal(part.err, 0);
		assert_same(&part.blocks[0], &whole.blocks[i]);
		assert_true(part.ended);
		drop(&part);
	}
	drop(&whole);
}

/* A flipped bit is reported, and what is delivered is still as it was written. */
static void test_flipped(void **state)
{
	static unsigned char bytes[8192];
	struct whole whole, part;
	size_t size, bit;
	unsigned int i, j;
	int err;

	(void)state;
	write_small(file);
	size = load(file, bytes, sizeof(bytes));
	assert_int_equal(read_file(file, &whole), 0);
	for (bit = 0; bit < size * 8; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		store(other, bytes, size);
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		err = read_file(other, &part);
		assert_true(bit / 8 >= sizeof(struct thprace_trace_header) || err < 0);
		if (err)
			continue;
		assert_int_equal(part.errs, 1);
		for (i = 0, j = 0; i < part.nr; i++, j++) {
			while (j < whole.nr &&
			       whole.blocks[j].block.offset != part.blocks[i].block.offset)
				j++;
			assert_true(j < whole.nr);
			assert_same(&part.blocks[i], &whole.blocks[j]);
		}
		/* A damaged payload costs its own block only. */
		if (part.err == -EBADMSG && strstr(part.why, "left out"))
			assert_int_equal(part.nr, whole.nr - 1);
		drop(&part);
	}
	drop(&whole);
}

/*
 * Write a trace with one block of the caller's making, followed by META and END, and read it. Its
 * checksums are right, so only what they cannot detect is wrong. payload: size bytes, whatever the
 * block's header says.
 */
static void with_block(struct thprace_block_header block, const void *payload, size_t size,
		       struct whole *whole)
{
	static unsigned char bytes[65536];
	const size_t head = sizeof(struct thprace_trace_header);
	struct trace_writer *writer;
	size_t rest;

	assert_int_equal(trace_writer__open(&writer, file, 1, 2, 0), 0);
	assert_int_equal(trace_writer__json(writer, THPRACE_BLOCK_META, meta), 0);
	assert_int_equal(trace_writer__close(writer), 0);
	rest = load(file, bytes, sizeof(bytes)) - head;
	assert_true(head + sizeof(block) + size + rest <= sizeof(bytes));
	memmove(bytes + head + sizeof(block) + size, bytes + head, rest);
	block.magic = THPRACE_BLOCK_MAGIC;
	block.crc = (uint32_t)crc32(0, payload, (uInt)size);
	block.header_crc = (uint32_t)crc32(0, (const Bytef *)&block,
					   offsetof(struct thprace_block_header, header_crc));
	memcpy(bytes + head, &block, sizeof(block));
	memcpy(bytes + head + sizeof(block), payload, size);
	store(other, bytes, head + sizeof(block) + size + rest);
	assert_int_equal(read_file(other, whole), 0);
}

/* Wrong sizes and counts: reported, and nothing is read beyond. */
static void test_sizes(void **state)
{
	const uint32_t huge = THPRACE_BLOCK_MAX + 1;
	const struct {
		struct thprace_block_header block;
		int err;
		const char *word;
	} bad[] = {
		{{.type = 1, .stored_size = 64, .raw_size = huge, .codec = 1}, -EFBIG, "4194305"},
		{{.type = 2, .stored_size = huge, .raw_size = 64}, -EFBIG, "4194305"},
		{{.type = 99, .stored_size = 0xffffffff}, -EFBIG, "4294967295"},
		{{.type = 2, .stored_size = 64, .raw_size = 64, .count = 2}, -EFBIG, "2 members"},
		{{.type = 2, .stored_size = 64, .raw_size = 64, .count = 0}, -EFBIG, "0 members"},
		/* 64 times this is 64 again, in 32 bits. */
		{{.type = 3, .stored_size = 64, .raw_size = 64, .count = 0x4000001},
		 -EFBIG,
		 "67108865"},
		{{.type = 4, .stored_size = 64, .raw_size = 64, .count = 1}, -EFBIG, "1 members"},
		{{.type = 1, .stored_size = 64, .raw_size = 64, .count = 1}, -EFBIG, "1 members"},
		{{.type = 8, .stored_size = 64, .raw_size = 64}, -EFBIG, "64 bytes"},
		{{.type = 1, .stored_size = 64, .raw_size = 65}, -EFBIG, "65 bytes"},
		{{.type = 1, .stored_size = 64, .raw_size = 64, .codec = 7},
		 -EPROTONOSUPPORT,
		 "(7)"},
		/* It claims to be longer than it is: everything after it counts as part of it. */
		{{.type = 1, .stored_size = 60000, .raw_size = 60000}, -ENODATA, "cut off"},
	};
	static const unsigned char payload[64] = "nothing";
	struct whole whole;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		with_block(bad[i].block, payload, sizeof(payload), &whole);
		assert_int_equal(whole.err, bad[i].err);
		assert_int_equal(whole.errs, 1);
		assert_non_null(strstr(whole.why, bad[i].word));
		assert_int_equal(whole.nr, 0);
		drop(&whole);
	}
}

/* Its checksum is right, but it does not decompress to the claimed size. */
static void test_decompression(void **state)
{
	struct thprace_block_header block = {.type = THPRACE_BLOCK_META, .codec = 1};
	unsigned char text[100], packed[256];
	uLongf size = sizeof(packed);
	struct whole whole;
	unsigned int i;

	(void)state;
	memset(text, ' ', sizeof(text));
	assert_int_equal(compress2(packed, &size, text, sizeof(text), 1), Z_OK);
	packed[size] = 0;
	for (i = 0; i < 5; i++) {
		static const uint32_t raw[] = {100, 99, 101, 100, 100};
		static const int cut[] = {0, 0, 0, -1, 1};

		block.raw_size = raw[i];
		block.stored_size = (uint32_t)((int)size + cut[i]);
		with_block(block, packed, block.stored_size, &whole);
		assert_int_equal(whole.err, i ? -EBADMSG : 0);
		assert_int_equal(whole.nr, i ? 2 : 3);
		assert_int_equal(whole.ended, 1);
		assert_true(!i || strstr(whole.why, "decompress"));
		drop(&whole);
	}
	packed[0] ^= 0xff;
	with_block(block, packed, block.stored_size, &whole);
	assert_int_equal(whole.err, -EBADMSG);
	drop(&whole);
}

/* Future types are skipped, with any codec, but not damaged ones. */
static void test_unknown_type(void **state)
{
	struct thprace_block_header block = {
		.type = 99, .codec = 9, .stored_size = 4, .raw_size = 1000, .count = 3};
	struct whole whole;

	(void)state;
	with_block(block, "abcd", 4, &whole);
	assert_int_equal(whole.errs, 0);
	assert_int_equal(whole.nr, 2);
	assert_int_equal(whole.ended, 1);
	drop(&whole);
}

static void one_member(enum thprace_block_type type, const void *member, size_t size,
		       const char *word)
{
	struct thprace_block_header block = {.type = (__u16)type,
					     .count = 1,
					     .stored_size = (uint32_t)size,
					     .raw_size = (uint32_t)size};
	struct whole whole;

	with_block(block, member, size, &whole);
	assert_int_equal(whole.err, word ? -EBADMSG : 0);
	assert_true(!word || strstr(whole.why, word));
	assert_int_equal(whole.nr, word ? 2 : 3);
	assert_int_equal(whole.ended, 1);
	drop(&whole);
}

/*
 * Members that would be invalid indexes later: the reader leaves them out, the writer refuses them.
 */
static void test_members(void **state)
{
	struct thprace_record good = some_record(), record;
	struct thprace_incident fine = some_incident(), incident;
	struct trace_writer *writer;
	uint64_t lost = 0;

	(void)state;
	one_member(THPRACE_BLOCK_RECORDS, &good, sizeof(good), NULL);
	one_member(THPRACE_BLOCK_INCIDENTS, &fine, sizeof(fine), NULL);
	assert_int_equal(trace_writer__open(&writer, "/dev/null", 1, 2, 0), 0);
#define BAD_RECORD(change, word)                                                               \
	do {                                                                                   \
		record = good;                                                                 \
		change;                                                                        \
		one_member(THPRACE_BLOCK_CONTEXT, &record, sizeof(record), word);              \
		assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_CONTEXT, &record), \
				 -EINVAL);                                                     \
		assert_int_equal(trace_writer__lost(writer), ++lost);                          \
	} while (0)
#define BAD_INCIDENT(change, word)                                                      \
	do {                                                                            \
		incident = fine;                                                        \
		change;                                                                 \
		one_member(THPRACE_BLOCK_INCIDENTS, &incident, sizeof(incident), word); \
		assert_int_equal(trace_writer__incident(writer, &incident), -EINVAL);   \
		assert_int_equal(trace_writer__lost(writer), ++lost);                   \
	} while (0)
	BAD_RECORD(record.type = THPRACE_REC_MAX, "its type");
	BAD_RECORD(record.class = THPRACE_CLASS_MAX, "its class");
	BAD_RECORD(record.origin = THPRACE_ORIGIN_MAX, "its kind");
	BAD_RECORD((record.type = THPRACE_REC_LOST, record.value = THPRACE_LOSS_MAX), "its cause");
	BAD_RECORD((record.type = THPRACE_REC_LOST, record.value = -1), "its cause");
	BAD_INCIDENT(incident.type = 99, "its type");
	BAD_INCIDENT(incident.verdict = THPRACE_VERDICT_MAX, "its verdict");
	BAD_INCIDENT(incident.first_verdict = 255, "its verdict");
	BAD_INCIDENT(incident.attribution = THPRACE_ATTRIBUTION_MAX, "its attribution");
	BAD_INCIDENT(incident.mode = THPRACE_MODE_MAX, "its mode");
	BAD_INCIDENT(incident.window.level = THPRACE_LEVEL_MAX, "its level");
	BAD_INCIDENT(incident.walk.class = THPRACE_CLASS_MAX, "its class");
	BAD_INCIDENT(incident.walk.origin = THPRACE_ORIGIN_MAX, "its kind");
	BAD_INCIDENT(memset(incident.window.comm, 'x', THPRACE_COMM_LEN), "name");
	BAD_INCIDENT(memset(incident.walk.comm, 'x', THPRACE_COMM_LEN), "name");
	BAD_INCIDENT(incident.opener_stack.nr = THPRACE_STACK_MAX + 1, "stack");
	BAD_INCIDENT(incident.walker_stack.nr = 0xffffffff, "stack");
	assert_int_equal(trace_writer__close(writer), 0);
}

static void not_opened(const char *path, int err, const char *word)
{
	struct whole whole;

	assert_int_equal(read_file(path, &whole), err);
	assert_non_null(strstr(whole.why, word));
}

static void test_not_a_trace(void **state)
{
	struct thprace_trace_header header;
	unsigned char bytes[8192];
	struct whole whole;
	size_t size;

	(void)state;
	not_opened("/nonexistent/file", -ENOENT, "No such file");
	not_opened(folder, -EISDIR, "directory");
	not_opened("/dev/null", -ENODATA, "empty");
	store(other, "#!/bin/sh\n", 10);
	not_opened(other, -EINVAL, "not a thprace trace");
	store(other, "#", 1);
	not_opened(other, -EINVAL, "not a thprace trace");

	write_small(file);
	size = load(file, bytes, sizeof(bytes));
	memcpy(&header, bytes, sizeof(header));
	/* Of another version, with the right checksum and without. */
	header.version = 5;
	store(other, &header, sizeof(header));
	not_opened(other, -EPROTONOSUPPORT, "format version 5, this build reads versions 1 to 4");
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header, offsetof(typeof(header), crc));
	store(other, &header, sizeof(header));
	not_opened(other, -EPROTONOSUPPORT, "format version 5, this build reads versions 1 to 4");
	/* Its own size out of bounds. */
	header.version = THPRACE_TRACE_VERSION;
	header.header_size = 39;
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header, offsetof(typeof(header), crc));
	store(other, &header, sizeof(header));
	not_opened(other, -EBADMSG, "39 bytes");
	/* A larger header of the same version is skipped over. */
	header.header_size = sizeof(header) + 8;
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header, offsetof(typeof(header), crc));
	memmove(bytes + sizeof(header) + 8, bytes + sizeof(header), size - sizeof(header));
	memcpy(bytes, &header, sizeof(header));
	store(other, bytes, sizeof(header) + 7);
	not_opened(other, -ENODATA, "cut off at byte 47");
	store(other, bytes, size + 8);
	assert_int_equal(read_file(other, &whole), 0);
	assert_int_equal(whole.nr, 8);
	assert_int_equal(whole.ended, 1);
	drop(&whole);
}

/* An incident as a file of version 2 stores it: 560 bytes, member by member. */
static void old_incident(unsigned char *bytes, uint8_t verdict, uint8_t class, uint32_t frames)
{
	const uint64_t open = 1000, leave = 4000, ip = 0xffffffff81000001;
	const uint32_t type = THPRACE_MSG_INCIDENT, pid = 7, residual = 2, order = 0xbeef;

	memset(bytes, 0, 560);
	memcpy(bytes, &type, 4);
	bytes[4] = verdict;
	bytes[5] = THPRACE_ESCAPE; /* said */
	bytes[6] = 1; /* close call */
	bytes[7] = THPRACE_PRECISE;
	memcpy(bytes + 8, &open, 8);
	memcpy(bytes + 8 + 48, &pid, 4);
	memcpy(bytes + 8 + 64, "opener", 7);
	memcpy(bytes + 88 + 8, &leave, 8);
	memcpy(bytes + 88 + 40, &residual, 4);
	bytes[88 + 50] = class;
	memcpy(bytes + 88 + 54, &order, 2); /* nothing was there: padding */
	memcpy(bytes + 88 + 56, "walker", 7);
	memcpy(bytes + 160, &frames, 4);
	memcpy(bytes + 168, &ip, 8);
	memcpy(bytes + 360, &frames, 4);
}

/* The file of the last with_block(), now of this version. */
static void as_version(uint32_t version, struct whole *whole)
{
	static unsigned char bytes[65536];
	size_t size = load(other, bytes, sizeof(bytes));
	struct thprace_trace_header header;

	memcpy(&header, bytes, sizeof(header));
	header.version = version;
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header, offsetof(typeof(header), crc));
	memcpy(bytes, &header, sizeof(header));
	store(other, bytes, size);
	assert_int_equal(read_file(other, whole), 0);
}

/*
 * Incidents of older files become today's. Counts were not read then, so nothing is known of them;
 * an escape is only likely, unless its class is proved by other means.
 */
/* Up to version 3 nobody knew who the tasks are. */
static void test_version_3(void **state)
{
	struct thprace_block_header block = {.type = THPRACE_BLOCK_INCIDENTS,
					     .count = 2,
					     .raw_size = 2 * 608,
					     .stored_size = 2 * 608};
	struct thprace_incident today = some_incident();
	const struct thprace_incident *incident;
	unsigned char bytes[2 * 608];
	struct whole whole;
	int i;

	(void)state;
	today.opener_stack.values = 2;
	today.opener_stack.section = 3;
	memset(bytes, 0xff, sizeof(bytes)); /* also what was padding */
	for (i = 0; i < 2; i++) {
		unsigned char *old = bytes + i * 608;

		memcpy(old, &today, 208);
		memcpy(old + 208, &today.opener_stack, 6);
		memcpy(old + 216, today.opener_stack.ip, sizeof(today.opener_stack.ip));
		memcpy(old + 408, &today.walker_stack, 6);
		memcpy(old + 416, today.walker_stack.ip, sizeof(today.walker_stack.ip));
	}
	with_block(block, bytes, sizeof(bytes), &whole);
	drop(&whole);
	as_version(3, &whole);
	assert_int_equal(whole.errs, 0);
	assert_int_equal(whole.blocks[0].block.size, 2 * sizeof(today));
	incident = (const struct thprace_incident *)whole.blocks[0].data;
	for (i = 0; i < 2; i++, incident++) {
		assert_memory_equal(incident, &today, 208);
		assert_int_equal(incident->opener_stack.nr, today.opener_stack.nr);
		assert_int_equal(incident->opener_stack.values, 2);
		assert_int_equal(incident->opener_stack.section, 3);
		assert_int_equal(incident->opener_stack.flags, 0);
		assert_int_equal(incident->opener_stack.uid, 0);
		assert_int_equal(incident->opener_stack.cgroup, 0);
		assert_memory_equal(incident->opener_stack.ip, today.opener_stack.ip,
				    sizeof(today.opener_stack.ip));
		assert_memory_equal(incident->walker_stack.ip, today.walker_stack.ip,
				    sizeof(today.walker_stack.ip));
		assert_int_equal(incident->walker_stack.flags, 0);
	}
	drop(&whole);
}

static void test_old_versions(void **state)
{
	static const struct {
		uint8_t verdict, class, attribution;
	} cases[] = {
		{THPRACE_ESCAPE, THPRACE_SPLIT_UNMAP, THPRACE_LIKELY},
		{THPRACE_ESCAPE, THPRACE_SPLIT_HEAD, THPRACE_EXACT},
		{THPRACE_ESCAPE, THPRACE_COLLAPSE_REUSE, THPRACE_EXACT},
		{THPRACE_CONTAINED, THPRACE_SPLIT_UNMAP, THPRACE_ATTRIBUTION_NONE},
		{THPRACE_UNATTRIBUTED, THPRACE_TRUNCATE_UNMAP, THPRACE_ATTRIBUTION_NONE},
	};
	const unsigned int nr = sizeof(cases) / sizeof(cases[0]);
	struct thprace_block_header block = {.type = THPRACE_BLOCK_INCIDENTS,
					     .count = nr,
					     .raw_size = nr * 560,
					     .stored_size = nr * 560};
	unsigned char bytes[5 * 560], packed[4096];
	uLongf size = sizeof(packed);
	const struct thprace_incident *incident;
	struct whole whole;
	uint32_t version;
	unsigned int i;

	(void)state;
	for (i = 0; i < nr; i++)
		old_incident(bytes + (size_t)i * 560, cases[i].verdict, cases[i].class, 1);
	assert_int_equal(compress2(packed, &size, bytes, sizeof(bytes), 1), Z_OK);
	for (version = 1; version <= 4; version++) {
		const int zlib = version >
				 2; /* 3: version 2, compressed; 4: as today's, which it is not */

		block.codec = zlib ? THPRACE_CODEC_ZLIB : THPRACE_CODEC_RAW;
		block.stored_size = zlib ? (uint32_t)size : nr * 560;
		with_block(block, zlib ? packed : bytes, block.stored_size, &whole);
		assert_int_equal(whole.err, -EFBIG); /* as version 3 */
		drop(&whole);
		if (version == 4)
			continue;
		as_version(version < 3 ? version : 2, &whole);
		assert_int_equal(whole.errs, 0);
		assert_int_equal(whole.nr, 3);
		assert_int_equal(whole.ended, 1);
		assert_int_equal(whole.blocks[0].block.count, nr);
		assert_int_equal(whole.blocks[0].block.size, nr * sizeof(*incident));
		incident = (const struct thprace_incident *)whole.blocks[0].data;
		for (i = 0; i < nr; i++, incident++) {
			assert_int_equal(incident->verdict, cases[i].verdict);
			assert_int_equal(incident->first_verdict, THPRACE_ESCAPE);
			assert_int_equal(incident->attribution, cases[i].attribution);
			assert_int_equal(incident->close_call, 1);
			assert_int_equal(incident->mode, THPRACE_PRECISE);
			assert_int_equal(incident->window.open, 1000);
			assert_int_equal(incident->window.pid, 7);
			assert_string_equal(incident->window.comm, "opener");
			assert_int_equal(incident->window.left, THPRACE_LEFT_UNREAD);
			assert_int_equal(incident->walk.leave, 4000);
			assert_int_equal(incident->walk.residual, 2);
			assert_int_equal(incident->walk.class, cases[i].class);
			assert_int_equal(incident->walk.order, 0);
			assert_string_equal(incident->walk.comm, "walker");
			assert_int_equal(incident->walk.left.entire, 0);
			assert_int_equal(incident->walk.outer_at, 0);
			assert_int_equal(incident->opener_stack.nr, 1);
			assert_true(incident->opener_stack.ip[0] == 0xffffffff81000001);
			assert_int_equal(incident->walker_stack.nr, 1);
		}
		drop(&whole);
	}
	/* Members that would be invalid indexes later are found in them too. */
	old_incident(bytes, THPRACE_ESCAPE, THPRACE_CLASS_MAX, 1);
	block.codec = THPRACE_CODEC_RAW;
	block.stored_size = nr * 560;
	with_block(block, bytes, sizeof(bytes), &whole);
	drop(&whole);
	as_version(2, &whole);
	assert_int_equal(whole.err, -EBADMSG);
	assert_non_null(strstr(whole.why, "its class"));
	drop(&whole);
	old_incident(bytes, THPRACE_ESCAPE, THPRACE_SPLIT_UNMAP, THPRACE_STACK_MAX + 1);
	with_block(block, bytes, sizeof(bytes), &whole);
	drop(&whole);
	as_version(2, &whole);
	assert_int_equal(whole.err, -EBADMSG);
	assert_non_null(strstr(whole.why, "stack"));
	drop(&whole);
}

/* The largest block of old incidents grows beyond the size of a block. */
static void test_old_block_at_its_largest(void **state)
{
	const uint32_t nr = THPRACE_BLOCK_MAX / 560;
	struct thprace_block_header block = {.type = THPRACE_BLOCK_INCIDENTS,
					     .codec = THPRACE_CODEC_ZLIB,
					     .count = nr,
					     .raw_size = nr * 560};
	unsigned char *bytes = malloc((size_t)nr * 560), packed[60000];
	uLongf size = sizeof(packed);
	struct whole whole;
	uint32_t i;

	(void)state;
	assert_non_null(bytes);
	for (i = 0; i < nr; i++)
		old_incident(bytes + (size_t)i * 560, THPRACE_ESCAPE, THPRACE_SPLIT_UNMAP, 1);
	assert_int_equal(compress2(packed, &size, bytes, (uLong)nr * 560, 9), Z_OK);
	block.stored_size = (uint32_t)size;
	with_block(block, packed, size, &whole);
	drop(&whole);
	as_version(2, &whole);
	assert_int_equal(whole.errs, 0);
	assert_int_equal(whole.nr, 3);
	assert_int_equal(whole.blocks[0].block.count, nr);
	assert_int_equal(((const struct thprace_incident *)whole.blocks[0].data)[nr - 1].walk.leave,
			 4000);
	drop(&whole);
	free(bytes);
}

/* Nothing comes after END: two traces in one file are not one. */
static void test_goes_on(void **state)
{
	static unsigned char bytes[16384];
	struct whole whole;
	size_t size;

	(void)state;
	write_small(file);
	size = load(file, bytes, sizeof(bytes) / 2);
	memcpy(bytes + size, bytes, size);
	store(other, bytes, size * 2);
	assert_int_equal(read_file(other, &whole), 0);
	assert_int_equal(whole.nr, 8);
	assert_int_equal(whole.err, -EINVAL);
	assert_non_null(strstr(whole.why, "goes on"));
	drop(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_only),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_decompression),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_not_a_trace),
		cmocka_unit_test(test_version_3),
		cmocka_unit_test(test_old_versions),
		cmocka_unit_test(test_old_block_at_its_largest),
		cmocka_unit_test(test_goes_on),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
