// SPDX-License-Identifier: GPL-2.0-only
/* Identical incidents, and a class' messages a minute. */
#include "fold.h"

#include <stdio.h>
#include <string.h>

#define MINUTE (60 * 1000000000ULL)

void fold__init(struct fold *fold, const struct fold_hooks *hooks)
{
	memset(fold, 0, sizeof(*fold));
	fold->hooks = *hooks;
}

void fold__configure(struct fold *fold, uint64_t length, uint64_t per_minute)
{
	fold->length = length;
	fold->per_minute = per_minute;
}

/* Take over the evidence of one more. */
static void note(struct fold_last *last, uint64_t number, const char *file, uint64_t from,
		 uint64_t to)
{
	if (!last->from)
		last->from = from;
	last->to = to;
	if (!number)
		return;
	last->number = number;
	snprintf(last->file, sizeof(last->file), "%s", file ? file : "");
}

static bool any_withheld(const struct fold_class *class)
{
	unsigned int verdict;

	for (verdict = 0; verdict < THPRACE_VERDICT_MAX; verdict++) {
		if (class->withheld[verdict])
			return true;
	}
	return false;
}

static void tell_withheld(struct fold *fold, unsigned int index)
{
	struct fold_class *class = &fold->limits[index];

	if (index < THPRACE_CLASS_MAX)
		fold->hooks.withheld(fold->hooks.ctx, index, class);
	else
		fold->hooks.complaints(fold->hooks.ctx, index - THPRACE_CLASS_MAX, class);
	memset(class->withheld, 0, sizeof(class->withheld));
	memset(&class->last, 0, sizeof(class->last));
}

/* The next minute, if this one is over. What was withheld is its first message. */
static void turn(struct fold *fold, unsigned int index, uint64_t now)
{
	struct fold_class *class = &fold->limits[index];

	if (now < class->minute_end)
		return;
	class->minute_end = now + MINUTE;
	class->sent = 0;
	if (any_withheld(class)) {
		class->sent = 1;
		tell_withheld(fold, index);
	}
}

/* Take one of a class' messages, if there is one left. */
static bool take(struct fold *fold, unsigned int index, uint64_t now)
{
	struct fold_class *class = &fold->limits[index];

	turn(fold, index, now);
	if (class->sent >= fold->per_minute)
		return false;
	class->sent++;
	return true;
}

static void end_group(struct fold *fold, struct fold_group *group, uint64_t now)
{
	struct fold_class *class = &fold->limits[group->key.class];

	group->until = 0;
	if (!group->count)
		return;
	if (take(fold, group->key.class, now)) {
		fold->hooks.group(fold->hooks.ctx, group);
		return;
	}
	class->withheld[group->key.verdict] += group->count;
	note(&class->last, group->last.number, group->last.file, group->last.from, group->last.to);
}

static struct fold_group *find(struct fold *fold, const struct fold_key *key)
{
	size_t i;

	for (i = 0; i < FOLD_GROUPS; i++) {
		if (fold->groups[i].until && !memcmp(&fold->groups[i].key, key, sizeof(*key)))
			return &fold->groups[i];
	}
	return NULL;
}

/* A group of its own for what comes after this incident, if there is room. */
static void begin_group(struct fold *fold, const struct fold_key *key, uint64_t now)
{
	size_t i;

	for (i = 0; i < FOLD_GROUPS; i++) {
		struct fold_group *group = &fold->groups[i];

		if (group->until > now || (group->until && group->count))
			continue;
		memset(group, 0, sizeof(*group));
		group->key = *key;
		group->until = now + fold->length;
		return;
	}
}

bool fold__incident(struct fold *fold, const struct fold_key *key, uint64_t number,
		    const char *file, bool exempt, uint64_t now)
{
	struct fold_group *group = find(fold, key);
	struct fold_class *class = &fold->limits[key->class];

	if (group && now >= group->until) {
		end_group(fold, group, now);
		group = NULL;
	}
	if (group && !exempt) {
		group->count++;
		note(&group->last, number, file, now, now);
		return false;
	}
	if (!exempt && !take(fold, key->class, now)) {
		class->withheld[key->verdict]++;
		note(&class->last, number, file, now, now);
		return false;
	}
	if (!group)
		begin_group(fold, key, now);
	return true;
}

bool fold__complaint(struct fold *fold, enum complaint_kind kind, uint64_t now)
{
	unsigned int index = THPRACE_CLASS_MAX + (unsigned int)kind;
	struct fold_class *class = &fold->limits[index];

	if (take(fold, index, now))
		return true;
	class->withheld[FOLD_COMPLAINTS_VERDICT]++;
	note(&class->last, 0, NULL, now, now);
	return false;
}

void fold__tick(struct fold *fold, uint64_t now)
{
	unsigned int c;
	size_t i;

	for (i = 0; i < FOLD_GROUPS; i++) {
		if (fold->groups[i].until && now >= fold->groups[i].until)
			end_group(fold, &fold->groups[i], now);
	}
	for (c = 0; c < FOLD_LIMITS; c++) {
		if (any_withheld(&fold->limits[c]))
			turn(fold, c, now);
	}
}

uint64_t fold__deadline(const struct fold *fold)
{
	uint64_t deadline = 0, next;
	unsigned int c;
	size_t i;

	for (i = 0; i < FOLD_GROUPS; i++) {
		next = fold->groups[i].count ? fold->groups[i].until : 0;
		if (next && (!deadline || next < deadline))
			deadline = next;
	}
	for (c = 0; c < FOLD_LIMITS; c++) {
		next = any_withheld(&fold->limits[c]) ? fold->limits[c].minute_end : 0;
		if (next && (!deadline || next < deadline))
			deadline = next;
	}
	return deadline;
}

void fold__finish(struct fold *fold, uint64_t now)
{
	unsigned int c;
	size_t i;

	for (i = 0; i < FOLD_GROUPS; i++) {
		if (fold->groups[i].until)
			end_group(fold, &fold->groups[i], now);
	}
	for (c = 0; c < FOLD_LIMITS; c++) {
		if (any_withheld(&fold->limits[c]))
			tell_withheld(fold, c);
	}
}
