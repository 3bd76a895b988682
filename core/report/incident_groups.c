// SPDX-License-Identifier: GPL-2.0-only
#include "incident_groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/verdict.h>
#include "base/hash.h"
#include "base/incident_time.h"
#include "classes/race_class.h"
#include "stack_names.h"

#define PLACES (2 * INCIDENT_GROUPS_MAX) /* a power of two: half of them stay free */

struct incident_groups {
	size_t nr; /* the first INCIDENT_GROUPS_MAX are not "others" */
	size_t room;
	struct incident_group *group;
	uint16_t place[PLACES]; /* hash table of groups that are not "others": index + 1; 0: free */
};

static unsigned int class_of(const struct thprace_incident *incident)
{
	return incident->walk.class < THPRACE_CLASS_MAX ? incident->walk.class : THPRACE_CLASS_NONE;
}

static enum thprace_verdict verdict_of(const struct thprace_incident *incident)
{
	return incident->verdict < THPRACE_VERDICT_MAX ? incident->verdict : THPRACE_UNPROVEN;
}

static enum thprace_attribution attribution_of(const struct thprace_incident *incident)
{
	return verdict_of(incident) == THPRACE_ESCAPE &&
			       incident->attribution < THPRACE_ATTRIBUTION_MAX
		       ? incident->attribution
		       : THPRACE_ATTRIBUTION_NONE;
}

/* A race from a file has none, nor has the reuse of a page. */
static int level_of(const struct thprace_incident *incident)
{
	const enum race_shape shape = race_class__shape(incident->walk.class);

	if (!summary__has_window(incident) || shape == RACE_REUSE || shape == RACE_FILE)
		return -1;
	return incident->window.level < THPRACE_LEVEL_MAX ? incident->window.level : -1;
}

static uint32_t frames(const struct thprace_stack *stack)
{
	return stack->nr < THPRACE_STACK_MAX ? stack->nr : THPRACE_STACK_MAX;
}

static uint64_t hash_stack(uint64_t hash, const struct thprace_stack *stack)
{
	uint32_t i;

	for (i = 0; i < frames(stack); i++)
		hash = (hash ^ stack->ip[i]) * 0x9e3779b97f4a7c15ULL;
	return hash__number(hash);
}

static uint64_t hash_incident(const struct thprace_incident *incident)
{
	uint64_t hash = (uint64_t)class_of(incident) << 16 | verdict_of(incident) << 8 |
			attribution_of(incident) << 4 | (unsigned int)(level_of(incident) + 1);

	hash = hash_stack(hash, &incident->opener_stack);
	return hash_stack(hash, &incident->walker_stack);
}

static bool same_stack(const struct thprace_stack *a, const struct thprace_stack *b)
{
	return frames(a) == frames(b) && !memcmp(a->ip, b->ip, frames(a) * sizeof(a->ip[0]));
}

/* Same class, verdict, certainty and level? */
static bool same_kind(const struct incident_group *group, const struct thprace_incident *incident)
{
	return group->class == class_of(incident) && group->verdict == verdict_of(incident) &&
	       group->attribution == attribution_of(incident) && group->level == level_of(incident);
}

static bool same(const struct incident_group *group, const struct thprace_incident *incident)
{
	return same_kind(group, incident) &&
	       same_stack(&group->example.incident.opener_stack, &incident->opener_stack) &&
	       same_stack(&group->example.incident.walker_stack, &incident->walker_stack);
}

/* A new group, without a place in the table; NULL: no memory. */
static struct incident_group *append(struct incident_groups *groups, uint64_t hash,
				     const struct thprace_incident *incident)
{
	size_t room = groups->room ? 2 * groups->room : 16;
	struct incident_group *group;

	if (groups->nr == groups->room) {
		group = reallocarray(groups->group, room, sizeof(*group));
		if (!group)
			return NULL;
		groups->group = group;
		groups->room = room;
	}
	group = &groups->group[groups->nr++];
	memset(group, 0, sizeof(*group));
	group->class = class_of(incident);
	group->verdict = verdict_of(incident);
	group->attribution = attribution_of(incident);
	group->level = level_of(incident);
	group->hash = hash;
	return group;
}

