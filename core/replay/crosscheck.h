/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares the incidents that the BPF programs reported with those that core's detector derives
 * from the records of the same run, one by one.
 *
 * A pair at PMD level is identified by (window.pid, window.open, walk.pid, walk.enter, walk.class);
 * an unattributed walker by the walker's half of these; a pair at PTE level also by the walker's
 * half, and its removal time is compared like the verdict.
 */
#ifndef THPRACE_CROSSCHECK_H
#define THPRACE_CROSSCHECK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct crosscheck;
struct trace_reader;

struct crosscheck_result {
	uint64_t records; /* fed to the detector */
	uint64_t kernel; /* incidents in the file */
	uint64_t detector; /* incidents of the detector */
	uint64_t equal;
	uint64_t only_kernel;
	uint64_t only_detector;
	uint64_t differs; /* same pair, but another verdict or removal time */
	uint64_t left_out; /* unproven on either side; left out because records were lost */
	uint64_t settled_otherwise; /* the kernel's first verdict was another one ("said") */
	uint64_t kernel_close_calls;
	uint64_t close_calls; /* of the detector */
	uint64_t kernel_touching;
	uint64_t touching; /* of the detector */
	uint64_t orphans;
	uint64_t late;
	uint64_t lost; /* stream records lost: unproven incidents are left out of the comparison */
	int complete; /* the file is complete */
	int same; /* the result: no difference, nothing lost, file complete */
};

/*
 * Read a whole trace and compare. Returns 0 and *crosscheck, to be freed with crosscheck__free(),
 * also if it finds differences; or negative errno with the reason in plain words in why: -ENODATA
 * not recorded with --all, or no META with the mode; -ENOMEM.
 */
int crosscheck__run(struct crosscheck **crosscheck, struct trace_reader *reader, char *why,
		    size_t why_size);

const struct crosscheck_result *crosscheck__result(const struct crosscheck *crosscheck);

/* Print the counts, the first differences, and the last line "crosscheck: equal|DIFFERENT". */
void crosscheck__print(const struct crosscheck *crosscheck, FILE *out);

/* The same as JSON objects of type "crosscheck" and "difference", one per line. 0 or -ENOMEM. */
int crosscheck__print_json(const struct crosscheck *crosscheck, FILE *out);

void crosscheck__free(struct crosscheck *crosscheck);

#endif
