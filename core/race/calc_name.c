// SPDX-License-Identifier: GPL-2.0-only
/* The meaning of names: arguments, enumerators, members, types, helpers. */
#include "calc_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include "calc_helper.h"
#include "kernel/btf_walk.h"

static void copy_name(const struct expr_node *node, char name[EXPR_NAME_MAX])
{
	size_t length = node->length < EXPR_NAME_MAX ? node->length : EXPR_NAME_MAX - 1;

	memcpy(name, node->name, length);
	name[length] = '\0';
}

/* A value of a BTF type in a register whose upper bits are undefined. */
static struct calc_value in_register(struct resolving *resolving, enum calc_op op, uint64_t number,
				     uint32_t type)
{
	const struct btf_type *plain = calc_btf(resolving, type);
	uint64_t size = types__size(resolving->scope->types, type);
	struct calc_value value = {.type = type};

	value.node = calc_add(resolving, op, EXPR_NONE, EXPR_NONE);
	if (value.node < 0)
		return value;
	resolving->calc->node[value.node].number = number;
	if (!plain || size > 8)
		calc_fail(resolving, resolving->at, -EINVAL,
			  "it does not fit into a register, and is not read");
	value.partial = true;
	return value;
}

/* Of the type of an interval's value. */
static struct calc_value of_interval(struct resolving *resolving, enum calc_op op, int index,
				     const struct calc_type *type)
{
	struct calc_value value = {
		.type = type->id, .size = type->size, .is_signed = type->is_signed};

	value.node = calc_add(resolving, op, EXPR_NONE, EXPR_NONE);
	if (value.node >= 0)
		resolving->calc->node[value.node].number = (uint64_t)index;
	return value;
}

static const struct calc_type count_type = {.size = 8, .is_signed = false};

static bool find_given(struct resolving *resolving, const char *name, struct calc_value *value,
		       struct nearest *nearest)
{
	const struct calc_scope *scope = resolving->scope;
	const struct calc_name *given;
	int i;

	for (i = 0; i < scope->count; i++) {
		given = &scope->names[i];
		nearest__consider(nearest, given->name);
		if (strcmp(given->name, name) != 0)
			continue;
		/* `save = pmd: pmd': at the beginning it is the argument. */
		if (!scope->interval)
			return false;
		*value = of_interval(resolving, given->op, given->index,
				     given->op == CALC_SAVED ? &given->type : &count_type);
		return true;
	}
	if (!strcmp(name, "key") && scope->interval) {
		*value = of_interval(resolving, CALC_KEY, 0, &scope->key);
		return true;
	}
	if (!strcmp(name, "others") && scope->interval) {
		*value = of_interval(resolving, CALC_OTHERS, 0, &count_type);
		return true;
	}
	return false;
}

static bool find_result(struct resolving *resolving, const struct expr_node *node,
			const struct btf_type *proto, const char *name, struct calc_value *value)
{
	const struct calc_scope *scope = resolving->scope;

	if (strcmp(name, "result") != 0)
		return false;
	if (!scope->at_return)
		calc_fail(resolving, node, -EINVAL, "only a return has a result");
	else if (!proto || !proto->type)
		calc_fail(resolving, node, -ENOENT, "%s returns nothing",
			  scope->function ? scope->function : "it");
	else
		*value = in_register(resolving, CALC_RESULT, 0, proto->type);
	return true;
}

static bool find_argument(struct resolving *resolving, const struct btf_type *proto,
			  const char *name, struct calc_value *value, struct nearest *nearest)
{
	const struct btf_param *param = proto ? btf_params(proto) : NULL;
	const struct btf *btf = types__btf(resolving->scope->types);
	const char *given;
	uint32_t i;

	for (i = 0; proto && i < btf_vlen(proto); i++) {
		given = btf_walk__name(btf, param[i].name_off);
		nearest__consider(nearest, given);
		if (strcmp(given, name) != 0 || !param[i].type)
			continue;
		*value = in_register(resolving, CALC_ARGUMENT, i, param[i].type);
		return true;
	}
	return false;
}

static bool find_constant(struct resolving *resolving, const char *name, struct calc_value *value)
{
	struct types_enumerator found;

	if (!strcmp(name, "vmemmap")) {
		*value = calc_plain(calc_add(resolving, CALC_VMEMMAP, EXPR_NONE, EXPR_NONE), 8,
				    false);
		return true;
	}
	if (!types__enumerator(resolving->scope->types, name, &found))
		return false;
	*value = calc_plain(calc_number(resolving, (uint64_t)found.value), found.size,
			    found.is_signed);
	return true;
}

