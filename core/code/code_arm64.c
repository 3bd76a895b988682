// SPDX-License-Identifier: GPL-2.0-only
/* Code of arm64: control flow, and questions about single instructions. */
#include "code_arm64.h"

#include <errno.h>
#include <stdlib.h>

#define NEAR 4 /* maximum distance of instructions that belong together */

static const int parameters[CODE_PARAMETERS_MAX] = {0, 1, 2, 3, 4, 5};

/*
 * --- control flow --------------------------------------------------------------------------------
 */

static enum code_flow flow_of(uint32_t word, int64_t *distance)
{
	*distance = 0;
	if (is(word, 0x7c000000, 0x14000000)) { /* B, BL */
		*distance = sign_extend(bits(word, 0, 26), 26) * 4;
		return word >> 31 ? CODE_CALL : CODE_JUMP;
	}
	if (is(word, 0xff000000, 0x54000000) || /* B.cond, BC.cond */
	    is(word, 0x7e000000, 0x34000000)) { /* CBZ, CBNZ */
		*distance = sign_extend(bits(word, 5, 19), 19) * 4;
		return CODE_BRANCH;
	}
	if (is(word, 0x7e000000, 0x36000000)) { /* TBZ, TBNZ */
		*distance = sign_extend(bits(word, 5, 14), 14) * 4;
		return CODE_BRANCH;
	}
	/* To a register; bits 24 to 21: BR is 0 or 8, BLR 1 or 9. */
	if (is(word, 0xfe000000, 0xd6000000)) {
		if (bits(word, 21, 3) > 1)
			return CODE_END;
		return bits(word, 21, 3) ? CODE_CALL : CODE_JUMP;
	}
	if (is(word, 0xffe0001f, 0xd4200000)) /* BRK */
		return CODE_TRAP;
	return word >> 16 ? CODE_NEXT : CODE_END; /* UDF */
}

