// SPDX-License-Identifier: GPL-2.0-only
/* Identical incidents, and a class's messages per minute. */
#include "alert_dedup.h"

#include <stdio.h>
#include <string.h>

#define MINUTE (60 * 1000000000ULL)

void alert_dedup__init(struct alert_dedup *dedup, const struct alert_dedup_hooks *hooks)
{
	memset(dedup, 0, sizeof(*dedup));
	dedup->hooks = *hooks;
}

void alert_dedup__configure(struct alert_dedup *dedup, uint64_t length, uint64_t per_minute)
{
	dedup->length = length;
	dedup->per_minute = per_minute;
}

/* Store the evidence of the latest one. */
static void note(struct alert_dedup_last *last, uint64_t number, const char *file, uint64_t from,
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

static bool any_withheld(const struct alert_dedup_limit *class)
{
	unsigned int verdict;

	for (verdict = 0; verdict < THPRACE_VERDICT_MAX; verdict++) {
		if (class->withheld[verdict])
			return true;
	}
	return false;
}

static void emit_withheld(struct alert_dedup *dedup, unsigned int index)
{
	struct alert_dedup_limit *class = &dedup->limits[index];

	if (index < THPRACE_CLASS_MAX)
		dedup->hooks.withheld(dedup->hooks.ctx, index, class);
	else if (index >= ALERT_DEDUP_KINDS)
		dedup->hooks.withheld(dedup->hooks.ctx, class->class, class);
	else
		dedup->hooks.complaints(dedup->hooks.ctx, index - THPRACE_CLASS_MAX, class);
	memset(class->withheld, 0, sizeof(class->withheld));
	memset(&class->last, 0, sizeof(class->last));
}

/* Begin the next minute if this one is over. Its first message is about what was withheld. */
static void begin_minute(struct alert_dedup *dedup, unsigned int index, uint64_t now)
{
	struct alert_dedup_limit *class = &dedup->limits[index];

	if (now < class->minute_end)
		return;
	class->minute_end = now + MINUTE;
	class->sent = 0;
	if (any_withheld(class)) {
		class->sent = 1;
		emit_withheld(dedup, index);
	}
}

/* Use one of a class's messages, if there is one left. */
static bool take(struct alert_dedup *dedup, unsigned int index, uint64_t now)
{
	struct alert_dedup_limit *class = &dedup->limits[index];

	begin_minute(dedup, index, now);
	if (class->sent >= dedup->per_minute)
		return false;
	class->sent++;
	return true;
}

/* Which limit applies: that of the source, if it has one or gets one now, else the class's. */
static unsigned int limit_of(struct alert_dedup *dedup, const struct alert_dedup_key *key,
			     uint64_t now)
{
	unsigned int index, free_one = 0, others = 0;
	struct alert_dedup_limit *limit;

	if (!key->source)
		return key->class;
	for (index = ALERT_DEDUP_KINDS; index < ALERT_DEDUP_LIMITS; index++) {
		limit = &dedup->limits[index];
		if (limit->source == key->source && limit->class == key->class)
			return index;
		if (!limit->source || (now >= limit->minute_end && !any_withheld(limit)))
			free_one = free_one ? free_one : index;
		else
			others += limit->class == key->class;
	}
	if (!free_one || others >= ALERT_DEDUP_SOURCES_OF_CLASS)
		return key->class;
	dedup->limits[free_one] =
		(struct alert_dedup_limit){.source = key->source, .class = key->class};
	return free_one;
}

static void end_group(struct alert_dedup *dedup, struct alert_dedup_group *group, uint64_t now)
{
	unsigned int index = limit_of(dedup, &group->key, now);
	struct alert_dedup_limit *class = &dedup->limits[index];

	group->until = 0;
	if (!group->count)
		return;
	if (take(dedup, index, now)) {
		dedup->hooks.group(dedup->hooks.ctx, group);
		return;
	}
	class->withheld[group->key.verdict] += group->count;
	note(&class->last, group->last.number, group->last.file, group->last.from, group->last.to);
}

static struct alert_dedup_group *find(struct alert_dedup *dedup, const struct alert_dedup_key *key)
{
	size_t i;

	for (i = 0; i < ALERT_DEDUP_GROUPS; i++) {
		if (dedup->groups[i].until && !memcmp(&dedup->groups[i].key, key, sizeof(*key)))
			return &dedup->groups[i];
	}
	return NULL;
}

/* A group for what comes after this incident, if there is space. */
static void begin_group(struct alert_dedup *dedup, const struct alert_dedup_key *key, uint64_t now)
{
	size_t i;

	for (i = 0; i < ALERT_DEDUP_GROUPS; i++) {
		struct alert_dedup_group *group = &dedup->groups[i];

		if (group->until > now || (group->until && group->count))
			continue;
		memset(group, 0, sizeof(*group));
		group->key = *key;
		group->until = now + dedup->length;
		return;
	}
}

bool alert_dedup__incident(struct alert_dedup *dedup, const struct alert_dedup_key *key,
			   uint64_t number, const char *file, bool exempt, uint64_t now)
{
	struct alert_dedup_group *group = find(dedup, key);
	struct alert_dedup_limit *class;
	unsigned int index;

	if (group && now >= group->until) {
		end_group(dedup, group, now);
		group = NULL;
	}
	if (group && !exempt) {
		group->count++;
		note(&group->last, number, file, now, now);
		return false;
	}
	index = limit_of(dedup, key, now);
	class = &dedup->limits[index];
	if (!exempt && !take(dedup, index, now)) {
		class->withheld[key->verdict]++;
		note(&class->last, number, file, now, now);
		return false;
	}
	if (!group)
		begin_group(dedup, key, now);
	return true;
}

bool alert_dedup__complaint(struct alert_dedup *dedup, enum complaint_kind kind, uint64_t now)
{
	unsigned int index = THPRACE_CLASS_MAX + (unsigned int)kind;
	struct alert_dedup_limit *class = &dedup->limits[index];

	if (take(dedup, index, now))
		return true;
	class->withheld[ALERT_DEDUP_COMPLAINTS_VERDICT]++;
	note(&class->last, 0, NULL, now, now);
	return false;
}

void alert_dedup__tick(struct alert_dedup *dedup, uint64_t now)
{
	unsigned int c;
	size_t i;

	for (i = 0; i < ALERT_DEDUP_GROUPS; i++) {
		if (dedup->groups[i].until && now >= dedup->groups[i].until)
			end_group(dedup, &dedup->groups[i], now);
	}
	for (c = 0; c < ALERT_DEDUP_LIMITS; c++) {
		if (any_withheld(&dedup->limits[c]))
			begin_minute(dedup, c, now);
	}
}

uint64_t alert_dedup__deadline(const struct alert_dedup *dedup)
{
	uint64_t deadline = 0, next;
	unsigned int c;
	size_t i;

	for (i = 0; i < ALERT_DEDUP_GROUPS; i++) {
		next = dedup->groups[i].count ? dedup->groups[i].until : 0;
		if (next && (!deadline || next < deadline))
			deadline = next;
	}
	for (c = 0; c < ALERT_DEDUP_LIMITS; c++) {
		next = any_withheld(&dedup->limits[c]) ? dedup->limits[c].minute_end : 0;
		if (next && (!deadline || next < deadline))
			deadline = next;
	}
	return deadline;
}

void alert_dedup__finish(struct alert_dedup *dedup, uint64_t now)
{
	unsigned int c;
	size_t i;

	for (i = 0; i < ALERT_DEDUP_GROUPS; i++) {
		if (dedup->groups[i].until)
			end_group(dedup, &dedup->groups[i], now);
	}
	for (c = 0; c < ALERT_DEDUP_LIMITS; c++) {
		if (any_withheld(&dedup->limits[c]))
			emit_withheld(dedup, c);
	}
}
