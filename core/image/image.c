// SPDX-License-Identifier: GPL-2.0-only
/* From a file to a kernel: unpacking, its format, and the positions of its parts. */
#include "image.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "image_private.h"
#include "base/names.h"

/* x86's boot protocol: Documentation/arch/x86/boot.rst. */
#define BZ_MAGIC 0x202
#define BZ_VERSION 0x206
#define BZ_SETUP_SECTORS 0x1f1
#define BZ_PAYLOAD_OFFSET 0x248
#define BZ_PAYLOAD_LENGTH 0x24c
#define BZ_HEADER_END 0x250

/* arm64's: Documentation/arch/arm64/booting.rst; and an EFI program that unpacks a kernel. */
#define ARM64_MAGIC 0x38
#define ZBOOT_MAGIC 4
#define ZBOOT_OFFSET 8
#define ZBOOT_LENGTH 12

#define DEPTH_MAX 3 /* at most an Image in gzip in an EFI program */

static bool at(const struct image *image, size_t offset, const char *magic)
{
	return image__within(image, offset, strlen(magic)) &&
	       !memcmp(image->data + offset, magic, strlen(magic));
}

/* Replace the image by the content of length packed bytes at offset. */
static int unpack(struct image *image, size_t offset, size_t length, size_t max, char *why,
		  size_t why_size)
{
	struct image_buffer out = {.max = max};
	const char *name = image__compression(image->data + offset, length);
	size_t have = strlen(image->format);
	int err;

	if (!name) {
		snprintf(why, why_size, "its kernel is compressed in an unknown format");
		return -EINVAL;
	}
	snprintf(image->format + have, sizeof(image->format) - have, "%s%s", have ? ", " : "",
		 name);
	err = image__unpack(image->data + offset, length, &out);
	if (err) {
		free(out.data);
		if (err == -EFBIG)
			snprintf(why, why_size, "unpacked (%s) it has more than %zu MiB", name,
				 max >> 20);
		else if (err == -ENOMEM)
			snprintf(why, why_size, "no memory to unpack it (%s)", name);
		else
			snprintf(why, why_size, "its %s data are damaged or cut off", name);
		return err;
	}
	free(image->data);
	image->data = out.data;
	image->size = out.size;
	return 0;
}

static int unpack_bzimage(struct image *image, size_t max, char *why, size_t why_size)
{
	uint32_t length, expected;
	uint64_t sectors, offset;
	int err;

	snprintf(image->format, sizeof(image->format), "bzImage");
	if (!image__within(image, 0, BZ_HEADER_END) ||
	    image__le16(image->data + BZ_VERSION) < 0x208) {
		snprintf(why, why_size,
			 "a bzImage that does not say where its kernel is "
			 "(boot protocol before 2.08), or is cut off");
		return -EINVAL;
	}
	sectors = image->data[BZ_SETUP_SECTORS] ? image->data[BZ_SETUP_SECTORS] : 4;
	offset = (sectors + 1) * 512 + image__le32(image->data + BZ_PAYLOAD_OFFSET);
	length = image__le32(image->data + BZ_PAYLOAD_LENGTH);
	if (!length || !image__within(image, offset, length)) {
		snprintf(why, why_size,
			 "a bzImage whose kernel lies outside of the file: it is cut off");
		return -EINVAL;
	}
	image->machine = IMAGE_X86_64;
	/* The payload ends with its unpacked size; for lz4 this is the only check. */
	expected = length >= 4 ? image__le32(image->data + offset + length - 4) : 0;
	err = unpack(image, offset, length, max, why, why_size);
	if (!err && (uint32_t)image->size != expected) {
		snprintf(why, why_size, "its kernel unpacks to %zu bytes, not %u: it is damaged",
			 image->size, expected);
		return -EINVAL;
	}
	return err;
}

