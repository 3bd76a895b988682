/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The terms of thprace: verdicts, walkers, causes of loss.
 *
 * Shared by the BPF programs and all user-space programs. The names are stable: they appear in
 * output, alerts, metrics and docs. Values are stored in trace files: append, never renumber.
 */
#ifndef THPRACE_RACE_H
#define THPRACE_RACE_H

/*
 * A race class: which window a walker overlapped, and what the kernel may wrongly conclude from it.
 * Its id is a value of the run, from 1: core/classes has a file for each class, and META of a trace
 * maps ids to names.
 */
enum thprace_class {
	THPRACE_CLASS_NONE = 0,
	THPRACE_CLASS_MAX = 32 /* all ids are below it; a power of two, for the verifier */
};

/* The result for a pair of window and walker, or for a walker alone. */
enum thprace_verdict {
	THPRACE_CLEAN = 0, /* a walker that overlapped no window (never an incident) */
	THPRACE_CONTAINED = 1, /* the walker decided after phase 1 had closed */
	THPRACE_ESCAPE = 2, /* the walker failed while a zap was under way that took a mapping */
	THPRACE_UNATTRIBUTED = 3, /* the walker failed, and no zap was seen that explains it */
	THPRACE_UNPROVEN = 4, /* a record was lost in the interval: no statement is made */
	THPRACE_REMAINED = 5, /* the walker failed while nobody was unmapping: no race */
	THPRACE_VERDICT_MAX
};

#define THPRACE_VERDICT_NAMES                                                          \
	{                                                                              \
		"clean", "contained", "escape", "unattributed", "unproven", "remained" \
	}

/* How certain it is that the zap of an escape made the walker fail. Ordered. */
enum thprace_attribution {
	THPRACE_ATTRIBUTION_NONE = 0, /* not an escape */
	THPRACE_LIKELY = 1, /* the zap was under way; others may have been the cause */
	THPRACE_CAUSAL = 2, /* it was under way, and as many mappings were removed as zaps were
			     * under way */
	THPRACE_EXACT = 3, /* its own rmap removal is stamped after the walker's return */
	THPRACE_ATTRIBUTION_MAX
};

#define THPRACE_ATTRIBUTION_NAMES               \
	{                                       \
		"", "likely", "causal", "exact" \
	}

/*
 * What started the walker: recognised by the flags that it passed and the function that it ran in.
 */
enum thprace_walker_origin {
	THPRACE_ORIGIN_OTHER = 0,
	THPRACE_ORIGIN_SPLIT = 1,
	THPRACE_ORIGIN_HWPOISON = 2,
	THPRACE_ORIGIN_TRUNCATE = 3,
	THPRACE_ORIGIN_INVALIDATE = 4,
	THPRACE_ORIGIN_MIGRATION = 5,
	THPRACE_ORIGIN_RECLAIM = 6,
	THPRACE_ORIGIN_HOLDER = 7, /* waits for the lock of a page that it found */
	THPRACE_ORIGIN_MAX
};

#define THPRACE_ORIGIN_NAMES                                                                    \
	{                                                                                       \
		"other", "split", "hwpoison", "truncate", "invalidate", "migration", "reclaim", \
			"holder"                                                                \
	}

/* The level of the page table at which the window's entry was. */
enum thprace_level {
	THPRACE_LEVEL_PMD = 0,
	THPRACE_LEVEL_PTE = 1,
	THPRACE_LEVEL_MAX
};

#define THPRACE_LEVEL_NAMES  \
	{                    \
		"pmd", "pte" \
	}

/* What the observer attaches: see "probe effect" in docs/architecture.md. */
enum thprace_mode {
	THPRACE_LIGHT = 0, /* no probe between the clear and the decrement */
	THPRACE_PRECISE = 1, /* rmap removal is probed too: exact ends of phases */
	THPRACE_MODE_MAX
};

#define THPRACE_MODE_NAMES         \
	{                          \
		"light", "precise" \
	}

/* Why a record, a window or a walker was lost. Each cause is counted where the loss happens. */
enum thprace_loss {
	THPRACE_LOSS_STREAM = 0, /* --all: the stream ring of this CPU was full */
	THPRACE_LOSS_INCIDENT = 1, /* the incident ring was full */
	THPRACE_LOSS_SLOT = 2, /* no zap slot for this task: its window was not seen */
	THPRACE_LOSS_TASK = 3, /* the table of walking tasks was full: the walker was not seen */
	THPRACE_LOSS_HITS = 4, /* more windows were open on one folio than a walker reports */
	THPRACE_LOSS_RETURN = 5, /* a function was entered again before its return was seen */
	THPRACE_LOSS_MISSED = 6, /* the kernel skipped a program (recursion_misses) */
	THPRACE_LOSS_WRITE = 7, /* the trace file could not be written (disk full) */
	THPRACE_LOSS_MEMORY = 8, /* core had no memory for a report */
	THPRACE_LOSS_MAX
};

#define THPRACE_LOSS_SLOTS 16 /* a power of two, for the verifier */

#define THPRACE_LOSS_NAMES                                                                 \
	{                                                                                  \
		"stream", "incident", "slot", "task", "hits", "return", "missed", "write", \
			"memory"                                                           \
	}

#endif
