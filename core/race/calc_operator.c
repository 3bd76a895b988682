// SPDX-License-Identifier: GPL-2.0-only
/* Operators, by the rules of C: promotion, the common type of two operands, pointer arithmetic. */
#include "calc_private.h"

#include <errno.h>
#include <stdint.h>

/* Integers below int become int. */
static void promote(struct calc_value *value)
{
	if (value->size < 4) {
		value->size = 4;
		value->is_signed = true;
	}
}

/* Converts both to the type that C chooses for them. */
static void common(struct resolving *resolving, struct calc_value *left, struct calc_value *right)
{
	uint8_t size;
	bool is_signed;

	promote(left);
	promote(right);
	size = left->size > right->size ? left->size : right->size;
	is_signed = (left->size < size || left->is_signed) &&
		    (right->size < size || right->is_signed);
	/* Only a conversion from int to unsigned needs new upper bits. */
	if (left->size == size && left->is_signed != is_signed)
		left->node = calc_extend(resolving, left->node, size, is_signed);
	if (right->size == size && right->is_signed != is_signed)
		right->node = calc_extend(resolving, right->node, size, is_signed);
	left->size = right->size = size;
	left->is_signed = right->is_signed = is_signed;
}

/* A number; a pointer is converted to one. */
static struct calc_value number_of(struct resolving *resolving, int child)
{
	struct calc_value value = calc_rvalue(resolving, calc_resolve(resolving, child));
	uint32_t target;

	if (resolving->err)
		return value;
	if (calc_pointer(resolving, &value, &target))
		return calc_plain(value.node, 8, false);
	return calc_plain(value.node, value.size, value.is_signed);
}

static const struct {
	enum expr_op op;
	enum calc_op calc;
	bool swap; /* the operands */
	bool truth; /* an int, 0 or 1 */
} operators[] = {
	{EXPR_MULTIPLY, CALC_MULTIPLY, false, false},
	{EXPR_DIVIDE, CALC_DIVIDE, false, false},
	{EXPR_REMAINDER, CALC_REMAINDER, false, false},
	{EXPR_ADD, CALC_ADD, false, false},
	{EXPR_SUBTRACT, CALC_SUBTRACT, false, false},
	{EXPR_SHIFT_LEFT, CALC_SHIFT_LEFT, false, false},
	{EXPR_SHIFT_RIGHT, CALC_SHIFT_RIGHT, false, false},
	{EXPR_BIT_AND, CALC_BIT_AND, false, false},
	{EXPR_BIT_XOR, CALC_BIT_XOR, false, false},
	{EXPR_BIT_OR, CALC_BIT_OR, false, false},
	{EXPR_LESS, CALC_LESS, false, true},
	{EXPR_GREATER, CALC_LESS, true, true},
	{EXPR_AT_MOST, CALC_AT_MOST, false, true},
	{EXPR_AT_LEAST, CALC_AT_MOST, true, true},
	{EXPR_EQUAL, CALC_EQUAL, false, true},
	{EXPR_UNEQUAL, CALC_UNEQUAL, false, true},
	{EXPR_AND, CALC_AND, false, true},
	{EXPR_OR, CALC_OR, false, true},
};

static size_t operator_of(enum expr_op op)
{
	size_t i = 0;

	while (operators[i].op != op)
		i++;
	return i;
}

static const struct calc_node *constant(const struct resolving *resolving, int node)
{
	const struct calc_node *found = node >= 0 ? &resolving->calc->node[node] : NULL;

	return found && found->op == CALC_NUMBER ? found : NULL;
}

/* If both operands are known numbers, so is the result. */
static bool fold(struct resolving *resolving, enum calc_op op, bool is_signed, int first,
		 int second, uint64_t *result)
{
	const struct calc_node *left = constant(resolving, first);
	const struct calc_node *right = constant(resolving, second);
	uint64_t a, b;

	if (!left || !right)
		return false;
	a = left->number;
	b = right->number;
	switch (op) {
	case CALC_MULTIPLY:
		*result = a * b;
		return true;
	case CALC_ADD:
		*result = a + b;
		return true;
	case CALC_SUBTRACT:
		*result = a - b;
		return true;
	case CALC_SHIFT_LEFT:
		*result = a << b;
		return true;
	case CALC_SHIFT_RIGHT:
		*result = is_signed ? (uint64_t)((int64_t)a >> b) : a >> b;
		return true;
	case CALC_BIT_AND:
		*result = a & b;
		return true;
	case CALC_BIT_XOR:
		*result = a ^ b;
		return true;
	case CALC_BIT_OR:
		*result = a | b;
		return true;
	default:
		return false;
	}
}

