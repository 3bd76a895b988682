// SPDX-License-Identifier: GPL-2.0-only
#include "when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/timespan.h"

#define SECOND TIMESPAN_SECOND

/* A span before now: "2h", "-2h" or "2h ago". */
static int parse_span(const char *text, uint64_t now, uint64_t *ns)
{
	static const char ago[] = " ago";
	size_t size = strlen(text);
	uint64_t length;
	char span[64];

	if (*text == '-') {
		text++;
		size--;
	} else if (size > sizeof(ago) && !strcmp(text + size - sizeof(ago) + 1, ago)) {
		size -= sizeof(ago) - 1;
	}
	if (size >= sizeof(span))
		return -EINVAL;
	memcpy(span, text, size);
	span[size] = '\0';
	if (timespan__parse(span, SECOND, &length))
		return -EINVAL;
	*ns = length < now ? now - length : 0;
	return 0;
}

/* The start of the day, this number of days before now. */
static int parse_day(int days, uint64_t now, uint64_t *ns)
{
	time_t seconds = (time_t)(now / SECOND);
	struct tm tm;

	if (!localtime_r(&seconds, &tm))
		return -EINVAL;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday -= days;
	tm.tm_isdst = -1;
	seconds = mktime(&tm);
	if (seconds < 0)
		return -EINVAL;
	*ns = (uint64_t)seconds * SECOND;
	return 0;
}

int when__parse(const char *text, uint64_t now, uint64_t *ns)
{
	static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
	struct tm tm, wanted;
	const char *end;
	time_t seconds;
	size_t i;

	if (!strcmp(text, "now")) {
		*ns = now;
		return 0;
	}
	if (!strcmp(text, "today"))
		return parse_day(0, now, ns);
	if (!strcmp(text, "yesterday"))
		return parse_day(1, now, ns);
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, formats[i], &tm);
		if (!end || *end)
			continue;
		tm.tm_isdst = -1;
		wanted = tm;
		seconds = mktime(&tm);
		/* mktime() turns February 31 into March 3. */
		if (seconds < 0 || tm.tm_mday != wanted.tm_mday || tm.tm_mon != wanted.tm_mon)
			return -EINVAL;
		*ns = (uint64_t)seconds * SECOND;
		return 0;
	}
	return parse_span(text, now, ns);
}

static const char *format(char *buf, size_t size, uint64_t ns, const char *how)
{
	time_t seconds = (time_t)(ns / SECOND);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(buf, size, how, &tm))
		snprintf(buf, size, "?");
	return buf;
}

const char *when__short(char *buf, size_t size, uint64_t ns)
{
	return format(buf, size, ns, "%m-%d %H:%M:%S");
}

const char *when__minute(char *buf, size_t size, uint64_t ns)
{
	return format(buf, size, ns, "%Y-%m-%d %H:%M");
}

const char *when__long(char *buf, size_t size, uint64_t ns)
{
	char day[WHEN_LEN], zone[16];

	snprintf(buf, size, "%s.%06u %s", format(day, sizeof(day), ns, "%Y-%m-%d %H:%M:%S"),
		 (unsigned int)(ns % SECOND / 1000), format(zone, sizeof(zone), ns, "%z"));
	return buf;
}
