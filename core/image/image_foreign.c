// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel images of machines that thprace does not support, so that the message names the machine
 * instead of "not a kernel". Recognised by what their boot loaders look for.
 */
#include "image_private.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>

#define MZ_PE 0x3c /* where an EFI program has the position of its header */
#define PE_MACHINE 4

static const struct {
	uint16_t elf; /* EM_…, for any ELF class */
	uint16_t pe; /* IMAGE_FILE_MACHINE_… */
	const char *name;
} machines[] = {
	{EM_386, 0x14c, "i386"},
	{EM_ARM, 0x1c2, "32-bit arm"},
	{EM_RISCV, 0x5064, "riscv64"},
	{258 /* EM_LOONGARCH */, 0x6264, "loong64"},
	{EM_S390, 0, "s390x"},
	{EM_PPC64, 0, "ppc64"},
	{EM_PPC, 0, "32-bit powerpc"},
	{EM_MIPS, 0, "mips"},
	{EM_PARISC, 0, "hppa"},
	{EM_SPARCV9, 0, "sparc64"},
	{EM_68K, 0, "m68k"},
	{EM_SH, 0, "sh"},
	{0x9026 /* EM_ALPHA */, 0, "alpha"},
};

/* Magic numbers in headers of plain images. */
static const struct {
	size_t offset;
	const char *magic;
	size_t length;
	const char *name;
} magics[] = {
	{0x24, "\x18\x28\x6f\x01", 4, "32-bit arm"}, /* arch/arm/boot/compressed/head.S */
	{0x24, "\x01\x6f\x28\x18", 4, "32-bit arm"}, /* the same, big-endian */
	{0x38, "RSC\x05", 4, "riscv64"}, /* arch/riscv/kernel/head.S */
	{0x30, "RISCV", 5, "riscv64"},
	{0x10008, "S390EP", 6, "s390x"}, /* arch/s390/boot/head.S */
};

static const char *of_elf(const struct image *image)
{
	const unsigned char *ident = image->data;
	uint16_t machine;
	size_t i;

	if (!image__within(image, 0, 20) || memcmp(ident, ELFMAG, SELFMAG))
		return NULL;
	machine = ident[EI_DATA] == ELFDATA2MSB ? (uint16_t)(ident[18] << 8 | ident[19])
						: image__le16(ident + 18);
	for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].elf == machine)
			return machines[i].name;
	return NULL;
}

static const char *of_efi(const struct image *image)
{
	uint32_t header;
	uint16_t machine;
	size_t i;

	if (!image__within(image, 0, MZ_PE + 4) || memcmp(image->data, "MZ", 2))
		return NULL;
	header = image__le32(image->data + MZ_PE);
	if (!image__within(image, header, PE_MACHINE + 2) ||
	    memcmp(image->data + header, "PE\0\0", 4))
		return NULL;
	machine = image__le16(image->data + header + PE_MACHINE);
	for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].pe && machines[i].pe == machine)
			return machines[i].name;
	return NULL;
}

const char *image__foreign(const struct image *image)
{
	const char *name = of_elf(image);
	size_t i;

	for (i = 0; !name && i < sizeof(magics) / sizeof(magics[0]); i++)
		if (image__within(image, magics[i].offset, magics[i].length) &&
		    !memcmp(image->data + magics[i].offset, magics[i].magic, magics[i].length))
			name = magics[i].name;
	return name ? name : of_efi(image);
}

int image__refuse_foreign(const char *name, char *why, size_t why_size)
{
	snprintf(why, why_size, "a kernel for %s: thprace reads kernels for x86-64 and arm64 only",
		 name);
	return -ENOTSUP;
}
