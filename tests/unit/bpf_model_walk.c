// SPDX-License-Identifier: GPL-2.0-only
/* The model's programs of walkers, of the splits around them, and of the check point. */
#include "bpf_model_private.h"
#include "class_ids.h"

#include <stdlib.h>
#include <string.h>
#include <thprace/verdict.h>

static uint8_t origin_of(uint8_t class)
{
	static const uint8_t origins[THPRACE_CLASS_MAX] = {
		[THPRACE_SPLIT_UNMAP] = THPRACE_ORIGIN_SPLIT,
		[THPRACE_SPLIT_MIGRATE] = THPRACE_ORIGIN_SPLIT,
		[THPRACE_SPLIT_HEAD] = THPRACE_ORIGIN_SPLIT,
		[THPRACE_HWPOISON_UNMAP] = THPRACE_ORIGIN_HWPOISON,
		[THPRACE_TRUNCATE_UNMAP] = THPRACE_ORIGIN_TRUNCATE,
		[THPRACE_INVALIDATE_UNMAP] = THPRACE_ORIGIN_INVALIDATE,
	};

	return origins[class];
}

static void walk_record(struct bpf_model *model, unsigned int who, uint8_t type, uint64_t ts)
{
	const struct model_task *task = &model->state->task[who];
	struct thprace_record *record =
		model__record(model, who, type, ts, task->enter, task->folio);

	record->class = task->class;
	record->origin = origin_of(task->class);
	if (type == THPRACE_REC_WALK_RETURN) {
		record->flags = task->walk.flags & ~THPRACE_KF_OUTER;
		record->value = task->walk.residual;
		record->arg2 = THPRACE_COUNTS(task->walk.left.entire, task->walk.left.small);
	}
}

/* As core does: what has waited for long enough is given up. */
static void sweep(struct bpf_model *model)
{
	struct model_pending *place;

	for (place = model->state->pending; place < model->state->pending + PLACES; place++) {
		if (!place->folio || !place->leave ||
		    model->now < place->leave + THPRACE_ATTRIBUTION_NS + 50000000)
			continue;
		model__bucket_of(model, place->folio)->pending--;
		model->state->walkers--;
		*place = (struct model_pending){0};
	}
}

bool model__walk_begin(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	struct model_pending *place = &model->state->pending[task->place];
	struct model_bucket *bucket = model__bucket_of(model, bpf_model__folio(task->call.folio));

	switch (step) {
	case 0:
		task->folio = bpf_model__folio(task->call.folio);
		task->class = task->call.class;
		task->remaps = task->call.remaps;
		task->failed = 0;
		task->closed = bucket->closed;
		task->before = model->mapped[task->call.folio];
		return false;
	case 1:
		bucket->entered++;
		return false;
	case 2: /* pending_begin(): to claim is one step, to fill in others */
		sweep(model);
		for (task->place = 0; task->place < PLACES; task->place++)
			if (!model->state->pending[task->place].claimed)
				break;
		if (task->place == PLACES)
			abort();
		place = &model->state->pending[task->place];
		*place = (struct model_pending){.claimed = true, .who = who};
		place->folio = task->folio;
		return false;
	case 3:
		model->state->walkers++;
		return false;
	case 4:
		bucket->walkers += WALKER(bpf_model__pid(who));
		return false;
	case 5:
		task->enter = model->now;
		return false;
	case 6:
		bucket->entered += 0x10000 - 1;
		model->state->pending[task->place].entered = bucket->entered;
		return false;
	default:
		walk_record(model, who, THPRACE_REC_WALK_ENTER, task->enter);
		return true;
	}
}

static void walk_fill(struct model_task *task, unsigned int who, uint64_t leave, int32_t residual,
		      uint16_t own)
{
	struct thprace_walk *walk = &task->walk;

	memset(walk, 0, sizeof(*walk));
	walk->enter = task->enter;
	walk->leave = leave;
	walk->folio = task->folio;
	walk->pid = bpf_model__pid(who);
	walk->tgid = walk->pid;
	walk->cpu = who;
	walk->residual = residual;
	walk->class = task->class;
	walk->origin = origin_of(task->class);
	walk->flags = own;
}

static enum thprace_verdict judge(const struct thprace_window *window,
				  const struct thprace_walk *walk)
{
	struct thprace_tally tally = {0};

	if (walk->class == THPRACE_SPLIT_HEAD) {
		if (!thprace_open_at(window->open, window->close, walk->enter))
			return THPRACE_CLEAN;
		return thprace_judge_head(window->close, walk->leave, walk->result);
	}
	if (thprace_meets(window->open, window->close, walk->enter, walk->leave) != THPRACE_OVERLAP)
		return THPRACE_CLEAN;
	thprace_tally__add(&tally, window, walk);
	return thprace_judge(window, walk, &tally).verdict;
}