static int decode(const struct code *code, struct code_part *part, const unsigned char *bytes,
		  size_t size)
{
	struct code_insn *insn;
	int64_t distance;
	size_t i;

	(void)code;
	if (part->address % 4 || size < 4)
		return 0;
	part->insn = calloc(size / 4, sizeof(*part->insn));
	if (!part->insn)
		return -ENOMEM;
	part->size = size;
	part->count = size / 4;
	for (i = 0; i < part->count; i++) {
		insn = &part->insn[i];
		insn->address = part->address + 4 * i;
		insn->size = 4;
		insn->word = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 |
			     (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
		insn->flow = flow_of(insn->word, &distance);
		if (distance || insn->flow == CODE_BRANCH)
			insn->target = insn->address + (uint64_t)distance;
	}
	return 0;
}

/* --- questions ----------------------------------------------------------------------------------- */

/* Which bits of which value does it test? */
static bool find_test(const struct code_state *state, uint32_t word, struct code_value *value,
		      uint32_t *mask)
{
	unsigned int immr = bits(word, 16, 6), imms = bits(word, 10, 6), at;
	struct code_value other;

	*value = code_arm64__get(state, rn(word));
	if (is(word, 0x7e000000, 0x36000000)) { /* TBZ, TBNZ */
		*value = code_arm64__get(state, rd(word));
		at = bits(word, 19, 5);
		*mask = word >> 31 ? 0 : 1U << at;
		return true;
	}
	if (is(word, 0x1f800000, 0x12000000) && (bits(word, 29, 2) == 0 || bits(word, 29, 2) == 3))
		return code_arm64__mask(word, mask); /* AND, ANDS */
	if (is(word, 0x1f800000, 0x13000000)) { /* a single bit, moved */
		at = imms >= immr ? immr : 0;
		*mask = at < 32 ? 1U << at : 0;
		return bits(word, 29, 2) != 1 && imms == at;
	}
	if (!is(word, 0x1f200000, 0x0a000000) || (bits(word, 29, 2) != 0 && bits(word, 29, 2) != 3))
		return false;
	other = code_arm64__shifted(state, word); /* AND, ANDS */
	if (value->kind != CODE_PARAMETER) {
		struct code_value swap = *value;

		*value = other;
		other = swap;
	}
	*mask = other.set[0];
	return other.kind == CODE_SET && other.nr == 1;
}

static bool tests(const struct code_state *state, const struct code_insn *insn, uint32_t bit)
{
	struct code_value value;
	uint32_t mask;

	return find_test(state, insn->word, &value, &mask) && value.kind == CODE_PARAMETER &&
	       (uint64_t)mask << (value.offset & 31) == bit;
}

static bool stores(const struct code_state *state, const struct code_insn *insn, uint32_t value,
		   int32_t *offset)
{
	const unsigned int reg[] = {rd(insn->word), rt2(insn->word)};
	struct code_value at, stored;
	struct code_access access;
	unsigned int i;

	if (bits(insn->word, 25, 1) || !bits(insn->word, 27, 1) ||
	    !code_arm64__access(insn->word, &access) || access.load || access.vector ||
	    access.size != 4)
		return false;
	at = code_value__with(CODE_ADD, &state->reg[rn(insn->word)], (uint32_t)access.offset);
	for (i = 0; i <= access.two && at.kind == CODE_STACK; i++) {
		stored = code_arm64__get(state, reg[i]);
		*offset = at.offset;
		/* Or inserted into a value that was there. */
		if (stored.kind == CODE_SET
			    ? stored.nr == 1 && stored.set[0] == value
			    : stored.kind == CODE_BITS && (stored.ones & value) == value)
			return true;
		at = code_value__with(CODE_ADD, &at, 4);
	}
	return false;
}

/* 32-bit CAS, which has no offset: the address was computed just before. */
static bool is_exchange(const struct code_part *part, size_t at, uint32_t offset)
{
	uint32_t word = part->insn[at].word, before;
	size_t i;

	if (!is(word, 0xffa07c00, 0x88a07c00))
		return false;
	if (!offset)
		return true;
	for (i = at; i > 0 && at - i < NEAR; i--) {
		before = part->insn[i - 1].word;
		if (is(before, 0xffc00000, 0x91000000) && rd(before) == rn(word))
			return bits(before, 10, 12) == offset;
	}
	return false;
}

static bool is_compare(const struct code_part *part, size_t at, uint32_t offset)
{
	uint32_t word = part->insn[at].word, next, constant;
	size_t i;

	if (!is(word, 0xffc00000, 0xb9400000) || rn(word) == CODE_ARM64_SP ||
	    bits(word, 10, 12) * 4 != offset)
		return false;
	for (i = at + 1; i < part->count && i <= at + NEAR; i++) {
		next = part->insn[i].word;
		constant = bits(next, 10, 12);
		/* "> 1" is CMP with 1 and B.GT, or with 2 and B.GE. */
		if (is(next, 0xffc0001f, 0x7100001f) && rn(next) == rd(word) &&
		    (constant == 1 || constant == 2))
			return true;
	}
	return false;
}

static bool reads(const struct code_insn *insn, uint32_t offset, uint32_t size)
{
	struct code_access access;

	if (rn(insn->word) == CODE_ARM64_SP || !bits(insn->word, 27, 1) ||
	    bits(insn->word, 25, 1) || !code_arm64__access(insn->word, &access) || !access.load ||
	    access.vector || access.size != size)
		return false;
	return access.offset == (int32_t)offset ||
	       (access.two && access.offset + (int32_t)size == (int32_t)offset);
}

const struct code_machine code_machine_arm64 = {
	.parameter = parameters,
	.stack = CODE_ARM64_SP,
	.decode = decode,
	.step = code_arm64__step,
	.tests = tests,
	.stores = stores,
	.exchanges = is_exchange,
	.compares = is_compare,
	.reads = reads,
};
