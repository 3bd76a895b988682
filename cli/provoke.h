/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Provokes one class: the stressor runs, its windows are widened, and the ordinary engine watches.
 */
#ifndef THPRACE_PROVOKE_H
#define THPRACE_PROVOKE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>

#include "check/check_defect.h"
#include "check/check_facts.h"
#include "kernel_log.h"
#include "correlate/provoke_verdict.h"
#include "probe/probe.h"
#include "until.h"

struct provoke_options {
	double seconds; /* at most, per class … */
	struct until until; /* … or when this is fulfilled */
	uint32_t widen_ns; /* for each window; 0: nothing is widened */
	enum probe_attach attach;
	const char *btf; /* see struct target_options */
	uint64_t seed;
	const struct race *race; /* instead of a class; or NULL */
	const char *run; /* a command instead of the race's own; or NULL */
	const char *stressor; /* path of thprace-stress */
	const char *dir; /* for its files, or NULL */
	bool progress; /* show how far it is */
	bool whole; /* continue after an escape until the time is over */
};

struct provoke_result {
	enum thprace_class class; /* 0: a race that cannot be observed */
	enum provoke_verdict verdict;
	bool lacks_side; /* PROVOKE_IMPOSSIBLE because the kernel is not open to the class */
	bool asked; /* it ended without an escape, and the kernel's code was read … */
	enum check_status check; /* … which says this */
	char reason[1200]; /* of PROVOKE_NOT_SHOWN and PROVOKE_IMPOSSIBLE */
	const struct check_defect
		*defect; /* a defect of the kernel that explains failed walkers; or NULL */
	uint64_t windows;
	uint64_t walkers;
	uint64_t overlaps;
	struct provoke_counts counts;
	uint64_t widened; /* windows */
	uint64_t passes; /* passes whose distance was measured … */
	uint64_t met; /* … and those that overlapped, as reported to the stressor */
	double seconds;
	double first_escape; /* seconds from the stressor's start; negative: none */
	struct thprace_incident escape; /* the first one; valid if first_escape >= 0 */
	struct kernel_messages kernel; /* its complaints meanwhile */
	bool danger; /* one of them is what the file says that the race's is */
	int hung; /* the stressor's process if it hangs in the kernel and cannot be ended; 0: it
		   * does not */
	char hung_in[64]; /* … where, "": not known */
	struct recording *recording; /* for provoke__end() */
};

/* Is there a complaint of the kernel that may belong to this class? */
static inline bool provoke__own_complaint(const struct provoke_result *result)
{
	return result->danger || result->kernel.classes & 1U << result->class;
}

/* What is provoked, by name. */
const char *provoke__name(const struct provoke_options *options, enum thprace_class class);

/*
 * Provoke a class, or the race of the options, and leave the trace in the file path. Returns 0 with *result, or negative errno
 * with a sentence in why if the run itself failed. Ends when interrupt__came(). Call provoke__end()
 * in either case.
 */
int provoke__run(struct provoke_result *result, enum thprace_class class,
		 const struct provoke_options *options, const char *path, char *why,
		 size_t why_size);

/*
 * Detach the probes. On a kernel that has complained this may not return: print the result before.
 */
void provoke__end(struct provoke_result *result);

#endif
