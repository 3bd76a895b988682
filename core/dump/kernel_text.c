// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buffer is a ring of descriptors and a ring of text. A descriptor's number selects its place in
 * the first, and its positions select the text in the second. VMCOREINFO has the offsets of all
 * members.
 */
#include "kernel_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTORS_MAX (1U << 20)
#define TEXT_MAX (1U << 27)
#define LINE_MAX_BYTES 4096
#define STATE_SHIFT 62 /* of a descriptor's state, above its number; 64-bit kernels */
#define STATE_COMMITTED 1
#define STATE_FINALIZED 2
#define LOCAL_MAX 256 /* bytes of one of its structures that are read */
#define CALLER_CPU 0x80000000U

struct layout {
	uint64_t ring_descriptors, ring_text; /* in struct printk_ringbuffer */
	uint64_t bits, descriptors, infos, head, tail; /* in struct prb_desc_ring */
	uint64_t descriptor_size, state, position; /* of struct prb_desc */
	uint64_t begin, next; /* in struct prb_data_blk_lpos */
	uint64_t text_bits, data; /* in struct prb_data_ring */
	uint64_t info_size, time, length, caller; /* of struct printk_info */
};

struct text {
	const struct memory *memory;
	struct layout layout;
	uint64_t descriptors, infos, data; /* addresses */
	uint64_t head, tail; /* numbers of descriptors */
	unsigned int bits, text_bits;
};

static bool read_layout(const struct memory *memory, struct layout *layout)
{
	const struct {
		const char *key;
		uint64_t *value;
	} members[] = {
		{"OFFSET(printk_ringbuffer.desc_ring)", &layout->ring_descriptors},
		{"OFFSET(printk_ringbuffer.text_data_ring)", &layout->ring_text},
		{"OFFSET(prb_desc_ring.count_bits)", &layout->bits},
		{"OFFSET(prb_desc_ring.descs)", &layout->descriptors},
		{"OFFSET(prb_desc_ring.infos)", &layout->infos},
		{"OFFSET(prb_desc_ring.head_id)", &layout->head},
		{"OFFSET(prb_desc_ring.tail_id)", &layout->tail},
		{"SIZE(prb_desc)", &layout->descriptor_size},
		{"OFFSET(prb_desc.state_var)", &layout->state},
		{"OFFSET(prb_desc.text_blk_lpos)", &layout->position},
		{"OFFSET(prb_data_blk_lpos.begin)", &layout->begin},
		{"OFFSET(prb_data_blk_lpos.next)", &layout->next},
		{"OFFSET(prb_data_ring.size_bits)", &layout->text_bits},
		{"OFFSET(prb_data_ring.data)", &layout->data},
		{"SIZE(printk_info)", &layout->info_size},
		{"OFFSET(printk_info.ts_nsec)", &layout->time},
		{"OFFSET(printk_info.text_len)", &layout->length},
		{"OFFSET(printk_info.caller_id)", &layout->caller},
	};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!memory__info_number(memory, members[i].key, members[i].value) ||
		    *members[i].value > LOCAL_MAX - 2 * sizeof(uint64_t))
			return false;
	return layout->position + layout->begin <= LOCAL_MAX - sizeof(uint64_t) &&
	       layout->position + layout->next <= LOCAL_MAX - sizeof(uint64_t);
}

