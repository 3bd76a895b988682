// SPDX-License-Identifier: GPL-2.0-only
#include "symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include "kallsyms.h"

#define SYMBOLS_MAX 16384 /* distinct addresses */
#define PLACES (2 * SYMBOLS_MAX)
#define NAME_MAX_LEN 64

struct symbol {
	uint64_t address;
	uint64_t start; /* of the nearest symbol at or below it; 0: not known */
	bool tried; /* kallsyms was asked */
	bool wanted; /* since symbols__restart() */
	bool told; /* by symbols__json_new(), since then */
	char name[NAME_MAX_LEN];
};

struct symbols {
	uint32_t *table; /* open hash: 1 + index in list, 0: free */
	struct symbol *list; /* in the order in which they came */
	size_t count;
	size_t room;
	size_t untried;
	size_t untold; /* wanted and not told */
};

struct symbols *symbols__new(void)
{
	return calloc(1, sizeof(struct symbols));
}

static struct symbol *append(struct symbols *symbols, uint64_t address)
{
	size_t room = symbols->room ? 2 * symbols->room : 256;
	struct symbol *grown;

	if (symbols->count == SYMBOLS_MAX)
		return NULL;
	if (symbols->count == symbols->room) {
		grown = reallocarray(symbols->list, room, sizeof(*grown));
		if (!grown)
			return NULL;
		symbols->list = grown;
		symbols->room = room;
	}
	grown = &symbols->list[symbols->count++];
	memset(grown, 0, sizeof(*grown));
	grown->address = address;
	symbols->untried++;
	return grown;
}

static void want_one(struct symbols *symbols, uint64_t address)
{
	size_t at = (address * 0x9e3779b97f4a7c15ULL >> 32) % PLACES;
	struct symbol *symbol;

	while (symbols->table[at] && symbols->list[symbols->table[at] - 1].address != address)
		at = (at + 1) % PLACES;
	if (symbols->table[at])
		symbol = &symbols->list[symbols->table[at] - 1];
	else
		symbol = append(symbols, address);
	if (!symbol)
		return;
	symbols->table[at] = (uint32_t)(symbol - symbols->list) + 1;
	if (!symbol->wanted)
		symbols->untold++;
	symbol->wanted = true;
}

void symbols__want(struct symbols *symbols, const struct thprace_stack *stack)
{
	uint32_t i;

	if (!symbols->table)
		symbols->table = calloc(PLACES, sizeof(*symbols->table));
	if (!symbols->table)
		return;
	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++)
		if (stack->ip[i])
			want_one(symbols, stack->ip[i]);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = (*(struct symbol *const *)a)->address;
	uint64_t y = (*(struct symbol *const *)b)->address;

	return x < y ? -1 : x > y;
}

/* Those that kallsyms was not asked for yet, sorted; malloc'd. There are symbols->untried. */
static struct symbol **sort_untried(struct symbols *symbols)
{
	struct symbol **sorted = calloc(symbols->untried + 1, sizeof(struct symbol *));
	size_t i, n = 0;

	if (!sorted)
		return NULL;
	for (i = 0; i < symbols->count; i++)
		if (!symbols->list[i].tried)
			sorted[n++] = &symbols->list[i];
	qsort(sorted, n, sizeof(struct symbol *), by_address);
	return sorted;
}

/* First address at or above a symbol: the only one that this symbol may be nearest to. */
static struct symbol *first_at_or_above(struct symbol **sorted, size_t count, uint64_t start)
{
	size_t low = 0, high = count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (sorted[middle]->address < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count ? sorted[low] : NULL;
}

/* A line is "ADDRESS KIND NAME", and "\t[MODULE]" for a module's. */
static void take_line(struct symbol **sorted, size_t count, const char *line)
{
	struct symbol *symbol;
	uint64_t start;
	char *end;
	size_t length;

	start = strtoull(line, &end, 16);
	if (!start || end[0] != ' ' || !end[1] || end[2] != ' ')
		return;
	symbol = first_at_or_above(sorted, count, start);
	if (!symbol || start < symbol->start || (start == symbol->start && end[1] != 'T'))
		return;
	length = strcspn(end + 3, " \t\n");
	if (!length)
		return;
	if (length >= NAME_MAX_LEN)
		length = NAME_MAX_LEN - 1;
	symbol->start = start;
	memcpy(symbol->name, end + 3, length);
	symbol->name[length] = 0;
}

void symbols__resolve(struct symbols *symbols)
{
	size_t count = symbols->untried, i;
	struct symbol **sorted;
	char line[512];
	FILE *file;

	if (!count)
		return;
	sorted = sort_untried(symbols);
	if (!sorted)
		return;
	file = kallsyms__open();
	if (!file)
		goto cleanup;
	while (fgets(line, sizeof(line), file))
		take_line(sorted, count, line);
	fclose(file);
	/* Later addresses of the same function have no symbol between: they take the one before. */
	for (i = 1; i < count; i++) {
		if (sorted[i - 1]->start <= sorted[i]->start)
			continue;
		sorted[i]->start = sorted[i - 1]->start;
		memcpy(sorted[i]->name, sorted[i - 1]->name, NAME_MAX_LEN);
	}
	for (i = 0; i < count; i++)
		sorted[i]->tried = true;
	symbols->untried = 0;

cleanup:
	free(sorted);
}

static int add_symbol(struct json_object *object, const struct symbol *symbol)
{
	char key[32], value[NAME_MAX_LEN + 24];

	snprintf(key, sizeof(key), "0x%" PRIx64, symbol->address);
	snprintf(value, sizeof(value), "%s+0x%" PRIx64, symbol->name,
		 symbol->address - symbol->start);
	return json_object_object_add(object, key, json_object_new_string(value));
}

static char *json_of(const struct symbols *symbols, bool only_new)
{
	struct json_object *object = json_object_new_object();
	const struct symbol *symbol;
	char *text = NULL;
	size_t i;

	for (i = 0; object && i < symbols->count; i++) {
		symbol = &symbols->list[i];
		if (!symbol->start || (only_new && (!symbol->wanted || symbol->told)))
			continue;
		if (add_symbol(object, symbol))
			goto cleanup;
	}
	if (object)
		text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));

cleanup:
	json_object_put(object);
	return text;
}

char *symbols__json(const struct symbols *symbols)
{
	return json_of(symbols, false);
}

bool symbols__any_new(const struct symbols *symbols)
{
	return symbols->untold > 0;
}

char *symbols__json_new(struct symbols *symbols)
{
	char *text;
	size_t i;

	symbols__resolve(symbols);
	text = json_of(symbols, true);
	if (!text)
		return NULL;
	for (i = 0; i < symbols->count; i++)
		symbols->list[i].told = symbols->list[i].wanted;
	symbols->untold = 0;
	return text;
}

void symbols__restart(struct symbols *symbols)
{
	size_t i;

	symbols->untold = 0;
	/* Full: only so can others come in. */
	if (symbols->count == SYMBOLS_MAX) {
		memset(symbols->table, 0, PLACES * sizeof(*symbols->table));
		symbols->count = 0;
		symbols->untried = 0;
	}
	for (i = 0; i < symbols->count; i++) {
		symbols->list[i].wanted = false;
		symbols->list[i].told = false;
	}
}

void symbols__free(struct symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->table);
	free(symbols->list);
	free(symbols);
}
