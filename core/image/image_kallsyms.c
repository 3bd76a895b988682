// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own symbol table, which a stripped image has as well: scripts/kallsyms.c puts it into
 * .rodata, and nothing in the file says where. What is searched for:
 *
 * kallsyms_token_table  256 strings. Those of the digits stand for themselves, one after the other.
 * kallsyms_token_index  256 offsets into it, of 16 bits, at the next multiple of 8 (7.x: of 4, as all
 *                       that follows). They must fit.
 * kallsyms_num_syms     a 32-bit number, somewhere before; then, at multiples of 8,
 * kallsyms_names        a length and that many tokens for each, the first one beginning with the type;
 * kallsyms_markers      where each 256th name begins, 32 bits each (4.20 and later). They must fit.
 * kallsyms_offsets      32 bits for each symbol, and kallsyms_relative_base, 64 bits: before num_syms
 *                       up to 6.4, after the token index since. 7.x has no base any more: an offset
 *                       counts from its own place.
 *
 * Addresses are right when they are in order.
 */
#include "image_private.h"

#include <errno.h>
#include <stdlib.h>

#define TOKENS 256
#define BACK_MAX (48UL << 9) /* from the token "0" to the first one */
#define SYMBOLS_MIN 500
#define SYMBOLS_MAX (1U << 21)
#define TABLE_MAX (32UL << 20) /* how far before the tokens num_syms is searched */
#define STEPS_MAX (96UL << 20) /* bytes and names tried without success before giving up */
#define SYMBOL_MAX 512

struct kallsyms {
	const unsigned char *data;
	size_t size;
	size_t unit; /* tables are aligned to it: 8, in 7.x 4 */
	size_t tokens, tokens_end; /* offsets of the tables */
	size_t index_end;
	size_t token[TOKENS];
	size_t num_syms, names, names_end;
	uint32_t count;
	size_t steps;
};

static size_t align(const struct kallsyms *table, size_t at)
{
	return (at + table->unit - 1) & ~(table->unit - 1);
}

/* From the position of "0": back to the first token, then forward over all. */
static bool tokens_at(struct kallsyms *table, size_t digit)
{
	size_t at = digit, limit = digit > BACK_MAX ? digit - BACK_MAX : 0;
	int i;

	for (i = '0'; i > 0; i--) {
		if (at <= limit + 1 || table->data[at - 1])
			return false;
		for (at--; at > limit && table->data[at - 1]; at--)
			;
	}
	table->tokens = at;
	for (i = 0; i < TOKENS; i++) {
		table->token[i] = at;
		while (at < table->size && at - table->tokens <= UINT16_MAX && table->data[at])
			at++;
		/* The index has 16 bits per token. */
		if (at++ >= table->size || at - table->tokens > UINT16_MAX)
			break;
	}
	table->steps += at - table->tokens;
	if (i < TOKENS)
		return false;
	table->tokens_end = at;
	return true;
}

static bool index_fits(struct kallsyms *table)
{
	size_t index = align(table, table->tokens_end);
	int i;

	if (index + 2 * TOKENS > table->size)
		return false;
	for (i = 0; i < TOKENS; i++)
		if (image__le16(table->data + index + 2 * i) != table->token[i] - table->tokens)
			return false;
	table->index_end = index + 2 * TOKENS;
	return true;
}

static bool find_tokens(struct kallsyms *table, size_t *from)
{
	static const unsigned char digits[] = "0\0"
					      "1\0"
					      "2\0"
					      "3\0"
					      "4\0"
					      "5\0"
					      "6\0"
					      "7\0"
					      "8\0"
					      "9";
	const unsigned char *found;

	while (*from < table->size && table->steps <= STEPS_MAX) {
		found = memmem(table->data + *from, table->size - *from, digits, sizeof(digits));
		if (!found)
			return false;
		*from = (size_t)(found - table->data) + 1;
		if (tokens_at(table, *from - 1))
			return true;
	}
	return false;
}

/*
 * The length of the name at *at, which moves past it; 0 if there is none. Long ones: 6.1 and later.
 */
static size_t name_length(const struct kallsyms *table, size_t *at, size_t end)
{
	size_t length;

	if (*at >= end)
		return 0;
	length = table->data[(*at)++];
	if (length & 0x80) {
		if (*at >= end)
			return 0;
		length = (length & 0x7f) | (size_t)table->data[(*at)++] << 7;
	}
	return length <= end - *at ? length : 0;
}

/* Do the markers at offset match the names? Called for each 256th name. */
static bool names_at(struct kallsyms *table, size_t num_syms)
{
	size_t names = num_syms + table->unit, at = names, markers, length;
	uint32_t count = image__le32(table->data + num_syms), i;

	for (i = 0; i < count; i++) {
		table->steps++;
		length = name_length(table, &at, table->tokens);
		if (!length)
			return false;
		at += length;
	}
	markers = align(table, at);
	if (markers + 4UL * ((count + 255) / 256) > table->tokens)
		return false;
	table->names_end = at;
	for (i = 0, at = names; i < count; i++) {
		if (i % 256 == 0 && image__le32(table->data + markers + i / 64) != at - names)
			return false;
		length = name_length(table, &at, table->tokens);
		at += length;
	}
	table->num_syms = num_syms;
	table->names = names;
	table->count = count;
	return true;
}

