// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one instruction of arm64 does to the values that are followed: registers, and what is kept on the
 * stack. Of an instruction that is not known, all that its fields can name is lost.
 *
 * Not followed: memory but the function's own frame, and vectors.
 */
#include "code_arm64.h"

enum {
	X16 = 16,
	X17 = 17,
	X18 = 18,
	X30 = 30,
};

/* --- registers ----------------------------------------------------------------------------------- */

/* Where 31 is the register that reads as 0. */
struct code_value code_arm64__get(const struct code_walk *walk, unsigned int reg)
{
	return reg == CODE_ARM64_SP ? code_value__constant(0) : walk->reg[reg];
}

/* The same: what is written there is lost. */
static void set(struct code_walk *walk, unsigned int reg, struct code_value value)
{
	if (reg != CODE_ARM64_SP)
		walk->reg[reg] = value;
}

/* 32 bits are no address. */
static struct code_value fit(struct code_value value, uint32_t word)
{
	return value.kind == CODE_STACK && !wide(word) ? code_value__any() : value;
}

/* To the right: what comes in from the upper half is not known. */
static struct code_value shift_right(const struct code_value *value, unsigned int by, uint32_t word)
{
	if (!by)
		return *value;
	if (by > 31 || (wide(word) && value->kind != CODE_PARAMETER))
		return code_value__any();
	return code_value__with(CODE_SHR, value, by);
}

static struct code_value shift_left(const struct code_value *value, unsigned int by)
{
	if (!by)
		return *value;
	return by > 31 ? code_value__constant(0) : code_value__with(CODE_SHL, value, by);
}

/* The second operand of what takes a shifted register. */
struct code_value code_arm64__shifted(const struct code_walk *walk, uint32_t word)
{
	struct code_value value = code_arm64__get(walk, rm(word));
	unsigned int by = bits(word, 10, 6);

	switch (bits(word, 22, 2)) {
	case 0:
		return shift_left(&value, by);
	case 1:
		return shift_right(&value, by, word);
	default:
		return by ? code_value__any() : value;
	}
}

/* --- data ---------------------------------------------------------------------------------------- */

/* DecodeBitMasks(): a run of ones, turned, repeated; of the result the lower 32 bits. */
bool code_arm64__mask(uint32_t word, uint32_t *mask)
{
	unsigned int n = bits(word, 22, 1), immr = bits(word, 16, 6), imms = bits(word, 10, 6);
	unsigned int size = 64, i;
	uint64_t run, all = 0;

	if (!n)
		for (size = 32; size > 1 && (imms & size); size /= 2)
			;
	if (size < 2 || (n && !wide(word)))
		return false;
	imms &= size - 1;
	immr &= size - 1;
	if (imms == size - 1)
		return false;
	run = (1ULL << (imms + 1)) - 1;
	if (immr)
		run = run >> immr | run << (size - immr);
	if (size < 64)
		run &= (1ULL << size) - 1;
	for (i = 0; i < 64; i += size)
		all |= run << i;
	*mask = (uint32_t)all;
	return true;
}

/* AND, ORR, EOR, ANDS with an immediate. Only ANDS has no SP. */
static void logical_immediate(struct code_walk *walk, uint32_t word)
{
	static const enum code_op ops[] = {CODE_AND, CODE_OR, CODE_XOR, CODE_AND};
	struct code_value value = code_arm64__get(walk, rn(word)), result = code_value__any();
	unsigned int opc = bits(word, 29, 2);
	uint32_t mask;

	if (code_arm64__mask(word, &mask))
		result = code_value__with(ops[opc], &value, mask);
	if (opc == 3)
		set(walk, rd(word), result);
	else
		walk->reg[rd(word)] = result;
}

/* AND, BIC, ORR, ORN, EOR, EON, ANDS, BICS. MOV is an ORR with the register that reads as 0. */
static void logical_register(struct code_walk *walk, uint32_t word)
{
	static const enum code_op ops[] = {CODE_AND, CODE_OR, CODE_XOR, CODE_AND};
	struct code_value a = code_arm64__get(walk, rn(word)), b = code_arm64__shifted(walk, word);
	unsigned int opc = bits(word, 29, 2);

	if (bits(word, 21, 1))
		b = code_value__with(CODE_XOR, &b, ~0U);
	if (opc == 1 && rn(word) == CODE_ARM64_SP)
		set(walk, rd(word), fit(b, word));
	else if (opc == 2 && rn(word) == rm(word) && !bits(word, 10, 6) && !bits(word, 21, 1))
		set(walk, rd(word), code_value__constant(0));
	else
		set(walk, rd(word), code_value__op(ops[opc], &a, &b));
}

