// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where arm64's Image is in the kernel's memory. The file is that memory from _text on, byte by
 * byte, and its code uses relative distances. Addresses are in the file only if relocations are
 * packed (CONFIG_RELR); else the loader fills them in, and up to 6.4 the symbols' addresses are
 * then distances from the first symbol, which may not be _text.
 *
 * So the place is found by the jump in the header, which goes to the kernel's first function, and
 * it is accepted if calls in the code go to symbols.
 */
#include "image_private.h"

#define LINKED 0xffff800080000000ULL /* of 6.x with 48-bit addresses; used if there is none */
#define JUMP 4 /* Documentation/arch/arm64/booting.rst: code0, code1 */
#define B 0x05 /* the upper 6 bits */
#define BL 0x25
#define LOOK (1UL << 20) /* bytes whose calls are checked */

void image__lay_out_arm64(struct image *image)
{
	image->segment[0] = (struct image_segment){LINKED, 0, image->size};
	image->segments = 1;
	image->flat = true;
}

/* The target of the branch at offset, from the start. */
static uint64_t jump(const struct image *image, size_t offset)
{
	return offset + (uint64_t)((int64_t)(int32_t)(image__le32(image->data + offset) << 6) >> 4);
}

/* The same for an unconditional one; UINT64_MAX: there is none. */
static uint64_t branch(const struct image *image, size_t offset)
{
	if (!image__within(image, offset, 4) || image__le32(image->data + offset) >> 26 != B)
		return UINT64_MAX;
	return jump(image, offset);
}

/*
 * The address of _text according to the header's jump: in code1 or, without CONFIG_EFI, in code0;
 * 0: not known.
 */
static uint64_t find_text(const struct image *image)
{
	static const char *const names[] = {"primary_entry", "stext"}; /* now; once */
	const struct image_symbol *entry = NULL;
	uint64_t target = branch(image, JUMP);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !entry; i++)
		entry = image__symbol(image, names[i]);
	if (target == UINT64_MAX)
		target = branch(image, 0);
	return entry && target < image->size && target <= entry->address ? entry->address - target
									 : 0;
}

static bool is_symbol(const struct image *image, uint64_t address)
{
	size_t low = 0, high = image->symbols, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (image->symbol[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->symbols && image->symbol[low].address == address;
}

/* At least nine of ten calls (bl) in the text go to symbols. */
static bool calls_fit(const struct image *image, uint64_t text)
{
	uint64_t first = image->symbol[0].address - text, at, target;
	size_t calls = 0, fit = 0;

	for (at = first; at < image->size && at - first < LOOK; at += 4) {
		if (!image__within(image, at, 4) || image__le32(image->data + at) >> 26 != BL)
			continue;
		target = jump(image, at);
		calls++;
		fit += is_symbol(image, text + target);
	}
	return calls && fit >= calls - calls / 10;
}

bool image__settle_arm64(struct image *image)
{
	const struct image_symbol *symbol = image__symbol(image, "_text");
	uint64_t text = find_text(image);
	size_t i;

	if (text && !(text & 4095) && (!symbol || symbol->address == text) &&
	    text <= image->symbol[0].address && calls_fit(image, text)) {
		image->segment[0].address = text;
		return true;
	}
	for (i = 0; i < image->symbols; i++)
		image->symbol[i].address = 0;
	image->segments = 0;
	return false;
}
