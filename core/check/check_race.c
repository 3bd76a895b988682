// SPDX-License-Identifier: GPL-2.0-only
#include "check_race_private.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "check_source.h"
#include "kernel/btf_walk.h"
#include "race/race.h"
#include "race/types.h"

/* --- BTF, symbols, configuration --- */

static void find_function(struct check_race_judging *judging, const struct race_rule_node *node,
			  struct check_fact *fact)
{
	enum check_answer answer = CHECK_NOT_KNOWN, one;
	enum check_kind kind = CHECK_BY_SYMBOL;
	const char *found = node->function.name[0];
	char list[CHECK_RACE_LIST_MAX];
	int i;

	for (i = 0; i < node->function.count && answer != CHECK_YES; i++) {
		kind = CHECK_BY_SYMBOL;
		one = check_source__symbol(judging->source, node->function.name[i]);
		if (one == CHECK_NOT_KNOWN) {
			kind = CHECK_BY_BTF;
			one = check_source__function(judging->source, node->function.name[i], NULL);
		}
		if (one != CHECK_NOT_KNOWN)
			answer = one;
		found = node->function.name[i];
	}
	check_race__list(&node->function, list);
	if (answer == CHECK_YES)
		check_race__set(fact, answer, kind, "there is a function %s", found);
	else if (answer == CHECK_NO)
		check_race__set(fact, answer, kind, "there is no function %s", list);
	else
		check_race__set(fact, answer, kind,
				"is there a function %s? There are neither symbols nor BTF", list);
}

static void find_member(struct check_race_judging *judging, const struct race_rule_node *node,
			struct check_fact *fact)
{
	struct nearest nearest = nearest__to(node->argument);
	const struct btf_type *type;
	struct types_member member;
	char question[160];
	uint32_t id;
	bool has;

	snprintf(question, sizeof(question), "has %s the member %s", node->flag, node->argument);
	if (check_race__no_btf(judging, fact, question))
		return;
	id = check_race__type(judging->types, node->flag);
	type = id ? types__plain(judging->types, &id) : NULL;
	has = type && btf_is_composite(type) &&
	      types__member(judging->types, type, node->argument, &member, &nearest);
	check_race__set(fact, has ? CHECK_YES : CHECK_NO, CHECK_BY_BTF,
			has    ? "%s has the member %s"
			: type ? "%s has no member %s"
			       : "there is no type %s, and so no member %s",
			node->flag, node->argument);
}

static void find_enumerator(struct check_race_judging *judging, const struct race_rule_node *node,
			    struct check_fact *fact)
{
	struct types_enumerator found;
	char question[CHECK_RACE_LIST_MAX];

	snprintf(question, sizeof(question), "is there an enumerator %s", node->flag);
	if (check_race__no_btf(judging, fact, question))
		return;
	if (types__enumerator(judging->types, node->flag, &found))
		check_race__set(fact, CHECK_YES, CHECK_BY_BTF, "there is an enumerator %s: %#llx",
				node->flag, (unsigned long long)found.value);
	else
		check_race__set(fact, CHECK_NO, CHECK_BY_BTF, "there is no enumerator %s",
				node->flag);
}

static void find_named_type(struct check_race_judging *judging, const struct race_rule_node *node,
			    struct check_fact *fact)
{
	char question[CHECK_RACE_LIST_MAX];
	bool has;

	snprintf(question, sizeof(question), "is there a type %s", node->flag);
	if (check_race__no_btf(judging, fact, question))
		return;
	has = check_race__type(judging->types, node->flag) != 0;
	check_race__set(fact, has ? CHECK_YES : CHECK_NO, CHECK_BY_BTF, "there is %s type %s",
			has ? "a" : "no", node->flag);
}

static void find_config(struct check_race_judging *judging, const struct race_rule_node *node,
			struct check_fact *fact)
{
	char option[EXPR_NAME_MAX + 8];
	enum check_answer answer;

	snprintf(option, sizeof(option), "CONFIG_%s", node->flag);
	answer = check_source__config(judging->source, option);
	if (answer == CHECK_NOT_KNOWN)
		check_race__set(fact, answer, CHECK_BY_CONFIG,
				"is %s set? The configuration is needed (--config)", option);
	else
		check_race__set(fact, answer, CHECK_BY_CONFIG, "%s is %s", option,
				answer == CHECK_YES ? "set" : "not set");
}

/* --- conditions --- */

static void find(struct check_race_judging *judging, const struct race_rule_node *node,
		 struct check_fact *fact)
{
	switch (node->kind) {
	case RACE_RULE_FUNCTION:
		find_function(judging, node, fact);
		break;
	case RACE_RULE_MEMBER:
		find_member(judging, node, fact);
		break;
	case RACE_RULE_ENUMERATOR:
		find_enumerator(judging, node, fact);
		break;
	case RACE_RULE_TYPE:
		find_named_type(judging, node, fact);
		break;
	case RACE_RULE_CONFIG:
		find_config(judging, node, fact);
		break;
	default:
		check_race__find_code(judging, node, fact);
		break;
	}
}

