// SPDX-License-Identifier: GPL-2.0-only
#include "memory.h"

#include <string.h>

#include "base/number.h"

int memory__number(const struct memory *memory, uint64_t address, uint64_t *number)
{
	*number = 0;
	return memory__virtual(memory, address, number, sizeof(*number));
}

const char *memory__info(const struct memory *memory, const char *key, size_t *length)
{
	size_t key_length = strlen(key);
	const char *line = memory->info;

	while (*line) {
		if (!strncmp(line, key, key_length) && line[key_length] == '=') {
			line += key_length + 1;
			*length = strcspn(line, "\n");
			return line;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return NULL;
}

static bool number(const struct memory *memory, const char *key, int base, uint64_t *value)
{
	size_t length;
	const char *text = memory__info(memory, key, &length), *end = text;

	*value = 0;
	return text && !number__take(&end, base, value) && end == text + length;
}

bool memory__info_hex(const struct memory *memory, const char *key, uint64_t *value)
{
	return number(memory, key, 16, value);
}

bool memory__info_number(const struct memory *memory, const char *key, uint64_t *value)
{
	return number(memory, key, 10, value);
}
