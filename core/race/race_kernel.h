/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A race on one kernel: which of its places exist, the meaning of its expressions there, and how
 * each event is attached; or what is missing.
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

/* The kernel on which races are checked. */
struct race_kernel {
	const struct types *types;
	/* The running kernel, with the functions of race_kernel__names(); or NULL. */
	struct target *target;
	/* For an image: does it have this function. Or NULL. */
	bool (*has)(void *context, const char *function);
	/* How often does one call another; -1: not known. Or NULL. */
	int (*calls)(void *context, const char *function, const char *callee);
	void *context;
};

/* The role of an event in its interval. */
enum race_moment {
	RACE_BEGINS,
	RACE_ENDS,
	RACE_DROPS,
	RACE_LEARNS,
	RACE_NAMED, /* one of its own events */
	RACE_INSIDE, /* the function around it: entry and return */
	RACE_MOMENT_MAX
};

/* The purpose of an expression. */
enum race_use {
	RACE_USE_EVENT, /* 0: the event does not count */
	RACE_USE_WHEN, /* index: of the condition; 0: the interval does not begin */
	RACE_USE_KEY,
	RACE_USE_FROM,
	RACE_USE_TO,
	RACE_USE_SAVED, /* index: of the value */
	RACE_USE_ESCAPE, /* index: of the condition; not 0: an escape */
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
	RACE_HOW_CALL, /* a kprobe at the call, or after it */
	RACE_HOW_MAX
};

/* A program of the function's trampoline, whose context has arguments of known types? */
static inline bool race_how__trampoline(enum race_how how)
{
	return how == RACE_HOW_FENTRY || how == RACE_HOW_FEXIT;
}

/* A place of an event at which a program is attached. */
struct race_point {
	const struct race_section *section;
	int section_index;
	enum race_moment moment;
	int named; /* which, of RACE_NAMED */
	const struct race_event *event;
	const struct race_place *place;
	enum race_how how;
	bool keeps; /* arguments are saved at the entry, or the call, for the return */
	bool by_helper; /* nothing is read by plain loads, which the verifier has refused */
	char reason[RACE_REASON_MAX]; /* why it is not attached in another way */
	struct race_calc calc[RACE_CALCS_MAX];
	int calcs;
};

struct race_problem {
	unsigned int line, column; /* column 0: the whole line */
	bool absent; /* this kernel lacks the name; else it is wrong on any kernel */
	char text[320];
};

struct race_on_kernel {
	const struct race *race;
	struct race_point *point; /* space for RACE_POINTS_MAX_ALL */
	int points;
	struct race_problem problem[RACE_PROBLEMS_MAX];
	int problems; /* 0: it can be observed */
};

/*
 * Check a race on a kernel, both of which must live as long as the result. Returns 0, with or
 * without problems, and the result must be released; or -ENOMEM.
 */
int race_kernel__check(struct race_on_kernel *result, const struct race *race,
		       const struct race_kernel *kernel);
void race_kernel__release(struct race_on_kernel *result);

/* Why it cannot be observed: the first problem; NULL: it can. */
const char *race_kernel__not_observable(const struct race_on_kernel *result);

/* Is it wrong on any kernel? */
bool race_kernel__wrong(const struct race_on_kernel *result);

/* "fentry", "kprobe at the call" … */
const char *race_kernel__how(enum race_how how);

/* "open", "enter", "at", "drop" …, or the name of the event. */
const char *race_kernel__moment(const struct race_point *point);

/*
 * The functions that a race names, appended to names (count of max), each once. Returns the new
 * count.
 */
size_t race_kernel__names(const struct race *race, const char **names, size_t count, size_t max);

#endif
