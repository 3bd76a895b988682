// SPDX-License-Identifier: GPL-2.0-only
/* The model's programs of zaps: windows at PMD level, removals of small pages, ranges. */
#include "bpf_model_private.h"

#include <thprace/verdict.h>

static void opener_submit(struct bpf_model *model, unsigned int who, size_t at)
{
	struct bpf_model_message *message =
		model__submit(model, at, THPRACE_MSG_OPENER, sizeof(message->opener));

	message->opener.window = model->state->slot[who].window;
	message->opener.window.pid = bpf_model__pid(who);
	message->opener.window.tgid = bpf_model__pid(who);
	message->opener.stack.nr = 1;
	message->opener.stack.ip[0] = bpf_model__pid(who);
}

bool model__zap_lock(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	struct thprace_window *window = &slot->window;
	uint64_t folio = bpf_model__folio(task->call.folio);

	switch (step) {
	case 0:
		window->open = 0;
		return false;
	case 1:
		window->removed = 0;
		return false;
	case 2:
		window->folio = task->call.unknown ? 0 : folio;
		window->cpu = who;
		return false;
	case 3:
		window->level = THPRACE_LEVEL_PMD;
		window->flags = 0;
		window->pages = 0;
		return false;
	case 4:
		slot->noted = 0;
		return false;
	case 5:
		folio = task->call.unknown ? FOLIO_UNKNOWN : folio;
		slot->published = folio;
		slot->bucket = model__bucket_of(model, folio) - model->state->bucket;
		return false;
	case 6:
		model->state->bucket[slot->bucket].windows++;
		return false;
	case 7:
		task->now = model->now;
		return false;
	case 8:
		window->open = task->now;
		return false;
	default:
		model__record(model, who, THPRACE_REC_ZAP_OPEN, task->now, task->now,
			      window->folio);
		return true;
	}
}

bool model__rmap_pmd(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	uint64_t folio = bpf_model__folio(task->call.folio);
	unsigned int to = model__bucket_of(model, folio) - model->state->bucket;

	switch (step) {
	case 0:
		task->now = model->now;
		return false;
	case 1:
		slot->window.removed = task->now;
		if (slot->window.folio == folio)
			task->step = 6;
		return false;
	case 2:
		slot->window.folio = folio;
		return false;
	case 3:
		model->state->bucket[to].windows++;
		return false;
	case 4:
		slot->published = folio;
		task->other = slot->bucket;
		slot->bucket = to;
		return false;
	case 5:
		model->state->bucket[task->other].windows--;
		return false;
	default:
		model__record(model, who, THPRACE_REC_RMAP_PMD, task->now, slot->window.open,
			      folio);
		return true;
	}
}

bool model__zap_return(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	struct model_bucket *bucket = &model->state->bucket[slot->bucket];
	struct thprace_record *record;

	switch (step) {
	case 0:
		task->now = model->now;
		if (task->now - slot->window.open > model->longest_window)
			model->longest_window = task->now - slot->window.open;
		return false;
	case 1:
		slot->window.close = task->now;
		return false;
	case 2:
		task->flag = model__walked_by_others(bucket, bpf_model__pid(who));
		return false;
	case 3:
		bucket->closed += task->flag;
		return false;
	case 4:
		slot->published = 0;
		return false;
	case 5:
		bucket->windows--;
		return false;
	case 6:
		task->flag |= slot->noted;
		return false;
	case 7:
		task->flag |= bucket->pending;
		return false;
	case 8:
		slot->window.left = THPRACE_LEFT_UNREAD;
		if (task->flag && slot->window.folio)
			slot->window.left =
				model->mapped[model__folio_number(slot->window.folio)].entire;
		if (slot->window.left >= 0 && model->now > task->now + THPRACE_READ_NS)
			slot->window.left = THPRACE_LEFT_LATE;
		return false;
	case 9:
		record = model__record(model, who, THPRACE_REC_ZAP_CLOSE, task->now,
				       slot->window.open, slot->window.folio);
		record->arg = slot->window.removed;
		record->flags = thprace_left_encode(slot->window.left);
		return !task->flag;
	case 10:
		task->message = model__reserve(model);
		return false;
	default:
		opener_submit(model, who, task->message);
		return true;
	}
}

static bool removal_is_reported(struct model_slot *slot, uint32_t entered, uint64_t folio)
{
	uint32_t row_length = 0;

	if (entered & 0xffff)
		return true;
	if (slot->row_folio == folio && slot->row_entered == entered)
		row_length = slot->row_length;
	slot->row_folio = folio;
	slot->row_entered = entered;
	slot->row_length = row_length + 1;
	return !(row_length & (row_length + 1));
}

/* Steps of model__rmap_ptes(). */
#define UNPUBLISH 10
#define TELL 13

static void removal_keep(struct bpf_model *model, unsigned int who)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	uint64_t folio = bpf_model__folio(task->call.folio);

	if (slot->range_folio != folio) {
		slot->range_mixed |= slot->range_folio != 0;
		slot->range_folio = folio;
		slot->range_pages = 0;
		slot->range_reads = 0;
	}
	slot->range_removed = task->now;
	slot->range_pages += task->call.pages;
	if (slot->range_reads >= 16)
		return;
	if (!slot->range_reads++ || model->mapped[task->call.folio].small < slot->range_low) {
		slot->range_low = model->mapped[task->call.folio].small;
		slot->range_low_at = task->now;
	}
}

