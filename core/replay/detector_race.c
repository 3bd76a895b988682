// SPDX-License-Identifier: GPL-2.0-only
/*
 * The detector's races from files: RACE_BEGIN and RACE_END, from records to verdicts.
 *
 * Ends come in order of time. Each is compared with those of the other side that ended before, on
 * the same key, so each pair is found once, by the side that ends last. An end is final once no
 * interval is open that began before it: nothing can overlap it any more. The memory that an escape's condition
 * reads is not in the records, so they say whether it held.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "detector_private.h"

#define LISTS 4096
/* An end that is lost is not waited for after this; core's correlator waits as long. */
#define GIVE_UP_NS 60000000000ULL

struct race_side {
	struct race_side *next; /* in order of their ends */
	struct hash_node by_key;
	uint64_t begin, end, key, from, to;
	uint32_t pid, tgid;
	uint16_t cpu, flags;
	uint8_t class;
	unsigned int users; /* those that have met it, and itself until it is final */
	unsigned int overlaps;
	unsigned int unended; /* others that it met, and whose end is not known */
	struct race_side **met; /* that ended before */
	size_t met_count, met_room;
};

struct race_open {
	struct detector_begun begun; /* first member; key: of the map */
	uint64_t key, from, to;
	uint32_t pid;
	uint16_t flags;
	uint8_t class;
};

struct detector_race {
	struct hash_map open; /* task, class and section → struct race_open */
	struct detector_begun_list opened;
	struct hash_list ends[LISTS];
	struct race_side *first, **last; /* not final yet */
};

static struct detector_race *races(struct detector *detector)
{
	if (detector->race)
		return detector->race;
	detector->race = calloc(1, sizeof(*detector->race));
	if (detector->race)
		detector->race->last = &detector->race->first;
	return detector->race;
}

static void release(struct race_side *side)
{
	if (--side->users)
		return;
	free(side->met);
	free(side);
}

static bool is_walker(uint16_t flags)
{
	return flags & THPRACE_RF_WALKER;
}

static struct hash_list *list_of(struct detector_race *race, uint64_t key, uint8_t class,
				 bool walker)
{
	return &race->ends[hash__pair(key, (uint64_t) class << 1 | walker) % LISTS];
}

/* --- what is open --- */

static uint64_t open_key(const struct thprace_record *record)
{
	return (uint64_t)record->pid << 32 | (uint64_t)record->class << 8 | (record->value & 0xff);
}

/* It ends at a time that nobody knows: what it may have met so far. */
static void give_up(struct detector_race *race, const struct race_open *open)
{
	struct race_side *side;

	for (side = race->first; side; side = side->next)
		side->unended += side->class == open->class && side->pid != open->pid &&
				 is_walker(side->flags) != is_walker(open->flags) &&
				 side->key == open->key && side->end >= open->begun.since &&
				 side->from < open->to && open->from < side->to;
}

static void close_open(struct detector_race *race, struct race_open *open)
{
	detector_begun__unlink(&race->opened, &open->begun);
	hash_map__remove(&race->open, open->begun.key);
	free(open);
}

static int begin(struct detector *detector, const struct thprace_record *record)
{
	struct detector_race *race = races(detector);
	struct race_open *open;

	if (!race)
		return -ENOMEM;
	open = hash_map__get(&race->open, open_key(record));
	if (open) {
		detector->stats.orphans++;
		give_up(race, open);
		close_open(race, open);
	}
	open = calloc(1, sizeof(*open));
	if (!open)
		return -ENOMEM;
	*open = (struct race_open){
		.begun = {.key = open_key(record), .since = record->ts, .serial = detector->serial},
		.key = record->folio,
		.from = record->arg,
		.to = record->arg2,
		.pid = record->pid,
		.flags = record->flags,
		.class = record->class,
	};
	if (hash_map__set(&race->open, open->begun.key, open)) {
		free(open);
		return -ENOMEM;
	}
	detector_begun__link(&race->opened, &open->begun);
	return 0;
}

/* --- pairs --- */

static enum thprace_meeting meets(const struct race_side *x, const struct race_side *y)
{
	if (x->flags & THPRACE_RF_INSTANT)
		return thprace_meets_at(x->begin, y->begin, y->end);
	if (y->flags & THPRACE_RF_INSTANT)
		return thprace_meets_at(y->begin, x->begin, x->end);
	return thprace_meets(x->begin, x->end, y->begin, y->end);
}

