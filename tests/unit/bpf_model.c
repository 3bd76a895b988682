// SPDX-License-Identifier: GPL-2.0-only
#include "bpf_model.h"

#include <stdlib.h>
#include <string.h>
#include <thprace/verdict.h>

#define HITS 8
#define FOLIO_UNKNOWN (~0ULL)
#define WALKER(pid) ((1ULL << 40) + (uint32_t)((pid)*0x9e3779b1U))

struct model_bucket {
	uint64_t walkers;
	uint32_t windows;
	uint32_t pending;
	uint32_t closed;
	uint32_t entered; /* those that have their stamp << 16 | those that have not yet */
};

struct model_slot {
	struct thprace_window window;
	uint64_t told_folio;
	uint32_t told_entered;
	uint32_t told;
	uint32_t noted;
	unsigned int bucket;
	uint64_t published; /* open_folio[] of this slot */
	bool in_range;
	uint64_t range_began;
	uint64_t range_folio;
	uint64_t range_removed;
	uint32_t range_pages;
	bool range_mixed;
	uint64_t range_low_at;
	int32_t range_low;
	unsigned int range_reads;
};

struct model_task {
	struct bpf_model_call call;
	unsigned int step;
	uint64_t since; /* first step of the run */
	/* struct walk_state */
	uint64_t enter;
	uint64_t folio;
	uint32_t closed;
	uint8_t class;
	uint64_t split_enter;
	uint64_t split_folio;
	uint64_t unmapped;
	int32_t residual;
	bool told;
	uint64_t failed;
	struct thprace_counts before;
	bool remaps;
	struct thprace_walk walk;
	unsigned int hits;
	unsigned int hit[2 * HITS];
	/* locals of the program */
	uint64_t now;
	uint64_t other;
	uint32_t flag;
	struct thprace_counts counts;
	uint64_t met; /* a bit for each */
	unsigned int place; /* of the walker, in pending */
	unsigned int i;
	unsigned int part;
	size_t message;
	struct thprace_window seen;
};

#define PLACES 64 /* a power of two */

struct model_pending {
	bool claimed;
	unsigned int who;
	uint64_t folio;
	uint64_t leave;
	int32_t small;
	bool huge;
	uint32_t entered;
	uint32_t told;
};

struct bpf_model_state {
	struct model_bucket bucket[BPF_MODEL_BUCKETS];
	struct model_slot slot[BPF_MODEL_TASKS];
	struct model_task task[BPF_MODEL_TASKS];
	struct model_pending pending[PLACES];
	unsigned int walkers; /* struct thprace_attributing */
	unsigned int ranges;
};

struct bpf_model *bpf_model__new(const struct bpf_model_options *options)
{
	struct bpf_model *model = calloc(1, sizeof(*model));

	if (!model)
		abort();
	model->state = calloc(1, sizeof(*model->state));
	if (!model->state)
		abort();
	model->options = *options;
	if (!model->options.buckets || model->options.buckets > BPF_MODEL_BUCKETS)
		model->options.buckets = BPF_MODEL_BUCKETS;
	model->now = 1000000000ULL;
	return model;
}

void bpf_model__free(struct bpf_model *model)
{
	free(model->record);
	free(model->message);
	free(model->state);
	free(model);
}

uint64_t bpf_model__folio(unsigned int folio)
{
	return 0xffffea0000000000ULL + 0x8000ULL * (folio + 1);
}

/* No pid is the mean of two others: see "what is not covered" in docs/architecture.md. */
uint32_t bpf_model__pid(unsigned int who)
{
	return 1000 + (1u << who);
}

static struct model_bucket *bucket_of(struct bpf_model *model, uint64_t folio)
{
	uint64_t at = folio == FOLIO_UNKNOWN ? 0 : (folio >> 15) - 1;

	return &model->state->bucket[at % model->options.buckets];
}

static bool walked_by_others(const struct model_bucket *bucket, uint32_t pid)
{
	return bucket->walkers && bucket->walkers != WALKER(pid) &&
	       bucket->walkers != 2 * WALKER(pid);
}