static int combine(struct resolving *resolving, enum calc_op op, bool is_signed, int first,
		   int second)
{
	uint64_t result;
	int node;

	if (fold(resolving, op, is_signed, first, second, &result))
		return calc_number(resolving, result);
	node = calc_add(resolving, op, first, second);
	if (node >= 0)
		resolving->calc->node[node].is_signed = is_signed;
	return node;
}

static struct calc_value shift(struct resolving *resolving, const struct expr_node *node,
			       enum calc_op op)
{
	struct calc_value left = number_of(resolving, node->child[0]);
	struct calc_value right = number_of(resolving, node->child[1]);
	const struct calc_node *by;

	if (resolving->err)
		return left;
	promote(&left);
	by = constant(resolving, right.node);
	if (!by || by->number >= 8U * left.size) {
		calc_fail(resolving, node, -EINVAL,
			  by ? "a number of %d bits is shifted by as many or more"
			     : "numbers can only be shifted by constants",
			  8 * left.size);
		return left;
	}
	left.node = combine(resolving, op, left.is_signed, left.node, right.node);
	left.node = calc_extend(resolving, left.node, left.size, left.is_signed);
	return left;
}

static struct calc_value divide(struct resolving *resolving, const struct expr_node *node,
				enum calc_op op)
{
	struct calc_value left = number_of(resolving, node->child[0]);
	struct calc_value right = number_of(resolving, node->child[1]);
	const struct calc_node *by;

	if (resolving->err)
		return left;
	common(resolving, &left, &right);
	by = constant(resolving, right.node);
	if (!by || !by->number)
		calc_fail(resolving, node, -EINVAL,
			  "numbers can only be divided by constants other than 0");
	else if (left.is_signed)
		calc_fail(resolving, node, -EINVAL,
			  "a number with a sign is not divided: cast it to unsigned, or append u "
			  "to the divisor");
	left.node = combine(resolving, op, false, left.node, right.node);
	return left;
}

/* A pointer moves by the size of its target. */
static struct calc_value move(struct resolving *resolving, const struct expr_node *node,
			      struct calc_value pointer, struct calc_value by, uint32_t target,
			      enum calc_op op)
{
	uint64_t size = types__size(resolving->scope->types, target);
	char name[CALC_TYPE_NAME_MAX];

	if (resolving->err)
		return pointer;
	if (calc_pointer(resolving, &by, &(uint32_t){0})) {
		calc_fail(resolving, node, -EINVAL,
			  "two pointers: cast them to unsigned long for that");
		return pointer;
	}
	if (!calc_btf(resolving, target))
		size = 1; /* void, as in GNU C */
	if (!size) {
		calc_fail(resolving, node, -EINVAL, "the target of %s has no size",
			  calc_type_name(resolving, &pointer, name));
		return pointer;
	}
	by.node = combine(resolving, CALC_MULTIPLY, false, by.node, calc_number(resolving, size));
	pointer.node = combine(resolving, op, false, pointer.node, by.node);
	return pointer;
}

static struct calc_value logic(struct resolving *resolving, const struct expr_node *node,
			       enum calc_op op)
{
	struct calc_value left = number_of(resolving, node->child[0]);
	struct calc_value right = number_of(resolving, node->child[1]);

	return calc_plain(calc_add(resolving, op, left.node, right.node), 4, true);
}

static struct calc_value arithmetic(struct resolving *resolving, const struct expr_node *node,
				    size_t i)
{
	struct calc_value left = calc_rvalue(resolving, calc_resolve(resolving, node->child[0]));
	struct calc_value right = calc_rvalue(resolving, calc_resolve(resolving, node->child[1]));
	bool first = calc_pointer(resolving, &left, &(uint32_t){0});
	uint32_t target;

	if (resolving->err)
		return left;
	if (node->op == EXPR_ADD && calc_pointer(resolving, &right, &target) && !first)
		return move(resolving, node, right, left, target, CALC_ADD);
	if ((node->op == EXPR_ADD || node->op == EXPR_SUBTRACT) &&
	    calc_pointer(resolving, &left, &target))
		return move(resolving, node, left, right, target, operators[i].calc);
	if (first)
		left = calc_plain(left.node, 8, false);
	if (calc_pointer(resolving, &right, &target))
		right = calc_plain(right.node, 8, false);
	common(resolving, &left, &right);
	left.type = 0;
	left.node = combine(resolving, operators[i].calc, left.is_signed,
			    operators[i].swap ? right.node : left.node,
			    operators[i].swap ? left.node : right.node);
	if (operators[i].truth)
		return calc_plain(left.node, 4, true);
	left.node = calc_extend(resolving, left.node, left.size, left.is_signed);
	return left;
}

