/* SPDX-License-Identifier: GPL-2.0-only */
/* `hold = probe in …' and `clock in …': the place at which a task waits, found in a kernel's code. */
#ifndef THPRACE_CLI_HOLD_PART_H
#define THPRACE_CLI_HOLD_PART_H

#include <stddef.h>
#include <thprace/shared.h>

#include "code/code.h"
#include "kernel/kprobe.h"
#include "race/race.h"

struct target;

/* A part of a function of the running kernel. */
struct hold_part {
	struct thprace_clock_span span[CODE_SPANS_MAX];
	size_t spans;
	struct kprobe_place entry[CODE_SPANS_MAX];
	size_t entries;
	char symbol[CODE_SPANS_MAX][KPROBE_NAME_MAX]; /* of the entries */
};

_Static_assert(CODE_SPANS_MAX <= THPRACE_CLOCK_SPANS, "the programs have space for all");

/*
 * Find it: the first alternative that is there. Returns 0; or negative errno with a reason in why,
 * which names the function.
 */
int hold_part__of_code(struct code *code, const struct race_provoke *provoke,
		       struct code_spans *found, char *why, size_t why_size);

/*
 * The same in the running kernel's code, which must not have kprobes there yet; target: with the
 * functions of race_kernel__names(). Needs the rights to load a BPF program. part may be NULL.
 */
int hold_part__of_target(struct target *target, const struct race_provoke *provoke,
			 struct code_spans *found, struct hold_part *part, char *why,
			 size_t why_size);

/* The same, with a target of its own. btf: see struct target_options. */
int hold_part__of_kernel(const char *btf, const struct race *race, struct hold_part *part,
			 char *why, size_t why_size);

#endif
