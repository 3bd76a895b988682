/* SPDX-License-Identifier: GPL-2.0-only */
/* Incidents as stored in traces of older format versions, for the reader. */
#ifndef THPRACE_INCIDENT_OLD_H
#define THPRACE_INCIDENT_OLD_H

#include <stddef.h>
#include <thprace/incident.h>

/* Up to version 3 a stack does not say who the task is. */
struct incident_old_stack {
	__u32 nr;
	__u8 values;
	__u8 section;
	__u16 pad;
	__u64 ip[THPRACE_STACK_MAX];
};

/* Version 3. The members before the stacks are those of today's struct. */
struct incident_v3 {
	char begin[__builtin_offsetof(struct thprace_incident, opener_stack)];
	struct incident_old_stack opener_stack;
	struct incident_old_stack walker_stack;
};

/* Versions 1 and 2. The members are those of today's struct, except these, which it lacks. */
struct incident_v2 {
	__u32 type;
	__u8 verdict;
	__u8 first_verdict;
	__u8 close_call;
	__u8 mode;
	char window[80]; /* without left and what follows it */
	char walk[72]; /* without left and what follows it */
	struct incident_old_stack opener_stack;
	struct incident_old_stack walker_stack;
};

_Static_assert(sizeof(struct incident_old_stack) == 200, "stored");
_Static_assert(sizeof(struct incident_v3) == 608, "stored");
_Static_assert(sizeof(struct incident_v2) == 560, "stored");
_Static_assert(__builtin_offsetof(struct thprace_window, left) == 80, "one begins as the other");
_Static_assert(__builtin_offsetof(struct thprace_walk, left) == 72, "one begins as the other");

/* The size of an incident in a file of this format version. */
size_t incident_old__size(__u32 version);

/*
 * Converts one of a file of this version, older than today's, to today's struct. old: need not be
 * aligned. In version 2 counts were not read, so it is only likely that the window was the cause of
 * an escape. Escapes of split-head and collapse-reuse are based on other proofs, which have not
 * changed.
 */
void incident_old__convert(struct thprace_incident *incident, __u32 version, const void *old);

#endif