struct calc_value calc_resolve_binary(struct resolving *resolving, const struct expr_node *node)
{
	size_t i = operator_of(node->op);

	switch (node->op) {
	case EXPR_SHIFT_LEFT:
	case EXPR_SHIFT_RIGHT:
		return shift(resolving, node, operators[i].calc);
	case EXPR_DIVIDE:
	case EXPR_REMAINDER:
		return divide(resolving, node, operators[i].calc);
	case EXPR_AND:
	case EXPR_OR:
		return logic(resolving, node, operators[i].calc);
	default:
		return arithmetic(resolving, node, i);
	}
}

struct calc_value calc_resolve_select(struct resolving *resolving, const struct expr_node *node)
{
	struct calc_value condition = number_of(resolving, node->child[0]);
	struct calc_value left = calc_rvalue(resolving, calc_resolve(resolving, node->child[1]));
	struct calc_value right = calc_rvalue(resolving, calc_resolve(resolving, node->child[2]));
	struct calc_value result = left;
	uint32_t target;
	int index;

	if (resolving->err)
		return left;
	if (!calc_pointer(resolving, &left, &target)) {
		left.type = right.type = 0;
		common(resolving, &left, &right);
		result = left;
	}
	index = calc_add(resolving, CALC_SELECT, condition.node, left.node);
	if (index >= 0)
		resolving->calc->node[index].child[2] = right.node;
	result.node = index;
	return result;
}

static struct calc_value address_of(struct resolving *resolving, const struct expr_node *node)
{
	struct calc_value value = calc_resolve(resolving, node->child[0]);

	if (resolving->err)
		return value;
	if (!value.memory || value.bits) {
		calc_fail(resolving, node, -EINVAL, "'&' of something without an address");
		return value;
	}
	value.node = calc_offset(resolving, value.node, value.offset);
	value.element = value.type;
	value.memory = false;
	value.decayed = true;
	return value;
}

static struct calc_value pointed(struct resolving *resolving, const struct expr_node *node)
{
	struct calc_value value = calc_rvalue(resolving, calc_resolve(resolving, node->child[0]));
	char name[CALC_TYPE_NAME_MAX];
	uint32_t target;

	if (resolving->err)
		return value;
	if (!calc_pointer(resolving, &value, &target) || !calc_btf(resolving, target)) {
		calc_fail(resolving, node, -EINVAL, "'*' of %s, which points to nothing known",
			  calc_type_name(resolving, &value, name));
		return value;
	}
	return (struct calc_value){.node = value.node, .memory = true, .type = target};
}

struct calc_value calc_resolve_unary(struct resolving *resolving, const struct expr_node *node)
{
	static const enum calc_op ops[] = {
		[EXPR_MINUS] = CALC_NEGATE,
		[EXPR_COMPLEMENT] = CALC_COMPLEMENT,
		[EXPR_NOT] = CALC_NOT,
	};
	struct calc_value value;
	const struct calc_node *known;

	if (node->op == EXPR_POINTED)
		return pointed(resolving, node);
	if (node->op == EXPR_ADDRESS)
		return address_of(resolving, node);
	value = number_of(resolving, node->child[0]);
	if (resolving->err)
		return value;
	if (node->op == EXPR_NOT)
		return calc_plain(calc_add(resolving, CALC_NOT, value.node, EXPR_NONE), 4, true);
	promote(&value);
	known = constant(resolving, value.node);
	if (known)
		value.node = calc_number(resolving, node->op == EXPR_MINUS ? 0 - known->number
									   : ~known->number);
	else
		value.node = calc_add(resolving, ops[node->op], value.node, EXPR_NONE);
	value.node = calc_extend(resolving, value.node, value.size, value.is_signed);
	return value;
}
