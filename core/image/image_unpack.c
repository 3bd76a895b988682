// SPDX-License-Identifier: GPL-2.0-only
/* The compressions of the kernel's build: gzip, bzip2, lzma, xz, lzo, lz4, zstd. */
#include "image_private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#define GROW (1UL << 20)
#define LZMA_MEMORY (256UL << 20) /* limit for a decoder: xz -9 needs 65 MiB */
/* The legacy frame of lz4 -l: each block except the last unpacks to this size. */
#define LZ4_BLOCK (8UL << 20)

int image_buffer__more(struct image_buffer *buffer)
{
	size_t room = buffer->room ? buffer->room * 2 : GROW;
	void *data;

	if (buffer->size < buffer->room)
		return 0;
	if (buffer->room >= buffer->max)
		return -EFBIG;
	if (room > buffer->max)
		room = buffer->max;
	data = realloc(buffer->data, room);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->room = room;
	return 0;
}

/* Make space for that many more bytes at once. */
static int reserve(struct image_buffer *buffer, size_t bytes)
{
	void *data;

	if (bytes > buffer->max - buffer->size)
		return -EFBIG;
	if (bytes <= buffer->room - buffer->size)
		return 0;
	data = realloc(buffer->data, buffer->size + bytes);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->room = buffer->size + bytes;
	return 0;
}

static unsigned int clamp(size_t bytes)
{
	return bytes > UINT_MAX ? UINT_MAX : (unsigned int)bytes;
}

static int unpack_gzip(const unsigned char *in, size_t size, struct image_buffer *out)
{
	z_stream stream = {.next_in = (Bytef *)in, .avail_in = clamp(size)};
	unsigned int room;
	int got = Z_OK, err = 0;

	if (inflateInit2(&stream, 15 + 16) != Z_OK)
		return -ENOMEM;
	while (!err && got == Z_OK) {
		err = image_buffer__more(out);
		if (err)
			break;
		room = clamp(out->room - out->size);
		stream.next_out = out->data + out->size;
		stream.avail_out = room;
		got = inflate(&stream, Z_NO_FLUSH);
		out->size += room - stream.avail_out;
	}
	inflateEnd(&stream);
	return err ? err : got == Z_STREAM_END ? 0 : -EINVAL;
}

static int unpack_bzip2(const unsigned char *in, size_t size, struct image_buffer *out)
{
	bz_stream stream = {.next_in = (char *)in, .avail_in = clamp(size)};
	unsigned int room, before;
	int got = BZ_OK, err = 0;

	if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK)
		return -ENOMEM;
	while (!err && got == BZ_OK) {
		err = image_buffer__more(out);
		if (err)
			break;
		room = clamp(out->room - out->size);
		before = stream.avail_in;
		stream.next_out = (char *)out->data + out->size;
		stream.avail_out = room;
		got = BZ2_bzDecompress(&stream);
		out->size += room - stream.avail_out;
		/* At the end of its input it returns BZ_OK forever. */
		if (got == BZ_OK && stream.avail_out == room && stream.avail_in == before)
			err = -EINVAL;
	}
	BZ2_bzDecompressEnd(&stream);
	return err ? err : got == BZ_STREAM_END ? 0 : -EINVAL;
}

/* xz, and the older lzma. */
static int unpack_lzma(const unsigned char *in, size_t size, struct image_buffer *out, bool xz)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret got = xz ? lzma_stream_decoder(&stream, LZMA_MEMORY, 0)
			  : lzma_alone_decoder(&stream, LZMA_MEMORY);
	size_t room;
	int err = 0;

	stream.next_in = in;
	stream.avail_in = size;
	while (!err && got == LZMA_OK) {
		err = image_buffer__more(out);
		if (err)
			break;
		room = out->room - out->size;
		stream.next_out = out->data + out->size;
		stream.avail_out = room;
		got = lzma_code(&stream, LZMA_RUN);
		out->size += room - stream.avail_out;
	}
	lzma_end(&stream);
	if (got == LZMA_MEM_ERROR)
		return -ENOMEM;
	return err ? err : got == LZMA_STREAM_END ? 0 : -EINVAL;
}

static int unpack_zstd(const unsigned char *in, size_t size, struct image_buffer *out)
{
	ZSTD_inBuffer input = {.src = in, .size = size};
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_outBuffer output;
	size_t left = 1, before;
	int err = stream ? 0 : -ENOMEM;

	while (!err && left) {
		err = image_buffer__more(out);
		if (err)
			break;
		output = (ZSTD_outBuffer){out->data, out->room, out->size};
		before = input.pos;
		left = ZSTD_decompressStream(stream, &output, &input);
		if (ZSTD_isError(left) || (output.pos == out->size && input.pos == before))
			err = -EINVAL;
		out->size = output.pos;
	}
	ZSTD_freeDStream(stream);
	return err;
}

