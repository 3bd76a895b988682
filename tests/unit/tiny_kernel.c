// SPDX-License-Identifier: GPL-2.0-only
#include "tiny_kernel.h"

#include <bzlib.h>
#include <elf.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <bpf/btf.h>

#define TEXT 0xffffffff81000000ULL
#define TEXT_OFFSET 0x1000
#define FUNCTIONS 640 /* kallsyms is found by its markers, of which there must be two */
#define CALLS 64
#define ARM64_FIRST 0x1000 /* what is before the first function: the header */
#define NAME 48

static const char banner[] = "Linux version 5.10.0-tiny (nobody@nowhere) (cc) #1 SMP\n";

struct tiny {
	unsigned char text[32768];
	size_t size;
	struct {
		char name[NAME];
		size_t at;
	} function[FUNCTIONS];
	size_t functions;
	struct {
		char name[NAME];
		size_t at;
	} call[CALLS];
	size_t calls;
	bool arm64;
	size_t text_at; /* in the file */
};

struct file {
	unsigned char *data;
	size_t size;
};

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "tiny_kernel: %s\n", what);
	abort();
}

struct tiny *tiny__new(void)
{
	struct tiny *tiny = calloc(1, sizeof(*tiny));

	must(tiny, "no memory");
	tiny->text_at = TEXT_OFFSET;
	return tiny;
}

struct tiny *tiny__new_arm64(void)
{
	struct tiny *tiny = tiny__new();

	tiny->arm64 = true;
	tiny->size = 4;
	tiny__call(tiny, "primary_entry");
	tiny->text[7] = 0x14; /* b */
	memcpy(tiny->text + 0x38, "ARM\x64", 4);
	tiny->size = ARM64_FIRST;
	tiny__function(tiny, "_stext");
	tiny__words(tiny, "d65f03c0");
	tiny__function(tiny, "primary_entry");
	tiny__words(tiny, "bl:_stext d65f03c0");
	return tiny;
}

void tiny__free(struct tiny *tiny)
{
	free(tiny);
}

void tiny__function(struct tiny *tiny, const char *name)
{
	while (tiny->size % 16)
		tiny->text[tiny->size++] = tiny->arm64 ? 0 : 0x90;
	must(tiny->functions < FUNCTIONS, "too many functions");
	snprintf(tiny->function[tiny->functions].name, NAME, "%s", name);
	tiny->function[tiny->functions++].at = tiny->size;
}

void tiny__code(struct tiny *tiny, const char *hex)
{
	unsigned int byte;
	int used;

	while (sscanf(hex, "%2x%n", &byte, &used) == 1) {
		must(tiny->size < sizeof(tiny->text), "too much code");
		tiny->text[tiny->size++] = (unsigned char)byte;
		hex += used;
	}
}

void tiny__call(struct tiny *tiny, const char *callee)
{
	must(tiny->calls < CALLS, "too many calls");
	if (!tiny->arm64)
		tiny__code(tiny, "e8");
	snprintf(tiny->call[tiny->calls].name, NAME, "%s", callee);
	tiny->call[tiny->calls++].at = tiny->size;
	tiny__code(tiny, tiny->arm64 ? "00000094" : "00000000");
}

static void leaf(struct tiny *tiny, const char *name)
{
	tiny__function(tiny, name);
	tiny__code(tiny, tiny->arm64 ? "c0035fd6" : "c3");
}

static void walker(struct tiny *tiny, bool honours)
{
	tiny__function(tiny, "try_to_unmap_one");
	tiny__code(tiny, "4881ec88000000"); /* sub $0x88,%rsp */
	if (honours) {
		tiny__code(tiny, "f6c110 7408"); /* test $0x10,%cl; je */
		tiny__code(tiny, "c744244001000000"); /* movl $1,0x40(%rsp): pvmw.flags */
	}
	tiny__code(tiny, "488d7c2410"); /* lea 0x10(%rsp),%rdi: &pvmw */
	tiny__call(tiny, "page_vma_mapped_walk");
	tiny__code(tiny, "4881c488000000 c3"); /* add $0x88,%rsp; ret */
}

