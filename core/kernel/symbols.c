// SPDX-License-Identifier: GPL-2.0-only
#include "symbols.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <thprace/trace.h>
#include "base/hash_map.h"
#include "base/json.h"
#include "base/number.h"
#include "cgroups.h"
#include "kallsyms.h"

#define SYMBOLS_MAX 16384 /* distinct addresses */
#define NAME_MAX_LEN 64

struct symbol {
	uint64_t address;
	uint64_t start; /* of the nearest symbol at or below it; 0: not known */
	bool tried; /* kallsyms was searched for it */
	bool wanted; /* since symbols__restart() */
	bool reported; /* by symbols__json_new(), since the last restart */
	char name[NAME_MAX_LEN];
};

/* What is searched: the list may grow and move meanwhile. */
struct sought {
	uint64_t address;
	uint64_t start;
	size_t index; /* in the list */
	char name[NAME_MAX_LEN];
};

struct search {
	FILE *file; /* NULL: none is under way */
	struct sought *sought; /* sorted by address */
	size_t count;
};

struct symbols {
	struct search search;
	struct hash_map places; /* address → 1 + index in the list, which moves when it grows */
	struct symbol *list; /* in the order of arrival */
	size_t count;
	size_t room;
	size_t untried;
	size_t unreported; /* wanted and not reported */
	struct cgroups *cgroups;
	size_t told; /* so many of them were looked at by symbols__json_new() */
};

struct symbols *symbols__new(void)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->cgroups = cgroups__new(NULL);
	if (symbols->cgroups)
		return symbols;
	free(symbols);
	return NULL;
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
	if (hash_map__set(&symbols->places, address, (void *)(symbols->count + 1)))
		return NULL;
	grown = &symbols->list[symbols->count++];
	memset(grown, 0, sizeof(*grown));
	grown->address = address;
	symbols->untried++;
	return grown;
}

static void want_one(struct symbols *symbols, uint64_t address)
{
	uintptr_t place = (uintptr_t)hash_map__get(&symbols->places, address);
	struct symbol *symbol;

	symbol = place ? &symbols->list[place - 1] : append(symbols, address);
	if (!symbol)
		return;
	if (!symbol->wanted)
		symbols->unreported++;
	symbol->wanted = true;
}

void symbols__want(struct symbols *symbols, const struct thprace_stack *stack)
{
	uint32_t i;

	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++)
		if (stack->ip[i])
			want_one(symbols, stack->ip[i]);
	cgroups__find(symbols->cgroups, stack->cgroup);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct sought *)a)->address;
	uint64_t y = ((const struct sought *)b)->address;

	return x < y ? -1 : x > y;
}

static void end_search(struct search *search)
{
	if (search->file)
		fclose(search->file);
	free(search->sought);
	*search = (struct search){0};
}

/*
 * Search for those that were not searched yet, in a file of which it takes ownership. False: file is
 * NULL, or there is no memory.
 */
static bool begin_search(struct symbols *symbols, FILE *file)
{
	struct search *search = &symbols->search;
	size_t i;

	search->file = file;
	search->sought = calloc(symbols->untried, sizeof(*search->sought));
	if (!search->file || !search->sought) {
		end_search(search);
		return false;
	}
	for (i = 0; i < symbols->count; i++)
		if (!symbols->list[i].tried)
			search->sought[search->count++] =
				(struct sought){.address = symbols->list[i].address, .index = i};
	qsort(search->sought, search->count, sizeof(*search->sought), by_address);
	return true;
}