/* Its task exited in it, or it began anew; when it would have ended nobody knows. */
static bool is_unended(const struct race_side *side)
{
	return side->flags & THPRACE_RF_UNENDED;
}

static int note(struct race_side *side, struct race_side *other)
{
	struct race_side **grown;
	size_t room;

	if (side->met_count == side->met_room) {
		room = side->met_room ? 2 * side->met_room : 4;
		grown = reallocarray(side->met, room, sizeof(struct race_side *));
		if (!grown)
			return -ENOMEM;
		side->met = grown;
		side->met_room = room;
	}
	side->met[side->met_count++] = other;
	other->users++;
	side->overlaps++;
	other->overlaps++;
	return 0;
}

static int meet_all(struct detector *detector, struct race_side *side)
{
	struct hash_list *list =
		list_of(detector->race, side->key, side->class, !is_walker(side->flags));
	enum thprace_meeting meeting;
	struct race_side *other;
	int err = 0;

	/* The newest comes first: those that ended before it began are left out, however many they are. */
	HASH_EACH(other, list, by_key) {
		if (other->end < side->begin)
			break;
		if (++detector->meetings >
		    DETECTOR_MEETINGS + detector->serial * DETECTOR_MEETINGS_EACH)
			return -EOVERFLOW;
		if (other->key != side->key || other->class != side->class ||
		    other->pid == side->pid || is_walker(other->flags) == is_walker(side->flags) ||
		    other->from >= side->to || side->from >= other->to)
			continue;
		meeting = meets(side, other);
		detector->stats.touching += meeting == THPRACE_TOUCH;
		if (meeting != THPRACE_OVERLAP)
			continue;
		if (is_unended(side) || is_unended(other)) {
			side->unended++;
			other->unended++;
			continue;
		}
		err = note(side, other);
		if (err)
			return err;
	}
	return 0;
}

static int end(struct detector *detector, const struct thprace_record *record)
{
	const bool instant = record->flags & THPRACE_RF_INSTANT;
	struct detector_race *race = races(detector);
	struct race_open *open = race ? hash_map__get(&race->open, open_key(record)) : NULL;
	struct race_side *side;

	if (!race)
		return -ENOMEM;
	if (open && open->begun.since == record->entry) {
		close_open(race, open);
	} else {
		detector->stats.orphans += !instant;
	}
	if (record->flags & THPRACE_RF_DROPPED && !(record->flags & THPRACE_RF_UNENDED))
		return 0;
	side = calloc(1, sizeof(*side));
	if (!side)
		return -ENOMEM;
	*side = (struct race_side){
		.begin = record->entry < record->ts ? record->entry : record->ts,
		.end = record->ts,
		.key = record->folio,
		.from = record->arg,
		.to = record->arg2,
		.pid = record->pid,
		.tgid = record->tgid,
		.cpu = record->cpu,
		.flags = record->flags,
		.class = record->class,
		.users = 1,
	};
	detector->stats.class[side->class].walkers += is_walker(side->flags) && !is_unended(side);
	*race->last = side;
	race->last = &side->next;
	hash_list__add(list_of(race, side->key, side->class, is_walker(side->flags)),
		       &side->by_key);
	return meet_all(detector, side);
}

int detector_race__record(struct detector *detector, const struct thprace_record *record)
{
	if (record->type == THPRACE_REC_RACE_BEGIN)
		return begin(detector, record);
	return record->type == THPRACE_REC_RACE_END ? end(detector, record) : 0;
}

/* --- verdicts --- */

static void emit(struct detector *detector, struct thprace_incident *incident, uint64_t from,
		 uint64_t to)
{
	struct detector_class *class = &detector->stats.class[incident->walk.class];

	if (detector_loss__touches(&detector->loss, from, to)) {
		incident->verdict = THPRACE_UNPROVEN;
		incident->attribution = THPRACE_ATTRIBUTION_NONE;
	}
	incident->type = THPRACE_MSG_INCIDENT;
	incident->mode = (uint8_t)detector->options.mode;
	incident->first_verdict = incident->verdict;
	class->contained += incident->verdict == THPRACE_CONTAINED;
	class->escapes += incident->verdict == THPRACE_ESCAPE;
	class->unattributed += incident->verdict == THPRACE_UNATTRIBUTED;
	class->unproven += incident->verdict == THPRACE_UNPROVEN;
	if (detector->options.incident)
		detector->options.incident(detector->options.ctx, incident);
}

