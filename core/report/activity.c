// SPDX-License-Identifier: GPL-2.0-only
#include "activity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/race.h>

#define FIRST_LENGTH 1000000 /* ns */
#define LATEST (1LL << 60) /* ns, 36 years; only a damaged record has a later time */
#define CPUS 65536 /* record.cpu has 16 bits */

static void add(struct activity_part *sum, const struct activity_part *part)
{
	sum->windows += part->windows;
	sum->walkers += part->walkers;
	sum->incidents += part->incidents;
	sum->escapes += part->escapes;
}

/* Join the parts by twos, into the later half if time goes backwards. */
static void lengthen(struct activity *activity, int backwards)
{
	struct activity_part *parts = activity->parts, half[ACTIVITY_PARTS / 2];
	unsigned int i;

	for (i = 0; i < ACTIVITY_PARTS / 2; i++) {
		half[i] = parts[2 * i];
		add(&half[i], &parts[2 * i + 1]);
	}
	memset(parts, 0, sizeof(activity->parts));
	memcpy(&parts[backwards ? ACTIVITY_PARTS / 2 : 0], half, sizeof(half));
	if (backwards)
		activity->from -= activity->length * ACTIVITY_PARTS;
	activity->length *= 2;
}

static struct activity_part *part_of(struct activity *activity, uint64_t ns)
{
	int64_t when = ns < LATEST ? (int64_t)ns : LATEST;

	if (!activity->length) {
		activity->from = when;
		activity->length = FIRST_LENGTH;
	}
	while (when < activity->from)
		lengthen(activity, 1);
	while ((when - activity->from) / activity->length >= ACTIVITY_PARTS)
		lengthen(activity, 0);
	return &activity->parts[(when - activity->from) / activity->length];
}

static void add_loss(struct activity *activity, const struct thprace_record *record)
{
	if (activity->nr_losses == ACTIVITY_LOSSES_MAX) {
		activity->more_losses++;
		return;
	}
	activity->losses[activity->nr_losses++] = (struct activity_loss){
		.from = record->entry,
		.to = record->ts,
		.count = record->arg,
		.cpu = record->cpu,
		.cause = (unsigned int)record->value,
	};
}

/* Is it in the trace already? */
static int repeated(struct activity *activity, const struct thprace_record *record)
{
	uint32_t *last;

	if (!record->seq)
		return 0;
	if (!activity->last_seq)
		activity->last_seq = calloc(CPUS, sizeof(*activity->last_seq));
	if (!activity->last_seq)
		return -ENOMEM;
	last = &activity->last_seq[record->cpu];
	if (*last && (int32_t)(record->seq - *last) <= 0)
		return 1;
	*last = record->seq;
	return 0;
}

int activity__record(struct activity *activity, const struct thprace_record *record, int context)
{
	int known = context ? repeated(activity, record) : 0;

	if (known)
		return known < 0 ? known : 0;
	if (record->type == THPRACE_REC_ZAP_CLOSE)
		part_of(activity, record->ts)->windows++;
	else if (record->type == THPRACE_REC_WALK_RETURN)
		part_of(activity, record->ts)->walkers++;
	else if (record->type == THPRACE_REC_LOST)
		add_loss(activity, record);
	return 0;
}

void activity__incident(struct activity *activity, const struct thprace_incident *incident)
{
	const struct thprace_walk *walk = &incident->walk;
	uint64_t when = walk->leave ? walk->leave : walk->enter;
	struct activity_part *part;

	if (!when)
		return;
	part = part_of(activity, when);
	part->incidents++;
	part->escapes += incident->verdict == THPRACE_ESCAPE;
}

void activity__release(struct activity *activity)
{
	free(activity->last_seq);
	activity->last_seq = NULL;
}
