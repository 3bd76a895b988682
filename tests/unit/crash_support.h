/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a kernel that died while thprace recorded, made by hand: shared by test_recover.c and
 * the fuzzer. Physical addresses are offsets in `bytes', virtual ones are CRASH_BASE above.
 */
#ifndef THPRACE_CRASH_SUPPORT_H
#define THPRACE_CRASH_SUPPORT_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <thprace/beacon.h>
#include <thprace/version.h>
#include "class_ids.h"
#include "classes/race_class.h"
#include "dump/memory.h"

#define CRASH_BASE 0xffffc90000000000ULL
#define CRASH_PAGE 4096
#define CRASH_BEACON 0x2000
#define CRASH_PENDING 0xa000
#define CRASH_SLOTS 0xc000
#define CRASH_CPUS 0x84000
#define CRASH_RING 0xb0000 /* its head, consumer, producer, data */
#define CRASH_RING_DATA (CRASH_RING + 0x3000)
#define CRASH_RING_BYTES 8192
#define CRASH_VMA 0xb8000
#define CRASH_TASK (CRASH_VMA + 0x800)
#define CRASH_LOG 0xb9000
#define CRASH_NAMES 0xbe000
#define CRASH_RACES 0xc0000
#define CRASH_STREAM 0x110000 /* of --all, as CRASH_RING */
#define CRASH_BYTES 0x116000
#define CRASH_FOLIO 0xffffea0000080000ULL
#define CRASH_TEXT 0xffffffff81000000ULL
#define CRASH_STARTED 1000000000ULL

_Static_assert(CRASH_SLOTS + THPRACE_SLOTS_MAX * sizeof(struct thprace_slot) <= CRASH_CPUS, "fits");
_Static_assert(CRASH_RACES + THPRACE_RACE_SLOTS * sizeof(struct thprace_race_slot) <= CRASH_STREAM,
	       "fits");
_Static_assert(CRASH_STREAM + 0x3000 + CRASH_RING_BYTES <= CRASH_BYTES, "fits");
_Static_assert(CRASH_CPUS + 2 * sizeof(struct thprace_cpu) <= CRASH_RING, "fits");

struct crash {
	unsigned char bytes[CRASH_BYTES];
	uint64_t missing; /* this page is not in the dump; 0: all are */
	char info[4096];
	struct memory memory;
	uint64_t produced; /* bytes of messages */
	uint64_t streamed; /* bytes of records in the stream */
	unsigned int logged; /* messages of the kernel's log */
	uint64_t log_text; /* bytes of their text */
};

static inline int crash_physical(void *ctx, uint64_t address, void *to, size_t size)
{
	struct crash *crash = ctx;

	if (address > CRASH_BYTES || size > CRASH_BYTES - address)
		return -ENODATA;
	if (crash->missing && address / CRASH_PAGE <= crash->missing / CRASH_PAGE &&
	    (address + size - 1) / CRASH_PAGE >= crash->missing / CRASH_PAGE)
		return -ENODATA;
	memcpy(to, crash->bytes + address, size);
	return 0;
}

static inline int crash_virtual(void *ctx, uint64_t address, void *to, size_t size)
{
	return crash_physical(ctx, address - CRASH_BASE, to, size);
}

static inline bool crash_next(void *ctx, uint64_t *address)
{
	(void)ctx;
	*address = (*address + CRASH_PAGE - 1) & ~(uint64_t)(CRASH_PAGE - 1);
	return *address < CRASH_BYTES;
}

static inline int crash_tables(void *ctx, uint64_t root, unsigned int bits, uint64_t phys_base)
{
	(void)ctx;
	(void)root;
	(void)bits;
	(void)phys_base;
	return 0;
}

static inline void *crash_at(struct crash *crash, uint64_t offset)
{
	return crash->bytes + offset;
}

static inline struct thprace_beacon *crash_beacon(struct crash *crash)
{
	return crash_at(crash, CRASH_BEACON);
}

static inline struct thprace_slot *crash_slot(struct crash *crash, int i)
{
	return (struct thprace_slot *)crash_at(crash, CRASH_SLOTS) + i;
}

static inline struct thprace_pending *crash_pending(struct crash *crash, int i)
{
	return (struct thprace_pending *)crash_at(crash, CRASH_PENDING) + i;
}

static inline struct thprace_cpu *crash_cpu(struct crash *crash, int i)
{
	return (struct thprace_cpu *)crash_at(crash, CRASH_CPUS) + i;
}

static inline void crash_put(struct crash *crash, uint64_t ring, uint64_t position,
			     const void *from, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		crash->bytes[ring + 0x3000 + ((position + i) & (CRASH_RING_BYTES - 1))] =
			((const unsigned char *)from)[i];
}

/* To the ring at this offset, of which `produced' bytes were produced. */
static inline void crash_produce(struct crash *crash, uint64_t ring, uint64_t *produced,
				 const void *message, uint32_t size, uint32_t flags)
{
	uint32_t header[2];

	header[0] = size | flags;
	header[1] = 3 + (uint32_t)((*produced & (CRASH_RING_BYTES - 1)) / CRASH_PAGE);
	crash_put(crash, ring, *produced, header, sizeof(header));
	crash_put(crash, ring, *produced + 8, message, size);
	*produced += 8 + size;
	memcpy(crash_at(crash, ring + 0x2000), produced, sizeof(*produced));
}

