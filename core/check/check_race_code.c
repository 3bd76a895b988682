// SPDX-License-Identifier: GPL-2.0-only
/* Conditions of a [check] about the code of functions: calls, their order, flags that are passed. */
#include "check_race_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "base/nearest.h"
#include "check_source.h"
#include "code/code.h"
#include "kernel/btf_walk.h"
#include "race/types.h"

_Static_assert(RACE_RULE_NAMES_MAX < CODE_NAMES_MAX + 1, "all names of a rule are asked for");

static bool no_code(const struct check_race_judging *judging, struct check_fact *fact,
		    const char *question)
{
	if (judging->source->code)
		return false;
	check_race__set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? No code: %s", question,
			judging->source->no_code);
	return true;
}

static void find_calls(struct check_race_judging *judging, const struct race_rule_node *node,
		       struct check_fact *fact)
{
	const struct race_rule_names *functions = &node->function, *callees = &node->callee;
	char question[2 * CHECK_RACE_LIST_MAX + 32], who[CHECK_RACE_LIST_MAX],
		what[CHECK_RACE_LIST_MAX];
	const char *looked = NULL;
	int i, j, calls;

	check_race__list(functions, who);
	check_race__list(callees, what);
	snprintf(question, sizeof(question), "does %s call %s", who, what);
	if (no_code(judging, fact, question))
		return;
	for (i = 0; i < functions->count; i++) {
		for (j = 0; j < callees->count; j++) {
			calls = code__calls(judging->source->code, functions->name[i],
					    callees->name[j]);
			if (calls > 0) {
				check_race__set(fact, CHECK_YES, CHECK_BY_CODE, "%s calls %s",
						functions->name[i], callees->name[j]);
				return;
			}
			if (calls == 0 && !looked)
				looked = functions->name[i];
		}
	}
	if (looked)
		check_race__set(fact, CHECK_NO, CHECK_BY_CODE, "%s does not call %s", looked, what);
	else
		check_race__set(
			fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
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

/* Where a member lies in its structure: its bytes, if it has whole ones. */
static bool place_member(const struct check_race_judging *judging,
			 const struct race_rule_node *node, struct code_order *order)
{
	struct nearest nearest = nearest__to(node->argument);
	uint32_t id = check_race__type(judging->types, node->flag);
	const struct btf_type *type = id ? types__plain(judging->types, &id) : NULL;
	struct types_member member;
	uint64_t size;

	if (!type || !btf_is_composite(type) ||
	    !types__member(judging->types, type, node->argument, &member, &nearest))
		return false;
	size = types__size(judging->types, member.type);
	order->member = (uint32_t)(member.bit / 8);
	order->size = (uint32_t)size;
	return !member.bits && size && size <= 8;
}

/* "does F call G before H after I", "does F read S.M before H" */
#define QUESTION_MAX (4 * CHECK_RACE_LIST_MAX + 32)
static void order_question(const struct race_rule_node *node, char buf[QUESTION_MAX])
{
	char who[CHECK_RACE_LIST_MAX], first[CHECK_RACE_LIST_MAX], second[CHECK_RACE_LIST_MAX],
		after[CHECK_RACE_LIST_MAX];
	const bool reads = node->kind == RACE_RULE_READS_BEFORE;

	check_race__list(&node->callee, first);
	if (reads)
		snprintf(first, sizeof(first), "%.80s.%.80s", node->flag, node->argument);
	snprintf(buf, QUESTION_MAX, "does %s %s %s%s%s%s%s", check_race__list(&node->function, who),
		 reads ? "read" : "call", first, node->before.count ? " before " : "",
		 check_race__list(&node->before, second), node->after.count ? " after " : "",
		 check_race__list(&node->after, after));
}

/* Ask the first of the functions that is in the image and calls what the order is about. */
static int ask_order(const struct check_race_judging *judging, const struct race_rule_node *node,
		     const struct code_order *order, struct code_before *found,
		     const char **function)
{
	const bool needs_second = node->kind != RACE_RULE_CALLS_AFTER;
	int i, one, err = -ENOENT;

	for (i = 0; i < node->function.count; i++) {
		one = code__before(judging->source->code, node->function.name[i], order, found);
		if (one == -ENOENT)
			continue;
		err = one;
		*function = node->function.name[i];
		if (!err && found->after && (found->calls || !needs_second))
			break;
	}
	return err;
}

static void say_order(const struct race_rule_node *node, const char *function,
		      const struct code_before *found, struct check_fact *fact)
{
	char first[CHECK_RACE_LIST_MAX], second[CHECK_RACE_LIST_MAX], after[CHECK_RACE_LIST_MAX],
		from[CHECK_RACE_LIST_MAX + 16] = "";
	const bool reads = node->kind == RACE_RULE_READS_BEFORE;

	check_race__list(&node->callee, first);
	check_race__list(&node->before, second);
	check_race__list(&node->after, after);
	if (node->after.count)
		snprintf(from, sizeof(from), " from a call of %s", after);
	if (reads)
		snprintf(first, sizeof(first), "%.80s.%.80s", node->flag, node->argument);
	if (node->kind == RACE_RULE_CALLS_AFTER)
		check_race__set(fact, found->without ? CHECK_YES : CHECK_NO, CHECK_BY_CODE,
				found->without ? "%s has a way from a call of %s to one of %s"
					       : "%s has no way from a call of %s to one of %s",
				function, after, first);
	else if (found->without)
		check_race__set(fact, CHECK_NO, CHECK_BY_CODE,
				"%s has a way%s to %s without a %s of %s", function, from, second,
				reads ? "read" : "call", first);
	else
		check_race__set(fact, CHECK_YES, CHECK_BY_CODE, "%s %s %s on each way%s to %s",
				function, reads ? "reads" : "calls", first, from, second);
}

static void find_order(struct check_race_judging *judging, const struct race_rule_node *node,
		       struct check_fact *fact)
{
	const bool after = node->kind == RACE_RULE_CALLS_AFTER;
	const char *first[CODE_NAMES_MAX + 1], *second[CODE_NAMES_MAX + 1],
		*begin[CODE_NAMES_MAX + 1];
	char question[QUESTION_MAX], who[CHECK_RACE_LIST_MAX];
	struct code_order order = {.after = node->after.count ? begin : NULL};
	const char *function = "";
	struct code_before found;
	int err;

	order_question(node, question);
	if (no_code(judging, fact, question))
		return;
	pointers_to(&node->callee, first);
	pointers_to(after ? &node->callee : &node->before, second);
	pointers_to(&node->after, begin);
	order.second = second;
	if (node->kind == RACE_RULE_CALLS_BEFORE)
		order.first = first;
	if (node->kind == RACE_RULE_READS_BEFORE) {
		if (check_race__no_btf(judging, fact, question))
			return;
		if (!place_member(judging, node, &order)) {
			check_race__set(fact, CHECK_NOT_KNOWN, CHECK_BY_BTF,
					"%s? There is no such member of 1 to 8 bytes", question);
			return;
		}
	}
	err = ask_order(judging, node, &order, &found, &function);
	if (err == -ENOENT)
		check_race__set(
			fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
			"%s? One of them is not in the image: inlined, or not in this kernel",
			question);
	else if (err || (found.unclear && !found.without))
		check_race__set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
				"%s? Its code could not be followed", question);
	else if ((!found.calls && !after) || !found.after)
		check_race__set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? It does not call %s",
				question,
				check_race__list(found.after ? &node->before : &node->after, who));
	else
		say_order(node, function, &found, fact);
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
static int argument_of(const struct check_race_judging *judging, const struct race_rule_node *node,
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
static const char *add_passes(const struct check_race_judging *judging,
			      const struct race_rule_node *node, uint32_t bit, struct code_bit *all,
			      const char **callee)
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

static void find_passing(struct check_race_judging *judging, const struct race_rule_node *node,
			 struct check_fact *fact)
{
	char question[3 * CHECK_RACE_LIST_MAX + 32], who[CHECK_RACE_LIST_MAX],
		what[CHECK_RACE_LIST_MAX];
	struct types_enumerator flag;
	const char *caller, *callee = "";
	struct code_bit all;
	uint64_t bit;

	check_race__list(&node->function, who);
	check_race__list(&node->callee, what);
	snprintf(question, sizeof(question), "does %s pass %s to %s", who, node->flag, what);
	if (no_code(judging, fact, question) || check_race__no_btf(judging, fact, question))
		return;
	if (!types__enumerator(judging->types, node->flag, &flag)) {
		check_race__set(fact, CHECK_NO, CHECK_BY_BTF, "there is no enumerator %s to pass",
				node->flag);
		return;
	}
	bit = (uint64_t)flag.value;
	if (!bit || bit & (bit - 1) || bit > UINT32_MAX) {
		check_race__set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE, "%s? It is not a single bit",
				question);
		return;
	}
	caller = add_passes(judging, node, (uint32_t)bit, &all, &callee);
	if (all.clear)
		check_race__set(fact, CHECK_NO, CHECK_BY_CODE, "%s calls %s without %s", caller,
				callee, node->flag);
	else if (all.calls && all.set == all.calls)
		check_race__set(fact, CHECK_YES, CHECK_BY_CODE, "%s passes %s to %s", caller,
				node->flag, callee);
	else if (all.calls)
		check_race__set(fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
				"%s? %s calls it, with flags that could not be followed", question,
				caller);
	else
		check_race__set(
			fact, CHECK_NOT_KNOWN, CHECK_BY_CODE,
			"%s? No call of it was found, or the argument is not known (in ARGUMENT)",
			question);
}

void check_race__find_code(struct check_race_judging *judging, const struct race_rule_node *node,
			   struct check_fact *fact)
{
	switch (node->kind) {
	case RACE_RULE_CALLS:
		find_calls(judging, node, fact);
		break;
	case RACE_RULE_PASSES:
		find_passing(judging, node, fact);
		break;
	default:
		find_order(judging, node, fact);
		break;
	}
}
