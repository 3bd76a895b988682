// SPDX-License-Identifier: GPL-2.0-only
#include "dump_symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "image/image.h"

#define TOKENS 256
#define SYMBOLS_MAX (1U << 21)
#define NAMES_MAX (64U << 20) /* bytes of the compressed names */
#define CHUNK 65536
#define NAME_MAX_BYTES 512
#define LINE_MAX_BYTES 1024

/* The kernel's own text ends here; behind it are modules and BPF programs, whose names are not known. */
#define TEXT_END "_etext"
#define OUTSIDE "outside_vmlinux"

/* Text that grows. */
struct output {
	FILE *file;
	struct dump_symbols *symbols;
	bool ended; /* TEXT_END was there */
};

static int begin(struct output *output, struct dump_symbols *symbols)
{
	*symbols = (struct dump_symbols){0};
	output->symbols = symbols;
	output->ended = false;
	output->file = open_memstream(&symbols->text, &symbols->size);
	return output->file ? 0 : -ENOMEM;
}

static int end(struct output *output, int err)
{
	bool failed = ferror(output->file) != 0;

	if (fclose(output->file) || failed)
		err = -ENOMEM;
	if (err)
		dump_symbols__release(output->symbols);
	return err;
}

/* In order of addresses. */
static void add(struct output *output, uint64_t address, char type, const char *name)
{
	if (output->ended)
		return;
	output->ended = !strcmp(name, TEXT_END);
	if (output->ended)
		name = OUTSIDE;
	fprintf(output->file, "%016" PRIx64 " %c %s\n", address, type, name);
}

/* The tables of scripts/kallsyms.c, in the dump. */
struct tables {
	const struct memory *memory;
	uint64_t names; /* address of what is read next */
	uint64_t offsets;
	uint64_t base;
	uint32_t count;
	char tokens[65536 + 1];
	uint16_t index[TOKENS];
	unsigned char chunk[CHUNK]; /* of the names */
	size_t used, have, read;
};

static int find_tables(struct tables *tables)
{
	const struct memory *memory = tables->memory;
	uint64_t count, tokens, index, base;
	size_t part;

	if (!memory__info_hex(memory, "SYMBOL(kallsyms_names)", &tables->names) ||
	    !memory__info_hex(memory, "SYMBOL(kallsyms_num_syms)", &count) ||
	    !memory__info_hex(memory, "SYMBOL(kallsyms_token_table)", &tokens) ||
	    !memory__info_hex(memory, "SYMBOL(kallsyms_token_index)", &index) ||
	    !memory__info_hex(memory, "SYMBOL(kallsyms_offsets)", &tables->offsets))
		return -ENOENT;
	if (memory__info_hex(memory, "SYMBOL(kallsyms_relative_base)", &base) &&
	    memory__number(memory, base, &tables->base))
		return -ENODATA;
	if (memory__virtual(memory, count, &tables->count, sizeof(tables->count)) ||
	    memory__virtual(memory, index, tables->index, sizeof(tables->index)))
		return -ENODATA;
	if (!tables->count || tables->count > SYMBOLS_MAX)
		return -EINVAL;
	/* How long it is is not known; what lies after it may not be in the dump. */
	for (part = 0; part < sizeof(tables->tokens) - 1; part += 256)
		if (memory__virtual(memory, tokens + part, tables->tokens + part, 256))
			break;
	return part ? 0 : -ENODATA;
}

/* The next byte of the names, or -1. */
static int next_byte(struct tables *tables)
{
	size_t size = CHUNK;

	if (tables->used == tables->have) {
		if (tables->read >= NAMES_MAX)
			return -1;
		/* Less near the end, where the next page may be missing. */
		while (size && memory__virtual(tables->memory, tables->names, tables->chunk, size))
			size /= 2;
		if (!size)
			return -1;
		tables->names += size;
		tables->read += size;
		tables->have = size;
		tables->used = 0;
	}
	return tables->chunk[tables->used++];
}

/* The next name, type first. False: there is none. */
static bool next_name(struct tables *tables, char name[NAME_MAX_BYTES])
{
	size_t written = 0;
	int length = next_byte(tables), more, byte;
	const char *token;

	if (length > 0 && length & 0x80) {
		more = next_byte(tables);
		if (more < 0)
			return false;
		length = (length & 0x7f) | more << 7;
	}
	if (length <= 0)
		return false;
	for (; length; length--) {
		byte = next_byte(tables);
		if (byte < 0)
			return false;
		token = tables->tokens + tables->index[byte];
		for (; *token && written < NAME_MAX_BYTES - 1; token++)
			name[written++] = *token;
	}
	name[written] = '\0';
	return written > 1;
}

