/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of what the BPF programs report: the same steps in the same order as in bpf/, but
 * in user space and one at a time, so that a test decides which task goes next. Each step looks at
 * the clock or touches what is shared once. It makes the records and the messages of the ring.
 *
 * Memory is sequentially consistent here, as the programs' barriers make it on x86.
 */
#ifndef TESTS_BPF_MODEL_H
#define TESTS_BPF_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>

#define BPF_MODEL_TASKS 12
#define BPF_MODEL_FOLIOS 4
#define BPF_MODEL_BUCKETS 4
#define BPF_MODEL_ORDER 2 /* a huge page has four small ones */

/* Runs of BPF programs. */
enum bpf_model_program {
	BPF_MODEL_NONE,
	BPF_MODEL_ZAP_LOCK, /* a window opens */
	BPF_MODEL_RMAP_PMD, /* its rmap was removed */
	BPF_MODEL_ZAP_RETURN, /* it closes */
	BPF_MODEL_RMAP_PTES, /* small pages' rmap was removed inside a zap */
	BPF_MODEL_RANGE_ENTER, /* the zap of a part of a vma that maps the folio */
	BPF_MODEL_RANGE_RETURN,
	BPF_MODEL_WALK_BEGIN,
	BPF_MODEL_WALK_END,
	BPF_MODEL_SPLIT_ENTER,
	BPF_MODEL_SPLIT_RETURN,
	BPF_MODEL_CHECK,
};

/* What a run is told, by the kernel's arguments. */
struct bpf_model_call {
	enum bpf_model_program program;
	unsigned int folio;
	bool unknown; /* ZAP_LOCK: this machine's entries are not understood */
	uint8_t class; /* WALK_BEGIN */
	uint16_t own; /* WALK_END: THPRACE_RF_OWN* */
	bool remaps; /* WALK_BEGIN: the split of an anonymous folio */
	bool dumped; /* CHECK: the kernel found it mapped, whatever it is now */
	uint32_t pages; /* RMAP_PTES */
	int32_t result; /* SPLIT_RETURN */
};

struct bpf_model_options {
	enum thprace_mode mode;
	unsigned int buckets; /* folios share them */
};

/* A message, in the order in which its place in the ring was taken. */
struct bpf_model_message {
	uint64_t submitted; /* when a reader may have it; 0: not yet */
	size_t size; /* 0: the place was given back */
	union {
		uint32_t type;
		struct thprace_incident incident;
		struct thprace_opener opener;
		struct thprace_split split;
		struct thprace_outer outer;
	};
};

struct bpf_model {
	struct bpf_model_options options;
	uint64_t now; /* the clock: set by the test before each step */
	struct thprace_counts mapped[BPF_MODEL_FOLIOS]; /* the kernel's: changed by the test */
	struct thprace_record *record;
	size_t records;
	struct bpf_model_message *message;
	size_t messages;
	uint64_t longest_run; /* ns */
	uint64_t longest_window; /* ns */
	unsigned int lost; /* counted as lost */
	struct bpf_model_state *state;
};

struct bpf_model *bpf_model__new(const struct bpf_model_options *options);
uint64_t bpf_model__folio(unsigned int folio);
uint32_t bpf_model__pid(unsigned int who);
void bpf_model__call(struct bpf_model *model, unsigned int who, const struct bpf_model_call *call);
/* One step of the task's run. Returns true when that was its last. */
bool bpf_model__step(struct bpf_model *model, unsigned int who);
/* All of a run, the clock going on by `pace` before each step. */
void bpf_model__run(struct bpf_model *model, unsigned int who, const struct bpf_model_call *call,
		    uint64_t pace);
void bpf_model__free(struct bpf_model *model);

#endif
