/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An interval of a race that a file describes: what its programs keep of one task from the beginning to the
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
	__u64 others; /* how many of the other side met it */
	__u64 saved[THPRACE_INTERVAL_SAVED];
	__u64 event[THPRACE_INTERVAL_EVENTS]; /* how often each took place */
	__u64 since[THPRACE_INTERVAL_EVENTS]; /* others, since each first took place */
	__u64 argument[THPRACE_INTERVAL_ARGUMENTS]; /* kept at the entry, for the return */
};

#endif
