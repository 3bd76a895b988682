// SPDX-License-Identifier: GPL-2.0-only
/* The detector: feeding, and the pairing of starts and returns. See detector_private.h. */
#include <errno.h>
#include <stdlib.h>
#include "detector_private.h"
#include "classes/race_class.h"

struct detector *detector__new(const struct detector_options *options)
{
	struct detector *detector = calloc(1, sizeof(*detector));

	if (!detector)
		return NULL;
	detector->options = *options;
	if (!detector->options.watermark)
		detector->options.watermark = DETECTOR_WATERMARK_NS;
	detector->settle = detector__after(detector->options.watermark, THPRACE_ATTRIBUTION_NS);
	detector->settle = detector__after(detector->settle, detector->options.watermark);
	detector->give_up = DETECTOR_GIVE_UP_NS;
	if (detector->give_up < detector->settle)
		detector->give_up = detector->settle;
	detector->stats.closest.distance = THPRACE_FOREVER;
	detector->sweep = 1024;
	detector->last = &detector->first;
	return detector;
}

/*
 * What a task may be inside of: one of each kind of function, and for walkers one of each class.
 * The key is (pid, first record's type, class).
 */
static uint64_t begun_key(const struct thprace_record *record, enum thprace_record_type first)
{
	uint64_t class = first == THPRACE_REC_WALK_ENTER ? record->class : 0;

	return (uint64_t)record->pid << 32 | (uint64_t)first << 8 | class;
}

static void begun_drop(struct detector *detector, struct detector_begun *begun)
{
	detector_begun__unlink(&detector->walking, begun);
	hash_map__remove(&detector->begun, begun->key);
	free(begun);
}

static int begin(struct detector *detector, const struct thprace_record *record)
{
	uint64_t key = begun_key(record, record->type);
	struct detector_begun *begun = hash_map__get(&detector->begun, key);

	if (begun) {
		detector->stats.orphans++;
		begun_drop(detector, begun);
	}
	begun = calloc(1, sizeof(*begun));
	if (!begun)
		return -ENOMEM;
	begun->key = key;
	begun->since = record->ts;
	begun->serial = detector->serial;
	if (hash_map__set(&detector->begun, key, begun)) {
		free(begun);
		return -ENOMEM;
	}
	/* Windows are kept for these, which will look back at them. */
	if (record->type == THPRACE_REC_WALK_ENTER || record->type == THPRACE_REC_SPLIT_ENTER)
		detector_begun__link(&detector->walking, begun);
	return 0;
}

static void finish(struct detector *detector, const struct thprace_record *record,
		   enum thprace_record_type first)
{
	struct detector_begun *begun = hash_map__get(&detector->begun, begun_key(record, first));

	if (begun && begun->since == record->entry)
		begun_drop(detector, begun);
	else
		detector->stats.orphans++;
}

/* Windows are not kept forever for a walker whose return may be lost. */
static void give_up(struct detector *detector)
{
	struct detector_begun *begun;

	while ((begun = detector->walking.first)) {
		if (detector->now <= detector__after(begun->since, detector->give_up) ||
		    detector->serial - begun->serial < DETECTOR_GIVE_UP_RECORDS)
			return;
		detector_begun__unlink(&detector->walking, begun);
	}
}

static void walk_of(const struct thprace_record *record, struct thprace_walk *walk)
{
	*walk = (struct thprace_walk){
		.enter = record->entry,
		.leave = record->ts,
		.folio = record->folio,
		.pid = record->pid,
		.tgid = record->tgid,
		.cpu = record->cpu,
		.class = record->class,
		.origin = record->origin,
		.flags = record->flags,
	};
	if (!walk->enter || walk->enter > walk->leave)
		walk->enter = walk->leave;
}

static int walk_return(struct detector *detector, const struct thprace_record *record)
{
	struct thprace_walk walk;

	finish(detector, record, THPRACE_REC_WALK_ENTER);
	walk_of(record, &walk);
	walk.ttu = record->arg;
	walk.residual = record->value;
	walk.left = thprace_counts_of(record->arg2);
	return detector_match__walker(detector, &walk, DETECTOR_WALKER);
}

static int split_return(struct detector *detector, const struct thprace_record *record)
{
	struct thprace_walk walk;

	finish(detector, record, THPRACE_REC_SPLIT_ENTER);
	if (!record->arg)
		return 0;
	detector_match__result(detector, record);
	if (record->arg2)
		return 0;
	walk_of(record, &walk);
	walk.enter = record->arg < record->ts ? record->arg : record->ts;
	walk.result = record->value;
	walk.flags |= THPRACE_KF_RESULT;
	walk.class = (uint8_t)race_class__with(RACE_SPLIT);
	return detector_match__walker(detector, &walk, DETECTOR_HEAD);
}

static int check(struct detector *detector, const struct thprace_record *record)
{
	struct thprace_walk walk;

	if (detector_match__check(detector, record))
		return 0;
	walk_of(record, &walk);
	walk.enter = walk.leave;
	walk.residual = record->value;
	walk.flags |= THPRACE_KF_CHECK;
	return detector_match__walker(detector, &walk, DETECTOR_CHECK);
}