static void caller(struct tiny *tiny, const char *name, uint8_t flags)
{
	char mov[16];

	tiny__function(tiny, name);
	snprintf(mov, sizeof(mov), "be%02x000000", flags); /* mov $flags,%esi */
	tiny__code(tiny, mov);
	tiny__call(tiny, "try_to_unmap");
	tiny__code(tiny, "f00fb14f34 c3"); /* lock cmpxchg %ecx,0x34(%rdi); ret */
}

void tiny__fill(struct tiny *tiny, const struct tiny_kernel *kernel)
{
	leaf(tiny, "zap_huge_pmd");
	leaf(tiny, "__split_huge_pmd");
	leaf(tiny, "page_vma_mapped_walk");
	leaf(tiny, "try_to_unmap");
	leaf(tiny, "unmap_mapping_pages");
	if (kernel->single)
		leaf(tiny, "unmap_mapping_page");
	walker(tiny, kernel->honours);
	caller(tiny, "split_huge_page_to_list", kernel->split_flags);
	caller(tiny, "memory_failure", kernel->poison_flags);
	tiny__function(tiny, "truncate_cleanup_page");
	tiny__call(tiny, kernel->truncate_calls ? "unmap_mapping_page" : "unmap_mapping_pages");
	tiny__code(tiny, "c3");
	tiny__function(tiny, "invalidate_inode_pages2_range");
	tiny__call(tiny, kernel->invalidate_calls ? "unmap_mapping_page" : "unmap_mapping_pages");
	tiny__code(tiny, "c3");
	if (kernel->variant) {
		tiny__function(tiny, "collapse_file.constprop.0");
		tiny__code(tiny, kernel->variant);
	}
	tiny__function(tiny, "khugepaged");
	if (kernel->releases)
		tiny__code(tiny, "8b4034 83f801 7f00"); /* mov 0x34(%rax),%eax; cmp $1,%eax; jg */
	tiny__code(tiny, "c3");
}

/* --- BTF ----------------------------------------------------------------------------------------- */

static void add_struct(struct btf *btf, const char *name, const char *member, int type,
		       unsigned int offset)
{
	btf__add_struct(btf, name, offset + 8);
	if (member)
		btf__add_field(btf, member, type, offset * 8, 0);
}

void *tiny__btf(const struct tiny_kernel *kernel, size_t *size)
{
	struct btf *btf = btf__new_empty();
	int number = btf__add_int(btf, "unsigned int", 4, 0), proto;
	const void *raw;
	__u32 length;
	void *copy;

	btf__add_enum(btf, "ttu_flags", 4);
	btf__add_enum_value(btf, "TTU_SPLIT_HUGE_PMD", 4);
	if (kernel->flag)
		btf__add_enum_value(btf, "TTU_SYNC", 0x10);
	add_struct(btf, "page_vma_mapped_walk", "flags", number, 48);
	add_struct(btf, "zap_details", kernel->single ? "single_page" : NULL, number, 24);
	add_struct(btf, "page", "_refcount", number, 0x34);
	add_struct(btf, "vm_area_struct", kernel->numa ? "vm_policy" : NULL, number, 16);
	add_struct(btf, "file", "f_mapping", number, 0xe8);
	proto = btf__add_func_proto(btf, 0);
	btf__add_func_param(btf, "hpage", number);
	if (!kernel->variant)
		btf__add_func(btf, "collapse_file", BTF_FUNC_STATIC, proto);
	btf__add_func(btf, "handle_mm_fault", BTF_FUNC_GLOBAL, proto);
	btf__add_func(btf, "zap_huge_pmd", BTF_FUNC_GLOBAL, proto);
	raw = btf__raw_data(btf, &length);
	must(raw, "no BTF");
	copy = malloc(length);
	must(copy, "no memory");
	memcpy(copy, raw, length);
	*size = length;
	btf__free(btf);
	return copy;
}

/* --- files --------------------------------------------------------------------------------------- */

static size_t append(struct file *file, const void *data, size_t size, size_t unit)
{
	size_t at = (file->size + unit - 1) & ~(unit - 1);

	file->data = realloc(file->data, at + size + 1);
	must(file->data, "no memory");
	memset(file->data + file->size, 0, at - file->size);
	memcpy(file->data + at, data, size);
	file->size = at + size;
	return at;
}

