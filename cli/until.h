/* SPDX-License-Identifier: GPL-2.0-only */
/* --until: go on until so much was seen, "overlaps:CLASS=3". */
#ifndef THPRACE_UNTIL_H
#define THPRACE_UNTIL_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <thprace/race.h>

#include "session/session.h"

#define UNTIL_MAX 16

enum until_what {
	UNTIL_WALKERS,
	UNTIL_OVERLAPS,
	UNTIL_CONTAINED,
	UNTIL_ESCAPES,
	UNTIL_REMAINED,
	UNTIL_UNATTRIBUTED,
	UNTIL_WHAT_MAX
};

/* Conditions, all of which have to hold. A plain value; begin with all 0. */
struct until {
	struct {
		enum until_what what;
		enum thprace_class class; /* THPRACE_CLASS_NONE: of all classes together */
		uint64_t count;
	} wanted[UNTIL_MAX];
	unsigned int nr;
};

/* Read one more, "WHAT[:CLASS]=N". A wrong one ends the program with a message and status 2. */
void until__parse(struct until *until, const char *arg, struct argp_state *state);

/* Do all hold? False where there is none. class: of those that name none, or THPRACE_CLASS_NONE. */
bool until__met(const struct until *until, const struct session_totals *totals,
		enum thprace_class class);

/*
 * What of it does not hold, in words with what was seen: "overlaps:CLASS 1 of 3", each behind a comma.
 * class: as above. Returns buf.
 */
const char *until__lacks(char *buf, size_t size, const struct until *until,
			 const struct session_totals *totals, enum thprace_class class);

/* A class that is waited for and that this kernel does not show, or THPRACE_CLASS_NONE. */
enum thprace_class until__hopeless(const struct until *until, const struct probe_plan *plan);

#endif
