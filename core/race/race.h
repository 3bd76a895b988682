/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A race as described by a file (thprace.race(5)): two sides, when each begins and ends, the key by
 * which they are matched, and what proves an escape. It belongs to no particular kernel;
 * core/race/race_kernel.h checks it on one.
 */
#ifndef THPRACE_RACE_FILE_H
#define THPRACE_RACE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "expr.h"
#include "race_rule.h"

#define RACE_NAME_SIZE 32 /* including the NUL */
#define RACE_TEXT_MAX 200 /* of a line, see core/base/ini_file.h */
#define RACE_SECTIONS_MAX 8 /* windows and walkers */
#define RACE_PLACES_MAX 8 /* of an event */
#define RACE_EVENTS_MAX 8 /* named by a section */
#define RACE_SAVED_MAX 8 /* values of a section */
#define RACE_FORMULA_WAYS_MAX 4 /* of an expression, for kernels that differ */
#define RACE_CONDITIONS_MAX 4 /* of which all must hold */
#define RACE_COMMITS_MAX 4
#define RACE_DANGERS_MAX 4
#define RACE_FILE_MAX (64UL << 10) /* bytes */

/* A line's value, and its position. */
struct race_text {
	char text[RACE_TEXT_MAX];
	unsigned int line; /* 0: not given */
	unsigned int column;
};

/* An expression and its alternatives: the first one whose names the kernel knows is used. */
struct race_formula {
	struct race_text text;
	struct expr *way[RACE_FORMULA_WAYS_MAX];
	int ways; /* 0: not given */
};

enum race_at {
	RACE_AT_ENTRY, /* of function */
	RACE_AT_RETURN,
	RACE_AT_CALL, /* of function, in the function `in' */
	RACE_AT_RETURN_OF, /* the same, after the call */
	RACE_AT_MAX
};

struct race_place {
	enum race_at at;
	char function[EXPR_NAME_MAX];
	char in[EXPR_NAME_MAX];
	unsigned int column; /* of function */
	unsigned int in_column;
	int group; /* places of one group are for kernels that differ: one is used. Of each group
		    * one must exist. */
};

struct race_event {
	struct race_place place[RACE_PLACES_MAX];
	int places; /* 0: not given */
	int groups;
	struct race_text text;
	struct race_formula when; /* it counts only if this holds */
};

/* NAME: … */
struct race_named_event {
	char name[EXPR_NAME_MAX];
	struct race_event event;
};

struct race_saved {
	char name[EXPR_NAME_MAX];
	struct race_formula value;
};

enum race_role {
	RACE_WINDOW,
	RACE_WALKER,
};

/* One [window] or [walker]. */
struct race_section {
	enum race_role role;
	unsigned int line; /* of its head */
	struct race_event begin; /* open, enter; or at: an instant */
	struct race_event end; /* close, leave */
	struct race_event drop; /* it ends, and was no interval */
	struct race_event learn; /* only here the key becomes known */
	bool instant;
	struct race_event
		inside; /* it counts only in a task that is inside this function; entries */
	struct race_named_event event[RACE_EVENTS_MAX];
	int events;
	struct race_formula key;
	struct race_formula from, to; /* a range: it ends before `to' */
	struct race_formula when[RACE_CONDITIONS_MAX]; /* of the beginning */
	int conditions;
	struct race_saved saved[RACE_SAVED_MAX];
	int values;
	struct race_formula escape[RACE_CONDITIONS_MAX]; /* conditions at the end */
	int escapes;
};

#define RACE_NAMES_MAX 4

/* Functions of kernels that differ. */
struct race_names {
	char name[RACE_NAMES_MAX][EXPR_NAME_MAX];
	int count; /* 0: not given */
};

/* A part of a function, by what it does. */
struct race_stretch {
	struct race_names in;
	struct race_names
		after; /* a call of one of these has returned; not given: from its entry on */
	struct race_names before; /* a call of one of these; not given: to its end … */
	bool bug; /* … or: from where each path leads to a test for a BUG */
};

#define RACE_PARTS_MAX 4

struct race_provoke {
	bool given;
	struct race_text hold;
	enum race_hold {
		RACE_HOLD_WINDOW,
		RACE_HOLD_WALKER,
		RACE_HOLD_EVENT, /* after the event of this name */
		RACE_HOLD_PROBE, /* where a part of a function begins */
		RACE_HOLD_CLOCK, /* anywhere in a part of a function, if a clock finds it there */
	} what;
	char name[EXPR_NAME_MAX]; /* of the event */
	struct race_stretch
		part[RACE_PARTS_MAX]; /* for kernels that differ: the first one that is there */
	int parts;
	int section; /* in an interval of which the task must be, to wait there */
	unsigned int time_us; /* how long, 1 to 1000 */
	struct race_text run; /* a command */
	unsigned int seconds; /* how long it runs, 0: to its end */
};

struct race {
	char path[256]; /* of the file */
	char name[RACE_NAME_SIZE];
	char title[RACE_TEXT_MAX];
	char fix[RACE_COMMITS_MAX][48]; /* commits upstream */
	int fixes;
	char cve[RACE_COMMITS_MAX][24];
	int cves;
	char danger[RACE_DANGERS_MAX][RACE_TEXT_MAX]; /* what the kernel prints in this case */
	int dangers;
	struct race_section section[RACE_SECTIONS_MAX];
	int sections;
	struct race_rule *rule; /* [check]; or NULL */
	struct race_provoke provoke;
};

/*
 * Read a file. Returns 0 and *race, to be freed with race__free(); or negative errno, and in why
 * all errors, one per line: "FILE:LINE:COLUMN: …". It does not check which names the kernel has.
 */
int race__read(struct race **race, const char *path, char *why, size_t why_size);

/* The same for text with the name path. */
int race__read_text(struct race **race, const char *path, const char *text, size_t size, char *why,
		    size_t why_size);
void race__free(struct race *race);

/* "window", "walker" */
const char *race__role(enum race_role role);

/* An event's place in the notation of the file, "call of G in F", into buf; returns it. */
#define RACE_PLACE_TEXT_MAX (2 * EXPR_NAME_MAX + 24)
const char *race__place(const struct race_place *place, char buf[RACE_PLACE_TEXT_MAX]);

/* Does one section of the race have a range? Then all have. */
bool race__has_range(const struct race *race);

#endif
