// SPDX-License-Identifier: GPL-2.0-only
/* The model's tasks, each on its own stack, and their output. */
/* glibc's hardened longjmp() refuses to jump to another stack, which is needed here. */
#undef _FORTIFY_SOURCE
#include "bpf_model_private.h"

#include <stdlib.h>
#include <string.h>

struct bpf_model *model__running;
unsigned int model__who;
struct model_task model__task[BPF_MODEL_TASKS];

static jmp_buf scheduler;

/* AddressSanitizer must be told about a change of stacks. */
void __sanitizer_start_switch_fiber(void **fake, const void *stack, size_t size)
	__attribute__((weak));
void __sanitizer_finish_switch_fiber(void *fake, const void **stack, size_t *size)
	__attribute__((weak));

static const void *scheduler_stack;
static size_t scheduler_size;

static void leave_for(const void *stack, size_t size, void **fake)
{
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(fake, stack, size);
}

static void arrive(void *fake, const void **from, size_t *size)
{
	if (__sanitizer_finish_switch_fiber)
		__sanitizer_finish_switch_fiber(fake, from, size);
}

void model__wait(enum bpf_model_place next)
{
	struct model_task *task = &model__task[model__who];
	void *fake = NULL;

	task->next = next;
	leave_for(scheduler_stack, scheduler_size, &fake);
	if (!_setjmp(task->here))
		_longjmp(scheduler, 1);
	arrive(fake, &scheduler_stack, &scheduler_size);
}

/* A task runs forever: one program run after the other. */
static void live(void)
{
	struct model_task *task;

	arrive(NULL, &scheduler_stack, &scheduler_size);
	for (;;) {
		task = &model__task[model__who];
		if (task->call.program >= BPF_MODEL_RACE_OPEN)
			model__race_program(&task->call);
		else
			model__program(&task->call, task, &model__running->options);
		model__wait(BPF_MODEL_START);
	}
}

static void go_on(struct model_task *task)
{
	void *fake = NULL;

	leave_for(task->stack, MODEL_STACK, &fake);
	if (!_setjmp(scheduler)) {
		if (task->begun)
			_longjmp(task->here, 1);
		task->begun = true;
		setcontext(&task->start);
	}
	arrive(fake, NULL, NULL);
}

/* A task that a failed test left in the middle of a run starts anew. */
static void task_reset(struct model_task *task)
{
	memset(task, 0, offsetof(struct model_task, begun));
	if (!task->stack)
		task->stack = malloc(MODEL_STACK);
	if (!task->stack || getcontext(&task->start))
		abort();
	if (task->begun && task->next == BPF_MODEL_START)
		return;
	task->begun = false;
	task->start.uc_stack.ss_sp = task->stack;
	task->start.uc_stack.ss_size = MODEL_STACK;
	makecontext(&task->start, live, 0);
}

struct bpf_model *bpf_model__new(const struct bpf_model_options *options)
{
	struct bpf_model *model = calloc(1, sizeof(*model));
	unsigned int who;

	if (!model)
		abort();
	model->options = *options;
	if (!model->options.buckets || model->options.buckets > BPF_MODEL_FOLIOS)
		model->options.buckets = BPF_MODEL_FOLIOS;
	model->now = 1000000000ULL;
	for (who = 0; who < BPF_MODEL_TASKS; who++)
		task_reset(&model__task[who]);
	model__running = model;
	model__memory_reset(model);
	model__race_reset();
	return model;
}

void bpf_model__free(struct bpf_model *model)
{
	free(model->record);
	free(model->message);
	free(model);
}

/* Space for one more: doubled if the number is a power of two. */
static void *more(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		abort();
	return array;
}

void model__record(const struct thprace_record *record)
{
	struct bpf_model *model = model__running;

	model->record = more(model->record, model->records, sizeof(*record));
	model->record[model->records++] = *record;
	if (record->type == THPRACE_REC_ZAP_CLOSE &&
	    record->ts - record->entry > model->longest_window)
		model->longest_window = record->ts - record->entry;
}

size_t model__reserve(void)
{
	struct bpf_model *model = model__running;

	model->message = more(model->message, model->messages, sizeof(*model->message));
	memset(&model->message[model->messages], 0, sizeof(*model->message));
	return model->messages++;
}

void model__submit(size_t at, const struct bpf_model_message *message)
{
	model__running->message[at] = *message;
	model__running->message[at].submitted = model__running->now;
}

void bpf_model__call(struct bpf_model *model, unsigned int who, const struct bpf_model_call *call)
{
	(void)model;
	model__task[who].call = *call;
}

bool bpf_model__step(struct bpf_model *model, unsigned int who)
{
	struct model_task *task = &model__task[who];

	if (task->next == BPF_MODEL_START) {
		task->since = model->now;
		task->clock = 0;
	}
	model__who = who;
	model__memory_set(model, &task->call);
	go_on(task);
	if (task->next != BPF_MODEL_START)
		return false;
	if (model->now - task->since > model->longest_run)
		model->longest_run = model->now - task->since;
	return true;
}

enum bpf_model_place bpf_model__next(const struct bpf_model *model, unsigned int who)
{
	(void)model;
	return model__task[who].next;
}

uint64_t bpf_model__clock(unsigned int who)
{
	return model__task[who].clock;
}

uint64_t bpf_model__counted(unsigned int who)
{
	return model__task[who].counted;
}

unsigned int bpf_model__sweep(struct bpf_model *model)
{
	return model__memory_sweep(model);
}

void bpf_model__check(const struct bpf_model *model)
{
	(void)model;
	model__memory_check();
}