static bool find_names(struct kallsyms *table)
{
	size_t first = table->tokens > TABLE_MAX ? table->tokens - TABLE_MAX : 0, at;
	uint32_t count;

	for (at = align(table, first); at + 16 < table->tokens; at += table->unit) {
		table->steps++;
		count = image__le32(table->data + at);
		if (count < SYMBOLS_MIN || count > SYMBOLS_MAX ||
		    (table->unit == 8 && image__le32(table->data + at + 4)))
			continue;
		if (names_at(table, at))
			return true;
		if (table->steps > STEPS_MAX)
			return false;
	}
	return false;
}

/* The three ways in which an address is stored. */
enum way {
	PLACE, /* relative to the place of the offset itself */
	BASE, /* relative to the base, unsigned */
	PERCPU, /* negative: relative to the base, minus one; else absolute, as for per-CPU
		 * variables */
};

struct addresses {
	size_t offsets;
	uint64_t base;
	enum way way;
};

static uint64_t address_of(const struct image *image, const struct addresses *addresses, uint32_t i)
{
	size_t at = addresses->offsets + 4UL * i;
	uint32_t stored = image__le32(image->data + at);

	switch (addresses->way) {
	case PLACE:
		return image__address(image, at) + (uint64_t)(int64_t)(int32_t)stored;
	case BASE:
		return addresses->base + stored;
	default:
		return (int32_t)stored < 0
			       ? addresses->base - 1 - (uint64_t)(int64_t)(int32_t)stored
			       : stored;
	}
}

static bool in_order(const struct image *image, const struct kallsyms *table,
		     const struct addresses *addresses)
{
	uint64_t last = 0, address;
	size_t wild = 0;
	uint32_t i;

	for (i = 0; i < table->count; i++) {
		address = address_of(image, addresses, i);
		if (address < last)
			return false;
		wild += address == last;
		last = address;
	}
	return last >> 47 == 0x1ffff && wild < table->count / 2;
}

/* arm64's loader may fill in the base: then the Image's own base is used. */
static uint64_t read_base(const struct image *image, size_t at)
{
	uint64_t base = image__le64(image->data + at);

	return !base && image->flat ? image->segment[0].address : base;
}

static bool find_addresses(const struct image *image, const struct kallsyms *table,
			   struct addresses *found)
{
	size_t room = align(table, 4UL * table->count), behind = align(table, table->index_end);
	struct addresses tries[5];
	size_t tried = 0, i;
	int way;

	if (table->num_syms >= room + 8) {
		for (way = BASE; way <= PERCPU; way++)
			tries[tried++] = (struct addresses){table->num_syms - 8 - room,
							    read_base(image, table->num_syms - 8),
							    way};
	}
	/*
	 * Tried before the third way: numbers relative to a base are also sorted when read in that
	 * way.
	 */
	if (image__within(image, behind, room + 8)) {
		for (way = BASE; way <= PERCPU; way++)
			tries[tried++] =
				(struct addresses){behind, read_base(image, behind + room), way};
	}
	if (image__within(image, behind, room))
		tries[tried++] = (struct addresses){behind, 0, PLACE};
	for (i = 0; i < tried; i++) {
		if (!in_order(image, table, &tries[i]))
			continue;
		*found = tries[i];
		return true;
	}
	return false;
}

/* Write out a name, type first; returns its length, or 0 if it does not fit. */
static size_t expand(const struct kallsyms *table, size_t *at, char *name)
{
	size_t length = name_length(table, at, table->names_end), written = 0;
	const char *token;

	for (; length; length--) {
		token = (const char *)table->data + table->token[table->data[(*at)++]];
		for (; *token && written < SYMBOL_MAX - 1; token++)
			name[written++] = *token;
	}
	name[written] = '\0';
	return written;
}

static int read_symbols(struct image *image, const struct kallsyms *table)
{
	struct image_buffer names = {.max = 64UL << 20};
	struct addresses addresses = {0};
	bool addressed = find_addresses(image, table, &addresses);
	char name[SYMBOL_MAX];
	size_t at = table->names, length, j;
	uint32_t i;
	int err = 0;

	image->symbol = calloc(table->count, sizeof(*image->symbol));
	if (!image->symbol)
		return -ENOMEM;
	for (i = 0; i < table->count && !err; i++) {
		length = expand(table, &at, name);
		if (length < 2 || !strchr("tTwW", name[0]))
			continue;
		image->symbol[image->symbols].address = addressed ? address_of(image, &addresses, i)
								  : 0;
		/* An offset for now, because the buffer moves when it grows. */
		image->symbol[image->symbols++].name = (const char *)names.size;
		for (j = 1; j <= length && !err; j++) {
			err = image_buffer__more(&names);
			if (!err)
				names.data[names.size++] = (unsigned char)name[j];
		}
	}
	image->names = (char *)names.data;
	if (err)
		image->symbols = 0;
	for (i = 0; i < image->symbols; i++)
		image->symbol[i].name = image->names + (size_t)image->symbol[i].name;
	image->symbols_from = addressed ? "kallsyms of the image"
					: "kallsyms of the image, without addresses";
	return image->symbols ? 0 : -ENOENT;
}

int image__read_kallsyms(struct image *image)
{
	struct kallsyms table = {.data = image->data, .size = image->size};
	size_t from = 0;

	while (find_tokens(&table, &from) && table.steps <= STEPS_MAX) {
		for (table.unit = 8; table.unit >= 4; table.unit /= 2)
			if (index_fits(&table) && find_names(&table))
				return read_symbols(image, &table);
	}
	return -ENOENT;
}
