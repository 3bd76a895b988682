/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF programs themselves, compiled for the host and run by tasks that a test lets continue
 * step by step. Each step reads the clock or accesses shared memory once, so a test decides which
 * comes first. The model makes the records and the messages of the ring.
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
#include <thprace/race_slot.h>
#include <thprace/record.h>

#define BPF_MODEL_TASKS 12
#define BPF_MODEL_FOLIOS 4
#define BPF_MODEL_ORDER 2 /* a huge page has four small ones */

/* Where programs are attached: functions of the kernel at their entry or return. */
enum bpf_model_program {
	BPF_MODEL_NONE,
	BPF_MODEL_ZAP_ENTER,
	BPF_MODEL_ZAP_LOCK, /* a window opens */
	BPF_MODEL_RMAP_PMD_ENTER, /* its rmap is being removed … */
	BPF_MODEL_RMAP_PMD, /* … and has been removed */
	BPF_MODEL_ZAP_RETURN, /* it closes */
	BPF_MODEL_RANGE_ENTER, /* the zap of a part of a vma that maps the folio */
	BPF_MODEL_RMAP_PTES_ENTER, /* the rmap of small pages in it: as above */
	BPF_MODEL_RMAP_PTES,
	BPF_MODEL_RANGE_RETURN,
	BPF_MODEL_OUTER_ENTER, /* the split, memory_failure or invalidation around a walker */
	BPF_MODEL_WALK_BEGIN,
	BPF_MODEL_WALK_END,
	BPF_MODEL_OUTER_RETURN,
	BPF_MODEL_CHECK,
	/* A race from a file: a section of each side, with the task's call->key. */
	BPF_MODEL_RACE_OPEN,
	BPF_MODEL_RACE_EVENT, /* of the window, whose escape is others_since() it */
	BPF_MODEL_RACE_CLOSE,
	BPF_MODEL_RACE_DROP,
	BPF_MODEL_RACE_ENTER,
	BPF_MODEL_RACE_LEAVE,
	BPF_MODEL_RACE_AT, /* a walker that is an instant */
	BPF_MODEL_RACE_SEEK, /* a walker that does not know its key; its escape is others > 1 */
	BPF_MODEL_RACE_LEARN, /* … and learns it */
	BPF_MODEL_RACE_LEFT,
	BPF_MODEL_RACE_EXIT, /* the task ends */
};

/* What a run gets: the kernel's arguments and memory. */
struct bpf_model_call {
	enum bpf_model_program program;
	unsigned int folio;
	uint8_t class; /* of the walker */
	bool unknown; /* ZAP_LOCK: this machine's entries are not understood */
	bool empty; /* ZAP_LOCK: the entry maps the huge zero page */
	bool anonymous; /* the folio */
	bool own; /* WALK_*: try_to_unmap and try_to_migrate return whether they succeeded … */
	bool own_failed; /* … and this one did not */
	bool dumped; /* CHECK: the kernel found it mapped, whatever it is now */
	int32_t result; /* OUTER_RETURN: of a split */
	uint64_t key; /* RACE_* */
};

/* What a task's next step does. */
enum bpf_model_place {
	BPF_MODEL_START,
	BPF_MODEL_CLOCK,
	BPF_MODEL_COUNTS, /* read a mapcount */
	BPF_MODEL_RING, /* take a place in the ring, or submit it */
	BPF_MODEL_WINDOW, /* of a slot */
	BPF_MODEL_NOTED,
	BPF_MODEL_OPEN_FOLIO,
	BPF_MODEL_PENDING, /* a pending walker's members, or its claim */
	BPF_MODEL_ATTRIBUTING,
	BPF_MODEL_WALKERS, /* these five: of a bucket */
	BPF_MODEL_WINDOWS,
	BPF_MODEL_PENDING_HERE,
	BPF_MODEL_CLOSED,
	BPF_MODEL_ENTERED,
	BPF_MODEL_RACE, /* what races from files share */
	BPF_MODEL_FLIGHT, /* the flight recorder of a CPU */
	BPF_MODEL_NOWHERE, /* no step: it affects no other task */
};

struct bpf_model_options {
	enum thprace_mode mode;
	unsigned int buckets; /* folios share them */
	bool kprobes; /* instead of trampolines */
	bool crowded; /* all look for their slot of a race from a file in the same place first */
	bool flight; /* records go to the flight recorders, as without --all */
	bool page_rmap; /* one function removes the rmap of pages at both levels, as until 6.8 */
};

/* A message, in the order in which places in the ring were taken. */
struct bpf_model_message {
	uint64_t submitted; /* when a reader may read it; 0: not yet */
	size_t size; /* 0: the place was discarded */
	union {
		uint32_t type;
		struct thprace_incident incident;
		struct thprace_opener opener;
		struct thprace_split split;
		struct thprace_outer outer;
		struct thprace_race_end race_end;
		struct thprace_race_pair race_pair;
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
};

/* Only one at a time, because the programs' variables are global. */
struct bpf_model *bpf_model__new(const struct bpf_model_options *options);
uint64_t bpf_model__folio(unsigned int folio);
uint32_t bpf_model__pid(unsigned int who);
/* Data of the CPU on which the task runs. Tasks whose numbers differ by this many share one. */
#define BPF_MODEL_CPUS 5
const struct thprace_cpu *bpf_model__cpu(unsigned int who);
void bpf_model__call(struct bpf_model *model, unsigned int who, const struct bpf_model_call *call);
/* One step of the task's run. Returns true when that was its last. */
bool bpf_model__step(struct bpf_model *model, unsigned int who);
/* What its next step does. */
enum bpf_model_place bpf_model__next(const struct bpf_model *model, unsigned int who);
/* The first reading of the clock in the task's last run; 0: none. */
uint64_t bpf_model__clock(unsigned int who);
/* Others since its event, as the last interval of a race from a file counted them that the task ended. */
uint64_t bpf_model__counted(unsigned int who);
/*
 * When no program runs: fails the test if an interval of a race from a file is left behind. Returns
 * the losses by a cause.
 */
uint64_t bpf_model__check_races(enum thprace_loss cause);
/* Are the ends that the closest pass is found by written and read in steps? At first not. */
void bpf_model__tear_passes(bool on);
/* What was measured of the race from a file, on all CPUs; the programs' bucket of a length. */
void bpf_model__measured(struct thprace_race_measured *sum);
unsigned int bpf_model__bucket(uint64_t ns);
/*
 * As core does from time to time: free the places of walkers that have waited long enough. Returns
 * how many still wait.
 */
unsigned int bpf_model__sweep(struct bpf_model *model);
/*
 * When no program runs: fails the test if a loss was counted, or if a program has left something
 * behind.
 */
void bpf_model__check(const struct bpf_model *model);
void bpf_model__free(struct bpf_model *model);

#endif
