/* SPDX-License-Identifier: GPL-2.0-only */
/* What `thprace provoke --race` does in another way than for a built-in class. */
#ifndef THPRACE_CLI_PROVOKE_RACE_H
#define THPRACE_CLI_PROVOKE_RACE_H

#include <stdbool.h>

#include "provoke.h"

/* The command that brings the race about: of the options, or of the file; NULL: there is none. */
const char *provoke_race__command(const struct provoke_options *options);

/* Why a race cannot be provoked as its file says, on any kernel; NULL: it can. */
const char *provoke_race__cannot(const struct provoke_options *options);

/*
 * Can this kernel not have the race, as its [check] says? Then the result says why. What is not known, for
 * instance for want of an image of the kernel, does not count.
 */
bool provoke_race__cannot_happen(struct provoke_result *result,
				 const struct provoke_options *options);

/* The result's reason for "not shown". */
void provoke_race__why(struct provoke_result *result, const struct race *race);

/*
 * Is one of these lines what the file says that the kernel prints? A "…" there stands for anything.
 */
bool provoke_race__is_danger(const struct race *race, const struct kernel_messages *messages);

#endif
