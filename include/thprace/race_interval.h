/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interval of a race that a file describes: what its programs store for one task from start to
 * end, and what the instructions of its expressions read (core/race/race_program.c).
 */
#ifndef THPRACE_RACE_INTERVAL_H
#define THPRACE_RACE_INTERVAL_H

#include <linux/types.h>

#define THPRACE_INTERVAL_SAVED 8
#define THPRACE_INTERVAL_EVENTS 8
#define THPRACE_INTERVAL_ARGUMENTS 12

struct thprace_race_interval {
	__u64 key;
	__u64 others; /* how many intervals of the other side overlapped it */
	__u64 saved[THPRACE_INTERVAL_SAVED];
	__u64 event[THPRACE_INTERVAL_EVENTS]; /* how often each happened */
	__u64 since[THPRACE_INTERVAL_EVENTS]; /* others, since each first happened */
	__u64 first[THPRACE_INTERVAL_EVENTS]; /* when, ns; if it happened */
	__u64 argument[THPRACE_INTERVAL_ARGUMENTS]; /* saved at the entry, for the return */
};

#endif