static int unpack_zboot(struct image *image, size_t max, char *why, size_t why_size)
{
	uint64_t offset, length;

	snprintf(image->format, sizeof(image->format), "EFI zboot");
	if (!image__within(image, 0, 64))
		return -EINVAL;
	offset = image__le32(image->data + ZBOOT_OFFSET);
	length = image__le32(image->data + ZBOOT_LENGTH);
	if (!length || !image__within(image, offset, length)) {
		snprintf(why, why_size,
			 "an EFI program whose kernel lies outside of the file: it "
			 "is cut off");
		return -EINVAL;
	}
	return unpack(image, offset, length, max, why, why_size);
}

/* Until the content is not packed any more. */
static int unpack_all(struct image *image, size_t max, char *why, size_t why_size)
{
	int depth, err = 0;

	for (depth = 0; !err && depth < DEPTH_MAX; depth++) {
		if (at(image, BZ_MAGIC, "HdrS") && !at(image, 0, "\177ELF"))
			err = unpack_bzimage(image, max, why, why_size);
		else if (at(image, 0, "MZ") && at(image, ZBOOT_MAGIC, "zimg"))
			err = unpack_zboot(image, max, why, why_size);
		else if (image__compression(image->data, image->size))
			err = unpack(image, 0, image->size, max, why, why_size);
		else
			return 0;
	}
	return err;
}

/* It has no control character and no NUL. */
static bool printable(const char *text, size_t length)
{
	char clean[sizeof(((struct image *)0)->banner)];

	names__clean(clean, sizeof(clean), text, length, 1);
	return strlen(clean) == length && !memcmp(clean, text, length);
}

/*
 * 6.1 and later have two: the right one has a number after the "#", the other is a placeholder from
 * an earlier step of the build. None has a control character.
 */
static void find_banner(struct image *image)
{
	static const char begin[] = "Linux version ";
	const unsigned char *found = image->data, *end;
	size_t left, length;

	while ((left = image->size - (size_t)(found - image->data)) > sizeof(begin)) {
		found = memmem(found, left, begin, sizeof(begin) - 1);
		if (!found)
			return;
		left = image->size - (size_t)(found - image->data);
		if (left > sizeof(image->banner))
			left = sizeof(image->banner);
		end = memchr(found, '\n', left);
		length = end ? (size_t)(end - found) : 0;
		if (length >= sizeof(begin) && isdigit(found[sizeof(begin) - 1]) &&
		    printable((const char *)found, length) &&
		    (!image->banner[0] || strstr(image->banner, " # "))) {
			memcpy(image->banner, found, length);
			image->banner[length] = '\0';
		}
		found++;
	}
}

/* If there is no section of that name: found by the magic number of BTF and a plausible header. */
static void find_btf(struct image *image)
{
	static const unsigned char magic[] = {0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0};
	const unsigned char *found = image->data;
	uint64_t types, strings, string_at;
	size_t left;

	while ((left = image->size - (size_t)(found - image->data)) > 24) {
		found = memmem(found, left, magic, sizeof(magic));
		if (!found)
			return;
		left = image->size - (size_t)(found - image->data);
		if (left < 24)
			return;
		types = image__le32(found + 12);
		string_at = image__le32(found + 16);
		strings = image__le32(found + 20);
		if (types > 4096 && string_at == types && strings > 4096 &&
		    24 + string_at + strings <= left) {
			image->btf.offset = (size_t)(found - image->data);
			image->btf.size = 24 + string_at + strings;
			return;
		}
		found++;
	}
}

static void find_config(struct image *image)
{
	const unsigned char *begin = memmem(image->data, image->size, "IKCFG_ST\037\213", 10), *end;
	size_t offset;

	if (!begin)
		return;
	offset = (size_t)(begin - image->data) + 8;
	end = memmem(image->data + offset, image->size - offset, "IKCFG_ED", 8);
	if (!end)
		return;
	image->config.offset = offset;
	image->config.size = (size_t)(end - image->data) - offset;
}

