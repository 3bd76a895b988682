/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The content of a trace file, read once, in memory that does not grow with the file: header, META,
 * the last STATS, counts per class, the most interesting incidents, symbols, the busiest tasks.
 *
 * A member that is missing in a JSON block reads as 0, "" or an empty list.
 */
#ifndef THPRACE_SUMMARY_H
#define THPRACE_SUMMARY_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/shared.h>
#include <thprace/trace.h>
#include "activity.h"
#include "base/histogram.h"
#include "classes/race_class.h"

struct incident_groups;
struct trace_reader;

/* Incidents kept per class and verdict. */
#define SUMMARY_KEEP 64
/* Maximum number of symbols and tasks taken from a file: more are left out. */
#define SUMMARY_SYMBOLS_MAX 65536
#define SUMMARY_CGROUPS_MAX 4096
#define SUMMARY_TASKS_MAX 4096
/* Probes and programs: a file with more is refused. */
#define SUMMARY_LISTED_MAX 256
/* Messages about bad blocks that are kept. */
#define SUMMARY_NOTES_MAX 8

/* Names are printable ASCII; longer ones are truncated. */
#define SUMMARY_NAME_LEN 128
/* Texts are as in the file, truncated: see names__clean(). */
#define SUMMARY_TEXT_LEN 256
#define SUMMARY_COMMAND_LEN 1024

/* The closest pass of a window and a walker that did not overlap. */
struct summary_closest {
	int known;
	uint64_t distance; /* ns */
	struct thprace_window window;
	struct thprace_walk walk;
};

struct summary_class {
	uint64_t walkers;
	uint64_t failed;
	/* The larger of the count in STATS and the number of incidents in the file. */
	uint64_t overlaps;
	uint64_t contained;
	uint64_t escapes;
	uint64_t likely; /* of these: not proved */
	uint64_t remained;
	uint64_t unattributed;
	uint64_t unproven;
	uint64_t in_file[THPRACE_VERDICT_MAX]; /* incidents in the file */
	uint64_t likely_in_file;
	char not_observable[SUMMARY_TEXT_LEN]; /* why this class cannot be observed, or "" */
	int cannot_happen; /* because the kernel is not open to it */
	int checked; /* check is what the kernel's image shows: see thprace-check(1) */
	enum check_status check;
	/* Of a race from a file: */
	uint64_t windows;
	int measured; /* the lengths of its windows are known */
	struct histogram lengths;
	struct summary_closest closest;
};

struct summary_probe {
	char point[SUMMARY_NAME_LEN];
	char function[SUMMARY_NAME_LEN];
	char kind[SUMMARY_NAME_LEN];
	char state[SUMMARY_NAME_LEN];
	char reason[SUMMARY_TEXT_LEN];
};

struct summary_program {
	char name[SUMMARY_NAME_LEN];
	char point[SUMMARY_NAME_LEN];
	char function[SUMMARY_NAME_LEN];
	char kind[SUMMARY_NAME_LEN];
	uint64_t runs;
	uint64_t run_ns;
	uint64_t missed;
	uint64_t insns;
	uint64_t verified;
};

/* A point whose program at the entry never ran, while the one at its return did. */
struct summary_silent {
	char point[SUMMARY_NAME_LEN];
	char reason[SUMMARY_TEXT_LEN];
	uint64_t returns;
};

/* Of an address in a stack. */
struct summary_symbol {
	uint64_t address;
	char name[SUMMARY_NAME_LEN];
};

/* Of a task's cgroup. */
struct summary_cgroup {
	uint64_t id;
	char path[SUMMARY_TEXT_LEN];
};

struct summary_task {
	uint32_t pid;
	uint32_t tgid;
	char comm[THPRACE_COMM_LEN];
	uint64_t windows;
};

struct summary_incident {
	uint64_t number; /* position among the file's incidents, from 1 */
	struct thprace_incident incident;
};

struct summary {
	struct thprace_trace_header header;
	int has_meta;
	int has_stats;
	int ended; /* the recording ended normally */
	unsigned int bad_blocks; /* blocks that could not be read, and a truncated end */
	int cut; /* of these: the truncated end, 1 or 0 */
	char notes[SUMMARY_NOTES_MAX][256]; /* why, for the first of them */

	/* META */
	char tool[SUMMARY_NAME_LEN];
	char version[SUMMARY_NAME_LEN];
	char hostname[SUMMARY_TEXT_LEN]; /* which machine: "" in traces before version 4 */
	char machine_id[SUMMARY_TEXT_LEN];
	char boot_id[SUMMARY_TEXT_LEN];
	char kernel[SUMMARY_NAME_LEN];
	char machine[SUMMARY_NAME_LEN];
	char attach[SUMMARY_NAME_LEN];
	char thp_enabled[SUMMARY_NAME_LEN]; /* "always", "madvise", "never"; "": not known */
	char clock[SUMMARY_NAME_LEN];
	char clock_source[SUMMARY_NAME_LEN]; /* the kernel's name for it; "": not known */
	uint64_t clock_step; /* ns, measured; 0: not known */
	int clock_ticks; /* it ticks every clock_step; else it is finer */
	unsigned int cpus;
	int mode; /* enum thprace_mode, or -ENOENT if META does not say */
	char command[SUMMARY_COMMAND_LEN]; /* joined by blanks; "" without one */
	struct summary_probe *probes;
	size_t nr_probes;
	char (*crash)[SUMMARY_TEXT_LEN]; /* recovered from a crash dump: what it says about that */
	size_t nr_crash;

