/* SPDX-License-Identifier: GPL-2.0-only */
/* The conditions of a [check]: core/check/check_race.c, check_race_code.c, check_race_fact.c. */
#ifndef THPRACE_CHECK_RACE_PRIVATE_H
#define THPRACE_CHECK_RACE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "check_race.h"
#include "race/race_rule.h"

struct check_source;
struct types;

struct check_race_judging {
	const struct check_source *source;
	const struct race_rule *rule;
	struct types *types; /* NULL: no BTF */
	struct check_fact fact[RACE_RULE_NODES_MAX];
	struct check_race_result *result;
};

/* Fill in a fact; its text is cleaned. */
__attribute__((format(printf, 4, 5))) void check_race__set(struct check_fact *fact,
							   enum check_answer answer,
							   enum check_kind kind, const char *format,
							   ...);

/* "a, b or c" */
#define CHECK_RACE_LIST_MAX 200
const char *check_race__list(const struct race_rule_names *names, char buf[CHECK_RACE_LIST_MAX]);

/* Is there no BTF? Then the fact is not known, and says so after the question. */
bool check_race__no_btf(const struct check_race_judging *judging, struct check_fact *fact,
			const char *question);

/* Id of a structure, union, typedef or enum, or 0. */
uint32_t check_race__type(const struct types *types, const char *name);

/* A condition about calls, reads and flags in the code of functions. */
void check_race__find_code(struct check_race_judging *judging, const struct race_rule_node *node,
			   struct check_fact *fact);

#endif
