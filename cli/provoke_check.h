/* SPDX-License-Identifier: GPL-2.0-only */
/* What the code of the running kernel says of what is provoked: the second witness beside the run. */
#ifndef THPRACE_PROVOKE_CHECK_H
#define THPRACE_PROVOKE_CHECK_H

#include "check/check_facts.h"
#include "provoke.h"

/*
 * The word of `thprace check' for the class, or for the race of the options, and in evidence the fact
 * that decided, "" if there is none. CHECK_UNKNOWN also if the kernel cannot be read. Call it while
 * no probe is in the code.
 */
enum check_status provoke_check__word(const struct provoke_options *options,
				      enum thprace_class class, char *evidence, size_t size);

/*
 * "Closed" is said of a run, and a run may miss what is rare: if the code says that the kernel is
 * vulnerable, nothing is shown, and the result says why.
 */
void provoke_check__confirm(struct provoke_result *result, const struct provoke_options *options);

#endif
