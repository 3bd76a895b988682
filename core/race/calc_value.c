// SPDX-License-Identifier: GPL-2.0-only
/* Values: available or in memory, and how they are loaded. */
#include "calc_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

int calc_fail(struct resolving *resolving, const struct expr_node *at, int err, const char *format,
	      ...)
{
	va_list args;

	if (resolving->err)
		return EXPR_NONE;
	va_start(args, format);
	vsnprintf(resolving->error->text, sizeof(resolving->error->text), format, args);
	va_end(args);
	resolving->error->column = resolving->column ? resolving->column : at->column;
	resolving->err = err;
	return EXPR_NONE;
}

int calc_add(struct resolving *resolving, enum calc_op op, int first, int second)
{
	struct calc *calc = resolving->calc;

	if (resolving->err)
		return EXPR_NONE;
	if (calc->count == CALC_NODES_MAX)
		return calc_fail(resolving, resolving->at, -EINVAL,
				 "the expression takes more than %d steps", CALC_NODES_MAX);
	calc->node[calc->count] = (struct calc_node){.op = op, .child = {first, second, EXPR_NONE}};
	return calc->count++;
}

int calc_number(struct resolving *resolving, uint64_t number)
{
	int node = calc_add(resolving, CALC_NUMBER, EXPR_NONE, EXPR_NONE);

	if (node >= 0)
		resolving->calc->node[node].number = number;
	return node;
}

struct calc_value calc_plain(int node, uint8_t size, bool is_signed)
{
	return (struct calc_value){.node = node, .size = size, .is_signed = is_signed};
}

const struct btf_type *calc_btf(const struct resolving *resolving, uint32_t id)
{
	return id ? types__plain(resolving->scope->types, &id) : NULL;
}

const char *calc_type_name(const struct resolving *resolving, const struct calc_value *value,
			   char buf[CALC_TYPE_NAME_MAX])
{
	if (value->type)
		return types__name(resolving->scope->types, value->type, buf, CALC_TYPE_NAME_MAX);
	snprintf(buf, CALC_TYPE_NAME_MAX, "a number");
	return buf;
}

/* Bits [from, from + width) of a number, extended. */
static int take_bits(struct resolving *resolving, int node, unsigned int from, unsigned int width,
		     bool is_signed)
{
	node = calc_add(resolving, CALC_BITS, node, EXPR_NONE);
	if (node >= 0) {
		resolving->calc->node[node].number = from;
		resolving->calc->node[node].size = (uint8_t)width;
		resolving->calc->node[node].is_signed = is_signed;
	}
	return node;
}

int calc_extend(struct resolving *resolving, int node, uint8_t size, bool is_signed)
{
	struct calc_node *number = node >= 0 ? &resolving->calc->node[node] : NULL;

	if (size == 8 || !number)
		return node;
	if (number->op == CALC_NUMBER) {
		if (is_signed)
			number->number = size == 4   ? (uint64_t)(int32_t)number->number
					 : size == 2 ? (uint64_t)(int16_t)number->number
						     : (uint64_t)(int8_t)number->number;
		else
			number->number &= (1ULL << 8 * size) - 1;
		return node;
	}
	node = calc_add(resolving, CALC_EXTEND, node, EXPR_NONE);
	if (node >= 0) {
		resolving->calc->node[node].size = size;
		resolving->calc->node[node].is_signed = is_signed;
	}
	return node;
}

/* --- from memory --- */

static int load(struct resolving *resolving, const struct calc_value *value, uint64_t offset,
		uint8_t size)
{
	int node = calc_add(resolving, CALC_LOAD, value->node, EXPR_NONE);

	if (node >= 0) {
		resolving->calc->node[node].number = offset;
		resolving->calc->node[node].size = size;
	}
	return node;
}