/* A message of the incident ring; flags: of its header. */
static inline void crash_message(struct crash *crash, const void *message, uint32_t size,
				 uint32_t flags)
{
	crash_produce(crash, CRASH_RING, &crash->produced, message, size, flags);
}

/* A record in CPU 0's stream; flags: of its header. */
static inline void crash_stream(struct crash *crash, struct thprace_record record, uint32_t flags)
{
	struct thprace_beacon_head *head =
		(struct thprace_beacon_head *)(crash->bytes + CRASH_BEACON);

	head->streams = 1;
	head->stream_mask = CRASH_RING_BYTES - 1;
	head->stream[0] = CRASH_BASE + CRASH_STREAM;
	crash_produce(crash, CRASH_STREAM, &crash->streamed, &record, sizeof(record), flags);
	crash_cpu(crash, 0)->counters.seen++;
	crash_cpu(crash, 0)->counters.submitted += !flags;
}

/* A flight record. */
static inline void crash_record(struct crash *crash, int id, struct thprace_record record)
{
	struct thprace_cpu *cpu = crash_cpu(crash, id);

	record.cpu = (uint16_t)id;
	record.seq = (uint32_t)(cpu->head + 1);
	cpu->flight[cpu->head++ & (THPRACE_FLIGHT_RECORDS - 1)] = record;
}

/*
 * A message of the kernel's log: descriptors at CRASH_LOG + 0x100 (24 bytes each), infos at + 0x400
 * (88 each), text at + 0x1000.
 */
static inline void crash_log(struct crash *crash, const char *text)
{
	unsigned char *base = crash_at(crash, CRASH_LOG);
	uint64_t id = crash->logged++, begin = crash->log_text, end, state = id | 1ULL << 63;
	uint16_t length = (uint16_t)strlen(text);
	uint32_t caller = 77;

	end = begin + ((8 + length + 7U) & ~7U);
	memcpy(base + 0x100 + 24 * id, &state, 8);
	memcpy(base + 0x108 + 24 * id, &begin, 8);
	memcpy(base + 0x110 + 24 * id, &end, 8);
	memcpy(base + 0x400 + 88 * id + 16, &length, 2);
	memcpy(base + 0x400 + 88 * id + 20, &caller, 4);
	memcpy(base + 0x1000 + begin, &id, 8);
	memcpy(base + 0x1008 + begin, text, length);
	crash->log_text = end;
	memcpy(base + 0x40, &id, 8); /* head_id */
}

static inline void crash_number(struct crash *crash, uint64_t offset, uint64_t number)
{
	memcpy(crash_at(crash, offset), &number, sizeof(number));
}

