// SPDX-License-Identifier: GPL-2.0-only
#include "top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/names.h"
#include "report/summary.h"

struct top *top__new(int utf8)
{
	struct top *top = calloc(1, sizeof(*top));

	if (!top)
		return NULL;
	top->utf8 = utf8;
	top->names = calloc(1, sizeof(*top->names));
	top->groups = incident_groups__new();
	if (top->names) {
		top->names->symbols = calloc(TOP_SYMBOLS, sizeof(*top->names->symbols));
		top->names->cgroups = calloc(TOP_CGROUPS, sizeof(*top->names->cgroups));
		top->names->probes = calloc(SUMMARY_LISTED_MAX, sizeof(*top->names->probes));
	}
	if (top->groups && top->names && top->names->symbols && top->names->cgroups &&
	    top->names->probes)
		return top;
	top__free(top);
	return NULL;
}

void top__free(struct top *top)
{
	if (!top)
		return;
	if (top->names) {
		free(top->names->symbols);
		free(top->names->cgroups);
		free(top->names->probes);
	}
	free(top->names);
	incident_groups__free(top->groups);
	free(top);
}

/* What grew, per second. */
static double rate(uint64_t before, uint64_t now, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

static void add_rate(struct top_history *history, double value)
{
	if (history->nr == TOP_SPARK)
		memmove(history->rate, history->rate + 1, --history->nr * sizeof(history->rate[0]));
	history->rate[history->nr++] = value;
}

static bool same_classes(const struct top_sample *a, const struct top_sample *b)
{
	unsigned int i;

	if (a->nr_classes != b->nr_classes)
		return false;
	for (i = 0; i < a->nr_classes; i++) {
		if (strcmp(a->classes[i].name, b->classes[i].name))
			return false;
	}
	return true;
}

static void take_rates(struct top *top, const struct top_sample *before)
{
	const struct top_sample *now = &top->now;
	double seconds = (double)(now->now - before->now) / 1e9;
	unsigned int i;

	for (i = 0; i < now->nr_classes; i++) {
		const struct top_class *old = &before->classes[i], *new = &now->classes[i];

		top->walkers_per_s[i] = rate(old->walkers, new->walkers, seconds);
		top->overlaps_per_s[i] = rate(old->overlaps, new->overlaps, seconds);
		top->race_windows_per_s[i] = rate(old->windows, new->windows, seconds);
		add_rate(&top->walkers[i], top->walkers_per_s[i]);
	}
	top->windows_per_s = rate(before->phases[THPRACE_PHASE_WHOLE].count,
				  now->phases[THPRACE_PHASE_WHOLE].count, seconds);
	add_rate(&top->windows, top->windows_per_s);
	top->lost_per_s = rate(before->lost, now->lost, seconds);
	top->cpu_share = rate(before->cpu, now->cpu, seconds) / 1e9;
}

void top__take(struct top *top, const struct top_sample *sample)
{
	const struct top_sample before = top->now;

	top->now = *sample;
	/* The counts of another daemon have nothing to do with these. */
	if (top->samples++ && sample->started == before.started && sample->now > before.now &&
	    same_classes(&before, sample)) {
		take_rates(top, &before);
		return;
	}
	memset(top->walkers_per_s, 0, sizeof(top->walkers_per_s));
	memset(top->overlaps_per_s, 0, sizeof(top->overlaps_per_s));
	memset(top->race_windows_per_s, 0, sizeof(top->race_windows_per_s));
	memset(top->walkers, 0, sizeof(top->walkers));
	memset(&top->windows, 0, sizeof(top->windows));
	top->windows_per_s = 0;
	top->lost_per_s = 0;
	top->cpu_share = 0;
}

void top__incident(struct top *top, uint64_t number, uint64_t wall,
		   const struct thprace_incident *incident)
{
	top->incidents[top->nr_incidents++ % TOP_INCIDENTS] =
		(struct top_incident){.number = number, .wall = wall, .incident = *incident};
}

/* The first symbol at or above the address. */
static size_t place_of(const struct summary *names, uint64_t address)
{
	size_t low = 0, high = names->nr_symbols, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (names->symbols[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void top__name(struct top *top, uint64_t address, const char *name)
{
	struct summary *names = top->names;
	struct summary_symbol *symbol;
	size_t at = place_of(names, address);

	if (names->nr_symbols == TOP_SYMBOLS || !name[0] || !names__plain(name) ||
	    (at < names->nr_symbols && names->symbols[at].address == address))
		return;
	symbol = &names->symbols[at];
	memmove(symbol + 1, symbol, (names->nr_symbols++ - at) * sizeof(*symbol));
	symbol->address = address;
	snprintf(symbol->name, sizeof(symbol->name), "%s", name);
}

void top__cgroup(struct top *top, uint64_t id, const char *path)
{
	struct summary *names = top->names;
	struct summary_cgroup *cgroup = names->cgroups;
	size_t at = 0;

	if (names->nr_cgroups == TOP_CGROUPS || summary__cgroup(names, id))
		return;
	while (at < names->nr_cgroups && cgroup[at].id < id)
		at++;
	memmove(&cgroup[at + 1], &cgroup[at], (names->nr_cgroups++ - at) * sizeof(*cgroup));
	cgroup[at].id = id;
	snprintf(cgroup[at].path, sizeof(cgroup[at].path), "%s", path);
}

void top__function(struct top *top, const char *point, const char *function)
{
	struct summary *names = top->names;
	struct summary_probe *probe = names->probes;

	while (probe < names->probes + names->nr_probes && strcmp(probe->point, point))
		probe++;
	if (probe == names->probes + SUMMARY_LISTED_MAX || !names__plain(point) ||
	    !names__plain(function))
		return;
	if (probe == names->probes + names->nr_probes)
		names->nr_probes++;
	snprintf(probe->point, sizeof(probe->point), "%s", point);
	snprintf(probe->function, sizeof(probe->function), "%s", function);
}

static bool stack_unnamed(const struct summary *names, const struct thprace_stack *stack)
{
	uint32_t i;

	for (i = 0; i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		if (!summary__symbol(names, stack->ip[i]))
			return true;
	}
	return false;
}

bool top__unnamed(const struct top *top, const struct thprace_incident *incident)
{
	return stack_unnamed(top->names, &incident->opener_stack) ||
	       stack_unnamed(top->names, &incident->walker_stack);
}

static uint64_t oldest(const struct top *top)
{
	return top->nr_incidents > TOP_INCIDENTS ? top->nr_incidents - TOP_INCIDENTS : 0;
}

int top__group(struct top *top)
{
	struct incident_groups *groups = incident_groups__new();
	uint64_t at;
	int err = groups ? 0 : -ENOMEM;

	for (at = oldest(top); !err && at < top->nr_incidents; at++) {
		const struct top_incident *incident = &top->incidents[at % TOP_INCIDENTS];

		err = incident_groups__add(groups, incident->number, &incident->incident);
	}
	if (err) {
		incident_groups__free(groups);
		return err;
	}
	incident_groups__finish(groups, top->names);
	incident_groups__free(top->groups);
	top->groups = groups;
	return 0;
}

static bool hotter(const struct incident_group *a, const struct incident_group *b)
{
	bool escape = a->verdict == THPRACE_ESCAPE;

	if (escape != (b->verdict == THPRACE_ESCAPE))
		return escape;
	return a->count > b->count;
}

size_t top__pairs(const struct top *top, unsigned int verdict, const struct incident_group **list,
		  size_t max)
{
	size_t count = incident_groups__count(top->groups), nr = 0, i, at;

	for (i = 0; i < count; i++) {
		const struct incident_group *group = incident_groups__get(top->groups, i);

		if (verdict && group->verdict != verdict)
			continue;
		for (at = nr; at > 0 && hotter(group, list[at - 1]); at--) {
			if (at < max)
				list[at] = list[at - 1];
		}
		if (at < max)
			list[at] = group;
		nr += nr < max;
	}
	return nr;
}

struct top_incident *top__find(struct top *top, uint64_t number)
{
	uint64_t at;

	for (at = oldest(top); at < top->nr_incidents; at++) {
		if (top->incidents[at % TOP_INCIDENTS].number == number)
			return &top->incidents[at % TOP_INCIDENTS];
	}
	return NULL;
}

static double weight(const struct top *top, unsigned int i, enum top_order order)
{
	if (order == TOP_BY_WALKERS)
		return top->walkers_per_s[i];
	if (order == TOP_BY_OVERLAPS)
		return (double)top->now.classes[i].overlaps;
	return order == TOP_BY_ESCAPES ? (double)top->now.classes[i].escapes : 0;
}

/* Equal ones stay in the source's order. */
void top__order(const struct top *top, enum top_order order, unsigned int *list)
{
	unsigned int i, at;

	for (i = 0; i < top->now.nr_classes; i++) {
		for (at = i; at > 0 && weight(top, list[at - 1], order) < weight(top, i, order);
		     at--)
			list[at] = list[at - 1];
		list[at] = i;
	}
}

size_t top__latest(const struct top *top, unsigned int verdict, const struct top_incident **list,
		   size_t max)
{
	uint64_t at = top->nr_incidents, first = oldest(top);
	const struct top_incident *incident;
	size_t nr = 0;

	while (at > first && nr < max) {
		incident = &top->incidents[--at % TOP_INCIDENTS];
		if (!verdict || incident->incident.verdict == verdict)
			list[nr++] = incident;
	}
	return nr;
}

const char *top__spark(const struct top_history *history, unsigned int columns, int utf8,
		       char buf[TOP_SPARK_LEN])
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	unsigned int first = history->nr > columns ? history->nr - columns : 0, i, step;
	double most = 0;
	char *at = buf;

	for (i = first; i < history->nr; i++)
		most = history->rate[i] > most ? history->rate[i] : most;
	*at = '\0';
	for (i = first; i < history->nr; i++) {
		step = most > 0 ? (unsigned int)(history->rate[i] * 7 / most + 0.5) : 0;
		at = stpcpy(at, (utf8 ? blocks : ascii)[step]);
	}
	return buf;
}

const char *top__task(char buf[TOP_TASK_LEN], const char *comm, size_t size, uint32_t pid, int utf8)
{
	char clean[TOP_TASK_LEN - 11];

	if (pid)
		snprintf(buf, TOP_TASK_LEN, "%s/%u",
			 names__clean(clean, sizeof(clean), comm, size, utf8), pid);
	else
		snprintf(buf, TOP_TASK_LEN, "-");
	return buf;
}