/* The legacy frame: a magic number, then blocks, each with its size; it ends with the file. */
static int unpack_lz4(const unsigned char *in, size_t size, struct image_buffer *out)
{
	size_t at = 4, block;
	int got, err;

	/* After the last block come four bytes that the kernel's build appends: the size. */
	while (size - at > 4) {
		block = image__le32(in + at);
		at += 4;
		if (!block || block > size - at || block > (size_t)LZ4_compressBound(LZ4_BLOCK))
			return -EINVAL;
		err = reserve(out,
			      LZ4_BLOCK <= out->max - out->size ? LZ4_BLOCK : out->max - out->size);
		if (err)
			return err;
		got = LZ4_decompress_safe((const char *)in + at, (char *)out->data + out->size,
					  (int)block, (int)(out->room - out->size));
		if (got < 0)
			return out->max - out->size < LZ4_BLOCK ? -EFBIG : -EINVAL;
		out->size += (size_t)got;
		at += block;
		if (got != (int)LZ4_BLOCK && size - at > 4)
			return -EINVAL;
	}
	return out->size ? 0 : -EINVAL;
}

static uint32_t be32(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

#define LZOP_FILTER 0x800
#define LZOP_EXTRA 0x40
#define LZOP_CHECKSUMS_UNPACKED 0x101 /* Adler-32, CRC-32 */
#define LZOP_CHECKSUMS_PACKED 0x202
#define LZOP_BLOCK_MAX (64UL << 20)

static unsigned int checksums(uint32_t flags, uint32_t which)
{
	return 4 * (unsigned int)__builtin_popcount(flags & which);
}

/*
 * The position after lzop's header, which has a name and optional members; 0 if this is no such
 * header.
 */
static size_t lzop_header(const unsigned char *in, size_t size, uint32_t *flags)
{
	size_t at = 9; /* after the magic number */
	unsigned int version;

	if (size < 64)
		return 0;
	version = (unsigned int)in[at] << 8 | in[at + 1];
	/* Two or three versions, the method; the third version and the level came with 0x940. */
	at += version >= 0x940 ? 8 : 5;
	*flags = be32(in + at);
	at += 4;
	if (*flags & (LZOP_FILTER | LZOP_EXTRA))
		return 0;
	at += version >= 0x940 ? 12 : 8; /* mode, time, and the time's upper half */
	at += 1 + in[at]; /* the name */
	at += 4; /* the header's checksum */
	return at <= size ? at : 0;
}

static int unpack_lzo(const unsigned char *in, size_t size, struct image_buffer *out)
{
	uint32_t flags = 0, unpacked, packed;
	size_t at = lzop_header(in, size, &flags), skip;
	lzo_uint got;
	int err;

	if (!at || lzo_init() != LZO_E_OK)
		return -EINVAL;
	while (size - at >= 4) {
		unpacked = be32(in + at);
		if (!unpacked)
			return 0;
		if (size - at < 8)
			break;
		packed = be32(in + at + 4);
		skip = 8 + checksums(flags, LZOP_CHECKSUMS_UNPACKED);
		if (packed < unpacked)
			skip += checksums(flags, LZOP_CHECKSUMS_PACKED);
		if (unpacked > LZOP_BLOCK_MAX || !packed || packed > unpacked || skip > size - at ||
		    packed > size - at - skip)
			return -EINVAL;
		err = reserve(out, unpacked);
		if (err)
			return err;
		at += skip;
		got = unpacked;
		if (packed == unpacked)
			memcpy(out->data + out->size, in + at, packed);
		else if (lzo1x_decompress_safe(in + at, packed, out->data + out->size, &got,
					       NULL) != LZO_E_OK ||
			 got != unpacked)
			return -EINVAL;
		out->size += unpacked;
		at += packed;
	}
	return -EINVAL;
}

static int unpack_xz(const unsigned char *in, size_t size, struct image_buffer *out)
{
	return unpack_lzma(in, size, out, true);
}

static int unpack_lzma_alone(const unsigned char *in, size_t size, struct image_buffer *out)
{
	return unpack_lzma(in, size, out, false);
}

static const struct compression {
	const char *name;
	const char *magic;
	size_t length;
	int (*unpack)(const unsigned char *in, size_t size, struct image_buffer *out);
} compressions[] = {
	{"gzip", "\x1f\x8b\x08", 3, unpack_gzip},
	{"bzip2", "BZh", 3, unpack_bzip2},
	{"xz",
	 "\xfd"
	 "7zXZ",
	 6, unpack_xz},
	{"lzma", "\x5d\x00\x00", 3, unpack_lzma_alone},
	{"lzo", "\x89LZO\x00\r\n\x1a\n", 9, unpack_lzo},
	{"lz4", "\x02\x21\x4c\x18", 4, unpack_lz4},
	{"zstd", "\x28\xb5\x2f\xfd", 4, unpack_zstd},
};

static const struct compression *find(const unsigned char *in, size_t size)
{
	size_t i;

	for (i = 0; i < sizeof(compressions) / sizeof(compressions[0]); i++) {
		if (size > compressions[i].length &&
		    !memcmp(in, compressions[i].magic, compressions[i].length))
			return &compressions[i];
	}
	return NULL;
}

const char *image__compression(const unsigned char *in, size_t size)
{
	const struct compression *compression = find(in, size);

	return compression ? compression->name : NULL;
}

int image__unpack(const unsigned char *in, size_t size, struct image_buffer *out)
{
	const struct compression *compression = find(in, size);

	return compression ? compression->unpack(in, size, out) : -EINVAL;
}
