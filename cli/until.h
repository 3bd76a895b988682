/* SPDX-License-Identifier: GPL-2.0-only */
/* --until: continue until a count is reached, "overlaps:CLASS=3". */
#ifndef THPRACE_UNTIL_H
#define THPRACE_UNTIL_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <thprace/race.h>

#include "session/session.h"

struct engine;

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

/* Conditions, all of which must hold. A plain value; initially all 0. */
struct until {
	struct {
		enum until_what what;
		enum thprace_class class; /* THPRACE_CLASS_NONE: all classes together */
		uint64_t count;
	} wanted[UNTIL_MAX];
	unsigned int nr;
};

/* Read one more, "WHAT[:CLASS]=N". A wrong one ends the program with a message and status 2. */
void until__parse(struct until *until, const char *arg, struct argp_state *state);

/* Do all hold? False if there is none. class: for those that name none, or THPRACE_CLASS_NONE. */
bool until__met(const struct until *until, const struct session_totals *totals,
		enum thprace_class class);

/*
 * The conditions that do not hold, in words with the present count: "overlaps:CLASS 1 of 3",
 * separated by commas. class: as above. Returns buf.
 */
const char *until__lacks(char *buf, size_t size, const struct until *until,
			 const struct session_totals *totals, enum thprace_class class);

/* A class that is waited for and cannot be observed on this kernel, or THPRACE_CLASS_NONE. */
enum thprace_class until__hopeless(const struct until *until, const struct engine *engine);

#endif
