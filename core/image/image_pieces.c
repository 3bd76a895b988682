// SPDX-License-Identifier: GPL-2.0-only
/* An image of single functions, whose code the caller has. */
#include "image_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int by_address(const void *left, const void *right)
{
	const struct image_symbol *a = left, *b = right;

	return (a->address > b->address) - (a->address < b->address);
}

static int copy(struct image *image, const struct image_piece *piece, size_t count)
{
	size_t i, names = 0, used = 0;

	for (i = 0; i < count; i++) {
		image->size += piece[i].code ? piece[i].size : 0;
		names += strlen(piece[i].name) + 1;
	}
	image->data = malloc(image->size + 1);
	image->names = malloc(names + 1);
	image->symbol = calloc(count + 1, sizeof(*image->symbol));
	if (!image->data || !image->names || !image->symbol)
		return -ENOMEM;
	for (i = 0, names = 0; i < count; i++) {
		image->symbol[i] = (struct image_symbol){piece[i].address, image->names + names};
		memcpy(image->names + names, piece[i].name, strlen(piece[i].name) + 1);
		names += strlen(piece[i].name) + 1;
		if (!piece[i].code)
			continue;
		if (image->segments == IMAGE_SEGMENTS_MAX)
			return -E2BIG;
		memcpy(image->data + used, piece[i].code, piece[i].size);
		image->segment[image->segments++] =
			(struct image_segment){piece[i].address, used, piece[i].size};
		used += piece[i].size;
	}
	image->symbols = count;
	qsort(image->symbol, count, sizeof(*image->symbol), by_address);
	return 0;
}

int image__of_pieces(struct image **result, enum image_machine machine,
		     const struct image_piece *piece, size_t count)
{
	struct image *image = calloc(1, sizeof(*image));
	int err;

	if (!image)
		return -ENOMEM;
	image->machine = machine;
	image->symbols_from = "pieces";
	snprintf(image->format, sizeof(image->format), "pieces");
	err = copy(image, piece, count);
	if (err)
		image__close(image);
	else
		*result = image;
	return err;
}
