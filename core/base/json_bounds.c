// SPDX-License-Identifier: GPL-2.0-only
#include "json_bounds.h"

#include <stdbool.h>
#include <string.h>

struct scan {
	const char *at;
	const char *end;
	size_t values;
	size_t containers;
	size_t depth;
};

/* Skips a string, starting after its first quote. Returns its length. */
static size_t skip_string(struct scan *scan)
{
	const char *begin = scan->at;

	while (scan->at < scan->end && *scan->at != '"')
		scan->at += *scan->at == '\\' && scan->at + 1 < scan->end ? 2 : 1;
	if (scan->at < scan->end)
		scan->at++;
	return (size_t)(scan->at - begin);
}

/* Does ':' follow? Then the string before it was a name. */
static bool is_name(const struct scan *scan)
{
	const char *at = scan->at;

	while (at < scan->end && strchr(" \t\r\n\f\v", *at) && *at)
		at++;
	return at < scan->end && *at == ':';
}

static const char *check_byte(struct scan *scan)
{
	switch (*scan->at++) {
	case '"':
		if (skip_string(scan) > JSON_NAME_MAX + 1 && is_name(scan))
			return "it has a name of more than 255 bytes";
		return NULL;
	case '{':
	case '[':
		scan->values++;
		if (++scan->containers > JSON_CONTAINERS_MAX)
			return "it has more than 20,480 objects and arrays";
		if (++scan->depth > JSON_DEPTH_MAX)
			return "it is more than 16 levels deep";
		return NULL;
	case '}':
	case ']':
		scan->depth -= scan->depth > 0;
		return NULL;
	case ',':
		scan->values++;
		return NULL;
	case '\'':
	case '/':
		return "it is not JSON";
	default:
		return NULL;
	}
}

const char *json_bounds__check(const char *text, size_t size, size_t *values)
{
	struct scan scan = {.at = text, .end = text + size};
	const char *why = NULL;

	while (scan.at < scan.end && !why) {
		why = check_byte(&scan);
		if (!why && scan.values > JSON_VALUES_MAX)
			why = "it has more than 131,072 values";
	}
	if (values)
		*values += scan.values;
	return why;
}