static enum code_op add_or_sub(uint32_t word)
{
	return bits(word, 30, 1) ? CODE_SUB : CODE_ADD;
}

/* With SP as the first operand, and as the result when no flags are set. */
static void add_to_sp(struct code_walk *walk, uint32_t word, const struct code_value *b)
{
	struct code_value result = code_value__op(add_or_sub(word), &walk->reg[rn(word)], b);

	result = fit(result, word);
	if (bits(word, 29, 1))
		set(walk, rd(word), result);
	else
		walk->reg[rd(word)] = result;
}

static void add_immediate(struct code_walk *walk, uint32_t word)
{
	struct code_value b =
		code_value__constant(bits(word, 10, 12) << (bits(word, 22, 1) ? 12 : 0));

	add_to_sp(walk, word, &b);
}

static void add_extended(struct code_walk *walk, uint32_t word)
{
	struct code_value b = code_arm64__get(walk, rm(word));

	/* UXTW, UXTX, SXTW, SXTX leave the lower half as it is. */
	b = bits(word, 14, 1) ? shift_left(&b, bits(word, 10, 3)) : code_value__any();
	add_to_sp(walk, word, &b);
}

static void add_shifted(struct code_walk *walk, uint32_t word)
{
	struct code_value a = code_arm64__get(walk, rn(word)), b = code_arm64__shifted(walk, word);

	set(walk, rd(word), fit(code_value__op(add_or_sub(word), &a, &b), word));
}

/* MOVN, MOVZ, MOVK */
static void move_wide(struct code_walk *walk, uint32_t word)
{
	unsigned int opc = bits(word, 29, 2), up = 16 * bits(word, 21, 2);
	uint32_t constant = up < 32 ? bits(word, 5, 16) << up : 0;
	struct code_value value = code_arm64__get(walk, rd(word));

	if (opc == 0)
		value = code_value__constant(~constant);
	else if (opc == 2)
		value = code_value__constant(constant);
	else if (opc == 1 || value.kind == CODE_STACK || value.kind == CODE_PARAMETER)
		value = code_value__any();
	else if (up < 32) {
		value = code_value__with(CODE_AND, &value, ~(0xffffU << up));
		value = code_value__with(CODE_OR, &value, constant);
	}
	set(walk, rd(word), value);
}

static uint32_t ones(unsigned int count)
{
	return count > 31 ? ~0U : (1U << count) - 1;
}

/*
 * UBFM, BFM, SBFM: the bits from immr to imms, to the bottom (UBFX, LSR); or the bits up to imms, up
 * from the bottom (UBFIZ, LSL). BFM leaves the others as they were, SBFM repeats the highest one.
 */
static void bitfield(struct code_walk *walk, uint32_t word)
{
	unsigned int opc = bits(word, 29, 2), immr = bits(word, 16, 6), imms = bits(word, 10, 6);
	unsigned int count = imms >= immr ? imms - immr + 1 : imms + 1, to = 0;
	struct code_value field = code_arm64__get(walk, rn(word)),
			  keep = code_arm64__get(walk, rd(word));

	if (!wide(word) && (immr > 31 || imms > 31)) { /* unallocated */
		set(walk, rd(word), code_value__any());
		return;
	}
	if (field.kind == CODE_STACK)
		field = code_value__any();
	if (imms >= immr) {
		/* Some of it, or none, lies in the half that is known. */
		if (immr && imms > 31 && field.kind != CODE_PARAMETER)
			field = code_value__any();
		else if (immr > 31)
			field = code_value__any();
		else if (immr)
			field = code_value__with(CODE_SHR, &field, immr);
	} else {
		to = (wide(word) ? 64 : 32) - immr;
	}
	if (opc == 0 && !(immr == 0 && imms == 31)) {
		field = code_value__any();
	} else if (opc == 1) {
		if (to + count > 32) {
			field = code_value__any();
		} else {
			field = code_value__with(CODE_AND, &field, ones(count));
			field = shift_left(&field, to);
			keep = code_value__with(CODE_AND, &keep, ~(ones(count) << to));
			field = code_value__op(CODE_OR, &keep, &field);
		}
	} else if (opc == 2) {
		/* Of a parameter the position counts, not the width. */
		field = code_value__narrow(&field, ones(count), 0);
		if (to)
			field = shift_left(&field, to);
	}
	set(walk, rd(word), field);
}