static struct thprace_record *record_make(struct bpf_model *model, unsigned int who, uint8_t type,
					  uint64_t ts, uint64_t entry, uint64_t folio)
{
	struct thprace_record *record;

	if (!(model->records & (model->records - 1))) {
		size_t room = model->records ? 2 * model->records : 1;

		model->record = realloc(model->record, room * sizeof(*model->record));
		if (!model->record)
			abort();
	}
	record = &model->record[model->records++];
	memset(record, 0, sizeof(*record));
	record->type = type;
	record->ts = ts;
	record->entry = entry;
	record->folio = folio;
	record->pid = bpf_model__pid(who);
	record->tgid = record->pid;
	record->cpu = who;
	return record;
}

/* Take a place in the ring; it is filled and given to the reader by a later step. */
static size_t reserve(struct bpf_model *model)
{
	if (!(model->messages & (model->messages - 1))) {
		size_t room = model->messages ? 2 * model->messages : 1;

		model->message = realloc(model->message, room * sizeof(*model->message));
		if (!model->message)
			abort();
	}
	memset(&model->message[model->messages], 0, sizeof(*model->message));
	return model->messages++;
}

static struct bpf_model_message *submit(struct bpf_model *model, size_t at, uint32_t type,
					size_t size)
{
	struct bpf_model_message *message = &model->message[at];

	message->submitted = model->now;
	message->size = size;
	message->type = type;
	return message;
}

static void discard(struct bpf_model *model, size_t at)
{
	model->message[at].submitted = model->now;
	model->message[at].size = 0;
}

static void opener_submit(struct bpf_model *model, unsigned int who, size_t at)
{
	struct bpf_model_message *message =
		submit(model, at, THPRACE_MSG_OPENER, sizeof(message->opener));

	message->opener.window = model->state->slot[who].window;
	message->opener.window.pid = bpf_model__pid(who);
	message->opener.window.tgid = bpf_model__pid(who);
	message->opener.stack.nr = 1;
	message->opener.stack.ip[0] = bpf_model__pid(who);
}

static unsigned int folio_number(uint64_t folio)
{
	return (folio >> 15 & 0xff) - 1;
}

static bool zap_lock(struct bpf_model *model, unsigned int who, unsigned int step)
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
		slot->bucket = bucket_of(model, folio) - model->state->bucket;
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
		record_make(model, who, THPRACE_REC_ZAP_OPEN, task->now, task->now, window->folio);
		return true;
	}
}

static bool rmap_pmd(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	uint64_t folio = bpf_model__folio(task->call.folio);
	unsigned int to = bucket_of(model, folio) - model->state->bucket;

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
		record_make(model, who, THPRACE_REC_RMAP_PMD, task->now, slot->window.open, folio);
		return true;
	}
}

static bool zap_return(struct bpf_model *model, unsigned int who, unsigned int step)
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
		task->flag = walked_by_others(bucket, bpf_model__pid(who));
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
			slot->window.left = model->mapped[folio_number(slot->window.folio)].entire;
		if (slot->window.left >= 0 && model->now > task->now + THPRACE_READ_NS)
			slot->window.left = THPRACE_LEFT_LATE;
		return false;
	case 9:
		record = record_make(model, who, THPRACE_REC_ZAP_CLOSE, task->now,
				     slot->window.open, slot->window.folio);
		record->arg = slot->window.removed;
		record->flags = thprace_left_word(slot->window.left);
		return !task->flag;
	case 10:
		task->message = reserve(model);
		return false;
	default:
		opener_submit(model, who, task->message);
		return true;
	}
}

static bool removal_is_told(struct model_slot *slot, uint32_t entered, uint64_t folio)
{
	uint32_t told = 0;

	if (entered & 0xffff)
		return true;
	if (slot->told_folio == folio && slot->told_entered == entered)
		told = slot->told;
	slot->told_folio = folio;
	slot->told_entered = entered;
	slot->told = told + 1;
	return !(told & (told + 1));
}

/* Steps of rmap_ptes(). */
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

static bool rmap_ptes(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	uint64_t folio = bpf_model__folio(task->call.folio);
	struct model_bucket *bucket = bucket_of(model, folio);
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
		record = record_make(model, who, THPRACE_REC_RMAP_PTE, task->now, task->now, folio);
		record->value = task->call.pages;
		return false;
	case 6:
		task->i = 0; /* to be told */
		if (!walked_by_others(bucket, bpf_model__pid(who)))
			task->step = UNPUBLISH - 1;
		return false;
	case 7:
		bucket->closed++;
		return false;
	case 8:
		task->i = removal_is_told(slot, bucket->entered, folio);
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
		task->message = reserve(model);
		return false;
	default:
		opener_submit(model, who, task->message);
		return true;
	}
}