/* Letters and digits stand for themselves; "t" begins a name: a function. */
static void write_names(struct tiny *tiny, struct file *file, uint32_t *markers, size_t begin)
{
	unsigned char name[NAME + 2];
	size_t i, length;

	for (i = 0; i < tiny->functions; i++) {
		if (i % 256 == 0)
			markers[i / 256] = (uint32_t)(file->size - begin);
		length = strlen(tiny->function[i].name);
		name[0] = (unsigned char)(length + 1);
		name[1] = 't';
		memcpy(name + 2, tiny->function[i].name, length);
		append(file, name, length + 2, 1);
	}
}

static void write_offsets(struct tiny *tiny, struct file *file, enum tiny_symbols way)
{
	uint64_t base = tiny->arm64 && way == TINY_KALLSYMS_5 ? 0 : TEXT;
	bool place = way == TINY_KALLSYMS_7;
	uint32_t offset;
	size_t i, at;

	at = append(file, "", 0, place ? 4 : 8);
	for (i = 0; i < tiny->functions; i++) {
		/* The file from text_at on lies at TEXT. */
		offset = place ? (uint32_t)(tiny->function[i].at - (at + 4 * i - tiny->text_at))
			       : (uint32_t)(-1 - (int64_t)tiny->function[i].at);
		if (tiny->arm64 && !place)
			offset = (uint32_t)(tiny->function[i].at -
					    (base ? 0 : tiny->function[0].at));
		append(file, &offset, 4, 4);
	}
	if (!place)
		append(file, &base, 8, 8);
}

static void write_kallsyms(struct tiny *tiny, struct file *file, enum tiny_symbols way)
{
	uint32_t count = (uint32_t)tiny->functions, markers[FUNCTIONS / 256 + 1];
	size_t unit = way == TINY_KALLSYMS_7 ? 4 : 8, begin, i;
	uint16_t index[256];
	char token[4];

	if (way == TINY_KALLSYMS_5)
		write_offsets(tiny, file, way);
	append(file, &count, 4, unit);
	begin = append(file, "", 0, unit);
	write_names(tiny, file, markers, begin);
	append(file, markers, 4 * (size_t)((count + 255) / 256), unit);
	begin = append(file, "", 0, unit);
	for (i = 0; i < 256; i++) {
		index[i] = (uint16_t)(file->size - begin);
		snprintf(token, sizeof(token), "%c", i > 32 && i < 127 ? (int)i : '?');
		append(file, token, strlen(token) + 1, 1);
	}
	append(file, index, sizeof(index), unit);
	if (way != TINY_KALLSYMS_5)
		write_offsets(tiny, file, way);
}

static void fix_calls(struct tiny *tiny)
{
	int32_t distance;
	uint32_t word;
	size_t i, j;

	for (i = 0; i < tiny->calls; i++) {
		for (j = 0; j < tiny->functions; j++) {
			if (strcmp(tiny->call[i].name, tiny->function[j].name))
				continue;
			distance = (int32_t)((int64_t)tiny->function[j].at -
					     (int64_t)tiny->call[i].at - 4);
			if (tiny->arm64) {
				memcpy(&word, tiny->text + tiny->call[i].at, 4);
				distance = (int32_t)(word |
						     ((uint32_t)(distance + 4) >> 2 & 0x3ffffff));
			}
			memcpy(tiny->text + tiny->call[i].at, &distance, 4);
		}
	}
}

/* Names, so that the kallsyms are long enough. */
static void fill_up(struct tiny *tiny)
{
	char name[NAME];

	while (tiny->functions < FUNCTIONS) {
		snprintf(name, sizeof(name), "other%zu", tiny->functions);
		leaf(tiny, name);
	}
}