/* struct printk_ringbuffer at CRASH_LOG + 0x20: desc_ring at 0, text_data_ring at 48. */
static inline void crash_make_log(struct crash *crash)
{
	const uint64_t ring = CRASH_LOG + 0x20;

	crash_number(crash, CRASH_LOG, CRASH_BASE + ring); /* prb */
	crash_number(crash, ring, 3); /* 8 descriptors */
	crash_number(crash, ring + 8, CRASH_BASE + CRASH_LOG + 0x100);
	crash_number(crash, ring + 16, CRASH_BASE + CRASH_LOG + 0x400);
	crash_number(crash, ring + 48, 12);
	crash_number(crash, ring + 56, CRASH_BASE + CRASH_LOG + 0x1000);
	crash_log(crash, "BUG: Bad page cache in process x  pfn:10a200");
	crash_log(crash, "page:0000000012345678 refcount:514 mapcount:1 mapping:0000000000000000 "
			 "index:0x0 pfn:0x10a200");
	crash_log(crash, "head:0000000012345678 order:9 compound_mapcount:1 compound_pincount:0");
	crash_log(crash, "page dumped because: still mapped when deleted");
	crash_log(crash, "Kernel panic - not syncing: it is a test\nand more");
}

/* Each token is one character; the names are _stext, zap_huge_pmd and _etext. */
static inline void crash_make_names(struct crash *crash)
{
	static const char *const names[] = {"T_stext", "tzap_huge_pmd", "T_etext"};
	static const int32_t offsets[] = {-1, -0x101, -0x1000001};
	unsigned char *base = crash_at(crash, CRASH_NAMES), *at = base + 0x800;
	uint16_t index;
	uint32_t i;

	for (i = 0; i < 256; i++) {
		index = (uint16_t)(2 * i);
		base[2 * i] = (unsigned char)i;
		memcpy(base + 0x400 + 2 * i, &index, 2);
	}
	for (i = 0; i < 3; i++) {
		*at++ = (unsigned char)strlen(names[i]);
		memcpy(at, names[i], strlen(names[i]));
		at += strlen(names[i]);
	}
	i = 3;
	memcpy(base + 0x700, &i, sizeof(i));
	memcpy(base + 0x710, offsets, sizeof(offsets));
	crash_number(crash, CRASH_NAMES + 0x720, CRASH_TEXT);
}

#define CRASH_SYMBOL(name, offset) "SYMBOL(" name ")=ffffc900000" offset "\n"

static inline void crash_make_info(struct crash *crash)
{
	snprintf(
		crash->info, sizeof(crash->info),
		"OSRELEASE=6.1.0-test\nPAGESIZE=4096\n"
		"SYMBOL(_stext)=ffffffff81000000\n" CRASH_SYMBOL(
			"prb",
			"b9000") "OFFSET(printk_ringbuffer.desc_ring)=0\n"
				 "OFFSET(printk_ringbuffer.text_data_ring)=48\n"
				 "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
				 "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=32\n"
				 "OFFSET(prb_desc_ring.tail_id)=40\nSIZE(prb_desc)=24\n"
				 "OFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
				 "OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\n"
				 "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
				 "SIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
				 "OFFSET(printk_info.text_len)=16\nOFFSET(printk_info.caller_id)=20\n" CRASH_SYMBOL(
					 "kallsyms_names",
					 "be800") CRASH_SYMBOL("kallsyms_num_syms", "be700")
					 CRASH_SYMBOL("kallsyms_token_table", "be000") CRASH_SYMBOL(
						 "kallsyms_token_index",
						 "be400") CRASH_SYMBOL("kallsyms_offsets", "be710")
						 CRASH_SYMBOL("kallsyms_relative_base", "be720"));
	crash->memory.info = crash->info;
}

/* META as the engine describes itself. */
static inline void crash_describe(struct crash *crash, const char *meta)
{
	struct thprace_beacon *beacon = crash_beacon(crash);

	beacon->head.meta_size = (uint32_t)strlen(meta);
	memcpy(beacon->meta, meta, strlen(meta));
}

