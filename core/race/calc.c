// SPDX-License-Identifier: GPL-2.0-only
#include "calc_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct calc_value resolve(struct resolving *resolving, int index)
{
	const struct expr_node *node = &resolving->expr->node[index];
	struct calc_value value = {.node = EXPR_NONE};
	int size;

	if (resolving->err)
		return value;
	resolving->at = node;
	switch (node->kind) {
	case EXPR_NUMBER:
		size = node->is_long ? 8 : 4;
		return calc_plain(calc_number(resolving, node->number), (uint8_t)size,
				  !node->is_unsigned);
	case EXPR_NAME:
		return calc_resolve_name(resolving, node);
	case EXPR_MEMBER:
		return calc_resolve_member(resolving, node);
	case EXPR_INDEX:
		return calc_resolve_index(resolving, node);
	case EXPR_UNARY:
		return calc_resolve_unary(resolving, node);
	case EXPR_BINARY:
		return calc_resolve_binary(resolving, node);
	case EXPR_SELECT:
		return calc_resolve_select(resolving, node);
	case EXPR_CALL:
		return calc_resolve_call(resolving, node);
	case EXPR_CAST:
		return calc_resolve_cast(resolving, node);
	case EXPR_SIZEOF:
		return calc_resolve_sizeof(resolving, node);
	}
	return value;
}

int calc__of(struct calc *calc, const struct expr *expr, const struct calc_scope *scope,
	     struct expr_error *error)
{
	struct calc_node nodes[CALC_NODES_MAX];
	struct calc all = {.node = nodes};
	struct resolving resolving = {
		.calc = &all, .expr = expr, .scope = scope, .error = error, .resolve = resolve};
	struct calc_value value;

	*error = (struct expr_error){0};
	*calc = (struct calc){0};
	value = calc_rvalue(&resolving, resolve(&resolving, expr->root));
	if (resolving.err)
		return resolving.err;
	calc->node = malloc((size_t)all.count * sizeof(nodes[0]));
	if (!calc->node) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return -ENOMEM;
	}
	memcpy(calc->node, nodes, (size_t)all.count * sizeof(nodes[0]));
	calc->count = all.count;
	calc->root = value.node;
	calc->type = (struct calc_type){
		.id = value.decayed ? 0 : value.type,
		.size = value.decayed ? 8 : value.size,
		.is_signed = !value.decayed && value.is_signed,
	};
	return 0;
}

void calc__release(struct calc *calc)
{
	free(calc->node);
	*calc = (struct calc){0};
}

bool calc__asks(const struct calc *calc, enum calc_op op, uint64_t *numbers)
{
	bool found = false;
	int i;

	*numbers = 0;
	for (i = 0; i < calc->count; i++) {
		if (calc->node[i].op != op)
			continue;
		found = true;
		if (calc->node[i].number < 64)
			*numbers |= 1ULL << calc->node[i].number;
	}
	return found;
}
