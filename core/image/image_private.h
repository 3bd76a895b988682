/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the parts of core/image*.c. */
#ifndef THPRACE_IMAGE_PRIVATE_H
#define THPRACE_IMAGE_PRIVATE_H

#include <string.h>
#include "image.h"

#define IMAGE_SEGMENTS_MAX IMAGE_PIECES_MAX

/* Where a part of the file is in the kernel's memory. */
struct image_segment {
	uint64_t address;
	size_t offset;
	size_t size;
};

/* Bytes within the image. */
struct image_part {
	size_t offset;
	size_t size; /* 0: not there */
};

struct image {
	unsigned char *data;
	size_t size;
	enum image_machine machine;
	char format[32];
	char banner[512];
	struct image_segment segment[IMAGE_SEGMENTS_MAX];
	size_t segments;
	bool flat; /* arm64's Image: memory from its only segment on */
	struct image_part btf, config, notes, symtab, strtab;
	struct image_symbol *symbol; /* sorted by address */
	size_t symbols;
	char *names; /* all names, if they are not in data */
	const char *symbols_from;
};

/* Bytes that grow up to a limit. */
struct image_buffer {
	unsigned char *data;
	size_t size, room, max;
};

/* Make space for at least one more byte: 0, -ENOMEM, or -EFBIG if max is reached. */
int image_buffer__more(struct image_buffer *buffer);

/*
 * Is there a compressed stream at in? Its name, or NULL.
 */
const char *image__compression(const unsigned char *in, size_t size);

/*
 * Unpack the stream at in; anything after it is ignored. The caller frees out->data, even after an
 * error: -EINVAL (damaged), -EFBIG (more than out->max), -ENOMEM.
 */
int image__unpack(const unsigned char *in, size_t size, struct image_buffer *out);

/* Segments and sections of an ELF file. -EINVAL and a message if it cannot be read. */
int image__read_elf(struct image *image, char *why, size_t why_size);

/* The machine of this kernel, if it is not in enum image_machine: its name, or NULL. */
const char *image__foreign(const struct image *image);

/* "a kernel for NAME …": why a foreign kernel is not read. Returns -ENOTSUP. */
int image__refuse_foreign(const char *name, char *why, size_t why_size);

/* Symbols of .symtab, or -ENOENT. */
int image__read_symtab(struct image *image);

/* Symbols of the kernel's own table, which has to be searched. -ENOENT if there is none. */
int image__read_kallsyms(struct image *image);

/*
 * arm64's Image: assign a place in memory before its symbols are read; then, when they are sorted,
 * the place that fits them. False: there is none, and symbols have no addresses any more.
 */
void image__lay_out_arm64(struct image *image);
bool image__settle_arm64(struct image *image);

/* The address of a file offset in the kernel's memory; 0: none. */
uint64_t image__address(const struct image *image, size_t offset);

static inline uint16_t image__le16(const unsigned char *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t image__le32(const unsigned char *at)
{
	return image__le16(at) | (uint32_t)image__le16(at + 2) << 16;
}

static inline uint64_t image__le64(const unsigned char *at)
{
	return image__le32(at) | (uint64_t)image__le32(at + 4) << 32;
}

/* Are size bytes at offset within the image? */
static inline bool image__within(const struct image *image, uint64_t offset, uint64_t size)
{
	return offset <= image->size && size <= image->size - offset;
}

#endif
