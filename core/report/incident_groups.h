/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The incidents of a trace, in groups of those that are alike: same class, verdict, certainty,
 * level of the window and stacks of both sides. The memory does not grow with the trace.
 */
#ifndef THPRACE_INCIDENT_GROUPS_H
#define THPRACE_INCIDENT_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "summary.h"

/*
 * Groups that are kept apart. Incidents with other stacks than all these are counted in one more
 * group ("others") for each class, verdict, certainty and level.
 */
#define INCIDENT_GROUPS_MAX 1024

#define INCIDENT_GROUP_SIDE_LEN 64
#define INCIDENT_GROUP_NAME_LEN 160

struct incident_group {
	unsigned int class; /* enum thprace_class */
	enum thprace_verdict verdict;
	enum thprace_attribution attribution; /* of an escape */
	int level; /* enum thprace_level of the window; -1: no window, or it has none */
	bool others; /* incidents of many pairs of stacks; example is one of them */
	uint64_t count;
	uint64_t first; /* when the first and the last of them happened, ns CLOCK_MONOTONIC */
	uint64_t last;
	bool has_closest;
	uint64_t closest; /* the least summary__closeness() */
	uint64_t longest; /* the longest overlap, ns; 0: not known */
	/* One to show: the closest, else the one of the largest summary__weight(). */
	struct summary_incident example;
	/* What the tasks did: see stack_names__task(). opener is "" if no window was seen. */
	char opener[INCIDENT_GROUP_SIDE_LEN];
	char walker[INCIDENT_GROUP_SIDE_LEN];
	uint64_t hash; /* of the stacks */
};

struct incident_groups;

/* How bad: 0 an escape that is proved, 1 a likely one, then unattributed, remained, unproven, contained. */
int incident_groups__rank(unsigned int verdict, unsigned int attribution);

/* Returns an object to be freed with incident_groups__free(), or NULL. */
struct incident_groups *incident_groups__new(void);

/* Add an incident; number: its position in the file. 0 or -ENOMEM. */
int incident_groups__add(struct incident_groups *groups, uint64_t number,
			 const struct thprace_incident *incident);

/*
 * After the last incident: name the groups by the trace's symbols, join those that differ only in
 * frames of the observer, and sort them: escapes that are proved, likely ones, unattributed,
 * remained, unproven, contained; then by class and count.
 */
void incident_groups__finish(struct incident_groups *groups, const struct summary *summary);

size_t incident_groups__count(const struct incident_groups *groups);

/* By rank, from 0. Valid until incident_groups__free(). */
const struct incident_group *incident_groups__get(const struct incident_groups *groups,
						  size_t index);

/* The group of an incident that was added, or NULL; after incident_groups__finish(). */
const struct incident_group *incident_groups__find(const struct incident_groups *groups,
						   const struct summary *summary,
						   const struct thprace_incident *incident);

/*
 * "munmap ↔ fallocate" ("munmap <-> fallocate" unless utf8), "fallocate alone", "others"; printable.
 * Into buf; returns it.
 */
const char *incident_groups__name(char *buf, size_t size, const struct incident_group *group,
				  int utf8);

void incident_groups__free(struct incident_groups *groups);

#endif