static bool range_enter(struct bpf_model *model, unsigned int who, unsigned int step)
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
static bool range_tell(struct bpf_model *model, unsigned int who, struct model_pending *place)
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
		if (!place->folio || (place->leave && place->huge) || place->told >= 32)
			return true;
		if (slot->in_range && slot->range_folio == place->folio) {
			window->removed = slot->range_removed;
			window->pages = slot->range_pages;
		} else if (model->options.mode == THPRACE_PRECISE && !slot->range_mixed) {
			return true;
		}
		place->told++;
		return false;
	}
	window = &task->seen;
	if (task->part == 2) {
		window->left = model->mapped[folio_number(window->folio)].small;
		if (model->now > window->close + THPRACE_READ_NS)
			window->left = THPRACE_LEFT_LATE;
		if (slot->in_range && slot->range_folio == window->folio && slot->range_reads &&
		    place->leave && slot->range_low_at > place->leave &&
		    slot->range_low < place->small &&
		    (window->left < 0 || slot->range_low < window->left))
			window->left = slot->range_low;
		record = record_make(model, who, THPRACE_REC_RANGE, window->close, window->open,
				     window->folio);
		record->arg = window->removed;
		record->arg2 = window->pages;
		record->value = window->left;
		if (bucket_of(model, window->folio)->entered != place->entered) {
			record->flags = THPRACE_RF_VAGUE;
			window->flags |= THPRACE_WF_VAGUE;
		}
		task->message = reserve(model);
		return false;
	}
	message = submit(model, task->message, THPRACE_MSG_OPENER, sizeof(message->opener));
	message->opener.window = *window;
	message->opener.stack.nr = 1;
	message->opener.stack.ip[0] = window->pid;
	return true;
}

static bool range_return(struct bpf_model *model, unsigned int who, unsigned int step)
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
		if (range_tell(model, who, &model->state->pending[task->i])) {
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

static uint8_t kind_of(uint8_t class)
{
	static const uint8_t kinds[THPRACE_CLASS_MAX] = {
		[THPRACE_SPLIT_UNMAP] = THPRACE_KIND_SPLIT,
		[THPRACE_SPLIT_MIGRATE] = THPRACE_KIND_SPLIT,
		[THPRACE_SPLIT_HEAD] = THPRACE_KIND_SPLIT,
		[THPRACE_HWPOISON_UNMAP] = THPRACE_KIND_HWPOISON,
		[THPRACE_TRUNCATE_UNMAP] = THPRACE_KIND_TRUNCATE,
		[THPRACE_INVALIDATE_UNMAP] = THPRACE_KIND_INVALIDATE,
	};

	return kinds[class];
}

static void walk_record(struct bpf_model *model, unsigned int who, uint8_t type, uint64_t ts)
{
	const struct model_task *task = &model->state->task[who];
	struct thprace_record *record = record_make(model, who, type, ts, task->enter, task->folio);

	record->class = task->class;
	record->kind = kind_of(task->class);
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
		bucket_of(model, place->folio)->pending--;
		model->state->walkers--;
		*place = (struct model_pending){0};
	}
}

static bool walk_begin(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	struct model_pending *place = &model->state->pending[task->place];
	struct model_bucket *bucket = bucket_of(model, bpf_model__folio(task->call.folio));

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
	walk->kind = kind_of(task->class);
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
		return !bucket_of(model, task->walk.folio)->windows &&
		       !bucket_of(model, FOLIO_UNKNOWN)->windows;
	}
	there = model->state->slot[task->i].published;
	task->hit[task->hits & (2 * HITS - 1)] = task->i;
	task->hits += there == task->walk.folio || there == FOLIO_UNKNOWN;
	return ++task->i == BPF_MODEL_TASKS;
}