/* A kernel that died in light mode, with nothing seen. */
static inline void crash_make(struct crash *crash)
{
	struct thprace_beacon_head *head = &crash_beacon(crash)->head;

	memset(crash, 0, sizeof(*crash));
	*head = (struct thprace_beacon_head){
		.magic = {THPRACE_BEACON_MAGIC, THPRACE_BEACON_MAGIC2},
		.layout = THPRACE_BEACON_LAYOUT,
		.cpus = 2,
		.version = THPRACE_VERSION,
		.self = CRASH_BASE + CRASH_BEACON,
		.cpu = CRASH_BASE + CRASH_CPUS,
		.ring = CRASH_BASE + CRASH_RING,
		.ring_mask = CRASH_RING_BYTES - 1,
		.ring_data = CRASH_BASE + CRASH_RING_DATA,
		.ring_consumer = CRASH_BASE + CRASH_RING + 0x1000,
		.ring_producer = CRASH_BASE + CRASH_RING + 0x2000,
		.members = {.vm_start = 0,
			    .vm_pgoff = 8,
			    .vm_file = 16,
			    .vm_anon_vma = 24,
			    .task_comm = 40},
		.page_shift = 12,
		.mode = THPRACE_LIGHT,
		.cpu_stride = sizeof(struct thprace_cpu),
		.pending = CRASH_PENDING - CRASH_BEACON,
		.slots = CRASH_SLOTS - CRASH_BEACON,
		.text = CRASH_TEXT,
		.started = CRASH_STARTED,
		.started_wall = 1700000000000000000ULL,
	};
	crash_describe(crash, "{\"tool\":\"thprace\",\"kernel\":\"5.10.0-test\",\"mode\":\"light\","
			      "\"cpus\":2,\"machine\":\"x86_64\"}");
	crash->memory = (struct memory){.ctx = crash,
					.physical = crash_physical,
					.virtual = crash_virtual,
					.next_page = crash_next,
					.set_tables = crash_tables,
					.page_size = CRASH_PAGE,
					.pages = CRASH_BYTES / CRASH_PAGE};
	crash_make_log(crash);
	crash_make_names(crash);
	crash_make_info(crash);
}

/* A window that is open, at PMD level. */
static inline struct thprace_slot *crash_window(struct crash *crash, int i, uint32_t pid,
						uint64_t open)
{
	struct thprace_slot *slot = crash_slot(crash, i);

	slot->task = pid | (uint64_t)pid << 32;
	slot->state = THPRACE_SLOT_OPEN;
	slot->windows = 3;
	slot->opener.type = THPRACE_MSG_OPENER;
	slot->opener.window = (struct thprace_window){
		.open = open, .folio = CRASH_FOLIO, .pid = pid, .tgid = pid, .comm = "zapper"};
	return slot;
}

/* The zap of a part of a vma of the file 0x1234, indexes 0 to 511. */
static inline struct thprace_slot *crash_range(struct crash *crash, int i, uint32_t pid,
					       uint64_t began)
{
	struct thprace_slot *slot = crash_slot(crash, i);

	crash_number(crash, CRASH_VMA + 16, CRASH_BASE + CRASH_VMA + 0x100);
	crash_number(crash, CRASH_VMA + 0x100, 0x1234); /* f_mapping */
	slot->task = pid | (uint64_t)pid << 32;
	slot->in_range = THPRACE_RANGE_ENTERED;
	slot->range_began = began;
	slot->range_vma = CRASH_BASE + CRASH_VMA;
	slot->range_end = 512 << 12;
	memcpy(slot->opener.window.comm, "ranger", 7);
	return slot;
}

