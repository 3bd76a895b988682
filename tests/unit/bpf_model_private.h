/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the model share: its state, and the steps that all programs take. */
#ifndef TESTS_BPF_MODEL_PRIVATE_H
#define TESTS_BPF_MODEL_PRIVATE_H

#include "bpf_model.h"

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
	uint64_t row_folio;
	uint32_t row_entered;
	uint32_t row_length;
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
	bool reported;
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
	uint32_t reported;
};

struct bpf_model_state {
	struct model_bucket bucket[BPF_MODEL_BUCKETS];
	struct model_slot slot[BPF_MODEL_TASKS];
	struct model_task task[BPF_MODEL_TASKS];
	struct model_pending pending[PLACES];
	unsigned int walkers; /* struct thprace_attributing */
	unsigned int ranges;
};

struct model_bucket *model__bucket_of(struct bpf_model *model, uint64_t folio);
/* Is another task's walker on a folio of this bucket? */
bool model__walked_by_others(const struct model_bucket *bucket, uint32_t pid);
unsigned int model__folio_number(uint64_t folio);
/* A record of the task, put behind the others; the caller fills in the rest. */
struct thprace_record *model__record(struct bpf_model *model, unsigned int who, uint8_t type,
				     uint64_t ts, uint64_t entry, uint64_t folio);
/* Take a place in the ring; it is filled and given to the reader by a later step. */
size_t model__reserve(struct bpf_model *model);
struct bpf_model_message *model__submit(struct bpf_model *model, size_t at, uint32_t type,
					size_t size);
void model__discard(struct bpf_model *model, size_t at);

/* The programs: each does one step of the task's run, and returns true when that was the last. */
typedef bool model_program(struct bpf_model *model, unsigned int who, unsigned int step);
model_program model__zap_lock, model__rmap_pmd, model__zap_return, model__rmap_ptes;
model_program model__range_enter, model__range_return;
model_program model__walk_begin, model__walk_end, model__split_enter, model__split_return;
model_program model__check;

#endif
