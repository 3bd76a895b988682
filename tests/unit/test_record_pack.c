// SPDX-License-Identifier: GPL-2.0-only
/* Packed records: what is packed is unpacked unchanged; damage is reported and does no harm. */
#include "trace_support.h"
#include "trace/record_pack.h"

#define MANY 5000
#define ROOM (MANY * (sizeof(struct thprace_record) + RECORD_PACK_ROOM))

static struct record_pack *pack;
static struct thprace_record records[MANY], back[MANY];
static unsigned char bytes[ROOM + RECORD_PACK_SLACK];

static size_t round_trip(uint32_t count)
{
	size_t size;

	size = record_pack__pack(pack, bytes, ROOM, records, count);
	assert_true(size > 0 || !count);
	memset(bytes + size, 0xa5, RECORD_PACK_SLACK);
	memset(back, 0x5a, sizeof(back));
	assert_int_equal(record_pack__unpack(pack, back, count, bytes, size), 0);
	assert_memory_equal(back, records, count * sizeof(*records));
	return size;
}

/* Members that no rule predicts, all types that fit, with extreme values. */
static void test_anything(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		records[i] = some_record();
		records[i].type = (__u8)(next_random() % THPRACE_REC_MAX);
		records[i].pid %= 100;
	}
	memset(&records[7], 0xff, sizeof(records[7]));
	records[7].type = THPRACE_REC_MAX - 1;
	memset(&records[8], 0, sizeof(records[8]));
	records[9].entry = records[9].ts + (1ULL << 63);
	records[10].value = INT32_MIN;
	records[11].value = INT32_MAX;
	round_trip(0);
	round_trip(1);
	round_trip(2);
	round_trip(MANY);
}

/* The windows of one task after the other, and a walker, as from a kernel. */
static uint32_t some_windows(void)
{
	const uint64_t mm = 0xffff8881036f4000ULL, page_map = 0xffffea0000000000ULL;
	uint64_t ts = 77123456789ULL;
	struct thprace_record *at = records, open;
	int i;

	memset(records, 0, sizeof(records));
	for (i = 0; i < 1000; i++) {
		memset(&open, 0, sizeof(open));
		ts += next_random() % 20000;
		open.ts = open.entry = ts;
		open.folio = page_map + (uint64_t)(next_random() % 1024) * 32768;
		open.arg = mm + next_random() % 2 * 0x1180;
		open.arg2 = 0x7f1200000000ULL + (uint64_t)i * 0x200000;
		open.pid = open.tgid = 1200 + next_random() % 3;
		open.cpu = (uint16_t)(open.pid % 2);
		open.type = THPRACE_REC_ZAP_OPEN;
		*at++ = open;
		at->ts = ts += next_random() % 3000;
		at->entry = open.ts;
		at->folio = open.folio;
		at->pid = at->tgid = open.pid;
		at->cpu = open.cpu;
		at->type = THPRACE_REC_RMAP_PMD;
		at++;
		*at = open;
		at->arg = ts;
		at->ts = ts += next_random() % 2000;
		at->value = 1;
		at->type = THPRACE_REC_ZAP_CLOSE;
		at++;
	}
	return (uint32_t)(at - records);
}

static void test_windows(void **state)
{
	uint32_t count = some_windows();

	(void)state;
	/* Its purpose: a tenth of the 64 bytes. */
	assert_in_range(round_trip(count), 1, count * 6);
}

/* A flight recorder's positions increase by one. */
static void test_positions(void **state)
{
	size_t plain, with;
	uint32_t i;

	(void)state;
	plain = round_trip(some_windows());
	for (i = 0; i < 3000; i++)
		records[i].seq = 0xfffffff0U + i;
	with = round_trip(3000);
	assert_in_range(with, plain, plain + 16);
}

/* Too little space, and a type that does not fit. */
static void test_refused(void **state)
{
	uint32_t count = some_windows();

	(void)state;
	assert_int_equal(record_pack__pack(pack, bytes, RECORD_PACK_ROOM, records, count), 0);
	records[5].type = THPRACE_REC_MAX;
	assert_int_equal(record_pack__pack(pack, bytes, ROOM, records, count), 0);
}

/* Every length except the right one, and every wrong number of records. */
static void test_cut(void **state)
{
	size_t size, cut;

	(void)state;
	some_windows();
	size = record_pack__pack(pack, bytes, ROOM, records, 30);
	for (cut = 0; cut < size; cut++)
		assert_int_equal(record_pack__unpack(pack, back, 30, bytes, cut), -EBADMSG);
	bytes[size] = 0;
	assert_int_equal(record_pack__unpack(pack, back, 30, bytes, size + 1), -EBADMSG);
	assert_int_equal(record_pack__unpack(pack, back, 29, bytes, size), -EBADMSG);
	assert_int_equal(record_pack__unpack(pack, back, 31, bytes, size), -EBADMSG);
}