/* CSEL, CSINC, CSINV, CSNEG */
static void select_one(struct code_walk *walk, uint32_t word)
{
	struct code_value a = code_arm64__get(walk, rn(word)), b = code_arm64__get(walk, rm(word));
	struct code_value zero = code_value__constant(0);

	if (bits(word, 30, 1))
		b = bits(word, 10, 1) ? code_value__op(CODE_SUB, &zero, &b)
				      : code_value__with(CODE_XOR, &b, ~0U);
	else if (bits(word, 10, 1))
		b = code_value__with(CODE_ADD, &b, 1);
	set(walk, rd(word), fit(code_value__join(&a, &b), word));
}

/* --- memory -------------------------------------------------------------------------------------- */

static bool pair(uint32_t word, struct code_access *access)
{
	unsigned int opc = bits(word, 30, 2), mode = bits(word, 23, 2);
	int32_t offset;

	if (!is(word, 0x3a000000, 0x28000000))
		return false;
	access->vector = bits(word, 26, 1);
	access->load = bits(word, 22, 1);
	access->two = true;
	if (opc == 3 || (opc == 1 && !access->vector && !access->load))
		return false; /* none, or with tags */
	if (access->vector)
		access->size = 4U << opc;
	else
		access->size = opc == 2 ? 8 : 4;
	access->sign = opc == 1;
	offset = (int32_t)sign_extend(bits(word, 15, 7), 7) * (int32_t)access->size;
	access->offset = mode == 1 ? 0 : offset;
	access->add = mode & 1 ? offset : 0;
	return true;
}

static bool single(uint32_t word, struct code_access *access)
{
	unsigned int opc = bits(word, 22, 2), shift = bits(word, 30, 2), mode = bits(word, 10, 2);
	int32_t offset = (int32_t)sign_extend(bits(word, 12, 9), 9);

	if (!is(word, 0x3a000000, 0x38000000) || (!bits(word, 24, 1) && bits(word, 21, 1)))
		return false;
	access->vector = bits(word, 26, 1);
	if (access->vector) {
		shift |= bits(word, 23, 1) << 2;
		access->load = opc & 1;
	} else {
		access->load = opc != 0;
		access->sign = opc > 1;
	}
	if (shift > 4)
		return false;
	access->size = 1U << shift;
	if (bits(word, 24, 1)) {
		access->offset = (int32_t)(bits(word, 10, 12) << shift);
	} else {
		access->offset = mode == 1 ? 0 : offset;
		access->add = mode & 1 ? offset : 0;
	}
	return true;
}

bool code_arm64__access(uint32_t word, struct code_access *access)
{
	*access = (struct code_access){.two = false};
	return pair(word, access) || single(word, access);
}

static struct code_value load(const struct code_walk *walk, const struct code_value *at,
			      const struct code_access *access)
{
	struct code_value value;

	if (at->kind != CODE_STACK || (access->sign && access->size < 4))
		return code_value__any();
	value = code_walk__load(walk, at->offset, access->size);
	return value.kind == CODE_STACK && access->size < 8 ? code_value__any() : value;
}

/* LDR, STR, LDP, STP and their kin. */
static void move(struct code_walk *walk, uint32_t word, const struct code_access *access)
{
	const unsigned int reg[] = {rd(word), rt2(word)};
	struct code_value at, value[2], base = walk->reg[rn(word)];
	unsigned int i;

	at = code_value__with(CODE_ADD, &base, (uint32_t)access->offset);
	for (i = 0; i <= access->two; i++) {
		value[i] = access->load ? load(walk, &at, access) : code_arm64__get(walk, reg[i]);
		if (access->vector)
			value[i] = code_value__any();
		if (!access->load && at.kind == CODE_STACK)
			code_walk__store(walk, at.offset, access->size, value[i]);
		at = code_value__with(CODE_ADD, &at, access->size);
	}
	if (access->add)
		walk->reg[rn(word)] = code_value__with(CODE_ADD, &base, (uint32_t)access->add);
	for (i = 0; i <= access->two && access->load && !access->vector; i++)
		set(walk, reg[i], value[i]);
}

/* What lies at the base, or above it: in an array. */
static void forget(struct code_walk *walk, uint32_t word, int64_t size)
{
	const struct code_value *base = &walk->reg[rn(word)];

	if (base->kind == CODE_STACK)
		code_walk__forget(walk, base->offset, size);
}

static void lose(struct code_walk *walk, unsigned int reg)
{
	set(walk, reg, code_value__any());
}

