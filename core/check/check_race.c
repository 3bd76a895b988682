// SPDX-License-Identifier: GPL-2.0-only
#include "check_race.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/names.h"
#include "check_source.h"
#include "code/code.h"
#include "kernel/btf_walk.h"
#include "race/race.h"
#include "race/types.h"

struct judging {
	const struct check_source *source;
	const struct race_rule *rule;
	struct types *types; /* NULL: no BTF */
	struct check_fact fact[RACE_RULE_NODES_MAX];
	struct check_race_result *result;
};

_Static_assert(RACE_RULE_NAMES_MAX < CODE_NAMES_MAX + 1, "all names of a rule are asked for");

__attribute__((format(printf, 4, 5))) static void set(struct check_fact *fact,
						      enum check_answer answer,
						      enum check_kind kind, const char *format, ...)
{
	va_list list;

	fact->answer = answer;
	fact->kind = kind;
	va_start(list, format);
	vsnprintf(fact->text, sizeof(fact->text), format, list);
	va_end(list);
	names__clean(fact->text, sizeof(fact->text), fact->text, sizeof(fact->text), 0);
}

/* "a, b or c" */
#define LIST_MAX 200
static const char *list_of(const struct race_rule_names *names, char buf[LIST_MAX])
{
	size_t used = 0;
	int i;

	buf[0] = '\0';
	for (i = 0; i < names->count && used < LIST_MAX; i++)
		used += (size_t)snprintf(buf + used, LIST_MAX - used, "%s%.40s",
					 !i			 ? ""
					 : i + 1 == names->count ? " or "
								 : ", ",
					 names->name[i]);
	return buf;
}

/* --- BTF, symbols, configuration --- */

static void find_function(struct judging *judging, const struct race_rule_node *node,
			  struct check_fact *fact)
{
	enum check_answer answer = CHECK_NOT_KNOWN, one;
	enum check_kind kind = CHECK_BY_SYMBOL;
	const char *found = node->function.name[0];
	char list[LIST_MAX];
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
	list_of(&node->function, list);
	if (answer == CHECK_YES)
		set(fact, answer, kind, "there is a function %s", found);
	else if (answer == CHECK_NO)
		set(fact, answer, kind, "there is no function %s", list);
	else
		set(fact, answer, kind, "is there a function %s? There are neither symbols nor BTF",
		    list);
}

static bool no_btf(const struct judging *judging, struct check_fact *fact, const char *question)
{
	if (judging->types)
		return false;
	set(fact, CHECK_NOT_KNOWN, CHECK_BY_BTF, "%s? BTF is needed (--btf, or an image with BTF)",
	    question);
	return true;
}

static uint32_t find_type(const struct types *types, const char *name)
{
	static const int kinds[] = {BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_TYPEDEF,
				    BTF_KIND_ENUM, BTF_KIND_ENUM64};
	uint32_t id = 0;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !id; i++)
		id = types__find(types, name, kinds[i]);
	return id;
}

static void find_member(struct judging *judging, const struct race_rule_node *node,
			struct check_fact *fact)
{
	struct nearest nearest = nearest__to(node->argument);
	const struct btf_type *type;
	struct types_member member;
	char question[160];
	uint32_t id;
	bool has;

	snprintf(question, sizeof(question), "has %s the member %s", node->flag, node->argument);
	if (no_btf(judging, fact, question))
		return;
	id = find_type(judging->types, node->flag);
	type = id ? types__plain(judging->types, &id) : NULL;
	has = type && btf_is_composite(type) &&
	      types__member(judging->types, type, node->argument, &member, &nearest);
	set(fact, has ? CHECK_YES : CHECK_NO, CHECK_BY_BTF,
	    has	   ? "%s has the member %s"
	    : type ? "%s has no member %s"
		   : "there is no type %s, and so no member %s",
	    node->flag, node->argument);
}

static void find_enumerator(struct judging *judging, const struct race_rule_node *node,
			    struct check_fact *fact)
{
	struct types_enumerator found;
	char question[LIST_MAX];

	snprintf(question, sizeof(question), "is there an enumerator %s", node->flag);
	if (no_btf(judging, fact, question))
		return;
	if (types__enumerator(judging->types, node->flag, &found))
		set(fact, CHECK_YES, CHECK_BY_BTF, "there is an enumerator %s: %#llx", node->flag,
		    (unsigned long long)found.value);
	else
		set(fact, CHECK_NO, CHECK_BY_BTF, "there is no enumerator %s", node->flag);
}

static void find_named_type(struct judging *judging, const struct race_rule_node *node,
			    struct check_fact *fact)
{
	char question[LIST_MAX];
	bool has;

