// SPDX-License-Identifier: GPL-2.0-only
/* The build id, which the linker puts into an ELF note. */
#include "image_private.h"

#include <elf.h>
#include <stdio.h>

/* Names and contents end at multiples of 4. */
static uint64_t padded(uint32_t size)
{
	return ((uint64_t)size + 3) & ~3ULL;
}

void image_notes__build_id(const void *notes, size_t size, char hex[IMAGE_BUILD_ID_MAX])
{
	const unsigned char *at = notes, *id;
	uint32_t name, content, i;

	hex[0] = '\0';
	while (size >= sizeof(Elf64_Nhdr)) {
		name = image__le32(at);
		content = image__le32(at + 4);
		if (sizeof(Elf64_Nhdr) + padded(name) + content > size)
			return;
		id = at + sizeof(Elf64_Nhdr) + padded(name);
		if (image__le32(at + 8) == NT_GNU_BUILD_ID && name == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(at + sizeof(Elf64_Nhdr), ELF_NOTE_GNU, name)) {
			for (i = 0; i < content && 2 * i + 2 < IMAGE_BUILD_ID_MAX; i++)
				snprintf(hex + (size_t)i * 2, 3, "%02x", id[i]);
			return;
		}
		if (sizeof(Elf64_Nhdr) + padded(name) + padded(content) > size)
			return;
		size -= sizeof(Elf64_Nhdr) + padded(name) + padded(content);
		at = id + padded(content);
	}
}

void image__build_id(const struct image *image, char hex[IMAGE_BUILD_ID_MAX])
{
	image_notes__build_id(image->data + image->notes.offset, image->notes.size, hex);
}