/* A pointer to the running task. */
static bool find_current(struct resolving *resolving, const char *name, struct calc_value *value)
{
	if (strcmp(name, "current") != 0)
		return false;
	*value = calc_plain(calc_add(resolving, CALC_CURRENT, EXPR_NONE, EXPR_NONE), 8, false);
	value->element = types__find(resolving->scope->types, "task_struct", BTF_KIND_STRUCT);
	value->decayed = true;
	if (value->node >= 0)
		resolving->calc->node[value->node].structure = true;
	return true;
}

static bool is_given(const struct calc_scope *scope, const char *name)
{
	int i;

	for (i = 0; i < scope->count; i++)
		if (!strcmp(scope->names[i].name, name))
			return true;
	return false;
}

static void fail_name(struct resolving *resolving, const struct expr_node *node, const char *name,
		      struct nearest *nearest)
{
	const char *function = resolving->scope->function;
	char hint[NEAREST_HINT_MAX];

	if (!resolving->binding && is_given(resolving->scope, name)) {
		calc_fail(resolving, node, -EINVAL, "'%s' is known only after the beginning", name);
		return;
	}
	types__consider(resolving->scope->types, BTF_KIND_ENUM, nearest);
	if (function)
		calc_fail(resolving, node, -ENOENT,
			  "%s has no argument '%s', and there is no such enumerator%s", function,
			  name, nearest__hint(nearest, hint));
	else
		calc_fail(resolving, node, -ENOENT, "no enumerator '%s'%s", name,
			  nearest__hint(nearest, hint));
}

struct calc_value calc_resolve_name(struct resolving *resolving, const struct expr_node *node)
{
	const struct calc_scope *scope = resolving->scope;
	const struct btf_type *proto =
		scope->function ? types__function(scope->types, scope->function) : NULL;
	struct calc_value value = {.node = EXPR_NONE};
	char name[EXPR_NAME_MAX];
	struct nearest nearest;

	copy_name(node, name);
	nearest = nearest__to(name);
	if (resolving->binding && !strcmp(resolving->binding->name, name))
		return resolving->binding->value;
	/* A helper can only use its argument and the kernel's names. */
	if (!resolving->binding && (find_given(resolving, name, &value, &nearest) ||
				    find_result(resolving, node, proto, name, &value) ||
				    find_argument(resolving, proto, name, &value, &nearest)))
		return value;
	if (find_current(resolving, name, &value) || find_constant(resolving, name, &value))
		return value;
	fail_name(resolving, node, name, &nearest);
	return value;
}

/* A member of a value in a register: an argument that is a small structure. */
static struct calc_value member_of_register(struct resolving *resolving, struct calc_value value,
					    const struct types_member *member)
{
	uint64_t size = types__size(resolving->scope->types, member->type);

	if (member->bits || member->bit % 8 || member->bit + 8 * size > 64 || !size) {
		calc_fail(resolving, resolving->at, -EINVAL,
			  "this member of an argument is not read");
		return value;
	}
	if (member->bit)
		value.node = calc_add(resolving, CALC_SHIFT_RIGHT, value.node,
				      calc_number(resolving, member->bit));
	value.type = member->type;
	value.partial = true;
	return value;
}

static struct calc_value find_member(struct resolving *resolving, const struct expr_node *node,
				     struct calc_value value)
{
	const struct btf_type *type = calc_btf(resolving, value.type);
	char name[EXPR_NAME_MAX], hint[NEAREST_HINT_MAX], shown[CALC_TYPE_NAME_MAX];
	struct types_member member;
	struct nearest nearest;

	copy_name(node, name);
	nearest = nearest__to(name);
	if (!type || !btf_is_composite(type)) {
		calc_fail(resolving, node, -EINVAL, "%s has no members",
			  calc_type_name(resolving, &value, shown));
		return value;
	}
	if (!types__member(resolving->scope->types, type, name, &member, &nearest)) {
		calc_fail(resolving, node, -ENOENT, "%s has no member '%s'%s",
			  calc_type_name(resolving, &value, shown), name,
			  nearest__hint(&nearest, hint));
		return value;
	}
	if (!value.memory)
		return member_of_register(resolving, value, &member);
	value.type = member.type;
	value.bits = member.bits;
	value.bit = (unsigned int)(member.bit % 8);
	value.offset += member.bit / 8;
	return value;
}