/* Whatever it is: all registers that it can name, and what is on the stack. */
static void lose_all(struct code_walk *walk, uint32_t word)
{
	walk->reg[rd(word)] = walk->reg[rn(word)] = code_value__any();
	lose(walk, rm(word));
	lose(walk, rt2(word));
	walk->slots = 0;
}

/* LDXR, STXR, LDAR, STLR, CAS …: bit 22 is of loads; CASP writes pairs. */
static void exclusive(struct code_walk *walk, uint32_t word)
{
	lose(walk, rm(word));
	if (bits(word, 21, 1) && !bits(word, 23, 1))
		lose(walk, (rm(word) + 1) % 32);
	if (bits(word, 22, 1)) {
		lose(walk, rd(word));
		lose(walk, rt2(word));
	}
	forget(walk, word, 16);
}

static void memory(struct code_walk *walk, uint32_t word)
{
	struct code_access access;

	if (is(word, 0xffc00000, 0xf9800000) || is(word, 0xffe00c00, 0xf8800000)) {
		; /* PRFM, PRFUM */
	} else if (code_arm64__access(word, &access)) {
		move(walk, word, &access);
	} else if (is(word, 0x3b200c00, 0x38200800)) { /* with an index */
		if (bits(word, 22, 2))
			lose(walk, rd(word));
		if (!bits(word, 22, 1))
			forget(walk, word, INT32_MAX);
	} else if (is(word, 0x3b200c00, 0x38200000)) { /* LDADD, SWP … */
		lose(walk, rd(word));
		forget(walk, word, 16);
	} else if (is(word, 0x3b000000, 0x18000000)) { /* of a constant */
		lose(walk, rd(word));
	} else if (is(word, 0x3f000000, 0x08000000)) {
		exclusive(walk, word);
	} else {
		lose_all(walk, word);
	}
}

/* --- all ----------------------------------------------------------------------------------------- */

static void data_immediate(struct code_walk *walk, uint32_t word)
{
	switch (bits(word, 23, 3)) {
	case 2:
		add_immediate(walk, word);
		break;
	case 3: /* ADDG, SUBG, SMAX … */
		walk->reg[rd(word)] = code_value__any();
		break;
	case 4:
		logical_immediate(walk, word);
		break;
	case 5:
		move_wide(walk, word);
		break;
	case 6:
		bitfield(walk, word);
		break;
	default: /* ADR, ADRP, EXTR */
		lose(walk, rd(word));
	}
}

static void data_register(struct code_walk *walk, uint32_t word)
{
	if (is(word, 0x1f000000, 0x0a000000))
		logical_register(walk, word);
	else if (is(word, 0x1f200000, 0x0b000000))
		add_shifted(walk, word);
	else if (is(word, 0x1f200000, 0x0b200000))
		add_extended(walk, word);
	else if (is(word, 0x1fe00000, 0x1a800000))
		select_one(walk, word);
	else if (!is(word, 0x1fe00000, 0x1a400000)) /* CCMP, CCMN only set flags */
		lose(walk, rd(word));
}

/* MRS and SYSL write a register; hints of PAC those they work on; SVC, HVC, SMC as a call does. */
static void system_insn(struct code_walk *walk, uint32_t word)
{
	unsigned int reg;

	if (is(word, 0xff000000, 0xd4000000) && bits(word, 21, 3) == 0) {
		for (reg = 0; reg <= X17; reg++)
			lose(walk, reg);
	} else if (is(word, 0xfffff01f, 0xd503201f)) {
		lose(walk, X16);
		lose(walk, X17);
		lose(walk, X30);
	} else if (is(word, 0xffe00000, 0xd5200000)) {
		lose(walk, rd(word));
	}
}

static void call(struct code_walk *walk)
{
	unsigned int reg;

	for (reg = 0; reg <= X18; reg++)
		lose(walk, reg);
	lose(walk, X30);
}

void code_arm64__step(struct code *code, struct code_walk *walk, const struct code_insn *insn)
{
	(void)code;
	if (insn->flow == CODE_CALL)
		call(walk);
	if (insn->flow != CODE_NEXT)
		return;
	switch (bits(insn->word, 25, 4)) {
	case 8:
	case 9:
		data_immediate(walk, insn->word);
		break;
	case 10:
	case 11:
		system_insn(walk, insn->word);
		break;
	case 4:
	case 6:
	case 12:
	case 14:
		memory(walk, insn->word);
		break;
	case 5:
	case 13:
		data_register(walk, insn->word);
		break;
	case 7:
	case 15: /* of vectors: some give to a register */
		lose(walk, rd(insn->word));
		break;
	default:
		lose_all(walk, insn->word);
	}
}
