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
	struct thprace_walk walk;
	unsigned int hits;
	unsigned int hit[2 * HITS];
	/* locals of the program */
	uint64_t now;
	uint64_t other;
	uint32_t flag;
	unsigned int i;
	unsigned int part;
	size_t message;
	struct thprace_window seen;
};

struct model_pending {
	bool there;
	struct thprace_walk walk;
};

struct bpf_model_state {
	struct model_bucket bucket[BPF_MODEL_BUCKETS];
	struct model_slot slot[BPF_MODEL_TASKS];
	struct model_task task[BPF_MODEL_TASKS];
	struct model_pending pending[BPF_MODEL_FOLIOS];
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
		record = record_make(model, who, THPRACE_REC_ZAP_CLOSE, task->now,
				     slot->window.open, slot->window.folio);
		record->arg = slot->window.removed;
		return !task->flag;
	case 8:
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

static void removal_window(struct bpf_model *model, unsigned int who, struct thprace_window *window)
{
	const struct model_task *task = &model->state->task[who];

	window->open = task->now;
	window->removed = task->now;
	window->close = task->now;
	window->folio = bpf_model__folio(task->call.folio);
	window->cpu = who;
	window->level = THPRACE_LEVEL_PTE;
	window->pages = task->call.pages;
	window->pid = bpf_model__pid(who);
	window->tgid = window->pid;
}

/* Steps of rmap_ptes(). */
#define UNPUBLISH 9
#define TELL 12
#define TELL_DONE 15

static bool rmap_ptes(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_slot *slot = &model->state->slot[who];
	struct model_task *task = &model->state->task[who];
	struct model_pending *pending = &model->state->pending[task->call.folio];
	uint64_t folio = bpf_model__folio(task->call.folio);
	struct model_bucket *bucket = bucket_of(model, folio);
	struct bpf_model_message *message;
	struct thprace_record *record;

	switch (step) {
	case 0:
		slot->window.level = THPRACE_LEVEL_PTE;
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
		task->flag = 0;
		task->i = 0; /* to be told */
		if (!walked_by_others(bucket, bpf_model__pid(who)))
			task->step = UNPUBLISH;
		return false;
	case 7:
		bucket->closed++;
		return false;
	case 8:
		task->i = removal_is_told(slot, bucket->entered, folio);
		return false;
	case UNPUBLISH:
		slot->published = 0;
		return false;
	case 10:
		bucket->windows--;
		return false;
	case 11:
		if (!slot->noted && !task->i)
			task->step = TELL_DONE;
		return false;
	case TELL:
		task->flag += 1;
		slot->window.open = task->now;
		slot->window.removed = task->now;
		return false;
	case 13:
		removal_window(model, who, &slot->window);
		task->message = reserve(model);
		return false;
	case 14:
		opener_submit(model, who, task->message);
		return false;
	case TELL_DONE:
		return !bucket->pending || task->flag == 2;
	case 16:
		task->other = pending->there;
		task->walk = pending->walk;
		return false;
	case 17:
		if (!task->other || task->walk.pid == bpf_model__pid(who))
			return true;
		/* It failed meanwhile: the one that failed before may be explained as well. */
		if (task->now <= task->walk.leave && !task->flag) {
			task->flag = 1; /* and 1 for telling: done then */
			task->step = TELL;
			return false;
		}
		return !thprace_explains(task->now, task->walk.enter, task->walk.leave);
	case 18:
		task->message = reserve(model);
		return false;
	default:
		message = submit(model, task->message, THPRACE_MSG_INCIDENT,
				 sizeof(message->incident));
		removal_window(model, who, &message->incident.window);
		message->incident.window.flags = THPRACE_WF_SETTLED;
		message->incident.verdict = THPRACE_ESCAPE;
		message->incident.said = THPRACE_ESCAPE;
		message->incident.mode = THPRACE_PRECISE;
		message->incident.walk = task->walk;
		message->incident.opener_stack.nr = 1;
		message->incident.opener_stack.ip[0] = bpf_model__pid(who);
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
		record->flags = task->call.own;
		record->value = task->walk.residual;
	}
}

static bool walk_begin(struct bpf_model *model, unsigned int who, unsigned int step)
{
	struct model_task *task = &model->state->task[who];
	struct model_bucket *bucket = bucket_of(model, bpf_model__folio(task->call.folio));

	switch (step) {
	case 0:
		task->folio = bpf_model__folio(task->call.folio);
		task->class = task->call.class;
		task->closed = bucket->closed;
		return false;
	case 1:
		bucket->entered++;
		return false;
	case 2:
		bucket->walkers += WALKER(bpf_model__pid(who));
		return false;
	case 3:
		task->enter = model->now;
		return false;
	case 4:
		bucket->entered += 0x10000 - 1;
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

static bool failed(const struct thprace_walk *walk)
{
	return walk->residual > 0 || walk->flags & THPRACE_RF_OWN_FAILED;
}

static enum thprace_verdict judge(const struct thprace_window *window,
				  const struct thprace_walk *walk)
{
	if (walk->class == THPRACE_SPLIT_HEAD) {
		if (!thprace_open_at(window->open, window->close, walk->enter))
			return THPRACE_CLEAN;
		return thprace_judge_head(window->close, walk->leave, walk->result);
	}
	if (thprace_meets(window->open, window->close, walk->enter, walk->leave) != THPRACE_OVERLAP)
		return THPRACE_CLEAN;
	return thprace_judge(window->removed, window->close, walk->enter, walk->leave,
			     walk->residual, !!(walk->flags & THPRACE_RF_OWN_FAILED), NULL);
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
	unsigned int folio = (task->folio >> 15 & 0xff) - 1;
	struct model_bucket *bucket = bucket_of(model, task->folio);

	switch (step) {
	case 0:
		task->now = model->now;
		return false;
	case 1:
		walk_fill(task, who, task->now, model->mapcount[folio], task->call.own);
		tell_start(task);
		if (!failed(&task->walk) || model->options.mode != THPRACE_PRECISE)
			task->step = 4;
		return false;
	case 2:
		if (!model->state->pending[folio].there)
			bucket->pending++;
		return false;
	case 3:
		model->state->pending[folio].there = true;
		model->state->pending[folio].walk = task->walk;
		return false;
	case 4:
		if (!tell(model, task, failed(&task->walk)))
			task->step = 4;
		return false;
	case 5:
		walk_record(model, who, THPRACE_REC_WALK_RETURN, task->now);
		if (task->split_enter && task->split_folio == task->folio) {
			task->unmapped = task->now;
			task->residual = task->walk.residual;
			task->told |= failed(&task->walk) || task->flag;
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
		if (!task->unmapped || task->residual) {
			task->step = 3;
			return false;
		}
		task->folio = task->split_folio;
		task->enter = task->unmapped;
		task->class = THPRACE_SPLIT_HEAD;
		walk_fill(task, who, task->now, 0, THPRACE_KF_RESULT);
		task->walk.result = task->call.result;
		tell_start(task);
		return false;
	case 2:
		if (!tell(model, task, false))
			task->step = 2;
		return false;
	case 3:
		if (task->told)
			task->message = reserve(model);
		return false;
	case 4:
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
		walk_fill(task, who, task->now, model->mapcount[task->call.folio],
			  THPRACE_KF_CHECK);
		return task->walk.residual <= 0;
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