/* Damaged bytes may give anything, but only within the records (checked by ASan). */
static void test_damaged(void **state)
{
	unsigned char *exact;
	size_t size;
	int i, j;

	(void)state;
	some_windows();
	size = record_pack__pack(pack, bytes, ROOM, records, 40);
	exact = malloc(size + RECORD_PACK_SLACK);
	assert_non_null(exact);
	for (i = 0; i < 20000; i++) {
		memcpy(exact, bytes, size);
		for (j = 0; j < 4; j++)
			exact[next_random() % size] = (unsigned char)next_random();
		record_pack__unpack(pack, back, 40, exact, size);
	}
	free(exact);
}

/* Files have them packed if that is smaller, and older files have them compressed. */
static void test_old_files(void **state)
{
	struct thprace_trace_header header = {.version = 1, .header_size = sizeof(header)};
	struct thprace_block_header block = {.magic = THPRACE_BLOCK_MAGIC, .count = 300};
	uLongf size = sizeof(bytes);
	unsigned char *at = bytes;
	struct whole whole;

	(void)state;
	some_windows();
	memcpy(header.magic, THPRACE_TRACE_MAGIC, sizeof(header.magic));
	header.crc = (uint32_t)crc32(0, (const Bytef *)&header, offsetof(typeof(header), crc));
	memcpy(at, &header, sizeof(header));
	at += sizeof(header) + sizeof(block);
	block.type = THPRACE_BLOCK_RECORDS;
	block.codec = THPRACE_CODEC_ZLIB;
	block.raw_size = 300 * sizeof(*records);
	assert_int_equal(compress2(at, &size, (const Bytef *)records, block.raw_size, 1), Z_OK);
	block.stored_size = (uint32_t)size;
	block.crc = (uint32_t)crc32(0, at, block.stored_size);
	block.header_crc =
		(uint32_t)crc32(0, (const Bytef *)&block, offsetof(typeof(block), header_crc));
	memcpy(at - sizeof(block), &block, sizeof(block));
	store(file, bytes, sizeof(header) + sizeof(block) + size);
	assert_int_equal(read_file(file, &whole), 0);
	assert_int_equal(whole.nr, 1);
	assert_memory_equal(whole.blocks[0].data, records, 300 * sizeof(*records));
	drop(&whole);
}

static void test_new_files(void **state)
{
	struct thprace_block_header block;
	struct trace_writer *writer;
	struct whole whole;
	int i;

	(void)state;
	some_windows();
	assert_int_equal(trace_writer__open(&writer, file, 1, 2, THPRACE_TF_ALL), 0);
	for (i = 0; i < 3000; i++)
		assert_int_equal(trace_writer__record(writer, THPRACE_BLOCK_RECORDS, &records[i]),
				 0);
	assert_int_equal(trace_writer__close(writer), 0);
	load(file, bytes, sizeof(bytes));
	memcpy(&block, bytes + sizeof(struct thprace_trace_header), sizeof(block));
	assert_int_equal(block.codec, THPRACE_CODEC_PACKED);
	assert_int_equal(read_file(file, &whole), 0);
	assert_int_equal(whole.nr, 2);
	assert_memory_equal(whole.blocks[0].data, records, 3000 * sizeof(*records));
	drop(&whole);

	/*
	 * The same block with the right checksum and other content: left out, and reading
	 * continues.
	 */
	memset(bytes + sizeof(struct thprace_trace_header) + sizeof(block), 0, 40);
	block.crc = (uint32_t)crc32(0, bytes + sizeof(struct thprace_trace_header) + sizeof(block),
				    block.stored_size);
	block.header_crc =
		(uint32_t)crc32(0, (const Bytef *)&block, offsetof(typeof(block), header_crc));
	memcpy(bytes + sizeof(struct thprace_trace_header), &block, sizeof(block));
	store(other, bytes, file_size(file));
	assert_int_equal(read_file(other, &whole), 0);
	assert_int_equal(whole.err, -EBADMSG);
	assert_non_null(strstr(whole.why, "does not unpack to the 3000 records"));
	assert_int_equal(whole.ended, 1);
	drop(&whole);
}

static int set_up(void **state)
{
	pack = record_pack__new();
	return pack ? make_folder(state) : -1;
}

static int tear_down(void **state)
{
	record_pack__free(pack);
	return remove_folder(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anything),  cmocka_unit_test(test_windows),
		cmocka_unit_test(test_positions), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut),	  cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_old_files), cmocka_unit_test(test_new_files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