static struct thprace_walk walk_of(const struct race_side *side)
{
	return (struct thprace_walk){
		.enter = side->begin,
		.leave = side->end,
		.folio = side->key,
		.pid = side->pid,
		.tgid = side->tgid,
		.cpu = side->cpu,
		.class = side->class,
	};
}

static void settle_pair(struct detector *detector, const struct race_side *x,
			const struct race_side *y)
{
	const struct race_side *walker = is_walker(x->flags) ? x : y;
	const struct race_side *window = walker == x ? y : x;
	const struct race_side *proof = window->flags & THPRACE_RF_ESCAPED ? window : walker;
	struct thprace_incident incident = {
		.walk = walk_of(walker),
		.window = {.open = window->begin,
			   .close = window->end,
			   .folio = window->key,
			   .pid = window->pid,
			   .tgid = window->tgid,
			   .cpu = window->cpu,
			   .flags = THPRACE_WF_SETTLED,
			   .left = THPRACE_LEFT_UNREAD},
		.verdict = THPRACE_CLEAN,
	};

	if (proof->flags & THPRACE_RF_ESCAPED) {
		incident.verdict = THPRACE_ESCAPE;
		incident.attribution = proof->overlaps == 1 && !proof->unended ? THPRACE_CAUSAL
									       : THPRACE_LIKELY;
	} else if ((window->flags | walker->flags) & THPRACE_RF_JUDGED) {
		incident.verdict = THPRACE_CONTAINED;
	}
	detector->stats.class[walker->class].overlaps++;
	emit(detector, &incident, x->begin < y->begin ? x->begin : y->begin,
	     x->end > y->end ? x->end : y->end);
}

/* Pairs that end with it, or it alone. */
static void settle(struct detector *detector, const struct race_side *side)
{
	struct thprace_incident alone = {.walk = walk_of(side),
					 .verdict = side->unended ? THPRACE_UNPROVEN
								  : THPRACE_UNATTRIBUTED};
	size_t i;

	for (i = 0; i < side->met_count; i++)
		settle_pair(detector, side, side->met[i]);
	if (!is_unended(side) && !side->overlaps && side->flags & THPRACE_RF_ESCAPED)
		emit(detector, &alone, side->begin, side->end);
}

static void settle_first(struct detector *detector)
{
	struct detector_race *race = detector->race;
	struct race_side *side = race->first;
	size_t i;

	settle(detector, side);
	if (side->end > detector->settled)
		detector->settled = side->end;
	race->first = side->next;
	if (!race->first)
		race->last = &race->first;
	hash_list__remove(&side->by_key);
	for (i = 0; i < side->met_count; i++)
		release(side->met[i]);
	side->met_count = 0;
	release(side);
}

void detector_race__ready(struct detector *detector)
{
	struct detector_race *race = detector->race;
	struct detector_begun *oldest;

	if (!race)
		return;
	while ((oldest = race->opened.first) &&
	       detector->now > detector__after(oldest->since, GIVE_UP_NS)) {
		detector->stats.orphans++;
		give_up(race, (struct race_open *)oldest);
		close_open(race, (struct race_open *)oldest);
	}
	while (race->first && detector__after(race->first->end, detector->settle) < detector->now &&
	       (!oldest || race->first->end < oldest->since))
		settle_first(detector);
}

void detector_race__all(struct detector *detector)
{
	struct detector_race *race = detector->race;

	if (!race)
		return;
	while (race->opened.first) {
		detector->stats.orphans++;
		give_up(race, (struct race_open *)race->opened.first);
		close_open(race, (struct race_open *)race->opened.first);
	}
	while (race->first)
		settle_first(detector);
}

void detector_race__free(struct detector *detector)
{
	struct detector_race *race = detector->race;
	struct race_side *side;
	size_t i;

	if (!race)
		return;
	while (race->opened.first)
		close_open(race, (struct race_open *)race->opened.first);
	while ((side = race->first)) {
		race->first = side->next;
		for (i = 0; i < side->met_count; i++)
			release(side->met[i]);
		release(side);
	}
	hash_map__free(&race->open);
	free(race);
}
