// SPDX-License-Identifier: GPL-2.0-only
#include "timespan.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "number.h"

#define SECOND TIMESPAN_SECOND

/* The spellings of systemd.time(7), except months and years. */
static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{"ns", 1},
	{"nsec", 1},
	{"us", 1000},
	{"µs", 1000}, /* U+00B5 */
	{"μs", 1000}, /* U+03BC */
	{"usec", 1000},
	{"ms", 1000000},
	{"msec", 1000000},
	{"s", SECOND},
	{"sec", SECOND},
	{"second", SECOND},
	{"seconds", SECOND},
	{"m", 60 * SECOND},
	{"min", 60 * SECOND},
	{"minute", 60 * SECOND},
	{"minutes", 60 * SECOND},
	{"h", 3600 * SECOND},
	{"hr", 3600 * SECOND},
	{"hour", 3600 * SECOND},
	{"hours", 3600 * SECOND},
	{"d", 86400 * SECOND},
	{"day", 86400 * SECOND},
	{"days", 86400 * SECOND},
	{"w", 7 * 86400 * SECOND},
	{"week", 7 * 86400 * SECOND},
	{"weeks", 7 * 86400 * SECOND},
};

struct number {
	uint64_t whole;
	const char *part; /* digits after the point, or NULL */
	bool over;
};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads a number and moves *text past it. */
static int take_number(const char **text, struct number *number)
{
	const char *at = *text;
	int err;

	*number = (struct number){0};
	err = number__take(&at, 10, &number->whole);
	if (err == -EINVAL)
		return err;
	number->over = err;
	if (*at == '.') {
		number->part = ++at;
		if (!digit(*at))
			return -EINVAL;
		at += strspn(at, "0123456789");
	}
	*text = at;
	return 0;
}

static bool in_unit(char c)
{
	return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Reads a unit and moves *text past it. Returns its ns, 0: unknown. */
static uint64_t take_unit(const char **text)
{
	const char *name = *text;
	size_t length = 0, i;

	while (in_unit(name[length]))
		length++;
	*text += length;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].name) == length && !memcmp(units[i].name, name, length))
			return units[i].ns;
	}
	return 0;
}

/* The value of the digits after the point, at this scale in ns, truncated. */
static uint64_t part_of(const char *digits, uint64_t scale)
{
	uint64_t value = 0, one = 1;

	/* 18 digits of the longest unit are far below a nanosecond. */
	for (; digits && digit(*digits) && one < 1000000000000000000ULL; digits++) {
		value = value * 10 + (uint64_t)(*digits - '0');
		one *= 10;
	}
	return (uint64_t)((unsigned __int128)value * scale / one);
}

/* Add number times scale to *sum; returns whether it overflows. */
static bool add(uint64_t *sum, const struct number *number, uint64_t scale)
{
	uint64_t ns;

	return number->over || __builtin_mul_overflow(number->whole, scale, &ns) ||
	       __builtin_add_overflow(ns, part_of(number->part, scale), &ns) ||
	       __builtin_add_overflow(*sum, ns, sum);
}

int timespan__parse(const char *text, uint64_t plain, uint64_t *ns)
{
	bool over = false, first = true;
	struct number number;
	const char *at = text;
	uint64_t sum = 0, scale;

	do {
		if (take_number(&at, &number))
			return -EINVAL;
		at += strspn(at, " \t");
		if (in_unit(*at))
			scale = take_unit(&at);
		else
			scale = first && !*at ? plain : 0;
		if (!scale)
			return -EINVAL;
		at += strspn(at, " \t");
		over = add(&sum, &number, scale) || over;
		first = false;
	} while (*at);
	if (over)
		return -ERANGE;
	*ns = sum;
	return 0;
}

const char *timespan__print(char *buf, size_t size, uint64_t ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} shown[] = {
		{"d", 86400 * SECOND},
		{"h", 3600 * SECOND},
		{"min", 60 * SECOND},
		{"s", SECOND},
		{"ms", 1000000},
		{"us", 1000},
		{"ns", 1},
	};
	size_t i = 0;

	while (ns && ns % shown[i].ns)
		i++;
	snprintf(buf, size, "%" PRIu64 "%s", ns / shown[i].ns, ns ? shown[i].name : "s");
	return buf;
}
