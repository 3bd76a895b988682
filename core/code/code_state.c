// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state at an instruction: the registers, and the function's values on the stack. It is assumed
 * that only the function itself changes these.
 */
#include "code_private.h"

#include <string.h>

struct code_value code_value__narrow(const struct code_value *value, uint32_t mask,
				     unsigned int shift)
{
	struct code_value by = code_value__constant(shift), with = code_value__constant(mask);
	struct code_value result = *value;

	if (shift)
		result = code_value__op(CODE_SHR, &result, &by);
	/* For a parameter the position matters, not the width. */
	if (mask == ~0U || result.kind == CODE_PARAMETER)
		return result;
	return code_value__op(CODE_AND, &result, &with);
}

struct code_value code_state__load(const struct code_state *state, int32_t offset, uint32_t size)
{
	uint32_t mask = size >= 4 ? ~0U : (1U << 8 * size) - 1, into;
	const struct code_slot *slot;
	unsigned int i;

	for (i = 0; i < state->slots; i++) {
		slot = &state->slot[i];
		if (offset < slot->offset)
			continue;
		into = (uint32_t)offset - (uint32_t)slot->offset;
		if (into < 4 && into + size <= slot->size)
			return code_value__narrow(&slot->value, mask, 8 * into);
	}
	return code_value__any();
}

void code_state__forget(struct code_state *state, int64_t offset, int64_t size)
{
	const struct code_slot *slot;
	unsigned int i = 0;

	while (i < state->slots) {
		slot = &state->slot[i];
		if (slot->offset < offset + size && offset < (int64_t)slot->offset + slot->size)
			state->slot[i] = state->slot[--state->slots];
		else
			i++;
	}
}

void code_state__store(struct code_state *state, int32_t offset, uint32_t size,
		       struct code_value value)
{
	code_state__forget(state, offset, size);
	if (value.kind == CODE_ANY || state->slots == CODE_SLOTS)
		return;
	state->slot[state->slots++] = (struct code_slot){offset, size, value};
}

static bool join_slots(struct code_state *into, const struct code_state *from)
{
	const struct code_slot *other_slot;
	struct code_value value;
	bool changed = false;
	unsigned int i = 0, j;

	while (i < into->slots) {
		value = code_value__any();
		for (j = 0; j < from->slots; j++) {
			other_slot = &from->slot[j];
			if (other_slot->offset == into->slot[i].offset &&
			    other_slot->size == into->slot[i].size)
				value = code_value__join(&into->slot[i].value, &other_slot->value);
		}
		if (value.kind == CODE_ANY) {
			into->slot[i] = into->slot[--into->slots];
			changed = true;
			continue;
		}
		changed |= !code_value__same(&value, &into->slot[i].value);
		into->slot[i++].value = value;
	}
	return changed;
}

bool code_state__join(struct code_state *into, const struct code_state *from)
{
	struct code_value value;
	bool changed = false;
	int i;

	for (i = 0; i < CODE_REGISTERS; i++) {
		value = code_value__join(&into->reg[i], &from->reg[i]);
		changed |= !code_value__same(&value, &into->reg[i]);
		into->reg[i] = value;
	}
	return join_slots(into, from) || changed;
}

void code_state__begin(const struct code *code, struct code_state *state, int parameter)
{
	const struct code_machine *machine = code->machine;

	memset(state, 0, sizeof(*state));
	state->reg[machine->stack].kind = CODE_STACK;
	if (parameter)
		state->reg[machine->parameter[parameter - 1]].kind = CODE_PARAMETER;
}

struct code_value code_state__argument(const struct code *code, const struct code_state *state,
				       int argument)
{
	return state->reg[code->machine->parameter[argument - 1]];
}
