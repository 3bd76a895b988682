// SPDX-License-Identifier: GPL-2.0-only
#include "filter.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

/* Times before the start count as 0. */
static uint64_t since_start(uint64_t time, uint64_t started)
{
	return time > started ? time - started : 0;
}

/* Does [from, to] overlap [since, until]? */
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

void filter__set_class(struct filter *filter, enum thprace_class class)
{
	filter->by_class = 1;
	filter->class = class;
}

void filter__set_verdict(struct filter *filter, enum thprace_verdict verdict)
{
	filter->by_verdict = 1;
	filter->verdict = verdict;
}

static int number(const char *text, uint32_t *value)
{
	uint64_t parsed;

	if (number__parse(text, 0, UINT32_MAX, &parsed))
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
