/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a line word by word: each take_ and skip function moves on only past what it expects. */
#ifndef THPRACE_COMPLAINT_TEXT_H
#define THPRACE_COMPLAINT_TEXT_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"

static inline bool skip(const char **at, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(*at, text, length))
		return false;
	*at += length;
	return true;
}

static inline bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static inline bool ends(const char *text, const char *with)
{
	size_t length = strlen(text), tail = strlen(with);

	return length >= tail && !strcmp(text + length - tail, with);
}

static inline bool take_number(const char **at, uint64_t *value)
{
	return number__take(at, 10, value) != -EINVAL;
}

static inline bool take_hex(const char **at, uint64_t *value)
{
	return number__take(at, 16, value) != -EINVAL;
}

static inline void copy(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		length = size - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

/* The last occurrence of one text in another, or NULL. */
static inline const char *find_last(const char *text, const char *what)
{
	const char *found = NULL, *at = text;

	while ((at = strstr(at, what)))
		found = at++;
	return found;
}

/* "key" and a number after it, anywhere in a line without names. */
static inline bool find_number(const char *text, const char *key, int64_t *value)
{
	const char *at = strstr(text, key);
	uint64_t number;
	bool negative;

	if (!at)
		return false;
	at += strlen(key);
	negative = *at == '-';
	at += negative;
	if (number__take(&at, 10, &number) || number > INT64_MAX)
		return false;
	*value = negative ? -(int64_t)number : (int64_t)number;
	return true;
}

#endif