/* Tells of the pair with the window in a slot that was found. Returns true when done. */
static bool pair_tell(struct bpf_model *model, struct model_task *task)
{
	unsigned int index = task->hit[task->i];
	struct model_slot *slot = &model->state->slot[index];
	struct thprace_window *seen = &task->seen;
	struct bpf_model_message *message;
	enum thprace_verdict said;

	switch (task->part++) {
	case 0:
		task->message = reserve(model);
		return false;
	case 1:
		slot->noted++;
		return false;
	case 2:
		memset(seen, 0, sizeof(*seen));
		if (slot->published == task->walk.folio || slot->published == FOLIO_UNKNOWN)
			return false;
		discard(model, task->message);
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
		said = judge(seen, &task->walk);
		if (seen->level != THPRACE_LEVEL_PMD || seen->pid == task->walk.pid ||
		    said == THPRACE_CLEAN) {
			discard(model, task->message);
			return true;
		}
		message = submit(model, task->message, THPRACE_MSG_INCIDENT,
				 sizeof(message->incident));
		message->incident.said = said;
		message->incident.verdict = said;
		message->incident.mode = model->options.mode;
		message->incident.window = *seen;
		message->incident.walk = task->walk;
		return true;
	}
}

/* windows_tell() and walker_tell(). Returns true when done. */
static bool tell(struct bpf_model *model, struct model_task *task, bool always)
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
		if (!pair_tell(model, task))
			return false;
		task->part = 0;
		task->i++;
		if (task->i == task->hits || task->i == HITS)
			task->other = 2;
		return false;
	case 2:
		task->flag = task->hits ||
			     bucket_of(model, task->walk.folio)->closed != task->closed;
		task->other = 3;
		return !always && !task->flag;
	case 3:
		task->message = reserve(model);
		task->other = 4;
		return false;
	default:
		message = submit(model, task->message, THPRACE_MSG_INCIDENT,
				 sizeof(message->incident));
		message->incident.mode = model->options.mode;
		message->incident.walk = task->walk;
		message->incident.walker_stack.nr = 1;
		message->incident.walker_stack.ip[0] = task->walk.pid;
		return true;
	}
}

static void tell_start(struct model_task *task)
{
	task->part = 0;
	task->other = 0;
	task->flag = 0;
}

static bool walk_end(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	struct model_pending *place = &model->state->pending[task->place];
	struct model_bucket *bucket = bucket_of(model, task->folio);
	struct thprace_walk *walk = &task->walk;

	switch (step) {
	case 0:
		task->now = model->now;
		return false;
	case 1:
		task->counts.entire = model->mapped[folio_number(task->folio)].entire;
		return false;
	case 2:
		task->counts.small = model->mapped[folio_number(task->folio)].small;
		return false;
	case 3:
		walk_fill(task, who, task->now, task->counts.entire + task->counts.small,
			  task->call.own | (task->remaps ? THPRACE_RF_REMAP : 0));
		walk->left = task->counts;
		tell_start(task);
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
		if (!tell(model, task, thprace_failed(walk)))
			task->step = 6;
		return false;
	case 7:
		walk_record(model, who, THPRACE_REC_WALK_RETURN, task->now);
		if (task->split_enter && task->split_folio == task->folio) {
			task->unmapped = task->now;
			task->residual = walk->residual;
			task->told |= thprace_failed(walk) || task->flag;
		}
		return false;
	default:
		bucket->walkers -= WALKER(bpf_model__pid(who));
		return true;
	}
}

static bool split_enter(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	uint64_t folio = bpf_model__folio(task->call.folio);
	struct thprace_record *record;

	switch (step) {
	case 0:
		task->split_folio = folio;
		task->unmapped = 0;
		task->told = false;
		task->closed = bucket_of(model, folio)->closed;
		return false;
	case 1:
		bucket_of(model, folio)->walkers += WALKER(bpf_model__pid(who));
		return false;
	case 2:
		task->split_enter = model->now;
		return false;
	default:
		record = record_make(model, who, THPRACE_REC_SPLIT_ENTER, task->split_enter,
				     task->split_enter, folio);
		record->class = THPRACE_SPLIT_HEAD;
		record->kind = THPRACE_KIND_SPLIT;
		return true;
	}
}

static void outer_submit(struct bpf_model *model, const struct model_task *task, unsigned int who)
{
	struct bpf_model_message *message =
		submit(model, task->message, THPRACE_MSG_OUTER, sizeof(message->outer));

	message->outer.pid = bpf_model__pid(who);
	message->outer.leave = task->failed;
	message->outer.at = task->now;
	message->outer.before = task->before;
	message->outer.now = task->counts;
	message->outer.order = BPF_MODEL_ORDER;
}

/* Steps of split_return(). */
#define HEAD 5
#define RESULT 7