struct calc_value calc_resolve_member(struct resolving *resolving, const struct expr_node *node)
{
	struct calc_value value = calc_resolve(resolving, node->child[0]);
	char shown[CALC_TYPE_NAME_MAX];
	uint32_t target;

	resolving->at = node;
	if (node->arrow) {
		value = calc_rvalue(resolving, value);
		if (resolving->err)
			return value;
		if (!calc_pointer(resolving, &value, &target)) {
			calc_fail(resolving, node, -EINVAL, "'->' after %s, which is not a pointer",
				  calc_type_name(resolving, &value, shown));
			return value;
		}
		value = (struct calc_value){.node = value.node, .memory = true, .type = target};
	} else if (!resolving->err && (value.decayed || calc_pointer(resolving, &value, &target))) {
		calc_fail(resolving, node, -EINVAL, "'.' after a pointer: write '->'");
	}
	return resolving->err ? value : find_member(resolving, node, value);
}

struct calc_value calc_resolve_index(struct resolving *resolving, const struct expr_node *node)
{
	struct calc_value value = calc_resolve(resolving, node->child[0]);
	struct calc_value index = calc_rvalue(resolving, calc_resolve(resolving, node->child[1]));
	const struct btf_type *type = calc_btf(resolving, value.type);
	const struct calc_node *known;
	char shown[CALC_TYPE_NAME_MAX];
	uint32_t target;
	uint64_t size;
	int node_at;

	resolving->at = node;
	if (resolving->err)
		return value;
	known = &resolving->calc->node[index.node];
	if (value.memory && type && btf_is_array(type) && known->op == CALC_NUMBER &&
	    btf_array(type)->nelems && known->number >= btf_array(type)->nelems) {
		calc_fail(resolving, node, -EINVAL, "the array has %u elements",
			  btf_array(type)->nelems);
		return value;
	}
	if (value.memory && type && btf_is_array(type) && known->op == CALC_NUMBER) {
		value.type = btf_array(type)->type;
		value.offset += known->number * types__size(resolving->scope->types, value.type);
		return value;
	}
	value = calc_rvalue(resolving, value);
	if (resolving->err)
		return value;
	if (!calc_pointer(resolving, &value, &target) ||
	    !(size = types__size(resolving->scope->types, target))) {
		calc_fail(resolving, node, -EINVAL, "'[' after %s, which is not an array",
			  calc_type_name(resolving, &value, shown));
		return value;
	}
	node_at = calc_add(resolving, CALC_MULTIPLY, index.node, calc_number(resolving, size));
	if (known->op == CALC_NUMBER)
		return (struct calc_value){.node = value.node,
					   .memory = true,
					   .type = target,
					   .offset = known->number * size};
	return (struct calc_value){.node = calc_add(resolving, CALC_ADD, value.node, node_at),
				   .memory = true,
				   .type = target};
}

/* --- types --- */

static const struct {
	const char *name;
	uint8_t size;
	bool is_signed;
} integers[] = {
	{"char", 1, true},
	{"signed char", 1, true},
	{"unsigned char", 1, false},
	{"short", 2, true},
	{"short int", 2, true},
	{"unsigned short", 2, false},
	{"unsigned short int", 2, false},
	{"int", 4, true},
	{"signed", 4, true},
	{"signed int", 4, true},
	{"unsigned", 4, false},
	{"unsigned int", 4, false},
	{"long", 8, true},
	{"long int", 8, true},
	{"long long", 8, true},
	{"signed long", 8, true},
	{"unsigned long", 8, false},
	{"unsigned long int", 8, false},
	{"long unsigned int", 8, false},
	{"unsigned long long", 8, false},
};

#define NR_INTEGERS (sizeof(integers) / sizeof(integers[0]))

static size_t integer_of(const struct expr_type *type)
{
	size_t i;

	for (i = 0; i < NR_INTEGERS; i++)
		if (type->tag == EXPR_PLAIN && !strcmp(integers[i].name, type->name))
			break;
	return i;
}