/* A walker of split-unmap; leave 0: under way. */
static inline struct thprace_pending *crash_walker(struct crash *crash, int i, uint32_t pid,
						   uint64_t enter, uint64_t leave)
{
	struct thprace_pending *pending = crash_pending(crash, i);

	*pending = (struct thprace_pending){.folio = CRASH_FOLIO,
					    .object = 0x1234,
					    .pages = 512,
					    .enter = enter,
					    .leave = leave,
					    .returned = leave,
					    .pid = pid,
					    .tgid = pid,
					    .class = THPRACE_SPLIT_UNMAP,
					    .origin = THPRACE_ORIGIN_SPLIT,
					    .task = CRASH_BASE + CRASH_TASK};
	strcpy((char *)crash_at(crash, CRASH_TASK + 40), "walker");
	return pending;
}

/* The recording has a race from a file, whose id is the first after the built-in ones. */
static inline void crash_make_race(struct crash *crash)
{
	char meta[256];

	snprintf(meta, sizeof(meta),
		 "{\"tool\":\"thprace\",\"kernel\":\"5.10.0-test\",\"mode\":\"light\",\"cpus\":2,"
		 "\"classes\":[{\"id\":%u,\"name\":\"test-race\",\"shape\":\"file\","
		 "\"saved\":[\"before after\"]}]}",
		 race_class__end());
	crash_describe(crash, meta);
	crash_beacon(crash)->head.race_slots = CRASH_BASE + CRASH_RACES;
}

/* An open interval of it, on key 0x77. */
static inline struct thprace_race_slot *crash_race(struct crash *crash, int i, uint32_t side,
						   uint32_t pid, uint64_t begin)
{
	struct thprace_race_slot *slot =
		(struct thprace_race_slot *)crash_at(crash, CRASH_RACES) + i;

	*slot = (struct thprace_race_slot){.task = pid | (uint64_t)pid << 32,
					   .id = pid,
					   .begin = begin,
					   .to = 1,
					   .owners = 1,
					   .place = THPRACE_RACE_PLACE(race_class__end(), side),
					   .state = THPRACE_RACE_OPEN,
					   .side = side,
					   .interval = {.key = 0x77}};
	return slot;
}

/* … and one that has ended, as the BPF programs report it. */
static inline struct thprace_race_end crash_race_end(uint32_t side, uint32_t pid, uint64_t begin,
						     uint64_t end, unsigned int flags)
{
	return (struct thprace_race_end){.type = THPRACE_MSG_RACE_END,
					 .class = (uint8_t)race_class__end(),
					 .side = (uint8_t)side,
					 .section = (uint8_t)side,
					 .flags = (uint8_t)(THPRACE_RACE_JUDGED | flags),
					 .id = pid,
					 .begin = begin,
					 .end = end,
					 .key = 0x77,
					 .pid = pid,
					 .tgid = pid,
					 .comm = "racer"};
}

static inline struct thprace_race_pair crash_race_pair(uint32_t window, uint64_t open,
						       uint32_t walker, uint64_t enter)
{
	return (struct thprace_race_pair){.type = THPRACE_MSG_RACE_PAIR,
					  .class = (uint8_t)race_class__end(),
					  .section = {THPRACE_RACE_WINDOW, THPRACE_RACE_WALKER},
					  .id = {window, walker},
					  .begin = {open, enter},
					  .pid = {window, walker}};
}

/* A failed walker of split-unmap alone, as the BPF programs report it. */
static inline struct thprace_incident crash_failed(uint32_t pid, uint64_t enter, uint64_t leave)
{
	return (struct thprace_incident){
		.type = THPRACE_MSG_INCIDENT,
		.walk = {.enter = enter,
			 .leave = leave,
			 .folio = CRASH_FOLIO,
			 .pid = pid,
			 .tgid = pid,
			 .residual = 1,
			 .class = THPRACE_SPLIT_UNMAP,
			 .origin = THPRACE_ORIGIN_SPLIT,
			 .comm = "walker",
			 .left = {.entire = 1}},
		.walker_stack = {.nr = 2, .ip = {CRASH_TEXT + 0x105, CRASH_TEXT + 0x2000000}},
	};
}

#endif