/* COLLAPSE_* and HOLD_*. */
static int reuse(struct detector *detector, const struct thprace_record *record)
{
	int err = 0;

	if (record->type == THPRACE_REC_COLLAPSE_ENTER || record->type == THPRACE_REC_HOLD_ENTER)
		err = begin(detector, record);
	else if (record->type == THPRACE_REC_COLLAPSE_RETURN)
		finish(detector, record, THPRACE_REC_COLLAPSE_ENTER);
	else
		finish(detector, record, THPRACE_REC_HOLD_ENTER);
	return err ? err : detector_reuse__record(detector, record);
}

static int dispatch(struct detector *detector, const struct thprace_record *record)
{
	switch (record->type) {
	case THPRACE_REC_ZAP_OPEN:
		return detector_window__open(detector, record);
	case THPRACE_REC_RMAP_PMD:
		return detector_window__removed(detector, record);
	case THPRACE_REC_ZAP_CLOSE:
		return detector_window__close(detector, record);
	case THPRACE_REC_RMAP_PTE:
		return detector_match__removal(detector, record);
	case THPRACE_REC_RANGE:
		return detector_match__range(detector, record);
	case THPRACE_REC_OUTER:
		detector_match__outer(detector, record);
		return 0;
	case THPRACE_REC_WALK_ENTER:
	case THPRACE_REC_SPLIT_ENTER:
	case THPRACE_REC_POISON_ENTER:
		return begin(detector, record);
	case THPRACE_REC_WALK_RETURN:
		return walk_return(detector, record);
	case THPRACE_REC_SPLIT_RETURN:
		return split_return(detector, record);
	case THPRACE_REC_COLLAPSE_ENTER:
	case THPRACE_REC_COLLAPSE_RETURN:
	case THPRACE_REC_HOLD_ENTER:
	case THPRACE_REC_HOLD_RETURN:
		return reuse(detector, record);
	case THPRACE_REC_POISON_RETURN:
		finish(detector, record, THPRACE_REC_POISON_ENTER);
		return 0;
	case THPRACE_REC_CHECK:
		return check(detector, record);
	case THPRACE_REC_RACE_BEGIN:
	case THPRACE_REC_RACE_END:
		return detector_race__record(detector, record);
	default:
		return 0;
	}
}

static int process(struct detector *detector, const struct thprace_record *record)
{
	int err;

	detector->now = record->ts;
	detector->serial++;
	err = dispatch(detector, record);
	if (err)
		return err;
	give_up(detector);
	err = detector_window__give_up(detector);
	if (err)
		return err;
	detector_settle__ready(detector);
	detector_reuse__ready(detector);
	detector_race__ready(detector);
	return detector->serial >= detector->sweep ? detector_match__sweep(detector) : 0;
}

int detector__feed(struct detector *detector, const struct thprace_record *record)
{
	struct thprace_record ready;
	bool late = record->ts < detector->now;
	int err;

	if (detector->finished)
		return -EINVAL;
	detector->stats.records++;
	detector->stats.late += late;
	if (record->type == THPRACE_REC_LOST) {
		detector->stats.lost += record->arg;
		err = detector__lose(detector, record->entry, record->ts);
	} else if (late) {
		err = detector__lose(detector, record->entry ? record->entry : record->ts,
				     record->ts);
	} else {
		ready = *record;
		if (ready.class >= THPRACE_CLASS_MAX)
			ready.class = THPRACE_CLASS_NONE;
		err = detector_reorder__push(&detector->reorder, &ready);
	}
	if (record->ts > detector->newest)
		detector->newest = record->ts;
	while (!err && detector->newest >= detector->options.watermark &&
	       detector_reorder__pop(&detector->reorder,
				     detector->newest - detector->options.watermark, &ready))
		err = process(detector, &ready);
	return err;
}

int detector__finish(struct detector *detector)
{
	struct thprace_record ready;
	int err = 0;

	while (!err && detector_reorder__pop(&detector->reorder, THPRACE_FOREVER, &ready))
		err = process(detector, &ready);
	if (err)
		return err;
	if (!detector->finished)
		detector->stats.orphans += detector->begun.count;
	detector->finished = true;
	err = detector_window__finish(detector);
	if (err)
		return err;
	detector_settle__all(detector);
	detector_reuse__all(detector);
	detector_race__all(detector);
	return 0;
}

const struct detector_stats *detector__stats(const struct detector *detector)
{
	return &detector->stats;
}

void detector__free(struct detector *detector)
{
	struct detector_walker *walker;
	size_t i;

	if (!detector)
		return;
	while ((walker = detector->first)) {
		detector->first = walker->next;
		detector_walker__free(walker);
	}
	HASH_MAP_EACH(i, &detector->begun)
		free(detector->begun.values[i]);
	HASH_MAP_EACH(i, &detector->open)
		free(detector->open.values[i]);
	hash_map__free(&detector->begun);
	hash_map__free(&detector->open);
	detector_match__free(detector);
	detector_reuse__free(detector);
	detector_race__free(detector);
	free(detector->reorder.heap);
	free(detector->loss.span);
	free(detector);
}