	snprintf(question, sizeof(question), "is there a type %s", node->flag);
	if (no_btf(judging, fact, question))
		return;
	has = find_type(judging->types, node->flag) != 0;
	set(fact, has ? CHECK_YES : CHECK_NO, CHECK_BY_BTF, "there is %s type %s", has ? "a" : "no",
	    node->flag);
}

static void find_config(struct judging *judging, const struct race_rule_node *node,
			struct check_fact *fact)
{
	char option[EXPR_NAME_MAX + 8];
	enum check_answer answer;

	snprintf(option, sizeof(option), "CONFIG_%s", node->flag);
	answer = check_source__config(judging->source, option);
	if (answer == CHECK_NOT_KNOWN)
		set(fact, answer, CHECK_BY_CONFIG,
		    "is %s set? The configuration is needed (--config)", option);
	else
		set(fact, answer, CHECK_BY_CONFIG, "%s is %s", option,
		    answer == CHECK_YES ? "set" : "not set");
}

/* --- code --- */

static bool no_code(const struct judging *judging, struct check_fact *fact, const char *question)
{
	if (judging->source->code)
		return false;
	set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? No code: %s", question,
	    judging->source->no_code);
	return true;
}

static void find_calls(struct judging *judging, const struct race_rule_node *node,
		       struct check_fact *fact)
{
	const struct race_rule_names *functions = &node->function, *callees = &node->callee;
	char question[2 * LIST_MAX + 32], who[LIST_MAX], what[LIST_MAX];
	const char *looked = NULL;
	int i, j, calls;

	list_of(functions, who);
	list_of(callees, what);
	snprintf(question, sizeof(question), "does %s call %s", who, what);
	if (no_code(judging, fact, question))
		return;
	for (i = 0; i < functions->count; i++) {
		for (j = 0; j < callees->count; j++) {
			calls = code__calls(judging->source->code, functions->name[i],
					    callees->name[j]);
			if (calls > 0) {
				set(fact, CHECK_YES, CHECK_BY_CODE, "%s calls %s",
				    functions->name[i], callees->name[j]);
				return;
			}
			if (calls == 0 && !looked)
				looked = functions->name[i];
		}
	}
	if (looked)
		set(fact, CHECK_NO, CHECK_BY_CODE, "%s does not call %s", looked, what);
	else
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? One of both is not in the image: inlined, or not in this kernel",
		    question);
}

static void pointers_to(const struct race_rule_names *names,
			const char *pointers[CODE_NAMES_MAX + 1])
{
	int i;

	for (i = 0; i < names->count; i++)
		pointers[i] = names->name[i];
	pointers[i] = NULL;
}

static void find_order(struct judging *judging, const struct race_rule_node *node,
		       struct check_fact *fact)
{
	char question[3 * LIST_MAX + 32], who[LIST_MAX], first[LIST_MAX], second[LIST_MAX];
	const char *callees[CODE_NAMES_MAX + 1], *before[CODE_NAMES_MAX + 1];
	struct code_before found;
	int i, err = -ENOENT;

	list_of(&node->function, who);
	list_of(&node->callee, first);
	list_of(&node->before, second);
	snprintf(question, sizeof(question), "does %s call %s before %s", who, first, second);
	if (no_code(judging, fact, question))
		return;
	pointers_to(&node->callee, callees);
	pointers_to(&node->before, before);
	for (i = 0; i < node->function.count && err == -ENOENT; i++)
		err = code__before(judging->source->code, node->function.name[i], callees, before,
				   &found);
	i = i ? i - 1 : 0;
	if (err == -ENOENT)
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? One of them is not in the image: inlined, or not in this kernel",
		    question);
	else if (err || (found.unclear && !found.without))
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? Its code could not be followed",
		    question);
	else if (!found.calls)
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? It does not call %s", question,
		    second);
	else if (found.without)
		set(fact, CHECK_NO, CHECK_BY_CODE, "%s has a way to %s without a call of %s",
		    node->function.name[i], second, first);
	else
		set(fact, CHECK_YES, CHECK_BY_CODE, "%s calls %s on each way to %s",
		    node->function.name[i], first, second);
}

/* Does the enum of a parameter have this enumerator? */
static bool takes(const struct types *types, uint32_t id, const char *flag)
{
	const struct btf_type *type = types__plain(types, &id);
	uint32_t i;

	for (i = 0; type && btf_is_enum(type) && i < btf_vlen(type); i++)
		if (!strcmp(btf_walk__name(types__btf(types), btf_enum(type)[i].name_off), flag))
			return true;
	return false;
}

