// SPDX-License-Identifier: GPL-2.0-only
#include "race_rule.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

struct parser {
	struct race_rule *rule;
	struct words words;
	unsigned int line;
	unsigned int depth;
};

static int add_node(struct parser *parser, enum race_rule_kind kind)
{
	struct race_rule *rule = parser->rule;

	if (words__failed(&parser->words))
		return EXPR_NONE;
	if (rule->count == RACE_RULE_NODES_MAX) {
		words__fail(&parser->words, "[check] has more than %d parts", RACE_RULE_NODES_MAX);
		return EXPR_NONE;
	}
	rule->node[rule->count] = (struct race_rule_node){
		.kind = kind,
		.child = {EXPR_NONE, EXPR_NONE},
		.line = parser->line,
		.column = words__column(&parser->words),
	};
	return rule->count++;
}

/* NAME | NAME … */
static void take_names(struct parser *parser, struct race_rule_names *names)
{
	do {
		if (names->count == RACE_RULE_NAMES_MAX) {
			words__fail(&parser->words, "more than %d names for one function",
				    RACE_RULE_NAMES_MAX);
			return;
		}
		words__take_name(&parser->words, names->name[names->count++],
				 "the name of a function");
	} while (words__take(&parser->words, "|"));
}

/* S.M */
static void take_member(struct parser *parser, struct race_rule_node *node)
{
	words__take_name(&parser->words, node->flag, "the name of a structure");
	if (!words__take(&parser->words, "."))
		words__expect(&parser->words, "'.' and a member");
	words__take_name(&parser->words, node->argument, "the name of a member");
}

/* has function F, has member S.M, has enumerator E, has type T, has config C */
static int parse_has(struct parser *parser)
{
	static const struct {
		const char *word;
		enum race_rule_kind kind;
		const char *what;
	} things[] = {
		{"function", RACE_RULE_FUNCTION, ""},
		{"member", RACE_RULE_MEMBER, ""},
		{"enumerator", RACE_RULE_ENUMERATOR, "the name of an enumerator"},
		{"type", RACE_RULE_TYPE, "the name of a type"},
		{"config", RACE_RULE_CONFIG, "the name of an option"},
	};
	struct race_rule_node *node;
	int index;
	size_t i;

	for (i = 0; i < sizeof(things) / sizeof(things[0]); i++)
		if (words__take(&parser->words, things[i].word))
			break;
	if (i == sizeof(things) / sizeof(things[0])) {
		words__expect(&parser->words,
			      "'function', 'member', 'enumerator', 'type' or 'config'");
		return EXPR_NONE;
	}
	index = add_node(parser, things[i].kind);
	if (index < 0)
		return index;
	node = &parser->rule->node[index];
	if (node->kind == RACE_RULE_FUNCTION) {
		take_names(parser, &node->function);
		return index;
	}
	if (node->kind == RACE_RULE_MEMBER) {
		take_member(parser, node);
		return index;
	}
	words__take_name(&parser->words, node->flag, things[i].what);
	if (node->kind == RACE_RULE_CONFIG && !strncmp(node->flag, "CONFIG_", 7))
		memmove(node->flag, node->flag + 7, strlen(node->flag + 7) + 1);
	return index;
}

/* [before H] [after I], and whether there was a before */
static bool take_order(struct parser *parser, struct race_rule_node *node)
{
	bool before = words__take(&parser->words, "before");

	if (before)
		take_names(parser, &node->before);
	if (words__take(&parser->words, "after"))
		take_names(parser, &node->after);
	return before;
}

/* F calls G [before H] [after I]; F reads S.M before H [after I]; F passes FLAG to G [in ARGUMENT] */
static int parse_function(struct parser *parser)
{
	struct race_rule_node *node;
	int index = add_node(parser, RACE_RULE_CALLS);

	if (index < 0)
		return index;
	node = &parser->rule->node[index];
	take_names(parser, &node->function);
	if (words__take(&parser->words, "calls")) {
		take_names(parser, &node->callee);
		if (take_order(parser, node))
			node->kind = RACE_RULE_CALLS_BEFORE;
		else if (node->after.count)
			node->kind = RACE_RULE_CALLS_AFTER;
	} else if (words__take(&parser->words, "reads")) {
		node->kind = RACE_RULE_READS_BEFORE;
		take_member(parser, node);
		if (!take_order(parser, node))
			words__expect(&parser->words, "'before'");
	} else if (words__take(&parser->words, "passes")) {
		node->kind = RACE_RULE_PASSES;
		words__take_name(&parser->words, node->flag, "the name of a flag");
		if (!words__take(&parser->words, "to"))
			words__expect(&parser->words, "'to'");
		take_names(parser, &node->callee);
		if (words__take(&parser->words, "in"))
			words__take_name(&parser->words, node->argument, "the name of an argument");
	} else {
		words__expect(&parser->words, "'calls', 'reads' or 'passes'");
	}
	return index;
}

static int parse_or(struct parser *parser);

static int parse_not(struct parser *parser)
{
	int index;

	if (++parser->depth > RACE_RULE_DEPTH_MAX) {
		words__fail(&parser->words, "more than %d conditions within each other",
			    RACE_RULE_DEPTH_MAX);
		return EXPR_NONE;
	}
	if (words__take(&parser->words, "not")) {
		index = add_node(parser, RACE_RULE_NOT);
		if (index >= 0)
			parser->rule->node[index].child[0] = parse_not(parser);
	} else if (words__take(&parser->words, "(")) {
		index = parse_or(parser);
		if (!words__take(&parser->words, ")"))
			words__expect(&parser->words, "')', 'and' or 'or'");
	} else if (words__take(&parser->words, "has")) {
		index = parse_has(parser);
	} else {
		index = parse_function(parser);
	}
	parser->depth--;
	return index;
}

/* Conditions with a word between them. */
static int join(struct parser *parser, const char *word, enum race_rule_kind kind,
		int (*parse)(struct parser *parser))
{
	int left = parse(parser), index;

	while (left >= 0 && words__take(&parser->words, word)) {
		index = add_node(parser, kind);
		if (index < 0)
			return index;
		parser->rule->node[index].child[0] = left;
		parser->rule->node[index].child[1] = parse(parser);
		left = index;
	}
	return left;
}

static int parse_and(struct parser *parser)
{
	return join(parser, "and", RACE_RULE_AND, parse_not);
}

static int parse_or(struct parser *parser)
{
	return join(parser, "or", RACE_RULE_OR, parse_and);
}

int race_rule__parse(struct race_rule *rule, int *root, const char *text, unsigned int line,
		     unsigned int column, struct expr_error *error)
{
	struct parser parser = {.rule = rule, .line = line};
	int found, index;

	*error = (struct expr_error){0};
	words__begin(&parser.words, text, column, error);
	found = parse_or(&parser);
	if (!words__at_end(&parser.words))
		words__expect(&parser.words, "'and', 'or' or the end of the line");
	if (*root >= 0) {
		index = add_node(&parser, RACE_RULE_AND);
		if (index >= 0) {
			rule->node[index].child[0] = *root;
			rule->node[index].child[1] = found;
		}
		found = index;
	}
	if (words__failed(&parser.words))
		return -EINVAL;
	*root = found;
	return 0;
}
