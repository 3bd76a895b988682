/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the parts of the model: its tasks, and how a task stops between two steps. */
#ifndef TESTS_BPF_MODEL_PRIVATE_H
#define TESTS_BPF_MODEL_PRIVATE_H

#include <setjmp.h>
#include <ucontext.h>
#include <linux/types.h>
#include "bpf_model.h"

#define MODEL_STACK (256 * 1024)
#define MODEL_FRAME 32 /* what a trampoline has on the stack */
#define MODEL_STATE 1024 /* at least a struct walk_state */

struct model_task {
	struct bpf_model_call call;
	uint64_t since; /* first step of the run */
	uint64_t clock; /* first reading of the clock in it */
	uint64_t counted; /* others since its event, by the last interval from a file that ended */
	/* The kernel's: where arguments and results are, and a page-table entry. */
	__u64 frame[MODEL_FRAME]; /* of functions that a zap calls, next to the zap's */
	__u64 zap_frame[MODEL_FRAME];
	__u64 pmd;
	/* The program's value in `walks`. */
	bool has_state;
	uint64_t state[MODEL_STATE / sizeof(uint64_t)];
	/* Places that it took in the rings. */
	struct thprace_record record;
	struct bpf_model_message message;
	size_t message_at;
	size_t reserved; /* size of that message, 0: none */
	/* It runs on its own stack, which outlives the model. */
	bool begun;
	enum bpf_model_place next;
	jmp_buf here;
	ucontext_t start;
	char *stack;
};

/* The task whose step it is, and its model. */
extern struct bpf_model *model__running;
extern unsigned int model__who;
extern struct model_task model__task[BPF_MODEL_TASKS];

/* The next step does this: other tasks come first. */
void model__wait(enum bpf_model_place next);
/* The program of a call, from its entry to its end (bpf_model_programs.c). */
void model__program(const struct bpf_model_call *call, struct model_task *task,
		    const struct bpf_model_options *options);
/* The same for a race from a file (bpf_model_race.c), and the memory of these. */
void model__race_program(const struct bpf_model_call *call);
void *model__race_lookup(const void *map, uint32_t at);
bool model__race_shared(const volatile void *at);
void model__race_reset(void);
void model__race_check(void);
/* The memory that tasks share, the kernel's and the programs' (bpf_model_host.c). */
void model__memory_reset(const struct bpf_model *model);
/* The kernel's memory for this call. */
void model__memory_set(const struct bpf_model *model, const struct bpf_model_call *call);
unsigned int model__memory_sweep(const struct bpf_model *model);
void model__memory_check(void);
/* The arguments of a call. */
uint64_t model__vma(unsigned int folio);
uint64_t model__vma_start(unsigned int folio);
uint64_t model__entry(const struct bpf_model_call *call);
/* A complete record; a place for a message, and its content (size 0: none). */
void model__record(const struct thprace_record *record);
size_t model__reserve(void);
void model__submit(size_t at, const struct bpf_model_message *message);

#endif
