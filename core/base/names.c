// SPDX-License-Identifier: GPL-2.0-only
#include "names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "classes/race_class.h"
#include "format.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const verdicts[] = THPRACE_VERDICT_NAMES;
static const char *const attributions[] = THPRACE_ATTRIBUTION_NAMES;
static const char *const origins[] = THPRACE_ORIGIN_NAMES;
static const char *const levels[] = THPRACE_LEVEL_NAMES;
static const char *const modes[] = THPRACE_MODE_NAMES;
static const char *const losses[] = THPRACE_LOSS_NAMES;
static const char *const records[] = THPRACE_RECORD_NAMES;

_Static_assert(ARRAY_SIZE(verdicts) == THPRACE_VERDICT_MAX, "a name per verdict");
_Static_assert(ARRAY_SIZE(attributions) == THPRACE_ATTRIBUTION_MAX, "a name per attribution");
_Static_assert(ARRAY_SIZE(origins) == THPRACE_ORIGIN_MAX, "a name per origin");
_Static_assert(ARRAY_SIZE(levels) == THPRACE_LEVEL_MAX, "a name per level");
_Static_assert(ARRAY_SIZE(modes) == THPRACE_MODE_MAX, "a name per mode");
_Static_assert(ARRAY_SIZE(losses) == THPRACE_LOSS_MAX, "a name per cause");
_Static_assert(ARRAY_SIZE(records) == THPRACE_REC_MAX, "a name per record type");

static const char *name_of(const char *const *names, size_t nr, unsigned int value)
{
	return value < nr ? names[value] : "?";
}

static int value_of(const char *const *names, size_t nr, const char *name)
{
	size_t i;

	for (i = 0; name && i < nr; i++) {
		if (!strcmp(names[i], name))
			return (int)i;
	}
	return -ENOENT;
}

#define DEFINE_NAMES(what, table)                                \
	const char *names__##what(unsigned int value)            \
	{                                                        \
		return name_of(table, ARRAY_SIZE(table), value); \
	}                                                        \
	int names__find_##what(const char *name)                 \
	{                                                        \
		return value_of(table, ARRAY_SIZE(table), name); \
	}                                                        \
	_Static_assert(ARRAY_SIZE(table) > 0, "a table of names")

const char *names__class(unsigned int value)
{
	const struct race_class *class = race_class__of(value);

	return class ? class->name : value ? "?" : "none";
}

bool names__own_class(const char *name)
{
	const unsigned int class = race_class__find(name);

	return class && class < race_class__end();
}

int names__find_class(const char *name)
{
	unsigned int class = name ? race_class__find(name) : 0;

	if (class || (name && !strcmp(name, names__class(THPRACE_CLASS_NONE))))
		return (int)class;
	return -ENOENT;
}

DEFINE_NAMES(verdict, verdicts);
DEFINE_NAMES(origin, origins);
DEFINE_NAMES(level, levels);
DEFINE_NAMES(mode, modes);
DEFINE_NAMES(loss, losses);
DEFINE_NAMES(record, records);

const char *names__attribution(unsigned int value)
{
	return name_of(attributions, ARRAY_SIZE(attributions), value);
}

const char *names__blindness(const char *reason)
{
	if (!strncmp(reason, NAMES_CANNOT_HAPPEN, sizeof(NAMES_CANNOT_HAPPEN) - 1) ||
	    !strncmp(reason, NAMES_NOT_KNOWN, sizeof(NAMES_NOT_KNOWN) - 1))
		return "";
	if (!strncmp(reason, NAMES_SHED, sizeof(NAMES_SHED) - 1))
		return "not observed now: ";
	return "not observable: ";
}

/* Copies the text between two places into buf as a string, truncated if necessary. */
static const char *copy(char *buf, size_t size, const char *text, const char *end)
{
	snprintf(buf, size, "%.*s", (int)(end - text), text);
	return buf;
}

/* A process prints times of only one clock: its own, or a trace's. */
static uint64_t resolution = 1;

void names__set_resolution(uint64_t ns)
{
	resolution = ns ? ns : 1;
}

/* Value of the last digit that the clock has: a power of ten, ns; 1 for a fine clock. */
static uint64_t last_place(void)
{
	uint64_t place = 1;

	while (place <= resolution / 10)
		place *= 10;
	return place;
}

const char *names__in_unit(char *buf, size_t size, uint64_t ns, uint64_t unit, int decimals,
			   int utf8)
{
	const uint64_t place = last_place();
	uint64_t step = unit;
	const char *name;
	int i;

	while (place >= unit * 1000 && unit < 1000000000) {
		unit *= 1000;
		decimals = 3;
	}
	ns -= ns % place;
	for (step = unit, i = 0; i < decimals; i++)
		step /= 10;
	for (; decimals && step < place; decimals--)
		step *= 10;
	name = unit == 1 ? "ns" : unit == 1000 ? utf8 ? "µs" : "us" : unit == 1000000 ? "ms" : "s";
	if (decimals)
		snprintf(buf, size, "%" PRIu64 ".%0*" PRIu64 " %s", ns / unit, decimals,
			 ns % unit / step, name);
	else
		snprintf(buf, size, "%" PRIu64 " %s", ns / unit, name);
	return buf;
}