/* The first address at or above a symbol: the only one for which this symbol may be the nearest. */
static struct sought *first_at_or_above(const struct search *search, uint64_t start)
{
	size_t low = 0, high = search->count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (search->sought[middle].address < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < search->count ? &search->sought[low] : NULL;
}

/* A line is "ADDRESS KIND NAME", and "\t[MODULE]" for a module's. */
static void take_line(const struct search *search, const char *line)
{
	const char *end = line;
	struct sought *sought;
	uint64_t start;
	size_t length;

	if (number__take(&end, 16, &start) || !start || end[0] != ' ' || !end[1] || end[2] != ' ')
		return;
	sought = first_at_or_above(search, start);
	if (!sought || start < sought->start || (start == sought->start && end[1] != 'T'))
		return;
	length = strcspn(end + 3, " \t\n");
	if (!length)
		return;
	if (length >= NAME_MAX_LEN)
		length = NAME_MAX_LEN - 1;
	sought->start = start;
	memcpy(sought->name, end + 3, length);
	sought->name[length] = 0;
}

/* All lines have been processed. */
static void take_found(struct symbols *symbols)
{
	struct search *search = &symbols->search;
	struct sought *sought = search->sought;
	struct symbol *symbol;
	size_t i;

	for (i = 0; i < search->count; i++) {
		/*
		 * Later addresses in the same function have no symbol in between, so they get the
		 * previous one.
		 */
		if (i && sought[i - 1].start > sought[i].start) {
			sought[i].start = sought[i - 1].start;
			memcpy(sought[i].name, sought[i - 1].name, NAME_MAX_LEN);
		}
		symbol = &symbols->list[sought[i].index];
		symbol->start = sought[i].start;
		memcpy(symbol->name, sought[i].name, NAME_MAX_LEN);
		symbol->tried = true;
	}
	symbols->untried -= search->count;
	end_search(search);
}

static bool step_symbols(struct symbols *symbols, unsigned int lines)
{
	struct search *search = &symbols->search;
	char line[512];

	if (search->file && !kallsyms__is_latest(search->file))
		end_search(search);
	if (!search->file && (!symbols->untried || !begin_search(symbols, kallsyms__open())))
		return true;
	while (lines--) {
		if (!fgets(line, sizeof(line), search->file)) {
			take_found(symbols);
			return !symbols->untried;
		}
		take_line(search, line);
	}
	return false;
}

bool symbols__step(struct symbols *symbols, unsigned int lines)
{
	bool all = cgroups__step(symbols->cgroups, lines);

	return step_symbols(symbols, lines) && all;
}

bool symbols__any_untried(const struct symbols *symbols)
{
	return symbols->untried > 0 || cgroups__any_untried(symbols->cgroups);
}

void symbols__resolve(struct symbols *symbols)
{
	while (!symbols__step(symbols, UINT_MAX))
		;
}

void symbols__resolve_in(struct symbols *symbols, FILE *file)
{
	char line[512];

	end_search(&symbols->search);
	if (!begin_search(symbols, file))
		return;
	while (fgets(line, sizeof(line), file))
		take_line(&symbols->search, line);
	take_found(symbols);
}

_Static_assert(NAME_MAX_LEN + sizeof("+0x") + 16 <= SYMBOLS_NAME_LEN, "the longest one fits");

static void print_name(const struct symbol *symbol, char name[SYMBOLS_NAME_LEN])
{
	snprintf(name, SYMBOLS_NAME_LEN, "%s+0x%" PRIx64, symbol->name,
		 symbol->address - symbol->start);
}

bool symbols__name(const struct symbols *symbols, uint64_t address, char name[SYMBOLS_NAME_LEN])
{
	uintptr_t place = (uintptr_t)hash_map__get(&symbols->places, address);

	if (!place || !symbols->list[place - 1].start)
		return false;
	print_name(&symbols->list[place - 1], name);
	return true;
}

static int add_symbol(struct json_object *object, const struct symbol *symbol)
{
	char key[32], value[SYMBOLS_NAME_LEN];

	snprintf(key, sizeof(key), "0x%" PRIx64, symbol->address);
	print_name(symbol, value);
	return json_object_object_add(object, key, json_object_new_string(value));
}

const char *symbols__cgroup(const struct symbols *symbols, uint64_t id)
{
	return cgroups__path(symbols->cgroups, id);
}

static void add_cgroup(void *object, uint64_t id, const char *path)
{
	char key[40];

	snprintf(key, sizeof(key), THPRACE_SYMBOLS_CGROUP "%" PRIu64, id);
	if (object)
		json_object_object_add(object, key, json__text(path, strlen(path)));
}

static char *json_of(const struct symbols *symbols, bool only_new)
{
	struct json_object *object = json_object_new_object();
	const struct symbol *symbol;
	size_t i;

	for (i = 0; object && i < symbols->count; i++) {
		symbol = &symbols->list[i];
		if (!symbol->start || (only_new && (!symbol->wanted || symbol->reported)))
			continue;
		if (add_symbol(object, symbol)) {
			json_object_put(object);
			return NULL;
		}
	}
	cgroups__each(symbols->cgroups, only_new ? symbols->told : 0, add_cgroup, object);
	return json__take_text(object);
}

char *symbols__json(const struct symbols *symbols)
{
	return json_of(symbols, false);
}

bool symbols__any_new(const struct symbols *symbols)
{
	return symbols->unreported > 0 || symbols->told < cgroups__count(symbols->cgroups);
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
		symbols->list[i].reported = symbols->list[i].wanted;
	symbols->unreported = 0;
	symbols->told = cgroups__count(symbols->cgroups);
	return text;
}

void symbols__restart(struct symbols *symbols)
{
	size_t i;

	symbols->unreported = 0;
	symbols->told = 0;
	cgroups__clear(symbols->cgroups);
	/* Full: this makes space for others. */
	if (symbols->count == SYMBOLS_MAX) {
		end_search(&symbols->search);
		hash_map__free(&symbols->places);
		symbols->count = 0;
		symbols->untried = 0;
	}
	for (i = 0; i < symbols->count; i++) {
		symbols->list[i].wanted = false;
		symbols->list[i].reported = false;
	}
}

void symbols__free(struct symbols *symbols)
{
	if (!symbols)
		return;
	end_search(&symbols->search);
	hash_map__free(&symbols->places);
	free(symbols->list);
	cgroups__free(symbols->cgroups);
	free(symbols);
}
