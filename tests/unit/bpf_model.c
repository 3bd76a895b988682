// SPDX-License-Identifier: GPL-2.0-only
#include "bpf_model_private.h"

#include <stdlib.h>
#include <string.h>

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

struct model_bucket *model__bucket_of(struct bpf_model *model, uint64_t folio)
{
	uint64_t at = folio == FOLIO_UNKNOWN ? 0 : (folio >> 15) - 1;

	return &model->state->bucket[at % model->options.buckets];
}

bool model__walked_by_others(const struct model_bucket *bucket, uint32_t pid)
{
	return bucket->walkers && bucket->walkers != WALKER(pid) &&
	       bucket->walkers != 2 * WALKER(pid);
}

struct thprace_record *model__record(struct bpf_model *model, unsigned int who, uint8_t type,
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

size_t model__reserve(struct bpf_model *model)
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

struct bpf_model_message *model__submit(struct bpf_model *model, size_t at, uint32_t type,
					size_t size)
{
	struct bpf_model_message *message = &model->message[at];

	message->submitted = model->now;
	message->size = size;
	message->type = type;
	return message;
}

void model__discard(struct bpf_model *model, size_t at)
{
	model->message[at].submitted = model->now;
	model->message[at].size = 0;
}

unsigned int model__folio_number(uint64_t folio)
{
	return (folio >> 15 & 0xff) - 1;
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
	static model_program *const programs[] = {
		[BPF_MODEL_ZAP_LOCK] = model__zap_lock,
		[BPF_MODEL_RMAP_PMD] = model__rmap_pmd,
		[BPF_MODEL_ZAP_RETURN] = model__zap_return,
		[BPF_MODEL_RMAP_PTES] = model__rmap_ptes,
		[BPF_MODEL_RANGE_ENTER] = model__range_enter,
		[BPF_MODEL_RANGE_RETURN] = model__range_return,
		[BPF_MODEL_WALK_BEGIN] = model__walk_begin,
		[BPF_MODEL_WALK_END] = model__walk_end,
		[BPF_MODEL_SPLIT_ENTER] = model__split_enter,
		[BPF_MODEL_SPLIT_RETURN] = model__split_return,
		[BPF_MODEL_CHECK] = model__check,
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
