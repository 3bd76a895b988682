/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel image as a file: its kind, its code, its symbols and its BTF.
 *
 * Accepted are vmlinux (ELF, with or without symbols), bzImage with any compression of the kernel's
 * build, and arm64's Image, plain, compressed or as an EFI program that unpacks itself. Nothing in
 * the file is trusted: each offset and size is checked, and the unpacked size is limited.
 */
#ifndef THPRACE_IMAGE_H
#define THPRACE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

/* Larger files are not read, and no image is unpacked to more. */
#define IMAGE_FILE_MAX (1UL << 30)
#define IMAGE_UNPACKED_MAX (512UL << 20)

enum image_machine {
	IMAGE_OTHER,
	IMAGE_X86_64,
	IMAGE_ARM64,
};

#define IMAGE_MACHINE_NAMES                          \
	{                                            \
		"another machine", "x86-64", "arm64" \
	}

/* A function, or another label in the text. */
struct image_symbol {
	uint64_t address; /* as linked; 0 if only names are known (arm64's Image) */
	const char *name; /* points into the image */
};

/*
 * Read a file. Returns 0 and *image, to be freed with image__close(); or negative errno and a
 * message in why that names neither the file nor the program.
 */
int image__open(struct image **image, const char *path, char *why, size_t why_size);

/* The same for an open file, which is read from its start. */
int image__read(struct image **image, int fd, char *why, size_t why_size);

/*
 * The same for size bytes at data, of which it takes ownership in any case (allocated by malloc)
 * and which it may change. max: no image is unpacked to more bytes than that.
 */
int image__parse(struct image **image, void *data, size_t size, size_t max, char *why,
		 size_t why_size);

/* A function of a kernel that runs, for instance. */
struct image_piece {
	const char *name;
	uint64_t address;
	const void *code; /* NULL: only its name and address are known */
	size_t size;
};

/* The same of pieces, which are copied; at most IMAGE_PIECES_MAX with code. -E2BIG, -ENOMEM. */
#define IMAGE_PIECES_MAX 64
int image__of_pieces(struct image **image, enum image_machine machine,
		     const struct image_piece *piece, size_t count);
void image__close(struct image *image);

enum image_machine image__machine(const struct image *image);
const char *image__machine_name(const struct image *image);

/* The detected format: "bzImage, zstd", "vmlinux" … */
const char *image__format(const struct image *image);

/* The line shown by /proc/version, without its newline; "" if there is none. */
const char *image__banner(const struct image *image);

/* Its BTF, or NULL. Only its header is checked. */
const void *image__btf(const struct image *image, size_t *size);

/* The compressed configuration of CONFIG_IKCONFIG, or NULL. */
const void *image__config(const struct image *image, size_t *size);

/*
 * Its build id in hexadecimal, into hex; "" if there is none, or if it cannot be told from those of
 * the vDSO (arm64's Image).
 */
#define IMAGE_BUILD_ID_MAX 65
void image__build_id(const struct image *image, char hex[IMAGE_BUILD_ID_MAX]);

/* The same from ELF notes: size bytes at notes, as in /sys/kernel/notes. */
void image_notes__build_id(const void *notes, size_t size, char hex[IMAGE_BUILD_ID_MAX]);

/* Symbols of the text, sorted by address, and their source ("kallsyms"), or why there are none. */
size_t image__symbols(const struct image *image, const struct image_symbol **symbols);
const char *image__symbols_from(const struct image *image);

/* The first symbol with exactly this name, or NULL. */
const struct image_symbol *image__symbol(const struct image *image, const char *name);

/*
 * The bytes from address up to the next symbol; NULL if they are not in the file. *size: their
 * number.
 */
const unsigned char *image__code(const struct image *image, uint64_t address, size_t *size);

#endif