static bool split_return(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	struct bpf_model_message *message;
	struct thprace_record *record;

	switch (step) {
	case 0:
		task->now = model->now;
		return false;
	case 1:
		record = record_make(model, who, THPRACE_REC_SPLIT_RETURN, task->now,
				     task->split_enter, task->split_folio);
		record->class = THPRACE_SPLIT_HEAD;
		record->kind = THPRACE_KIND_SPLIT;
		record->arg = task->unmapped;
		record->arg2 = (uint64_t)(int64_t)task->residual;
		record->value = task->call.result;
		if (!task->failed || !task->call.result)
			task->step = HEAD - 1;
		return false;
	case 2: /* outer_tell() */
		task->counts = model->mapped[folio_number(task->split_folio)];
		record = record_make(model, who, THPRACE_REC_OUTER, task->now, task->failed,
				     task->split_folio);
		record->class = task->class;
		record->kind = kind_of(task->class);
		record->arg = THPRACE_COUNTS(task->before.entire, task->before.small);
		record->arg2 = THPRACE_COUNTS(task->counts.entire, task->counts.small);
		record->value = BPF_MODEL_ORDER;
		task->message = reserve(model);
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
		tell_start(task);
		return false;
	case 6:
		if (!tell(model, task, false))
			task->step = 6;
		return false;
	case RESULT:
		if (task->told)
			task->message = reserve(model);
		return false;
	case 8:
		if (!task->told)
			return false;
		message = submit(model, task->message, THPRACE_MSG_SPLIT, sizeof(message->split));
		message->split.pid = bpf_model__pid(who);
		message->split.result = task->call.result;
		message->split.enter = task->split_enter;
		message->split.unmapped = task->unmapped;
		return false;
	default:
		bucket_of(model, task->split_folio)->walkers -= WALKER(bpf_model__pid(who));
		task->split_enter = 0;
		return true;
	}
}

static bool check(struct bpf_model *model, unsigned int who, unsigned int step)
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
		record = record_make(model, who, THPRACE_REC_CHECK, task->now, task->now,
				     task->folio);
		record->class = THPRACE_TRUNCATE_UNMAP;
		record->kind = THPRACE_KIND_TRUNCATE;
		record->value = task->walk.residual;
		return false;
	case 3:
		task->message = reserve(model);
		return false;
	default:
		message =
			submit(model, task->message, THPRACE_MSG_CHECK, sizeof(message->incident));
		message->incident.mode = model->options.mode;
		message->incident.walk = task->walk;
		return true;
	}
}

void bpf_model__call(struct bpf_model *model, unsigned int who, const struct bpf_model_call *call)
{
	struct model_task *task = &model->state->task[who];

	task->call = *call;
	task->step = 0;
	task->since = model->now;
}

bool bpf_model__step(struct bpf_model *model, unsigned int who)
{
	static bool (*const programs[])(struct bpf_model * model, unsigned int who,
					unsigned int step) = {
		[BPF_MODEL_ZAP_LOCK] = zap_lock,
		[BPF_MODEL_RMAP_PMD] = rmap_pmd,
		[BPF_MODEL_ZAP_RETURN] = zap_return,
		[BPF_MODEL_RMAP_PTES] = rmap_ptes,
		[BPF_MODEL_RANGE_ENTER] = range_enter,
		[BPF_MODEL_RANGE_RETURN] = range_return,
		[BPF_MODEL_WALK_BEGIN] = walk_begin,
		[BPF_MODEL_WALK_END] = walk_end,
		[BPF_MODEL_SPLIT_ENTER] = split_enter,
		[BPF_MODEL_SPLIT_RETURN] = split_return,
		[BPF_MODEL_CHECK] = check,
	};
	struct model_task *task = &model->state->task[who];
	unsigned int step = task->step++;

	if (!step)
		task->since = model->now;
	if (!programs[task->call.program](model, who, step))
		return false;
	if (model->now - task->since > model->longest_run)
		model->longest_run = model->now - task->since;
	task->call.program = BPF_MODEL_NONE;
	return true;
}

void bpf_model__run(struct bpf_model *model, unsigned int who, const struct bpf_model_call *call,
		    uint64_t pace)
{
	bpf_model__call(model, who, call);
	do {
		model->now += pace;
	} while (!bpf_model__step(model, who));
}