/* A type by its name, without its pointers; 0: there is none, which is reported. */
static uint32_t find_type(struct resolving *resolving, const struct expr_node *node)
{
	static const int kinds[] = {[EXPR_PLAIN] = BTF_KIND_TYPEDEF,
				    [EXPR_STRUCT] = BTF_KIND_STRUCT,
				    [EXPR_UNION] = BTF_KIND_UNION,
				    [EXPR_ENUM] = BTF_KIND_ENUM};
	static const char *const tags[] = {[EXPR_PLAIN] = "type ",
					   [EXPR_STRUCT] = "struct ",
					   [EXPR_UNION] = "union ",
					   [EXPR_ENUM] = "enum "};
	const struct expr_type *type = &node->type;
	struct nearest nearest = nearest__to(type->name);
	const struct types *types = resolving->scope->types;
	uint32_t id = types__find(types, type->name, kinds[type->tag]);
	char hint[NEAREST_HINT_MAX];

	if (!id && type->tag == EXPR_ENUM)
		id = types__find(types, type->name, BTF_KIND_ENUM64);
	if (!id && type->tag == EXPR_PLAIN)
		id = types__find(types, type->name, BTF_KIND_INT);
	if (id)
		return id;
	types__consider(types, kinds[type->tag], &nearest);
	calc_fail(resolving, node, -ENOENT, "no %s'%s'%s", tags[type->tag], type->name,
		  nearest__hint(&nearest, hint));
	return 0;
}

/* A number of the integer's size, made from a pointer or another number. */
static struct calc_value as_integer(struct resolving *resolving, struct calc_value value,
				    uint8_t size, bool is_signed)
{
	uint32_t target;

	if (calc_pointer(resolving, &value, &target))
		value = calc_plain(value.node, 8, false);
	if (value.size > size || (value.size == size && value.is_signed != is_signed) ||
	    (value.size < size && size < 8 && value.is_signed && !is_signed))
		value.node = calc_extend(resolving, value.node, size, is_signed);
	return calc_plain(value.node, size, is_signed);
}

static struct calc_value as_pointer(struct resolving *resolving, const struct expr_node *node,
				    struct calc_value value)
{
	const bool is_void = node->type.tag == EXPR_PLAIN && !strcmp(node->type.name, "void");
	uint32_t id = 0;

	if (node->type.pointers > 1) {
		calc_fail(resolving, node, -EINVAL,
			  "a cast to a pointer to a pointer: BTF need not have such a type");
		return value;
	}
	if (!is_void && integer_of(&node->type) == NR_INTEGERS)
		id = find_type(resolving, node);
	else if (!is_void)
		calc_fail(resolving, node, -EINVAL,
			  "a cast to a pointer to a number: cast to a structure that has it");
	value = calc_plain(value.node, 8, false);
	value.element = id;
	value.decayed = true;
	return value;
}

struct calc_value calc_resolve_cast(struct resolving *resolving, const struct expr_node *node)
{
	struct calc_value value = calc_rvalue(resolving, calc_resolve(resolving, node->child[0]));
	size_t i = integer_of(&node->type);
	const struct btf_type *type;
	uint64_t size;
	uint32_t id;

	resolving->at = node;
	if (resolving->err)
		return value;
	if (node->type.pointers)
		return as_pointer(resolving, node, value);
	if (i < NR_INTEGERS)
		return as_integer(resolving, value, integers[i].size, integers[i].is_signed);
	id = find_type(resolving, node);
	type = calc_btf(resolving, id);
	if (resolving->err)
		return value;
	size = types__size(resolving->scope->types, id);
	if (!type || !(btf_is_int(type) || btf_is_any_enum(type)) || size > 8 ||
	    (size & (size - 1))) {
		calc_fail(resolving, node, -EINVAL,
			  "a cast to something that is neither a number "
			  "nor a pointer");
		return value;
	}
	return as_integer(resolving, value, (uint8_t)size, types__is_signed(type));
}

struct calc_value calc_resolve_sizeof(struct resolving *resolving, const struct expr_node *node)
{
	size_t i = integer_of(&node->type);
	uint64_t size = 8;
	uint32_t id;

	if (!node->type.pointers && i < NR_INTEGERS) {
		size = integers[i].size;
	} else if (!node->type.pointers) {
		id = find_type(resolving, node);
		size = id ? types__size(resolving->scope->types, id) : 0;
	}
	return calc_plain(calc_number(resolving, size), 8, false);
}

/* --- helpers --- */

/* others_since(EVENT) */
static struct calc_value others_since(struct resolving *resolving, const struct expr_node *node)
{
	const struct calc_scope *scope = resolving->scope;
	const struct expr_node *event = &resolving->expr->node[node->child[0]];
	char name[EXPR_NAME_MAX] = "", hint[NEAREST_HINT_MAX];
	struct nearest nearest;
	int i;