/* Looks for open windows, step by step. Returns true when done. */
static bool collect_open(struct bpf_model *model, struct model_task *task)
{
	uint64_t there;

	if (task->part == 0) {
		task->hits = 0;
		task->i = 0;
		task->part = 1;
		return !model__bucket_of(model, task->walk.folio)->windows &&
		       !model__bucket_of(model, FOLIO_UNKNOWN)->windows;
	}
	there = model->state->slot[task->i].published;
	task->hit[task->hits & (2 * HITS - 1)] = task->i;
	task->hits += there == task->walk.folio || there == FOLIO_UNKNOWN;
	return ++task->i == BPF_MODEL_TASKS;
}

/* Tells of the pair with the window in a slot that was found. Returns true when done. */
static bool pair_report(struct bpf_model *model, struct model_task *task)
{
	unsigned int index = task->hit[task->i];
	struct model_slot *slot = &model->state->slot[index];
	struct thprace_window *seen = &task->seen;
	struct bpf_model_message *message;
	enum thprace_verdict verdict;

	switch (task->part++) {
	case 0:
		task->message = model__reserve(model);
		return false;
	case 1:
		slot->noted++;
		return false;
	case 2:
		memset(seen, 0, sizeof(*seen));
		if (slot->published == task->walk.folio || slot->published == FOLIO_UNKNOWN)
			return false;
		model__discard(model, task->message);
		return true;
	case 3:
		seen->open = slot->window.open;
		return false;
	case 4:
		seen->removed = slot->window.removed;
		return false;
	case 5:
		seen->folio = slot->window.folio;
		return false;
	case 6:
		seen->level = slot->window.level;
		seen->pages = slot->window.pages;
		seen->left = THPRACE_LEFT_UNREAD;
		seen->cpu = slot->window.cpu;
		seen->pid = bpf_model__pid(index);
		seen->tgid = seen->pid;
		return false;
	default:
		verdict = judge(seen, &task->walk);
		if (seen->level != THPRACE_LEVEL_PMD || seen->pid == task->walk.pid ||
		    verdict == THPRACE_CLEAN) {
			model__discard(model, task->message);
			return true;
		}
		message = model__submit(model, task->message, THPRACE_MSG_INCIDENT,
					sizeof(message->incident));
		message->incident.first_verdict = verdict;
		message->incident.verdict = verdict;
		message->incident.mode = model->options.mode;
		message->incident.window = *seen;
		message->incident.walk = task->walk;
		return true;
	}
}

/* windows_report() and walker_report(). Returns true when done. */
static bool report(struct bpf_model *model, struct model_task *task, bool always)
{
	struct bpf_model_message *message;

	switch (task->other) {
	case 0:
		if (!collect_open(model, task))
			return false;
		if (task->hits > HITS)
			model->lost++;
		task->i = 0;
		task->part = 0;
		task->other = task->hits ? 1 : 2;
		return false;
	case 1:
		if (!pair_report(model, task))
			return false;
		task->part = 0;
		task->i++;
		if (task->i == task->hits || task->i == HITS)
			task->other = 2;
		return false;
	case 2:
		task->flag = task->hits ||
			     model__bucket_of(model, task->walk.folio)->closed != task->closed;
		task->other = 3;
		return !always && !task->flag;
	case 3:
		task->message = model__reserve(model);
		task->other = 4;
		return false;
	default:
		message = model__submit(model, task->message, THPRACE_MSG_INCIDENT,
					sizeof(message->incident));
		message->incident.mode = model->options.mode;
		message->incident.walk = task->walk;
		message->incident.walker_stack.nr = 1;
		message->incident.walker_stack.ip[0] = task->walk.pid;
		return true;
	}
}

static void report_start(struct model_task *task)
{
	task->part = 0;
	task->other = 0;
	task->flag = 0;
}

bool model__walk_end(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	struct model_pending *place = &model->state->pending[task->place];
	struct model_bucket *bucket = model__bucket_of(model, task->folio);
	struct thprace_walk *walk = &task->walk;

	switch (step) {
	case 0:
		task->now = model->now;
		return false;
	case 1:
		task->counts.entire = model->mapped[model__folio_number(task->folio)].entire;
		return false;
	case 2:
		task->counts.small = model->mapped[model__folio_number(task->folio)].small;
		return false;
	case 3:
		walk_fill(task, who, task->now, task->counts.entire + task->counts.small,
			  task->call.own | (task->remaps ? THPRACE_RF_REMAP : 0));
		walk->left = task->counts;
		report_start(task);
		if (thprace_failed(walk)) {
			walk->before = task->before;
			if (task->split_enter && task->split_folio == task->folio) {
				walk->flags |= THPRACE_KF_OUTER;
				task->failed = task->now;
			}
		}
		return false;
	case 4:
		if (thprace_failed(walk))
			bucket->pending++;
		else
			place->folio = 0;
		return false;
	case 5:
		place->small = walk->left.small;
		place->huge = walk->left.entire > 0 && walk->left.small <= 0;
		if (thprace_failed(walk))
			place->leave = task->now;
		else
			model->state->walkers--;
		place->claimed = thprace_failed(walk);
		return false;
	case 6:
		if (!report(model, task, thprace_failed(walk)))
			task->step = 6;
		return false;
	case 7:
		walk_record(model, who, THPRACE_REC_WALK_RETURN, task->now);
		if (task->split_enter && task->split_folio == task->folio) {
			task->unmapped = task->now;
			task->residual = walk->residual;
			task->reported |= thprace_failed(walk) || task->flag;
		}
		return false;
	default:
		bucket->walkers -= WALKER(bpf_model__pid(who));
		return true;
	}
}

