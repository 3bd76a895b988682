/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internals of the plan, shared by probe.c (which points, and how) and probe_*.c (its table,
 * arguments, calls, prototypes, and what can be observed under it).
 */
#ifndef THPRACE_PROBE_PRIVATE_H
#define THPRACE_PROBE_PRIVATE_H

#include "probe.h"

/*
 * Waiters are recognised by the function that their wait queue entry calls: see hold_enter in
 * bpf/collapse.bpf.c.
 */
#define PROBE_WAKE "wake_page_function"

/*
 * In probe_calls.c: the kernel has the point's function; probe its calls instead, if they can be
 * found in the kernel's code and the trial's program ran. False: the point stays as planned.
 */
bool probe_calls__plan(struct probe *probe, struct target *target, const struct probe_trial *trial);

/*
 * In probe_known.c: the prototype of a static function that BTF omits, if the table has it. False:
 * it has not.
 */
bool probe_known__function(const struct probe *probe, const struct target *target,
			   struct target_function *function);

/*
 * In probe_known.c: the prototype of the function `name`, of which the kernel has only a compiler's
 * variant, if its arguments are known to be where the prototype says. Returns the evidence ("BTF",
 * "its code"); or NULL: there is none.
 */
const char *probe_known__variant(const struct probe *probe, struct target *target, const char *name,
				 const char *variant, struct target_function *function);

/*
 * In probe_args.c: fill in where a function has its arguments. NULL, or the name of a needed one
 * that is missing.
 */
const char *probe_args__place(struct probe *probe, const struct target_function *function);

/*
 * In probe_args.c: is a huge page that a failed collapse has revoked carried over to the next one?
 * Only if collapse_file gets it from its caller: until 6.0 ("mm: khugepaged: don't carry huge page
 * to the next loop for !CONFIG_NUMA", which also removed khugepaged_prealloc_page).
 */
bool probe_args__carries_page(const struct probe *collapse);

#endif
