/* SPDX-License-Identifier: GPL-2.0-only */
/* An incident as stored in traces of format versions 1 and 2, for the reader. */
#ifndef THPRACE_INCIDENT_V2_H
#define THPRACE_INCIDENT_V2_H

#include <thprace/incident.h>

/* The members are those of today's struct, except these, which it lacks. */
struct incident_v2 {
	__u32 type;
	__u8 verdict;
	__u8 first_verdict;
	__u8 close_call;
	__u8 mode;
	char window[80]; /* without left and what follows it */
	char walk[72]; /* without left and what follows it */
	struct thprace_stack opener_stack;
	struct thprace_stack walker_stack;
};

_Static_assert(sizeof(struct incident_v2) == 560, "stored");
_Static_assert(__builtin_offsetof(struct thprace_window, left) == 80, "one begins as the other");
_Static_assert(__builtin_offsetof(struct thprace_walk, left) == 72, "one begins as the other");

/*
 * Converts it to today's struct. Counts were not read then, so it is only likely that the window
 * was the cause of an escape. Escapes of split-head and collapse-reuse are based on other proofs,
 * which have not changed.
 */
void incident_v2__convert(struct thprace_incident *incident, const struct incident_v2 *old);

#endif
