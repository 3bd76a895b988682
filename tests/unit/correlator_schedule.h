/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tasks that zap, walk and split a few folios, as runs of the model's programs (bpf_model.h), one
 * step at a time; and what the correlator must make of their messages.
 */
#ifndef TESTS_CORRELATOR_SCHEDULE_H
#define TESTS_CORRELATOR_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bpf_model.h"

#define EVENTS_MAX 65536

enum task_does {
	IDLE,
	ZAP,
	PTE_ZAP,
	WALK,
	SPLIT,
	CHECK_POINT
};

struct task {
	enum task_does does;
	unsigned int folio;
	unsigned int phase; /* of what it does */
	enum bpf_model_program running; /* in a BPF program; NONE: outside */
	bool empty; /* zap of the huge zero page */
	bool unknown; /* zap of an entry that is not understood */
	bool nested; /* the walker zaps as well */
	bool own; /* the kernel's try_to_unmap has a result */
	bool looked; /* the walker has read what it sees */
	bool mapped; /* what it saw */
	bool checks;
	bool dumped;
	bool remaps; /* a split that removes mappings, and restores them when it fails */
	int taken; /* by it */
	int32_t result; /* start of the split */
	uint8_t class;
	unsigned int removals;
	uint64_t began; /* its zap */
	unsigned int frozen; /* turns that it does not get */
};

/* What really happened: a zap took one mapping. */
struct event {
	uint64_t time;
	uint64_t began; /* the zap */
	uint64_t ended; /* 0: not yet */
	unsigned int who;
	unsigned int folio;
	uint8_t level;
};

struct schedule {
	uint64_t seed;
	uint64_t random;
	struct bpf_model *model;
	struct task task[BPF_MODEL_TASKS];
	unsigned int tasks;
	unsigned int folios;
	bool fixed; /* walkers leave nothing mapped */
	int stays[BPF_MODEL_FOLIOS]; /* small mappings that nobody zaps */
	unsigned int locked[BPF_MODEL_FOLIOS]; /* by task - 1: walkers hold the folio's lock */
	uint64_t pace;
	unsigned int pauses; /* one step in this many is followed by a long pause of its task */
	unsigned int longest_pause; /* turns */
	struct event event[EVENTS_MAX];
	size_t events;
};

/* What is counted besides the verdicts. */
enum {
	AT_PTE_LEVEL = THPRACE_VERDICT_MAX,
	AS_IT_GOES,
	PROVED,
	SUM_MAX
};

/* A random schedule of this many turns. The caller frees its model. */
void correlator_schedule__generate(struct schedule *schedule, uint64_t seed, unsigned int turns);
/* A zap takes a mapping. */
void correlator_schedule__take(struct schedule *schedule, unsigned int who, uint8_t level);
/*
 * The correlator's incidents equal the detector's, settled at the end and on the way, and what is
 * proved is true. If not, the test fails. Verdicts and the above are added to sum.
 */
void correlator_schedule__check(struct schedule *schedule, unsigned long *sum);

#endif
