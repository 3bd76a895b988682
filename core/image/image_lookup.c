// SPDX-License-Identifier: GPL-2.0-only
/* Questions about a loaded image: its kind, its parts, symbols and code by name and by address. */
#include "image_private.h"

const char *image__machine_name(const struct image *image)
{
	static const char *const names[] = IMAGE_MACHINE_NAMES;
	const char *foreign = image->machine == IMAGE_OTHER ? image__foreign(image) : NULL;

	return foreign ? foreign : names[image->machine];
}

enum image_machine image__machine(const struct image *image)
{
	return image->machine;
}

const char *image__format(const struct image *image)
{
	return image->format;
}

const char *image__banner(const struct image *image)
{
	return image->banner;
}

static const void *get(const struct image *image, const struct image_part *part, size_t *size)
{
	*size = part->size;
	return part->size ? image->data + part->offset : NULL;
}

const void *image__btf(const struct image *image, size_t *size)
{
	return get(image, &image->btf, size);
}

const void *image__config(const struct image *image, size_t *size)
{
	return get(image, &image->config, size);
}

size_t image__symbols(const struct image *image, const struct image_symbol **symbols)
{
	*symbols = image->symbol;
	return image->symbols;
}

const char *image__symbols_from(const struct image *image)
{
	return image->symbols_from;
}

const struct image_symbol *image__symbol(const struct image *image, const char *name)
{
	size_t i;

	for (i = 0; i < image->symbols; i++)
		if (!strcmp(image->symbol[i].name, name))
			return &image->symbol[i];
	return NULL;
}

/* The lowest address of a symbol above this one; the end of its segment if there is none. */
static uint64_t next_symbol(const struct image *image, uint64_t address, uint64_t end)
{
	size_t low = 0, high = image->symbols, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (image->symbol[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image->symbols && image->symbol[low].address < end ? image->symbol[low].address
									: end;
}

const unsigned char *image__code(const struct image *image, uint64_t address, size_t *size)
{
	const struct image_segment *segment;
	size_t i;

	for (i = 0; i < image->segments; i++) {
		segment = &image->segment[i];
		if (address < segment->address || address - segment->address >= segment->size)
			continue;
		*size = next_symbol(image, address, segment->address + segment->size) - address;
		return image->data + segment->offset + (address - segment->address);
	}
	return NULL;
}

uint64_t image__address(const struct image *image, size_t offset)
{
	const struct image_segment *segment;
	size_t i;

	for (i = 0; i < image->segments; i++) {
		segment = &image->segment[i];
		if (offset >= segment->offset && offset - segment->offset < segment->size)
			return segment->address + (offset - segment->offset);
	}
	return 0;
}
