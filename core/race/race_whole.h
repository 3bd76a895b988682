/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks that need a complete race file. Only for core/race/race*.c. */
#ifndef THPRACE_RACE_WHOLE_H
#define THPRACE_RACE_WHOLE_H

#include "base/ini_file.h"
#include "race.h"

/* Add "FILE:LINE:COLUMN: …"; column 0: the whole line. */
__attribute__((format(printf, 5, 6))) void
race_whole__complain(struct ini_errors *errors, const struct race *race, unsigned int line,
		     unsigned int column, const char *format, ...);

/*
 * Add what is missing, and find the section of a clock. After other errors this would blame what was not
 * read. has_head: there is a [race].
 */
void race_whole__check(struct race *race, bool has_head, struct ini_errors *errors);

#endif