bool model__split_enter(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	uint64_t folio = bpf_model__folio(task->call.folio);
	struct thprace_record *record;

	switch (step) {
	case 0:
		task->split_folio = folio;
		task->unmapped = 0;
		task->reported = false;
		task->closed = model__bucket_of(model, folio)->closed;
		return false;
	case 1:
		model__bucket_of(model, folio)->walkers += WALKER(bpf_model__pid(who));
		return false;
	case 2:
		task->split_enter = model->now;
		return false;
	default:
		record = model__record(model, who, THPRACE_REC_SPLIT_ENTER, task->split_enter,
				       task->split_enter, folio);
		record->class = THPRACE_SPLIT_HEAD;
		record->origin = THPRACE_ORIGIN_SPLIT;
		return true;
	}
}

static void outer_submit(struct bpf_model *model, const struct model_task *task, unsigned int who)
{
	struct bpf_model_message *message =
		model__submit(model, task->message, THPRACE_MSG_OUTER, sizeof(message->outer));

	message->outer.pid = bpf_model__pid(who);
	message->outer.leave = task->failed;
	message->outer.at = task->now;
	message->outer.before = task->before;
	message->outer.now = task->counts;
	message->outer.order = BPF_MODEL_ORDER;
}

/* Steps of model__split_return(). */
#define HEAD 5
#define RESULT 7

bool model__split_return(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	struct bpf_model_message *message;
	struct thprace_record *record;

	switch (step) {
	case 0:
		task->now = model->now;
		return false;
	case 1:
		record = model__record(model, who, THPRACE_REC_SPLIT_RETURN, task->now,
				       task->split_enter, task->split_folio);
		record->class = THPRACE_SPLIT_HEAD;
		record->origin = THPRACE_ORIGIN_SPLIT;
		record->arg = task->unmapped;
		record->arg2 = (uint64_t)(int64_t)task->residual;
		record->value = task->call.result;
		if (!task->failed || !task->call.result)
			task->step = HEAD - 1;
		return false;
	case 2: /* outer_report() */
		task->counts = model->mapped[model__folio_number(task->split_folio)];
		record = model__record(model, who, THPRACE_REC_OUTER, task->now, task->failed,
				       task->split_folio);
		record->class = task->class;
		record->origin = origin_of(task->class);
		record->arg = THPRACE_COUNTS(task->before.entire, task->before.small);
		record->arg2 = THPRACE_COUNTS(task->counts.entire, task->counts.small);
		record->value = BPF_MODEL_ORDER;
		task->message = model__reserve(model);
		return false;
	case 3:
		outer_submit(model, task, who);
		return false;
	case HEAD - 1:
		task->failed = 0;
		return false;
	case HEAD:
		if (!task->unmapped || task->residual) {
			task->step = RESULT;
			return false;
		}
		task->folio = task->split_folio;
		task->enter = task->unmapped;
		task->class = THPRACE_SPLIT_HEAD;
		walk_fill(task, who, task->now, 0, THPRACE_KF_RESULT);
		task->walk.result = task->call.result;
		report_start(task);
		return false;
	case 6:
		if (!report(model, task, false))
			task->step = 6;
		return false;
	case RESULT:
		if (task->reported)
			task->message = model__reserve(model);
		return false;
	case 8:
		if (!task->reported)
			return false;
		message = model__submit(model, task->message, THPRACE_MSG_SPLIT,
					sizeof(message->split));
		message->split.pid = bpf_model__pid(who);
		message->split.result = task->call.result;
		message->split.enter = task->split_enter;
		message->split.unmapped = task->unmapped;
		return false;
	default:
		model__bucket_of(model, task->split_folio)->walkers -= WALKER(bpf_model__pid(who));
		task->split_enter = 0;
		return true;
	}
}

bool model__check(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	struct bpf_model_message *message;
	struct thprace_record *record;

	switch (step) {
	case 0:
		task->now = model->now;
		return false;
	case 1:
		task->folio = bpf_model__folio(task->call.folio);
		task->enter = task->now;
		task->class = THPRACE_TRUNCATE_UNMAP;
		walk_fill(task, who, task->now,
			  model->mapped[task->call.folio].entire +
				  model->mapped[task->call.folio].small,
			  THPRACE_KF_CHECK);
		return task->walk.residual <= 0 && !task->call.dumped;
	case 2:
		record = model__record(model, who, THPRACE_REC_CHECK, task->now, task->now,
				       task->folio);
		record->class = THPRACE_TRUNCATE_UNMAP;
		record->origin = THPRACE_ORIGIN_TRUNCATE;
		record->value = task->walk.residual;
		return false;
	case 3:
		task->message = model__reserve(model);
		return false;
	default:
		message = model__submit(model, task->message, THPRACE_MSG_CHECK,
					sizeof(message->incident));
		message->incident.mode = model->options.mode;
		message->incident.walk = task->walk;
		return true;
	}
}