static int find_rings(struct text *text)
{
	const struct memory *memory = text->memory;
	const struct layout *layout = &text->layout;
	uint64_t symbol, ring, at;
	uint32_t bits = 0, text_bits = 0;

	if (!memory__info_hex(memory, "SYMBOL(prb)", &symbol) ||
	    !read_layout(memory, &text->layout))
		return -ENOENT;
	if (memory__number(memory, symbol, &ring))
		return -ENODATA;
	at = ring + layout->ring_descriptors;
	if (memory__virtual(memory, at + layout->bits, &bits, sizeof(bits)) ||
	    memory__number(memory, at + layout->descriptors, &text->descriptors) ||
	    memory__number(memory, at + layout->infos, &text->infos) ||
	    memory__number(memory, at + layout->head, &text->head) ||
	    memory__number(memory, at + layout->tail, &text->tail))
		return -ENODATA;
	at = ring + layout->ring_text;
	if (memory__virtual(memory, at + layout->text_bits, &text_bits, sizeof(text_bits)) ||
	    memory__number(memory, at + layout->data, &text->data))
		return -ENODATA;
	if (!bits || 1ULL << (bits & 63) > DESCRIPTORS_MAX || bits > 63 || !text_bits ||
	    text_bits > 63 || 1ULL << text_bits > TEXT_MAX)
		return -EINVAL;
	text->bits = bits;
	text->text_bits = text_bits;
	return 0;
}

static uint64_t number_at(const unsigned char *bytes, uint64_t offset)
{
	uint64_t number;

	memcpy(&number, bytes + offset, sizeof(number));
	return number;
}

/* Where the text of a descriptor is, and how much space it has. False: it has none, or not yet. */
static bool find_text(const struct text *text, uint64_t id, uint64_t *at, uint64_t *room)
{
	const uint64_t size = 1ULL << text->text_bits;
	const struct layout *layout = &text->layout;
	uint64_t place = id & ((1ULL << text->bits) - 1), begin, end, state;
	unsigned char descriptor[LOCAL_MAX] = {0};

	if (memory__virtual(text->memory, text->descriptors + place * layout->descriptor_size,
			    descriptor, layout->descriptor_size))
		return false;
	state = number_at(descriptor, layout->state);
	if ((state ^ id) << 2 ||
	    (state >> STATE_SHIFT != STATE_COMMITTED && state >> STATE_SHIFT != STATE_FINALIZED))
		return false;
	begin = number_at(descriptor, layout->position + layout->begin);
	end = number_at(descriptor, layout->position + layout->next);
	if (begin & 1) /* no text, or none any more */
		return false;
	/* A block that would wrap is at the start instead. */
	if (begin >> text->text_bits != end >> text->text_bits && end & (size - 1))
		begin = end & ~(size - 1);
	*room = end - begin;
	begin &= size - 1;
	if (*room <= sizeof(uint64_t) || *room > size - begin)
		return false;
	*at = text->data + begin + sizeof(uint64_t); /* after the descriptor's number */
	*room -= sizeof(uint64_t);
	return true;
}

static void pass(const struct text *text, uint64_t id, kernel_text_fn fn, void *ctx)
{
	const struct layout *layout = &text->layout;
	uint64_t place = id & ((1ULL << text->bits) - 1), at, room;
	unsigned char info[LOCAL_MAX] = {0};
	char line[LINE_MAX_BYTES], who[16] = "";
	uint16_t length;
	uint32_t caller;

	if (!find_text(text, id, &at, &room) ||
	    memory__virtual(text->memory, text->infos + place * layout->info_size, info,
			    layout->info_size))
		return;
	memcpy(&length, info + layout->length, sizeof(length));
	memcpy(&caller, info + layout->caller, sizeof(caller));
	if (length > room || length > sizeof(line) ||
	    memory__virtual(text->memory, at, line, length))
		return;
	if (caller)
		snprintf(who, sizeof(who), "%c%u", caller & CALLER_CPU ? 'C' : 'T',
			 caller & ~CALLER_CPU);
	fn(ctx, line, length, who, number_at(info, layout->time));
}

int kernel_text__read(const struct memory *memory, kernel_text_fn fn, void *ctx)
{
	struct text text = {.memory = memory};
	uint64_t i, count;
	int err = find_rings(&text);

	if (err)
		return err;
	/* Numbers have 62 bits; so has the distance. */
	count = ((text.head - text.tail) << 2 >> 2) + 1;
	if (count > 1ULL << text.bits)
		return -EINVAL;
	for (i = 0; i < count; i++)
		pass(&text, (text.tail + i) << 2 >> 2, fn, ctx);
	return 0;
}
