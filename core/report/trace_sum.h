/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many traces, summed up by race class, kernel and pair of stacks. Each trace is forgotten once it
 * is added: the memory grows with the number of different classes, kernels and pairs alone, up to
 * the limits below.
 *
 * Incidents are counted that are in the files: the counters of a daemon's files (STATS) go on from
 * one file to the next, and adding them would count twice.
 */
#ifndef THPRACE_TRACE_SUM_H
#define THPRACE_TRACE_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/race.h>
#include "banner.h"
#include "base/hash.h"
#include "base/hash_map.h"
#include "incident_groups.h"
#include "summary.h"

/*
 * Classes of one kernel; what is beyond is counted as of the kernel TRACE_SUM_OTHERS, and a class
 * beyond as the class of that name.
 */
#define TRACE_SUM_ROWS_MAX 2048
/* Pairs of stacks that are kept apart, and bytes of their names; the rest is in "others". */
#define TRACE_SUM_PAIRS_MAX 4096
#define TRACE_SUM_TEXT_MAX (12U << 20)
#define TRACE_SUM_OTHERS "others"
/* Hosts, of each pair, row and of all together, that are told apart: beyond, hosts are "at least". */
#define TRACE_SUM_HOSTS_MAX 262144

struct trace_sum_counts {
	uint64_t files; /* with at least one of these incidents */
	uint64_t hosts; /* of these files; 0: the files do not say */
	uint64_t of[THPRACE_VERDICT_MAX]; /* incidents */
	uint64_t likely; /* of the escapes: not proved */
	uint64_t first; /* when the first and the last happened, ns CLOCK_REALTIME; 0: not known */
	uint64_t last;
	uint64_t file; /* the last one that was counted in files */
};

/* A pair of stacks of a class on a kernel. */
struct trace_sum_pair {
	struct hash_node node;
	struct trace_sum_row *row;
	struct trace_sum_counts counts;
	bool others; /* of many pairs: without stacks */
	uint32_t hash;
	/* What the tasks did. opener is "" if no window was seen. */
	char opener[INCIDENT_GROUP_SIDE_LEN];
	char walker[INCIDENT_GROUP_SIDE_LEN];
	bool has_closest;
	uint64_t closest; /* ns: see incident_groups.h */
	uint64_t longest;
	/* One to look at: the worst, then the closest, then the one that overlapped longest. */
	struct {
		int rank;
		bool has_closest;
		uint64_t closest;
		uint64_t longest;
		uint64_t number; /* in its file, from 1 */
		char *file;
	} example;
	/* Names of the functions, each ended by a line feed; not of the observer's. "?": no name. */
	char *opener_stack;
	char *walker_stack;
};

/* A class on a kernel. */
struct trace_sum_row {
	struct hash_node node;
	char class[RACE_NAME_MAX + 1];
	char kernel[SUMMARY_NAME_LEN]; /* "": the files do not say */
	struct trace_sum_counts counts;
	struct trace_sum_counts of_class; /* on all kernels; after trace_sum__finish() */
	struct trace_sum_pair **pairs; /* the same */
	size_t nr_pairs;
};

/* A kernel of the files, whether it has incidents or not. */
struct trace_sum_kernel {
	struct hash_node node;
	char name[SUMMARY_NAME_LEN];
	uint64_t files;
};

struct trace_sum {
	uint64_t files; /* that were added */
	uint64_t skipped; /* that could not be */
	uint64_t incomplete; /* of files: without an end */
	uint64_t lost; /* of files: with losses other than of the stream */
	uint64_t escaped; /* of files: with escapes */
	uint64_t kind[BANNER_MAX]; /* of files: what each says by itself */
	struct trace_sum_kernel **kernels;
	size_t nr_kernels;
	uint64_t hosts; /* of all files */
	struct hash_map seen; /* hosts that were counted, by what they were counted in */
	struct trace_sum_counts counts; /* of all incidents */
	/* After trace_sum__finish(): the worst class first, and of each the worst kernel. */
	struct trace_sum_row **rows;
	size_t nr_rows;
	struct trace_sum_pair **pairs;
	size_t nr_pairs;
	size_t text; /* bytes in the stacks of pairs */
	struct trace_sum_index *index;
};

/* Returns an object to be freed with trace_sum__free(), or NULL. */
struct trace_sum *trace_sum__new(void);

/* Add a trace; path: its name, copied. 0 or -ENOMEM, after which the sum is not to be used. */
int trace_sum__add(struct trace_sum *sum, const struct summary *summary, const char *path);

/* A file that could not be added. */
void trace_sum__skip(struct trace_sum *sum);

/* After the last one: sort, and add up. */
void trace_sum__finish(struct trace_sum *sum);

/* The answer in one line of printable ASCII, without a full stop. */
void trace_sum__answer(struct banner *banner, const struct trace_sum *sum);

/* Escapes that are proved. */
uint64_t trace_sum__proved(const struct trace_sum_counts *counts);

void trace_sum__free(struct trace_sum *sum);

#endif