bool model__rmap_ptes(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	uint64_t folio = bpf_model__folio(task->call.folio);
	struct model_bucket *bucket = model__bucket_of(model, folio);
	struct thprace_window *window = &slot->window;
	struct thprace_record *record;

	switch (step) {
	case 0:
		window->level = THPRACE_LEVEL_PTE;
		return false;
	case 1:
		slot->noted = 0;
		return false;
	case 2:
		slot->published = folio;
		return false;
	case 3:
		bucket->windows++;
		return false;
	case 4:
		task->now = model->now;
		return false;
	case 5:
		record = model__record(model, who, THPRACE_REC_RMAP_PTE, task->now, task->now,
				       folio);
		record->value = task->call.pages;
		return false;
	case 6:
		task->i = 0; /* to be told */
		if (!model__walked_by_others(bucket, bpf_model__pid(who)))
			task->step = UNPUBLISH - 1;
		return false;
	case 7:
		bucket->closed++;
		return false;
	case 8:
		task->i = removal_is_reported(slot, bucket->entered, folio);
		removal_keep(model, who);
		task->step = UNPUBLISH;
		return false;
	case UNPUBLISH - 1:
		if (bucket->pending)
			removal_keep(model, who);
		return false;
	case UNPUBLISH:
		slot->published = 0;
		return false;
	case 11:
		bucket->windows--;
		return false;
	case 12:
		return !slot->noted && !task->i;
	case TELL:
		window->open = task->now;
		window->removed = task->now;
		return false;
	case 14:
		window->close = task->now;
		window->folio = folio;
		window->cpu = who;
		window->flags = 0;
		window->pages = task->call.pages;
		window->left = 0;
		task->message = model__reserve(model);
		return false;
	default:
		opener_submit(model, who, task->message);
		return true;
	}
}

bool model__range_enter(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];

	switch (step) {
	case 0:
		task->flag = model->state->walkers;
		return !task->flag && model->options.mode != THPRACE_PRECISE;
	case 1:
		model->state->ranges += !slot->in_range;
		slot->in_range = true;
		return false;
	case 2:
		task->now = model->now;
		return false;
	default:
		slot->range_began = task->flag ? task->now : 0;
		slot->range_folio = 0;
		slot->range_removed = 0;
		slot->range_pages = 0;
		slot->range_mixed = false;
		slot->range_reads = 0;
		return true;
	}
}

/* A range is reported to one pending walker: two steps. Returns true when done. */
static bool range_report(struct bpf_model *model, unsigned int who, struct model_pending *place)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	struct bpf_model_message *message;
	struct thprace_window *window;
	struct thprace_record *record;

	if (task->part++ == 0) {
		task->seen = (struct thprace_window){
			.open = slot->in_range ? slot->range_began : 0,
			.close = task->now,
			.folio = place->folio,
			.level = THPRACE_LEVEL_PTE,
			.flags = THPRACE_WF_RANGE,
			.cpu = who,
			.pid = bpf_model__pid(who),
			.tgid = bpf_model__pid(who),
		};
		window = &task->seen;
		if (!place->folio || (place->leave && place->huge) || place->reported >= 32)
			return true;
		if (slot->in_range && slot->range_folio == place->folio) {
			window->removed = slot->range_removed;
			window->pages = slot->range_pages;
		} else if (model->options.mode == THPRACE_PRECISE && !slot->range_mixed) {
			return true;
		}
		place->reported++;
		return false;
	}
	window = &task->seen;
	if (task->part == 2) {
		window->left = model->mapped[model__folio_number(window->folio)].small;
		if (model->now > window->close + THPRACE_READ_NS)
			window->left = THPRACE_LEFT_LATE;
		if (slot->in_range && slot->range_folio == window->folio && slot->range_reads &&
		    place->leave && slot->range_low_at > place->leave &&
		    slot->range_low < place->small &&
		    (window->left < 0 || slot->range_low < window->left))
			window->left = slot->range_low;
		record = model__record(model, who, THPRACE_REC_RANGE, window->close, window->open,
				       window->folio);
		record->arg = window->removed;
		record->arg2 = window->pages;
		record->value = window->left;
		if (model__bucket_of(model, window->folio)->entered != place->entered) {
			record->flags = THPRACE_RF_VAGUE;
			window->flags |= THPRACE_WF_VAGUE;
		}
		task->message = model__reserve(model);
		return false;
	}
	message = model__submit(model, task->message, THPRACE_MSG_OPENER, sizeof(message->opener));
	message->opener.window = *window;
	message->opener.stack.nr = 1;
	message->opener.stack.ip[0] = window->pid;
	return true;
}

bool model__range_return(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	struct model_pending *place;

	switch (step) {
	case 0:
		task->met = 0;
		task->i = 0;
		if (!model->state->walkers)
			task->step = 4;
		return !model->state->walkers && !model->state->ranges;
	case 1:
		task->now = model->now;
		return false;
	case 2: /* range_met() */
		place = &model->state->pending[task->i];
		if (place->folio == bpf_model__folio(task->call.folio) &&
		    (place->who != who || place->leave))
			task->met |= 1ULL << task->i;
		if (++task->i < PLACES)
			task->step = 2;
		task->part = 0;
		return false;
	case 3:
		if (!task->met)
			return false;
		task->i = (unsigned int)__builtin_ctzll(task->met);
		if (range_report(model, who, &model->state->pending[task->i])) {
			task->met &= task->met - 1;
			task->part = 0;
		}
		task->step = 3;
		return false;
	default:
		model->state->ranges -= slot->in_range;
		slot->in_range = false;
		return true;
	}
}