	if (event->kind == EXPR_NAME)
		copy_name(event, name);
	nearest = nearest__to(name);
	for (i = 0; scope->interval && i < scope->count; i++) {
		if (scope->names[i].op != CALC_EVENT)
			continue;
		if (!strcmp(scope->names[i].name, name))
			return of_interval(resolving, CALC_OTHERS_SINCE, scope->names[i].index,
					   &count_type);
		nearest__consider(&nearest, scope->names[i].name);
	}
	calc_fail(resolving, event, -EINVAL, "'%s' is no event of this interval%s", name,
		  nearest__hint(&nearest, hint));
	return calc_plain(EXPR_NONE, 8, false);
}

/* The definitions for this machine; NULL: there are none, which is an error. */
static const char *const *ways_of(struct resolving *resolving, const struct expr_node *node,
				  const struct calc_helper *helper,
				  const char *arm64[CALC_HELPER_WAYS_MAX])
{
	const enum types_machine machine = types__machine(resolving->scope->types);

	if (helper->machine == TYPES_OTHER || helper->machine == machine)
		return helper->ways;
	arm64[0] = helper->arm64;
	if (machine == TYPES_ARM64 && arm64[0])
		return arm64;
	calc_fail(resolving, node, -ENOENT, "%s() is only known for x86-64%s", helper->name,
		  helper->arm64 ? " and arm64" : "");
	return NULL;
}

/* The first definition that the kernel's types allow. */
static struct calc_value expand(struct resolving *resolving, const struct expr_node *node,
				const struct calc_helper *helper, const char *const *ways,
				const struct calc_binding *binding)
{
	const struct calc_binding *outer_binding = resolving->binding;
	const struct expr *outer = resolving->expr;
	const int nodes = resolving->calc->count;
	unsigned int column = resolving->column, i;
	struct calc_value value = {.node = EXPR_NONE};
	struct expr_error ignored;
	struct expr expr;

	resolving->column = column ? column : node->column;
	resolving->binding = binding;
	for (i = 0; i < CALC_HELPER_WAYS_MAX && ways[i]; i++) {
		if (expr__parse(&expr, ways[i], strlen(ways[i]), 1, &ignored))
			calc_fail(resolving, node, -EINVAL, "%s(): %s", helper->name, ignored.text);
		resolving->expr = &expr;
		value = calc_rvalue(resolving, calc_resolve(resolving, expr.root));
		resolving->expr = outer;
		if (resolving->err != -ENOENT || i + 1 == CALC_HELPER_WAYS_MAX || !ways[i + 1])
			break;
		resolving->err = 0;
		resolving->calc->count = nodes;
	}
	resolving->column = column;
	resolving->binding = outer_binding;
	resolving->at = node;
	return value;
}

struct calc_value calc_resolve_call(struct resolving *resolving, const struct expr_node *node)
{
	char name[EXPR_NAME_MAX], hint[NEAREST_HINT_MAX];
	const char *arm64[CALC_HELPER_WAYS_MAX] = {NULL};
	const struct calc_helper *helper;
	const char *const *ways;
	struct calc_binding binding;
	struct calc_value value;
	struct nearest nearest;

	copy_name(node, name);
	nearest = nearest__to(name);
	if (!strcmp(name, "others_since") && node->child[1] == EXPR_NONE && !resolving->binding)
		return others_since(resolving, node);
	helper = calc_helper__find(name, &nearest);
	if (!helper || node->child[1] != EXPR_NONE) {
		if (helper)
			calc_fail(resolving, node, -EINVAL, "%s() takes one argument", name);
		else
			calc_fail(resolving, node, -EINVAL, "no helper '%s'%s", name,
				  nearest__hint(&nearest, hint));
		return calc_plain(EXPR_NONE, 8, false);
	}
	value = calc_rvalue(resolving, calc_resolve(resolving, node->child[0]));
	if (resolving->err)
		return value;
	ways = ways_of(resolving, node, helper, arm64);
	if (!ways)
		return value;
	if (++resolving->depth > CALC_DEPTH_MAX) {
		calc_fail(resolving, node, -EINVAL, "more than %d helpers within each other",
			  CALC_DEPTH_MAX);
		return value;
	}
	binding = (struct calc_binding){.name = helper->argument, .value = value};
	value = expand(resolving, node, helper, ways, &binding);
	resolving->depth--;
	return value;
}