/*
 * Addresses are relative to the base, or, on x86-64 until 6.14, negative: relative to the base, minus
 * one; else absolute, as for per-CPU variables. Without a base they count from their own place (7.0).
 */
static uint64_t address_of(const struct tables *tables, uint32_t i, int32_t offset, bool percpu)
{
	if (!tables->base)
		return tables->offsets + 4ULL * i + (uint64_t)(int64_t)offset;
	if (!percpu)
		return tables->base + (uint32_t)offset;
	return offset < 0 ? tables->base - 1 - (uint64_t)(int64_t)offset : (uint64_t)offset;
}

static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (*name <= ' ' || *name > '~')
			return false;
	return true;
}

int dump_symbols__read(struct dump_symbols *symbols, const struct memory *memory)
{
	struct tables *tables = calloc(1, sizeof(*tables));
	char name[NAME_MAX_BYTES];
	struct output output;
	int32_t *offset = NULL;
	bool percpu = false;
	uint32_t i;
	int err;

	*symbols = (struct dump_symbols){0};
	if (!tables)
		return -ENOMEM;
	tables->memory = memory;
	err = find_tables(tables);
	if (err)
		goto cleanup;
	offset = calloc(tables->count, sizeof(*offset));
	err = offset ? begin(&output, symbols) : -ENOMEM;
	if (err)
		goto cleanup;
	if (memory__virtual(memory, tables->offsets, offset, tables->count * sizeof(*offset)))
		err = -ENODATA;
	for (i = 0; i < tables->count && !err; i++)
		percpu = percpu || offset[i] < 0;
	for (i = 0; i < tables->count && !err && next_name(tables, name); i++)
		if (is_plain(name))
			add(&output, address_of(tables, i, offset[i], percpu), name[0], name + 1);
	err = end(&output, err);

cleanup:
	free(offset);
	free(tables);
	return err;
}

/* "ADDRESS TYPE NAME"; false: another line. */
static bool take_line(char *line, uint64_t *address, char *type, char **name)
{
	const char *at = line;

	if (number__take(&at, 16, address) || at[0] != ' ' || !at[1] || at[2] != ' ' || !at[3])
		return false;
	*type = at[1];
	*name = line + (at + 3 - line);
	(*name)[strcspn(*name, " \t\r\n")] = '\0';
	return **name && is_plain(*name);
}

/* The line of a symbol; false: there is none. */
static bool find_line(FILE *file, const char *wanted, uint64_t *address)
{
	char line[LINE_MAX_BYTES], type, *name;

	while (fgets(line, sizeof(line), file))
		if (take_line(line, address, &type, &name) && !strcmp(name, wanted))
			return true;
	return false;
}

int dump_symbols__map(struct dump_symbols *symbols, const char *path, uint64_t text, char *why,
		      size_t why_size)
{
	char line[LINE_MAX_BYTES], type, *name;
	uint64_t address, there;
	struct output output;
	FILE *file = fopen(path, "re");
	int err;

	*symbols = (struct dump_symbols){0};
	if (!file) {
		err = -errno;
		snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	if (!find_line(file, "_stext", &there)) {
		fclose(file);
		snprintf(why, why_size, "it is no System.map of a kernel: it has no symbol _stext");
		return -EINVAL;
	}
	rewind(file);
	err = begin(&output, symbols);
	if (!err) {
		while (fgets(line, sizeof(line), file))
			if (take_line(line, &address, &type, &name))
				add(&output, address - there + text, type, name);
		err = end(&output, 0);
	}
	fclose(file);
	if (err)
		snprintf(why, why_size, "%s", strerror(-err));
	return err;
}

int dump_symbols__image(struct dump_symbols *symbols, const char *path, uint64_t text, char *why,
			size_t why_size)
{
	const struct image_symbol *list, *start;
	struct output output;
	struct image *image;
	size_t nr, i;
	int err;

	*symbols = (struct dump_symbols){0};
	err = image__open(&image, path, why, why_size);
	if (err)
		return err;
	nr = image__symbols(image, &list);
	start = image__symbol(image, "_stext");
	if (!start || !start->address) {
		snprintf(why, why_size, "it has no symbol _stext with an address (%s)",
			 image__symbols_from(image));
		err = -EINVAL;
		goto cleanup;
	}
	err = begin(&output, symbols);
	if (!err) {
		for (i = 0; i < nr; i++)
			if (is_plain(list[i].name))
				add(&output, list[i].address - start->address + text, 'T',
				    list[i].name);
		err = end(&output, 0);
	}
	if (err)
		snprintf(why, why_size, "%s", strerror(-err));

cleanup:
	image__close(image);
	return err;
}

void dump_symbols__release(struct dump_symbols *symbols)
{
	free(symbols->text);
	*symbols = (struct dump_symbols){0};
}