static enum check_answer opposite(enum check_answer answer)
{
	return answer == CHECK_YES ? CHECK_NO : answer == CHECK_NO ? CHECK_YES : answer;
}

/* The answer that decides "and" or "or" alone. */
static enum check_answer deciding(const struct race_rule_node *node)
{
	return node->kind == RACE_RULE_AND ? CHECK_NO : CHECK_YES;
}

static enum check_answer answer_of(struct check_race_judging *judging, int index)
{
	const struct race_rule_node *node = &judging->rule->node[index];
	struct check_fact *fact = &judging->fact[index];
	enum check_answer left, right;

	if (node->kind == RACE_RULE_NOT)
		return opposite(answer_of(judging, node->child[0]));
	if (node->kind != RACE_RULE_AND && node->kind != RACE_RULE_OR) {
		if (!fact->text[0])
			find(judging, node, fact);
		return fact->answer;
	}
	left = answer_of(judging, node->child[0]);
	right = answer_of(judging, node->child[1]);
	if (left == deciding(node) || right == deciding(node))
		return deciding(node);
	return left == CHECK_NOT_KNOWN ? left : right;
}

static void add_fact(struct check_race_result *result, const struct check_fact *fact)
{
	size_t i;

	for (i = 0; i < result->nr_evidence; i++)
		if (!strcmp(result->evidence[i].text, fact->text))
			return;
	if (result->nr_evidence < CHECK_RACE_EVIDENCE_MAX)
		result->evidence[result->nr_evidence++] = *fact;
}

/* The facts on which a condition's answer is based. known: only that, or only what is not known. */
static void collect(struct check_race_judging *judging, int index, bool known)
{
	const struct race_rule_node *node = &judging->rule->node[index];
	const enum check_answer answer = answer_of(judging, index);
	int i;

	if (node->kind == RACE_RULE_NOT) {
		collect(judging, node->child[0], known);
	} else if (node->kind == RACE_RULE_AND || node->kind == RACE_RULE_OR) {
		for (i = 0; i < 2; i++)
			if (answer != deciding(node) ||
			    answer_of(judging, node->child[i]) == answer)
				collect(judging, node->child[i], known);
	} else if (known == (answer != CHECK_NOT_KNOWN)) {
		add_fact(judging->result, &judging->fact[index]);
	}
}

static void conclude(struct check_race_judging *judging, enum check_status status, int root)
{
	judging->result->status = status;
	collect(judging, root, true);
}

static void say_missing(struct check_race_judging *judging)
{
	const int roots[] = {judging->rule->cannot, judging->rule->fixed,
			     judging->rule->vulnerable};
	int known;
	size_t i;

	judging->result->status = CHECK_UNKNOWN;
	for (known = 1; known >= 0; known--)
		for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
			if (roots[i] >= 0)
				collect(judging, roots[i], known);
}

static enum check_answer answer_or(struct check_race_judging *judging, int root,
				   enum check_answer none)
{
	return root >= 0 ? answer_of(judging, root) : none;
}

static void judge(struct check_race_judging *judging)
{
	const struct race_rule *rule = judging->rule;
	enum check_answer cannot = answer_or(judging, rule->cannot, CHECK_NO);
	enum check_answer fixed = answer_or(judging, rule->fixed, CHECK_NOT_KNOWN);
	enum check_answer vulnerable = answer_or(judging, rule->vulnerable, CHECK_NOT_KNOWN);

	if (cannot == CHECK_YES)
		conclude(judging, CHECK_CANNOT_HAPPEN, rule->cannot);
	else if (fixed == CHECK_YES && vulnerable != CHECK_YES)
		conclude(judging, CHECK_FIXED, rule->fixed);
	else if (cannot == CHECK_NO && vulnerable == CHECK_YES && fixed != CHECK_YES)
		conclude(judging, CHECK_VULNERABLE, rule->vulnerable);
	else if (cannot == CHECK_NO && fixed == CHECK_NO)
		conclude(judging, CHECK_VULNERABLE, rule->fixed);
	else
		say_missing(judging);
}

void check_race__judge(struct check_race_result *result, const struct check_source *source,
		       const struct race *race)
{
	struct check_race_judging judging = {
		.source = source, .rule = race->rule, .result = result};

	*result = (struct check_race_result){.status = CHECK_UNKNOWN};
	if (!race->rule) {
		result->nr_evidence = 1;
		check_race__set(&result->evidence[0], CHECK_NOT_KNOWN, CHECK_BY_CODE,
				"what shows the fix? The race's file has no [check]");
		return;
	}
	judging.types = source->btf ? types__new(source->btf) : NULL;
	judge(&judging);
	types__free(judging.types);
}