static struct incident_group *find_others(struct incident_groups *groups,
					  const struct thprace_incident *incident)
{
	struct incident_group *group;
	size_t i;

	for (i = INCIDENT_GROUPS_MAX; i < groups->nr; i++) {
		if (same_kind(&groups->group[i], incident))
			return &groups->group[i];
	}
	group = append(groups, 0, incident);
	if (group)
		group->others = true;
	return group;
}

static struct incident_group *find_or_add(struct incident_groups *groups,
					  const struct thprace_incident *incident)
{
	uint64_t hash = hash_incident(incident);
	size_t at = hash % PLACES;
	struct incident_group *group;

	for (; groups->place[at]; at = (at + 1) % PLACES) {
		group = &groups->group[groups->place[at] - 1];
		if (group->hash == hash && same(group, incident))
			return group;
	}
	if (groups->nr >= INCIDENT_GROUPS_MAX)
		return find_others(groups, incident);
	group = append(groups, hash, incident);
	if (group)
		groups->place[at] = (uint16_t)groups->nr;
	return group;
}

/* Is the other group's example better to show? */
static bool better(const struct incident_group *group, const struct incident_group *other)
{
	if (!group->count)
		return true;
	if (other->has_closest != group->has_closest)
		return other->has_closest;
	if (other->has_closest)
		return other->closest < group->closest;
	return summary__weight(&other->example.incident) >
	       summary__weight(&group->example.incident);
}

/* Counts the incidents of `other` as well. */
static void join(struct incident_group *group, const struct incident_group *other)
{
	if (better(group, other))
		group->example = other->example;
	if (other->has_closest && (!group->has_closest || other->closest < group->closest))
		group->closest = other->closest;
	group->has_closest |= other->has_closest;
	if (other->longest > group->longest)
		group->longest = other->longest;
	if (!group->count || other->first < group->first)
		group->first = other->first;
	if (other->last > group->last)
		group->last = other->last;
	group->count += other->count;
}

int incident_groups__add(struct incident_groups *groups, uint64_t number,
			 const struct thprace_incident *incident)
{
	struct incident_group *group = find_or_add(groups, incident);
	uint64_t time = incident_time__of(incident);
	struct incident_group one = {
		.count = 1,
		.first = time,
		.last = time,
		.longest = summary__overlap(incident),
		.example = {.number = number, .incident = *incident},
	};

	if (!group)
		return -ENOMEM;
	one.has_closest = summary__closeness(incident, &one.closest);
	join(group, &one);
	return 0;
}

/* --- after the last incident --- */

int incident_groups__rank(unsigned int verdict, unsigned int attribution)
{
	switch (verdict) {
	case THPRACE_ESCAPE:
		return thprace_proved(verdict, attribution) ? 0 : 1;
	case THPRACE_UNATTRIBUTED:
		return 2;
	case THPRACE_REMAINED:
		return 3;
	case THPRACE_UNPROVEN:
		return 4;
	default:
		return 5;
	}
}

static int rank(const struct incident_group *group)
{
	return incident_groups__rank(group->verdict, group->attribution);
}

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_rank(const void *a, const void *b)
{
	const struct incident_group *x = a, *y = b;

	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	if (x->class != y->class)
		return order(x->class, y->class);
	if (x->count != y->count)
		return order(y->count, x->count);
	return order(x->example.number, y->example.number);
}

/* Groups that may have to be joined become neighbours. */
static int by_stacks(const void *a, const void *b)
{
	const struct incident_group *x = a, *y = b;

	if (x->class != y->class)
		return order(x->class, y->class);
	if (x->verdict != y->verdict)
		return order(x->verdict, y->verdict);
	if (x->attribution != y->attribution)
		return order(x->attribution, y->attribution);
	if (x->level != y->level)
		return x->level - y->level;
	if (x->others != y->others)
		return order(x->others, y->others);
	if (x->hash != y->hash)
		return order(x->hash, y->hash);
	return order(x->example.number, y->example.number);
}