/* The argument of callee that takes the flag, from 1; 0: none is known. */
static int argument_of(const struct judging *judging, const struct race_rule_node *node,
		       const char *callee)
{
	const struct btf_type *proto = types__function(judging->types, callee);
	const struct btf_param *param = proto ? btf_params(proto) : NULL;
	const char *name;
	int i;

	for (i = 0; proto && i < btf_vlen(proto); i++) {
		name = btf_walk__name(types__btf(judging->types), param[i].name_off);
		if (node->argument[0] ? !strcmp(name, node->argument)
				      : takes(judging->types, param[i].type, node->flag))
			return i + 1;
	}
	return 0;
}

/* All calls count, from any of the functions to any of the callees. */
static const char *add_passes(const struct judging *judging, const struct race_rule_node *node,
			      uint32_t bit, struct code_bit *all, const char **callee)
{
	const char *caller = NULL;
	struct code_bit found;
	int i, j, argument;

	*all = (struct code_bit){0};
	for (j = 0; j < node->callee.count; j++) {
		argument = argument_of(judging, node, node->callee.name[j]);
		for (i = 0; argument && i < node->function.count; i++) {
			if (code__passes(judging->source->code, node->function.name[i],
					 node->callee.name[j], argument, bit, &found) ||
			    !found.calls)
				continue;
			all->calls += found.calls;
			all->set += found.set;
			all->clear += found.clear;
			*callee = caller ? *callee : node->callee.name[j];
			caller = caller ? caller : node->function.name[i];
		}
	}
	return caller;
}

static void find_passing(struct judging *judging, const struct race_rule_node *node,
			 struct check_fact *fact)
{
	char question[3 * LIST_MAX + 32], who[LIST_MAX], what[LIST_MAX];
	struct types_enumerator flag;
	const char *caller, *callee = "";
	struct code_bit all;
	uint64_t bit;

	list_of(&node->function, who);
	list_of(&node->callee, what);
	snprintf(question, sizeof(question), "does %s pass %s to %s", who, node->flag, what);
	if (no_code(judging, fact, question) || no_btf(judging, fact, question))
		return;
	if (!types__enumerator(judging->types, node->flag, &flag)) {
		set(fact, CHECK_NO, CHECK_BY_BTF, "there is no enumerator %s to pass", node->flag);
		return;
	}
	bit = (uint64_t)flag.value;
	if (!bit || bit & (bit - 1) || bit > UINT32_MAX) {
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? It is not a single bit", question);
		return;
	}
	caller = add_passes(judging, node, (uint32_t)bit, &all, &callee);
	if (all.clear)
		set(fact, CHECK_NO, CHECK_BY_CODE, "%s calls %s without %s", caller, callee,
		    node->flag);
	else if (all.calls && all.set == all.calls)
		set(fact, CHECK_YES, CHECK_BY_CODE, "%s passes %s to %s", caller, node->flag,
		    callee);
	else if (all.calls)
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? %s calls it, with flags that could not be followed", question, caller);
	else
		set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "%s? No call of it was found, or the argument is not known (in ARGUMENT)",
		    question);
}

/* --- conditions --- */

static void find(struct judging *judging, const struct race_rule_node *node,
		 struct check_fact *fact)
{
	switch (node->kind) {
	case RACE_RULE_CALLS:
		find_calls(judging, node, fact);
		break;
	case RACE_RULE_CALLS_BEFORE:
		find_order(judging, node, fact);
		break;
	case RACE_RULE_PASSES:
		find_passing(judging, node, fact);
		break;
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

static enum check_answer answer_of(struct judging *judging, int index)
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
static void collect(struct judging *judging, int index, bool known)
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

static void conclude(struct judging *judging, enum check_status status, int root)
{
	judging->result->status = status;
	collect(judging, root, true);
}

static void say_missing(struct judging *judging)
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

static enum check_answer answer_or(struct judging *judging, int root, enum check_answer none)
{
	return root >= 0 ? answer_of(judging, root) : none;
}

static void judge(struct judging *judging)
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
	struct judging judging = {.source = source, .rule = race->rule, .result = result};

	*result = (struct check_race_result){.status = CHECK_UNKNOWN};
	if (!race->rule) {
		result->nr_evidence = 1;
		set(&result->evidence[0], CHECK_NOT_KNOWN, CHECK_BY_CODE,
		    "what shows the fix? The race's file has no [check]");
		return;
	}
	judging.types = source->btf ? types__new(source->btf) : NULL;
	judge(&judging);
	types__free(judging.types);
}
