// SPDX-License-Identifier: GPL-2.0-only
#include "filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "names.h"

/* Times before the start count as 0. */
static uint64_t since_start(uint64_t time, uint64_t started)
{
	return time > started ? time - started : 0;
}

/* Does [from, to] reach into [since, until]? */
static int in_time(const struct filter *filter, uint64_t from, uint64_t to, uint64_t started)
{
	return since_start(to, started) >= filter->since &&
	       (!filter->until || since_start(from, started) <= filter->until);
}

int filter__record(const struct filter *filter, const struct thprace_record *record,
		   uint64_t started)
{
	if (filter->by_verdict)
		return 0;
	if (filter->by_class && record->class != filter->class)
		return 0;
	if (filter->by_pid && record->pid != filter->pid && record->tgid != filter->pid)
		return 0;
	if (filter->by_cpu && record->cpu != filter->cpu)
		return 0;
	return in_time(filter, record->ts, record->ts, started);
}

int filter__incident(const struct filter *filter, const struct thprace_incident *incident,
		     uint64_t started)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	int has_window = window->pid || window->open;
	uint64_t from = walk->enter, to = walk->leave ? walk->leave : walk->enter;

	if (filter->by_verdict && incident->verdict != filter->verdict)
		return 0;
	if (filter->by_class && walk->class != filter->class)
		return 0;
	if (filter->by_pid && walk->pid != filter->pid && walk->tgid != filter->pid &&
	    !(has_window && (window->pid == filter->pid || window->tgid == filter->pid)))
		return 0;
	if (filter->by_cpu && walk->cpu != filter->cpu &&
	    !(has_window && window->cpu == filter->cpu))
		return 0;
	if (has_window && window->open && window->open < from)
		from = window->open;
	if (has_window && window->close > to)
		to = window->close;
	return in_time(filter, from, to, started);
}

int filter__set_class(struct filter *filter, const char *text)
{
	int class = names__find_class(text);

	if (class < 0)
		return -EINVAL;
	filter->by_class = 1;
	filter->class = (unsigned int)class;
	return 0;
}

int filter__set_verdict(struct filter *filter, const char *text)
{
	int verdict = names__find_verdict(text);

	if (verdict <= THPRACE_CLEAN)
		return -EINVAL;
	filter->by_verdict = 1;
	filter->verdict = (unsigned int)verdict;
	return 0;
}

static int number(const char *text, uint32_t *value)
{
	unsigned long parsed;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	parsed = strtoul(text, &end, 10);
	if (errno || *end || parsed > UINT32_MAX)
		return -EINVAL;
	*value = (uint32_t)parsed;
	return 0;
}

int filter__set_pid(struct filter *filter, const char *text)
{
	filter->by_pid = 1;
	return number(text, &filter->pid);
}

int filter__set_cpu(struct filter *filter, const char *text)
{
	filter->by_cpu = 1;
	return number(text, &filter->cpu);
}

/* Nanoseconds of a unit; 0 when it is none. */
static uint64_t unit(const char *text)
{
	if (!*text || !strcmp(text, "s"))
		return 1000000000;
	if (!strcmp(text, "ms"))
		return 1000000;
	if (!strcmp(text, "us") || !strcmp(text, "µs"))
		return 1000;
	return !strcmp(text, "ns");
}

int filter__time(const char *text, uint64_t *ns)
{
	uint64_t whole = 0, part = 0, scale, digit;
	const char *c = text, *point;

	/* By hand and in integers: exact to the nanosecond, and independent of the locale. */
	for (; *c >= '0' && *c <= '9'; c++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*c - '0'), &whole))
			return -EINVAL;
	}
	if (c == text)
		return -EINVAL;
	point = *c == '.' ? c : NULL;
	if (point)
		c += 1 + strspn(point + 1, "0123456789");
	if (point && c == point + 1)
		return -EINVAL;
	scale = unit(c);
	if (!scale || __builtin_mul_overflow(whole, scale, &whole))
		return -EINVAL;
	for (c = point; c && c[1] >= '0' && c[1] <= '9' && scale > 1; c++) {
		scale /= 10;
		digit = (uint64_t)(c[1] - '0');
		part += digit * scale;
	}
	return __builtin_add_overflow(whole, part, ns) ? -EINVAL : 0;
}