/* pmd_t, swp_entry_t, atomic_t …: a structure with one member is that member. */
static const struct btf_type *only_member(const struct resolving *resolving, uint32_t *id)
{
	const struct btf_type *type = calc_btf(resolving, *id);
	int nested;

	for (nested = 0; type && btf_is_composite(type) && btf_vlen(type) && nested < 8; nested++) {
		if (btf_vlen(type) > 1 && btf_is_struct(type))
			break;
		if (btf_member_bit_offset(type, 0) || btf_member_bitfield_size(type, 0) ||
		    types__size(resolving->scope->types, btf_members(type)->type) !=
			    types__size(resolving->scope->types, *id))
			break;
		*id = btf_members(type)->type;
		type = calc_btf(resolving, *id);
	}
	return type;
}

static struct calc_value load_bits(struct resolving *resolving, const struct calc_value *value,
				   const struct btf_type *type)
{
	unsigned int first = value->bit % 8, size = (first + value->bits + 7) / 8;
	bool is_signed = types__is_signed(type);
	struct calc_value result;

	if (size > 8) {
		calc_fail(resolving, resolving->at, -EINVAL,
			  "a bit field that spreads over more than 8 bytes is not read");
		return *value;
	}
	result = calc_plain(load(resolving, value, value->offset + value->bit / 8, (uint8_t)size),
			    8, is_signed);
	result.node = take_bits(resolving, result.node, first, value->bits, is_signed);
	/* What fits into an int is an int. */
	if (value->bits < 32)
		result.is_signed = true;
	result.size = value->bits <= 32 ? 4 : 8;
	return result;
}

static void mark_structure(struct resolving *resolving, int node, const struct btf_type *type)
{
	const struct btf_type *target = btf_is_ptr(type) ? calc_btf(resolving, type->type) : NULL;

	if (node >= 0 && target && btf_is_composite(target))
		resolving->calc->node[node].structure = true;
}

struct calc_value calc_rvalue(struct resolving *resolving, struct calc_value value)
{
	const struct btf_type *type;
	char name[CALC_TYPE_NAME_MAX];
	uint32_t id = value.type;
	uint64_t size;

	if (!value.type || resolving->err)
		return value;
	type = calc_btf(resolving, id);
	if (value.memory && type && btf_is_array(type)) { /* it is a pointer to its first element */
		value.node = calc_offset(resolving, value.node, value.offset);
		value.element = btf_array(type)->type;
		value.memory = false;
		value.decayed = true;
		return value;
	}
	if (value.bits && type)
		return load_bits(resolving, &value, type);
	type = only_member(resolving, &id);
	size = types__size(resolving->scope->types, id);
	if (!type || (!btf_is_ptr(type) && !btf_is_int(type) && !btf_is_any_enum(type)) ||
	    (size != 1 && size != 2 && size != 4 && size != 8)) {
		if (!value.decayed)
			calc_fail(resolving, resolving->at, -EINVAL,
				  "%s is neither a number nor a pointer",
				  calc_type_name(resolving, &value, name));
		return value;
	}
	if (value.memory)
		value.node = load(resolving, &value, value.offset, (uint8_t)size);
	if (value.partial || value.memory)
		mark_structure(resolving, value.node, type);
	if (value.partial || (value.memory && types__is_signed(type)))
		value.node =
			calc_extend(resolving, value.node, (uint8_t)size, types__is_signed(type));
	value.memory = value.partial = false;
	value.size = (uint8_t)size;
	value.is_signed = types__is_signed(type);
	value.type = id;
	return value;
}

int calc_offset(struct resolving *resolving, int node, uint64_t offset)
{
	return offset ? calc_add(resolving, CALC_ADD, node, calc_number(resolving, offset)) : node;
}

/* What does it point to? False: it is not a pointer. */
bool calc_pointer(const struct resolving *resolving, const struct calc_value *value,
		  uint32_t *target)
{
	const struct btf_type *type = calc_btf(resolving, value->type);

	if (value->decayed) {
		*target = value->element;
		return true;
	}
	if (value->memory || !type || !btf_is_ptr(type))
		return false;
	*target = type->type;
	return true;
}