static int by_address(const void *left, const void *right)
{
	const struct image_symbol *a = left, *b = right;

	return (a->address > b->address) - (a->address < b->address);
}

static int read_kernel(struct image *image, char *why, size_t why_size)
{
	int err;

	if (at(image, 0, "\177ELF")) {
		if (!image->format[0])
			snprintf(image->format, sizeof(image->format), "vmlinux");
		err = image__read_elf(image, why, why_size);
		if (err)
			return err;
	} else if (at(image, ARM64_MAGIC, "ARM\x64")) {
		image->machine = IMAGE_ARM64;
		image__lay_out_arm64(image);
		if (!image->format[0])
			snprintf(image->format, sizeof(image->format), "Image");
	} else if (image__foreign(image)) {
		return image__refuse_foreign(image__foreign(image), why, why_size);
	} else {
		snprintf(why, why_size, "%s",
			 image->format[0] ? "its content is not a kernel"
					  : "not a kernel image: neither vmlinux nor bzImage nor "
					    "arm64's Image");
		return -EINVAL;
	}
	find_banner(image);
	if (!image->btf.size)
		find_btf(image);
	find_config(image);
	err = image__read_symtab(image);
	if (err == -ENOENT) {
		free(image->symbol);
		image->symbol = NULL;
		err = image__read_kallsyms(image);
	}
	if (err && err != -ENOENT) {
		snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	if (image->symbols)
		qsort(image->symbol, image->symbols, sizeof(*image->symbol), by_address);
	if (image->flat && image->symbols && !image__settle_arm64(image))
		image->symbols_from = "kallsyms of the image, without addresses";
	return 0;
}

int image__parse(struct image **result, void *data, size_t size, size_t max, char *why,
		 size_t why_size)
{
	struct image *image = calloc(1, sizeof(*image));
	int err = -ENOMEM;

	snprintf(why, why_size, "%s", strerror(ENOMEM));
	if (!image) {
		free(data);
		return err;
	}
	image->data = data;
	image->size = size;
	image->symbols_from = "no symbol table";
	if (!size) {
		snprintf(why, why_size, "it is empty");
		err = -EINVAL;
		goto cleanup;
	}
	err = unpack_all(image, max, why, why_size);
	if (err)
		goto cleanup;
	err = read_kernel(image, why, why_size);
	if (err)
		goto cleanup;
	*result = image;
	return 0;
cleanup:
	image__close(image);
	return err;
}

static int read_whole(int fd, void **data, size_t *size, char *why, size_t why_size)
{
	unsigned char *bytes = NULL;
	size_t have = 0;
	struct stat st;
	ssize_t got;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, why_size, "not a regular file");
		return -EINVAL;
	}
	if ((uint64_t)st.st_size > IMAGE_FILE_MAX) {
		snprintf(why, why_size, "larger than %lu MiB", IMAGE_FILE_MAX >> 20);
		return -EFBIG;
	}
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes)
		return -ENOMEM;
	while (have < (size_t)st.st_size) {
		got = pread(fd, bytes + have, (size_t)st.st_size - have, (off_t)have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err = -errno;
			free(bytes);
			return err;
		}
		if (!got)
			break;
		have += (size_t)got;
	}
	*data = bytes;
	*size = have;
	return 0;
}

int image__open(struct image **image, const char *path, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0) {
		err = -errno;
		snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	err = image__read(image, fd, why, why_size);
	close(fd);
	return err;
}

int image__read(struct image **image, int fd, char *why, size_t why_size)
{
	void *data = NULL;
	size_t size = 0;
	int err;

	why[0] = '\0';
	err = read_whole(fd, &data, &size, why, why_size);
	if (err) {
		if (!why[0])
			snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	return image__parse(image, data, size, IMAGE_UNPACKED_MAX, why, why_size);
}

void image__close(struct image *image)
{
	if (!image)
		return;
	free(image->data);
	free(image->symbol);
	free(image->names);
	free(image);
}