static void write_symtab(struct tiny *tiny, struct file *file, Elf64_Shdr *symtab,
			 Elf64_Shdr *strtab)
{
	struct file names = {0};
	Elf64_Sym symbol = {0};
	size_t i;

	append(&names, "", 1, 1);
	symtab->sh_offset = append(file, &symbol, sizeof(symbol), 8);
	for (i = 0; i < tiny->functions; i++) {
		symbol.st_name = (Elf64_Word)append(&names, tiny->function[i].name,
						    strlen(tiny->function[i].name) + 1, 1);
		symbol.st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC);
		symbol.st_shndx = 1;
		symbol.st_value = TEXT + tiny->function[i].at;
		append(file, &symbol, sizeof(symbol), 8);
	}
	symtab->sh_type = SHT_SYMTAB;
	symtab->sh_size = file->size - symtab->sh_offset;
	symtab->sh_link = 2;
	strtab->sh_type = SHT_STRTAB;
	strtab->sh_size = names.size;
	strtab->sh_offset = append(file, names.data, names.size, 8);
	free(names.data);
}

void *tiny__vmlinux(struct tiny *tiny, enum tiny_symbols symbols, const void *btf, size_t btf_size,
		    size_t *size)
{
	static const char names[] = "\0.BTF";
	Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
			     .e_type = ET_EXEC,
			     .e_machine = tiny->arm64 ? EM_AARCH64 : EM_X86_64,
			     .e_phoff = sizeof(header),
			     .e_phentsize = sizeof(Elf64_Phdr),
			     .e_phnum = 1,
			     .e_shentsize = sizeof(Elf64_Shdr),
			     .e_shnum = 5,
			     .e_shstrndx = 4};
	Elf64_Phdr load = {.p_type = PT_LOAD, .p_offset = TEXT_OFFSET, .p_vaddr = TEXT};
	Elf64_Shdr section[5] = {{0}};
	struct file file = {0};

	if (symbols != TINY_SYMTAB && symbols != TINY_NONE)
		fill_up(tiny);
	fix_calls(tiny);
	append(&file, &header, sizeof(header), 1);
	append(&file, &load, sizeof(load), 1);
	append(&file, tiny->text, tiny->size, TEXT_OFFSET);
	append(&file, banner, sizeof(banner), 16);
	if (symbols == TINY_SYMTAB)
		write_symtab(tiny, &file, &section[1], &section[2]);
	else if (symbols != TINY_NONE)
		write_kallsyms(tiny, &file, symbols);
	load.p_filesz = file.size - TEXT_OFFSET;
	if (btf) {
		section[3].sh_name = 1;
		section[3].sh_type = SHT_PROGBITS;
		section[3].sh_size = btf_size;
		section[3].sh_offset = append(&file, btf, btf_size, 8);
	}
	section[4].sh_type = SHT_STRTAB;
	section[4].sh_size = sizeof(names);
	section[4].sh_offset = append(&file, names, sizeof(names), 8);
	header.e_shoff = append(&file, section, sizeof(section), 8);
	memcpy(file.data, &header, sizeof(header));
	memcpy(file.data + sizeof(header), &load, sizeof(load));
	*size = file.size;
	return file.data;
}

void *tiny__image(struct tiny *tiny, enum tiny_symbols symbols, const void *btf, size_t btf_size,
		  size_t *size)
{
	struct file file = {0};

	tiny->text_at = 0;
	fill_up(tiny);
	fix_calls(tiny);
	append(&file, tiny->text, tiny->size, 1);
	append(&file, banner, sizeof(banner), 16);
	if (symbols != TINY_NONE)
		write_kallsyms(tiny, &file, symbols);
	if (btf)
		append(&file, btf, btf_size, 8);
	*size = file.size;
	return file.data;
}

/* --- compressions -------------------------------------------------------------------------------- */

static size_t pack_gzip(const void *data, size_t size, unsigned char *out, size_t room)
{
	z_stream stream = {.next_in = (Bytef *)data,
			   .avail_in = (uInt)size,
			   .next_out = out,
			   .avail_out = (uInt)room};

	deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	must(deflate(&stream, Z_FINISH) == Z_STREAM_END, "gzip");
	deflateEnd(&stream);
	return stream.total_out;
}

static size_t pack_lzma(const void *data, size_t size, unsigned char *out, size_t room, bool xz)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	lzma_lzma_preset(&options, 6);
	must((xz ? lzma_easy_encoder(&stream, 6, LZMA_CHECK_CRC32)
		 : lzma_alone_encoder(&stream, &options)) == LZMA_OK,
	     "lzma");
	stream.next_in = data;
	stream.avail_in = size;
	stream.next_out = out;
	stream.avail_out = room;
	must(lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END, "lzma");
	room -= stream.avail_out;
	lzma_end(&stream);
	return room;
}

