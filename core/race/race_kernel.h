/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A race on one kernel: which of its places there are, what its expressions come to there, and how each
 * event is attached; or what is missing.
 */
#ifndef THPRACE_RACE_KERNEL_H
#define THPRACE_RACE_KERNEL_H

#include "calc.h"
#include "race.h"

struct target;

#define RACE_POINTS_MAX_ALL 64 /* of one race */
#define RACE_CALCS_MAX 24 /* of one point */
#define RACE_PROBLEMS_MAX 16
#define RACE_REASON_MAX 160

/* What races are held against. */
struct race_kernel {
	const struct types *types;
	/* The running kernel, with the functions that race_kernel__names() tells; or NULL. */
	struct target *target;
	/* Of an image: has it this function; how often does one call another, -1: not known. Or NULL. */
	bool (*has)(void *context, const char *function);
	int (*calls)(void *context, const char *function, const char *callee);
	void *context;
};

/* What an event is to its interval. */
enum race_moment {
	RACE_BEGINS,
	RACE_ENDS,
	RACE_DROPS,
	RACE_LEARNS,
	RACE_NAMED, /* one of its own events */
	RACE_INSIDE, /* the function around it: entry and return */
	RACE_MOMENT_MAX
};

/* What an expression is for. */
enum race_use {
	RACE_USE_EVENT, /* 0: the event does not count */
	RACE_USE_WHEN, /* index: which condition; 0: the interval does not begin */
	RACE_USE_KEY,
	RACE_USE_FROM,
	RACE_USE_TO,
	RACE_USE_SAVED, /* index: which value */
	RACE_USE_ESCAPE, /* index: which condition; all other than 0: an escape */
};

struct race_calc {
	enum race_use use;
	int index;
	struct calc calc;
};

enum race_how {
	RACE_HOW_NONE,
	RACE_HOW_FENTRY,
	RACE_HOW_FEXIT,
	RACE_HOW_KPROBE,
	RACE_HOW_KRETPROBE,
	RACE_HOW_CALL, /* a kprobe at the call, or behind it */
	RACE_HOW_MAX
};

/* A place of an event where a program is attached. */
struct race_point {
	const struct race_section *section;
	int section_index;
	enum race_moment moment;
	int named; /* which, of RACE_NAMED */
	const struct race_event *event;
	const struct race_place *place;
	enum race_how how;
	bool keeps; /* arguments are kept from the entry, or the call, for the return */
	char reason[RACE_REASON_MAX]; /* why not otherwise */
	struct race_calc calc[RACE_CALCS_MAX];
	int calcs;
};

struct race_problem {
	unsigned int line, column; /* column 0: the whole line */
	bool absent; /* this kernel has not what is named; else it is wrong on any */
	char text[320];
};

struct race_on_kernel {
	const struct race *race;
	struct race_point *point; /* room for RACE_POINTS_MAX_ALL */
	int points;
	struct race_problem problem[RACE_PROBLEMS_MAX];
	int problems; /* 0: it can be observed */
};

/*
 * Hold a race against a kernel, both of which must live as long as the result. Returns 0, with problems or without,
 * and the result is to be released; or -ENOMEM.
 */
int race_kernel__check(struct race_on_kernel *result, const struct race *race,
		       const struct race_kernel *kernel);
void race_kernel__release(struct race_on_kernel *result);

/* Why it cannot be observed: the first problem; NULL: it can be. */
const char *race_kernel__not_observable(const struct race_on_kernel *result);

/* Is it wrong whatever the kernel? */
bool race_kernel__wrong(const struct race_on_kernel *result);

/* "fentry", "kprobe at the call" … */
const char *race_kernel__how(enum race_how how);

/* "open", "enter", "at", "drop" …, or the name of the event. */
const char *race_kernel__moment(const struct race_point *point);

/* The functions that a race names, appended to names (count of max), each once. Returns the new count. */
size_t race_kernel__names(const struct race *race, const char **names, size_t count, size_t max);

#endif