/* The same incident, its stacks without the observer's frames. */
static struct thprace_incident of_kernel(const struct summary *summary,
					 const struct thprace_incident *incident)
{
	struct thprace_incident result = *incident;

	result.opener_stack = stack_names__kernel(summary, &incident->opener_stack);
	result.walker_stack = stack_names__kernel(summary, &incident->walker_stack);
	return result;
}

static bool same_in_kernel(const struct summary *summary, const struct incident_group *group,
			   const struct thprace_incident *incident)
{
	struct incident_group shown = *group;

	shown.example.incident = of_kernel(summary, &group->example.incident);
	return same(&shown, incident);
}

static void join_all(struct incident_groups *groups, const struct summary *summary)
{
	struct incident_group *group, *last = NULL;
	struct thprace_incident shown;
	size_t i, nr = 0;

	for (i = 0; i < groups->nr; i++) {
		group = &groups->group[i];
		shown = of_kernel(summary, &group->example.incident);
		if (last && !group->others && last->hash == group->hash &&
		    same_in_kernel(summary, last, &shown)) {
			join(last, group);
			continue;
		}
		last = &groups->group[nr++];
		*last = *group;
	}
	groups->nr = nr;
}

void incident_groups__finish(struct incident_groups *groups, const struct summary *summary)
{
	struct incident_group *group;
	struct thprace_incident shown;
	size_t i;

	if (!groups->nr)
		return;
	memset(groups->place, 0, sizeof(groups->place));
	for (i = 0; i < groups->nr; i++) {
		group = &groups->group[i];
		shown = of_kernel(summary, &group->example.incident);
		group->hash = group->others ? 0 : hash_incident(&shown);
	}
	qsort(groups->group, groups->nr, sizeof(*groups->group), by_stacks);
	join_all(groups, summary);
	for (i = 0; i < groups->nr; i++) {
		const struct thprace_incident *example = &groups->group[i].example.incident;

		group = &groups->group[i];
		if (summary__has_window(example))
			stack_names__task(group->opener, sizeof(group->opener), summary,
					  &example->opener_stack);
		stack_names__task(group->walker, sizeof(group->walker), summary,
				  &example->walker_stack);
	}
	qsort(groups->group, groups->nr, sizeof(*groups->group), by_rank);
}

size_t incident_groups__count(const struct incident_groups *groups)
{
	return groups->nr;
}

const struct incident_group *incident_groups__get(const struct incident_groups *groups,
						  size_t index)
{
	return &groups->group[index];
}

const struct incident_group *incident_groups__find(const struct incident_groups *groups,
						   const struct summary *summary,
						   const struct thprace_incident *incident)
{
	struct thprace_incident shown = of_kernel(summary, incident);
	uint64_t hash = hash_incident(&shown);
	const struct incident_group *group, *others = NULL;
	size_t i;

	for (i = 0; i < groups->nr; i++) {
		group = &groups->group[i];
		if (group->others && same_kind(group, incident))
			others = group;
		else if (group->hash == hash && same_in_kernel(summary, group, &shown))
			return group;
	}
	return others;
}

const char *incident_groups__name(char *buf, size_t size, const struct incident_group *group,
				  int utf8)
{
	if (group->others)
		snprintf(buf, size, "others");
	else if (!group->opener[0])
		snprintf(buf, size, "%s alone", group->walker);
	else
		snprintf(buf, size, "%s %s %s", group->opener, utf8 ? "↔" : "<->", group->walker);
	return buf;
}

struct incident_groups *incident_groups__new(void)
{
	return calloc(1, sizeof(struct incident_groups));
}

void incident_groups__free(struct incident_groups *groups)
{
	if (!groups)
		return;
	free(groups->group);
	free(groups);
}