/* Shorter than a tick, or truncated to the digits that the clock has. */
static const char *coarse_duration(char *buf, size_t size, uint64_t ns, int utf8)
{
	char tick[NAMES_NUMBER_LEN];

	if (ns && ns < resolution) {
		snprintf(buf, size, "<%s", names__duration(tick, sizeof(tick), resolution, utf8));
		return buf;
	}
	if (ns < 1000)
		return names__in_unit(buf, size, ns, 1, 0, utf8);
	if (ns < 1000000)
		return names__in_unit(buf, size, ns, 1000, 1, utf8);
	return names__in_unit(buf, size, ns, ns < 1000000000 ? 1000000 : 1000000000, 3, utf8);
}

const char *names__duration(char *buf, size_t size, uint64_t ns, int utf8)
{
	char text[NAMES_NUMBER_LEN + FORMAT_SLACK];
	const char *end;

	if (resolution > 1)
		return coarse_duration(buf, size, ns, utf8);
	end = format__duration(text, ns, utf8);
	return copy(buf, size, text, end);
}

const char *names__count(char *buf, size_t size, uint64_t count)
{
	char digits[24];
	size_t nr, from, to = 0;

	nr = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count);
	for (from = 0; from < nr && to + 2 < size; from++) {
		if (from && (nr - from) % 3 == 0)
			buf[to++] = ',';
		buf[to++] = digits[from];
	}
	if (size)
		buf[to] = '\0';
	return buf;
}

const char *names__counted(char *buf, size_t size, uint64_t count, const char *noun)
{
	char number[NAMES_NUMBER_LEN];

	snprintf(buf, size, "%s %s%s", names__count(number, sizeof(number), count), noun,
		 count == 1 ? "" : "s");
	return buf;
}

const char *names__offset(char *buf, size_t size, int64_t ns)
{
	char text[NAMES_NUMBER_LEN + FORMAT_SLACK];
	const char *end = format__seconds(text, ns);

	return copy(buf, size, text, end);
}

const char *names__result(char *buf, size_t size, int result)
{
	const char *name = NULL;

	if (result == -EBUSY)
		name = "EBUSY";
	else if (result == -EAGAIN)
		name = "EAGAIN";
	else if (result == -ENOMEM)
		name = "ENOMEM";
	else if (result == -EINVAL)
		name = "EINVAL";
	snprintf(buf, size, "%d%s%s%s", result, name ? " (" : "", name ? name : "",
		 name ? ")" : "");
	return buf;
}

/* Length of the printable UTF-8 character at text, 0 if there is none within length bytes. */
static size_t character(const unsigned char *text, size_t length)
{
	static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000};
	uint32_t code;
	size_t nr, i;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	if (text[0] >= 0xc2 && text[0] < 0xe0)
		nr = 2;
	else if (text[0] >= 0xe0 && text[0] < 0xf0)
		nr = 3;
	else if (text[0] >= 0xf0 && text[0] < 0xf5)
		nr = 4;
	else
		return 0;
	if (nr > length)
		return 0;
	code = text[0] & (0x7fu >> nr);
	for (i = 1; i < nr; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < smallest[nr] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	/* Characters that change the direction or the line of the text after them. */
	if ((code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return 0;
	return nr;
}

static const char *clean(char *buf, size_t size, const char *text, size_t length, int utf8,
			 int lines)
{
	size_t end = text ? strnlen(text, length) : 0;
	size_t from = 0, to = 0, nr;

	while (from < end) {
		nr = lines && text[from] == '\n'
			     ? 1
			     : character((const unsigned char *)text + from, end - from);
		if (!nr || (nr > 1 && !utf8)) {
			if (to + 1 >= size)
				break;
			buf[to++] = '?';
			from += nr ? nr : 1;
			continue;
		}
		if (to + nr >= size)
			break;
		memmove(buf + to, text + from, nr);
		to += nr;
		from += nr;
	}
	if (size)
		buf[to] = '\0';
	return buf;
}

const char *names__clean(char *buf, size_t size, const char *text, size_t length, int utf8)
{
	return clean(buf, size, text, length, utf8, 0);
}

const char *names__clean_lines(char *buf, size_t size, const char *text, size_t length, int utf8)
{
	return clean(buf, size, text, length, utf8, 1);
}

int names__plain(const char *name)
{
	for (; *name; name++) {
		if (*name < 0x20 || *name > 0x7e)
			return 0;
	}
	return 1;
}

size_t names__columns(const char *text)
{
	size_t columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}