	/* STATS */
	uint64_t stopped; /* "ended": ns CLOCK_MONOTONIC, 0 if not known */
	double seconds;
	uint64_t seen;
	uint64_t submitted;
	uint64_t filtered;
	uint64_t lost[THPRACE_LOSS_MAX];
	uint64_t lost_total; /* sum of all causes, including unknown ones */
	uint64_t windows;
	uint64_t pte_removals;
	uint64_t mismatches;
	uint64_t touching;
	uint64_t collapses;
	uint64_t collapses_failed;
	uint64_t reuses; /* collapses that got the page of a failed one */
	uint64_t reuses_foreign; /* of these: with references beyond the collapser's own */
	struct summary_class class[THPRACE_CLASS_MAX];
	struct histogram phases[THPRACE_PHASE_MAX];
	struct summary_program *programs;
	size_t nr_programs;
	struct summary_silent *silent;
	size_t nr_silent;
	struct summary_closest closest; /* of the built-in classes */

	/* TASKS, busiest first */
	struct summary_task *tasks;
	size_t nr_tasks;

	/* RECORDS, CONTEXT, INCIDENTS */
	uint64_t records;
	uint64_t context;
	uint64_t incidents;
	struct incident_groups *groups;
	struct summary_incident *kept[THPRACE_CLASS_MAX][THPRACE_VERDICT_MAX];
	unsigned int nr_kept[THPRACE_CLASS_MAX][THPRACE_VERDICT_MAX];
	uint64_t least_kept[THPRACE_CLASS_MAX][THPRACE_VERDICT_MAX]; /* the least weight in a full
								      * list */

	/* SYMBOLS, by address */
	struct summary_symbol *symbols;
	size_t nr_symbols;
	struct summary_cgroup *cgroups; /* by id */
	size_t nr_cgroups;

	struct activity activity; /* over time, of RECORDS, CONTEXT and INCIDENTS */

	const char *beyond; /* why a JSON block was refused */
};

/*
 * Read a whole trace. Returns 0 and *summary, to be freed with summary__free(); or the reason in
 * why, and -ENOMEM, or -E2BIG: thprace does not write such a file, because it exceeds the limits of
 * the format. A damaged or truncated file is no error: see bad_blocks, notes and ended.
 */
int summary__read(struct summary **summary, struct trace_reader *reader, char *why,
		  size_t why_size);

void summary__free(struct summary *summary);

/* Totals over all classes for one verdict: pairs, and walkers alone. */
uint64_t summary__total(const struct summary *summary, enum thprace_verdict verdict);

/* All overlaps of all classes. */
uint64_t summary__overlaps(const struct summary *summary);

/*
 * The closest passes that say something, of which nobody came nearer: that of the built-in classes, if
 * none of them has an overlap, and those of races from files without one. Into list, which has space
 * for THPRACE_CLASS_MAX. Returns their number.
 */
size_t summary__closest(const struct summary *summary, const struct summary_closest **list);

/* Does seen = submitted + filtered + lost hold? */
int summary__identity(const struct summary *summary);

/*
 * The incidents that matter most: the example of each group (incident_groups.h), in their order; then
 * the others that were kept: escapes, unattributed, remained, unproven, then contained, each sorted
 * by summary__weight(). Fills at most max members of list; returns their number.
 */
size_t summary__matter(const struct summary *summary, const struct summary_incident **list,
		       size_t max);

/* The path of a cgroup ("/system.slice/x.service"), or NULL. summary may be NULL. */
const char *summary__cgroup(const struct summary *summary, uint64_t id);

/* Name of a kernel address ("zap_huge_pmd+0x1a3"), or NULL. summary may be NULL. */
const char *summary__symbol(const struct summary *summary, uint64_t address);

#define SUMMARY_HINTS_MAX 2
#define SUMMARY_HINT_LEN 256

/*
 * What a reader should know before taking "nothing was found" for an answer: sentences, into hints.
 * Returns their number.
 */
unsigned int summary__hints(const struct summary *summary,
			    char hints[SUMMARY_HINTS_MAX][SUMMARY_HINT_LEN]);

/*
 * The function to which a point of META's probes is attached, or would be (state "skipped"), or
 * generic if META does not say. point: "zap", "lock", "rmap-pmd"…; '-' and '_' are equivalent.
 * summary and generic may be NULL.
 */
const char *summary__function(const struct summary *summary, const char *point,
			      const char *generic);

/*
 * How long window and walker of an incident overlapped, in ns. split-head counts from the end of
 * phase 1 on. 0 if not known: without a window, and at PTE level, where only the window's end is
 * known.
 */
uint64_t summary__overlap(const struct thprace_incident *incident);
int summary__overlap_known(const struct thprace_incident *incident);

/* Does this incident have a window? */
int summary__has_window(const struct thprace_incident *incident);

/*
 * How interesting an incident is, among those of its class and verdict: its overlap, or, of a walker
 * alone, its residual mapcount.
 */
uint64_t summary__weight(const struct thprace_incident *incident);

/*
 * How near a contained incident came to an escape: by how many ns the walker returned (a split
 * completed) after the end of the phase in which that would have been one. Returns 1 and *ns; or 0
 * if that is not known, or nothing returned.
 */
int summary__closeness(const struct thprace_incident *incident, uint64_t *ns);

#endif
