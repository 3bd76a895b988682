/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * [check] of a race file: the facts in a kernel's BTF, symbols, configuration and code that show
 * whether it has the fix. Only its form; core/check/check_race.h checks a kernel.
 */
#ifndef THPRACE_RACE_RULE_H
#define THPRACE_RACE_RULE_H

#include "expr.h"

#define RACE_RULE_NODES_MAX 48
#define RACE_RULE_DEPTH_MAX 8
#define RACE_RULE_NAMES_MAX 6 /* A | B */

enum race_rule_kind {
	RACE_RULE_AND,
	RACE_RULE_OR,
	RACE_RULE_NOT,
	RACE_RULE_CALLS, /* one of function calls one of callee */
	RACE_RULE_CALLS_BEFORE, /* … before one of before, on each path to that */
	RACE_RULE_CALLS_AFTER, /* … after one of after, on a path from that */
	RACE_RULE_READS_BEFORE, /* function reads the member `argument' of flag before one of before */
	RACE_RULE_PASSES, /* function passes flag to callee, in its argument of that name or type */
	RACE_RULE_FUNCTION, /* one of function exists */
	RACE_RULE_MEMBER, /* the structure flag has the member `argument' */
	RACE_RULE_ENUMERATOR, /* flag */
	RACE_RULE_TYPE, /* a structure, union, enum or typedef, flag */
	RACE_RULE_CONFIG, /* flag, without CONFIG_ */
};

/* Alternative functions, for kernels that differ. */
struct race_rule_names {
	char name[RACE_RULE_NAMES_MAX][EXPR_NAME_MAX];
	int count;
};

struct race_rule_node {
	enum race_rule_kind kind;
	int child[2];
	unsigned int line, column;
	struct race_rule_names function, callee, before;
	struct race_rule_names after; /* the paths begin at calls of these; none: at the entry */
	char flag[EXPR_NAME_MAX];
	char argument[EXPR_NAME_MAX];
};

/* A condition; root EXPR_NONE: not given. */
struct race_rule {
	struct race_rule_node node[RACE_RULE_NODES_MAX];
	int count;
	int fixed, vulnerable, cannot; /* roots */
};

/*
 * Parse a condition, which is at this line and column, and add it to *root with "and". Returns 0;
 * or -EINVAL and the error.
 */
int race_rule__parse(struct race_rule *rule, int *root, const char *text, unsigned int line,
		     unsigned int column, struct expr_error *error);

#endif
