// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vmlinux's segments, sections and .symtab. Only 64-bit little-endian files: x86-64 and arm64.
 * The headers are copied one by one, so their offsets need no alignment.
 */
#include "image_private.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SYMBOLS_MAX (8UL << 20) /* a distribution's vmlinux has some 200,000 */

static bool copy(const struct image *image, uint64_t offset, void *to, size_t size)
{
	if (!image__within(image, offset, size))
		return false;
	memcpy(to, image->data + offset, size);
	return true;
}

static void read_segments(struct image *image, const Elf64_Ehdr *header)
{
	struct image_segment *segment;
	Elf64_Phdr phdr;
	int i;

	for (i = 0; i < header->e_phnum && image->segments < IMAGE_SEGMENTS_MAX; i++) {
		if (!copy(image, header->e_phoff + (uint64_t)i * sizeof(phdr), &phdr, sizeof(phdr)))
			return;
		if (phdr.p_type == PT_NOTE && image__within(image, phdr.p_offset, phdr.p_filesz))
			image->notes = (struct image_part){phdr.p_offset, phdr.p_filesz};
		if (phdr.p_type != PT_LOAD || !image__within(image, phdr.p_offset, phdr.p_filesz) ||
		    phdr.p_vaddr + phdr.p_filesz < phdr.p_vaddr)
			continue;
		segment = &image->segment[image->segments++];
		segment->address = phdr.p_vaddr;
		segment->offset = phdr.p_offset;
		segment->size = phdr.p_filesz;
	}
}

static bool section(const struct image *image, const Elf64_Ehdr *header, unsigned int index,
		    Elf64_Shdr *shdr)
{
	return index < header->e_shnum &&
	       copy(image, header->e_shoff + (uint64_t)index * sizeof(*shdr), shdr, sizeof(*shdr));
}

/* Is the string at this place of a string table the name? */
static bool named(const struct image *image, const Elf64_Shdr *strings, uint32_t at,
		  const char *name)
{
	size_t length = strlen(name) + 1;

	return at < strings->sh_size && length <= strings->sh_size - at &&
	       image__within(image, strings->sh_offset, strings->sh_size) &&
	       !memcmp(image->data + strings->sh_offset + at, name, length);
}

static struct image_part part(const struct image *image, const Elf64_Shdr *shdr)
{
	struct image_part none = {0}, there = {shdr->sh_offset, shdr->sh_size};

	if (shdr->sh_type == SHT_NOBITS || (shdr->sh_flags & SHF_COMPRESSED) ||
	    !image__within(image, shdr->sh_offset, shdr->sh_size))
		return none;
	return there;
}

static void read_sections(struct image *image, const Elf64_Ehdr *header)
{
	Elf64_Shdr names, shdr, strings;
	unsigned int i;

	if (header->e_shentsize != sizeof(shdr) ||
	    !section(image, header, header->e_shstrndx, &names))
		memset(&names, 0, sizeof(names));
	for (i = 0; i < header->e_shnum; i++) {
		if (!section(image, header, i, &shdr))
			return;
		if (shdr.sh_type == SHT_SYMTAB && section(image, header, shdr.sh_link, &strings)) {
			image->symtab = part(image, &shdr);
			image->strtab = part(image, &strings);
		} else if (named(image, &names, shdr.sh_name, ".BTF")) {
			image->btf = part(image, &shdr);
		}
	}
}

int image__read_elf(struct image *image, char *why, size_t why_size)
{
	Elf64_Ehdr header;

	if (!copy(image, 0, &header, sizeof(header))) {
		snprintf(why, why_size, "it ends within its ELF header");
		return -EINVAL;
	}
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
		if (image__foreign(image))
			return image__refuse_foreign(image__foreign(image), why, why_size);
		snprintf(why, why_size, "not a 64-bit little-endian ELF file");
		return -EINVAL;
	}
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
		snprintf(why, why_size,
			 "an ELF file, but not a kernel: neither executable nor shared");
		return -EINVAL;
	}
	image->machine = header.e_machine == EM_X86_64	  ? IMAGE_X86_64
			 : header.e_machine == EM_AARCH64 ? IMAGE_ARM64
							  : IMAGE_OTHER;
	if (header.e_phentsize == sizeof(Elf64_Phdr))
		read_segments(image, &header);
	read_sections(image, &header);
	return 0;
}

/* A function or label of the text, with a name that ends within the table. */
static const char *symbol_name(const struct image *image, const Elf64_Sym *symbol)
{
	unsigned int type = ELF64_ST_TYPE(symbol->st_info);
	const char *names = (const char *)image->data + image->strtab.offset;
	size_t left;

	if ((type != STT_FUNC && type != STT_NOTYPE) || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_shndx == SHN_ABS || !symbol->st_value ||
	    symbol->st_name >= image->strtab.size)
		return NULL;
	left = image->strtab.size - symbol->st_name;
	/* arm64: "$x" and "$d" are inside functions. */
	if (!names[symbol->st_name] || names[symbol->st_name] == '$' ||
	    !memchr(names + symbol->st_name, '\0', left))
		return NULL;
	return names + symbol->st_name;
}

int image__read_symtab(struct image *image)
{
	size_t count = image->symtab.size / sizeof(Elf64_Sym), i;
	const char *name;
	Elf64_Sym symbol;

	if (!count || count > SYMBOLS_MAX || !image->strtab.size)
		return -ENOENT;
	image->symbol = calloc(count, sizeof(*image->symbol));
	if (!image->symbol)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		memcpy(&symbol, image->data + image->symtab.offset + i * sizeof(symbol),
		       sizeof(symbol));
		name = symbol_name(image, &symbol);
		if (!name)
			continue;
		image->symbol[image->symbols].address = symbol.st_value;
		image->symbol[image->symbols++].name = name;
	}
	image->symbols_from = "symbol table of the file";
	return image->symbols ? 0 : -ENOENT;
}
