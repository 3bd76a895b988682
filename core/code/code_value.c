// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic on values that are only partly known. */
#include "code_private.h"

#include <string.h>

struct code_value code_value__any(void)
{
	return (struct code_value){.kind = CODE_ANY};
}

struct code_value code_value__constant(uint32_t constant)
{
	return (struct code_value){.kind = CODE_SET, .nr = 1, .set = {constant}};
}

/* Add a value to a set; false if the set is full. */
static bool add(struct code_value *set, uint32_t constant)
{
	unsigned int i, at = 0;

	while (at < set->nr && set->set[at] < constant)
		at++;
	if (at < set->nr && set->set[at] == constant)
		return true;
	if (set->nr == CODE_SET_MAX)
		return false;
	for (i = set->nr++; i > at; i--)
		set->set[i] = set->set[i - 1];
	set->set[at] = constant;
	return true;
}

struct code_value code_value__either(uint32_t one, uint32_t other)
{
	struct code_value value = code_value__constant(one);

	add(&value, other);
	return value;
}

/* The known bits of a value. */
static void bits(const struct code_value *value, uint32_t *ones, uint32_t *zeros)
{
	unsigned int i;

	*ones = value->kind == CODE_BITS ? value->ones : 0;
	*zeros = value->kind == CODE_BITS ? value->zeros : 0;
	if (value->kind != CODE_SET)
		return;
	*ones = *zeros = ~0U;
	for (i = 0; i < value->nr; i++) {
		*ones &= value->set[i];
		*zeros &= ~value->set[i];
	}
}

static struct code_value from_bits(uint32_t ones, uint32_t zeros)
{
	if (!ones && !zeros)
		return code_value__any();
	if ((ones | zeros) == ~0U)
		return code_value__constant(ones);
	return (struct code_value){.kind = CODE_BITS, .ones = ones, .zeros = zeros};
}

bool code_value__same(const struct code_value *a, const struct code_value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case CODE_SET:
		return a->nr == b->nr && !memcmp(a->set, b->set, a->nr * sizeof(a->set[0]));
	case CODE_BITS:
		return a->ones == b->ones && a->zeros == b->zeros;
	case CODE_STACK:
	case CODE_PARAMETER:
		return a->offset == b->offset;
	default:
		return true;
	}
}

static bool numeric(const struct code_value *value)
{
	return value->kind == CODE_SET || value->kind == CODE_BITS;
}

struct code_value code_value__join(const struct code_value *a, const struct code_value *b)
{
	uint32_t ones, zeros, ones_b, zeros_b;
	struct code_value joined = *a;
	unsigned int i;

	if (code_value__same(a, b))
		return *a;
	if (!numeric(a) || !numeric(b))
		return code_value__any();
	if (a->kind == CODE_SET && b->kind == CODE_SET) {
		for (i = 0; i < b->nr && add(&joined, b->set[i]); i++)
			;
		if (i == b->nr)
			return joined;
	}
	bits(a, &ones, &zeros);
	bits(b, &ones_b, &zeros_b);
	return from_bits(ones & ones_b, zeros & zeros_b);
}

static uint32_t compute(enum code_op op, uint32_t a, uint32_t b)
{
	switch (op) {
	case CODE_AND:
		return a & b;
	case CODE_OR:
		return a | b;
	case CODE_XOR:
		return a ^ b;
	case CODE_ADD:
		return a + b;
	case CODE_SUB:
		return a - b;
	case CODE_SHL:
		return a << (b & 31);
	default:
		return a >> (b & 31);
	}
}

static bool compute_sets(enum code_op op, const struct code_value *a, const struct code_value *b,
			 struct code_value *result)
{
	unsigned int i, j;

	*result = (struct code_value){.kind = CODE_SET};
	for (i = 0; i < a->nr; i++) {
		for (j = 0; j < b->nr; j++) {
			if (!add(result, compute(op, a->set[i], b->set[j])))
				return false;
		}
	}
	return result->nr > 0;
}

static struct code_value compute_bits(enum code_op op, const struct code_value *a,
				      const struct code_value *b)
{
	uint32_t a1, a0, b1, b0, low;

	bits(a, &a1, &a0);
	bits(b, &b1, &b0);
	switch (op) {
	case CODE_AND:
		return from_bits(a1 & b1, a0 | b0);
	case CODE_OR:
		return from_bits(a1 | b1, a0 & b0);
	case CODE_XOR:
		return from_bits((a1 & b0) | (a0 & b1), (a1 & b1) | (a0 & b0));
	case CODE_ADD:
	case CODE_SUB:
		/* Bits below the lowest unknown bit get no carry from it. */
		low = ~((a1 | a0) & (b1 | b0));
		low = low ? (low & -low) - 1 : ~0U;
		return from_bits(compute(op, a1, b1) & low, ~compute(op, a1, b1) & low);
	case CODE_SHL:
		if (b->kind != CODE_SET || b->nr != 1)
			return code_value__any();
		low = b->set[0] & 31;
		return from_bits(a1 << low, a0 << low | ((1U << low) - 1));
	default:
		if (b->kind != CODE_SET || b->nr != 1)
			return code_value__any();
		low = b->set[0] & 31;
		return from_bits(a1 >> low, a0 >> low | ~(~0U >> low));
	}
}

struct code_value code_value__op(enum code_op op, const struct code_value *a,
				 const struct code_value *b)
{
	struct code_value result = *a;
	bool constant = b->kind == CODE_SET && b->nr == 1;

	if (a->kind == CODE_STACK && constant && (op == CODE_ADD || op == CODE_SUB)) {
		result.offset = (int32_t)compute(op, (uint32_t)a->offset, b->set[0]);
		return result;
	}
	if (a->kind == CODE_PARAMETER && constant && op == CODE_SHR && b->set[0] < 32 &&
	    a->offset < 32) {
		result.offset += (int32_t)b->set[0];
		return result;
	}
	if (a->kind == CODE_SET && b->kind == CODE_SET && compute_sets(op, a, b, &result))
		return result;
	return compute_bits(op, a, b);
}

struct code_value code_value__with(enum code_op op, const struct code_value *value,
				   uint32_t constant)
{
	struct code_value by = code_value__constant(constant);

	return code_value__op(op, value, &by);
}

int code_value__bit(const struct code_value *value, uint32_t bit)
{
	uint32_t ones, zeros;

	bits(value, &ones, &zeros);
	return ones & bit ? 1 : zeros & bit ? 0 : -1;
}
