// SPDX-License-Identifier: GPL-2.0-only
#include "kallsyms.h"
#include "symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#define SYMBOLS_MAX 16384 /* distinct addresses */
#define NAME_MAX_LEN 64

struct symbol {
	uint64_t address;
	uint64_t start; /* of the nearest symbol at or below it */
	char name[NAME_MAX_LEN];
};

struct symbols {
	uint64_t *table; /* open hash of addresses, 2 × SYMBOLS_MAX places */
	size_t count;
	struct symbol *list; /* sorted, once resolved */
};

struct symbols *symbols__new(void)
{
	return calloc(1, sizeof(struct symbols));
}

static void want_one(struct symbols *symbols, uint64_t address)
{
	size_t at = (address * 0x9e3779b97f4a7c15ULL >> 32) % (2 * SYMBOLS_MAX);

	while (symbols->table[at] && symbols->table[at] != address)
		at = (at + 1) % (2 * SYMBOLS_MAX);
	if (symbols->table[at] || symbols->count == SYMBOLS_MAX)
		return;
	symbols->table[at] = address;
	symbols->count++;
}

void symbols__want(struct symbols *symbols, const struct thprace_stack *stack)
{
	uint32_t i;

	if (!symbols->table)
		symbols->table = calloc(2 * SYMBOLS_MAX, sizeof(*symbols->table));
	if (!symbols->table)
		return;
	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++)
		if (stack->ip[i])
			want_one(symbols, stack->ip[i]);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct symbol *)a)->address;
	uint64_t y = ((const struct symbol *)b)->address;

	return x < y ? -1 : x > y;
}

static int sort_list(struct symbols *symbols)
{
	size_t i, n = 0;

	symbols->list = calloc(symbols->count + 1, sizeof(*symbols->list));
	if (!symbols->list)
		return -1;
	for (i = 0; i < 2 * SYMBOLS_MAX; i++)
		if (symbols->table[i])
			symbols->list[n++].address = symbols->table[i];
	qsort(symbols->list, n, sizeof(*symbols->list), by_address);
	return 0;
}

/* First wanted address at or above a symbol: the only one that this symbol may be nearest to. */
static struct symbol *first_at_or_above(const struct symbols *symbols, uint64_t start)
{
	size_t low = 0, high = symbols->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (symbols->list[middle].address < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < symbols->count ? &symbols->list[low] : NULL;
}

void symbols__resolve(struct symbols *symbols)
{
	char line[512], name[NAME_MAX_LEN], kind;
	struct symbol *symbol;
	uint64_t start;
	FILE *file;
	size_t i;

	if (!symbols->table || sort_list(symbols))
		return;
	file = kallsyms__open();
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %c %63s", &start, &kind, name) != 3 || !start)
			continue;
		symbol = first_at_or_above(symbols, start);
		if (!symbol || start < symbol->start || (start == symbol->start && kind != 'T'))
			continue;
		symbol->start = start;
		memcpy(symbol->name, name, sizeof(name));
	}
	fclose(file);
	/* Later addresses of the same function have no symbol between: they take the one before. */
	for (i = 1; i < symbols->count; i++) {
		if (symbols->list[i - 1].start <= symbols->list[i].start)
			continue;
		symbols->list[i].start = symbols->list[i - 1].start;
		memcpy(symbols->list[i].name, symbols->list[i - 1].name, NAME_MAX_LEN);
	}
}

char *symbols__json(const struct symbols *symbols)
{
	struct json_object *object = json_object_new_object();
	char key[32], value[NAME_MAX_LEN + 24];
	const struct symbol *symbol;
	char *text;
	size_t i;

	if (!object)
		return NULL;
	for (i = 0; symbols->list && i < symbols->count; i++) {
		symbol = &symbols->list[i];
		if (!symbol->start)
			continue;
		snprintf(key, sizeof(key), "0x%" PRIx64, symbol->address);
		snprintf(value, sizeof(value), "%s+0x%" PRIx64, symbol->name,
			 symbol->address - symbol->start);
		json_object_object_add(object, key, json_object_new_string(value));
	}
	text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return text;
}

void symbols__free(struct symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->table);
	free(symbols->list);
	free(symbols);
}