static void write_be32(unsigned char *at, size_t value)
{
	at[0] = (unsigned char)(value >> 24);
	at[1] = (unsigned char)(value >> 16);
	at[2] = (unsigned char)(value >> 8);
	at[3] = (unsigned char)value;
}

/* As written by lzop: a header without a name, one block, Adler-32 of the unpacked data. */
static size_t pack_lzo(const void *data, size_t size, unsigned char *out)
{
	static const unsigned char header[] = {0x89,
					       'L',
					       'Z',
					       'O',
					       0,
					       '\r',
					       '\n',
					       0x1a,
					       '\n',
					       0x10,
					       0x40,
					       0x20,
					       0xa0,
					       0x09,
					       0x40,
					       3,
					       /* method */ 9,
					       /* level */ 0,
					       0,
					       0,
					       1,
					       /* flags: Adler-32 */ 0,
					       0,
					       0x81,
					       0xa4,
					       0,
					       0,
					       0,
					       0,
					       0,
					       0,
					       0,
					       0,
					       /* mode, times */ 0, /* length of the name */
					       0,
					       0,
					       0,
					       0 /* checksum */};
	unsigned char *memory = malloc(LZO1X_1_MEM_COMPRESS);
	lzo_uint packed = 0;
	size_t at = sizeof(header);

	memcpy(out, header, sizeof(header));
	must(memory && lzo_init() == LZO_E_OK, "lzo");
	lzo1x_1_compress(data, size, out + at + 12, &packed, memory);
	must(packed < size, "lzo did not shrink it");
	write_be32(out + at, size);
	write_be32(out + at + 4, packed);
	write_be32(out + at + 8, lzo_adler32(1, data, size));
	at += 12 + packed;
	write_be32(out + at, 0);
	free(memory);
	return at + 4;
}

/* As written by lz4 -l. */
static size_t pack_lz4(const void *data, size_t size, unsigned char *out, size_t room)
{
	uint32_t block =
		(uint32_t)LZ4_compress_default(data, (char *)out + 8, (int)size, (int)room - 8);

	memcpy(out, "\x02\x21\x4c\x18", 4);
	memcpy(out + 4, &block, 4);
	return 8 + block;
}

void *tiny__pack(const char *how, const void *data, size_t size, size_t *packed)
{
	size_t room = size * 2 + 4096;
	unsigned char *out = malloc(room + 4);
	unsigned int length = (unsigned int)room;
	uint32_t original = (uint32_t)size;

	must(out, "no memory");
	*packed = 0;
	if (!strcmp(how, "gzip")) {
		*packed = pack_gzip(data, size, out, room);
	} else if (!strcmp(how, "bzip2")) {
		BZ2_bzBuffToBuffCompress((char *)out, &length, (char *)data, (unsigned int)size, 9,
					 0, 0);
		*packed = length;
	} else if (!strcmp(how, "zstd")) {
		*packed = ZSTD_compress(out, room, data, size, 3);
	} else if (!strcmp(how, "lzo")) {
		*packed = pack_lzo(data, size, out);
	} else if (!strcmp(how, "lz4")) {
		*packed = pack_lz4(data, size, out, room);
	} else {
		*packed = pack_lzma(data, size, out, room, !strcmp(how, "xz"));
	}
	/* The kernel's build appends the size for all compressions except gzip. */
	memcpy(out + *packed, &original, 4);
	*packed += strcmp(how, "gzip") ? 4 : 0;
	return out;
}

void *tiny__bzimage(const void *payload, size_t size, size_t *whole)
{
	unsigned char setup[2 * 512] = {[0x1f1] = 1, [0x202] = 'H', 'd', 'r', 'S', 0x0f, 2};
	uint32_t length = (uint32_t)size;
	struct file file = {0};

	memcpy(setup + 0x24c, &length, 4);
	append(&file, setup, sizeof(setup), 1);
	append(&file, payload, size, 1);
	*whole = file.size;
	return file.data;
}
