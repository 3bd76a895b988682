// SPDX-License-Identifier: GPL-2.0-only
/*
 * The effect of one arm64 instruction on the values that are followed: in registers, and on the
 * stack. After an unknown instruction, everything that its fields can name is unknown.
 *
 * Not followed: memory except the function's own frame, and vectors.
 */
#include "code_arm64.h"

enum {
	X16 = 16,
	X17 = 17,
	X18 = 18,
	X30 = 30,
};

/* --- registers ----------------------------------------------------------------------------------- */

/* 31 is the zero register here. */
struct code_value code_arm64__get(const struct code_state *state, unsigned int reg)
{
	return reg == CODE_ARM64_SP ? code_value__constant(0) : state->reg[reg];
}

/* The same: a value written there is lost. */
static void set(struct code_state *state, unsigned int reg, struct code_value value)
{
	if (reg != CODE_ARM64_SP)
		state->reg[reg] = value;
}

/* A 32-bit value is no address. */
static struct code_value fit(struct code_value value, uint32_t word)
{
	return value.kind == CODE_STACK && !wide(word) ? code_value__any() : value;
}

/* To the right: the bits that come from the upper half are not known. */
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

/* The second operand of an instruction with a shifted register. */
struct code_value code_arm64__shifted(const struct code_state *state, uint32_t word)
{
	struct code_value value = code_arm64__get(state, rm(word));
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

/* DecodeBitMasks(): a run of ones, rotated, repeated; the lower 32 bits of the result. */
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
static void logical_immediate(struct code_state *state, uint32_t word)
{
	static const enum code_op ops[] = {CODE_AND, CODE_OR, CODE_XOR, CODE_AND};
	struct code_value value = code_arm64__get(state, rn(word)), result = code_value__any();
	unsigned int opc = bits(word, 29, 2);
	uint32_t mask;

	if (code_arm64__mask(word, &mask))
		result = code_value__with(ops[opc], &value, mask);
	if (opc == 3)
		set(state, rd(word), result);
	else
		state->reg[rd(word)] = result;
}

/* AND, BIC, ORR, ORN, EOR, EON, ANDS, BICS. MOV is an ORR with the register that reads as 0. */
static void logical_register(struct code_state *state, uint32_t word)
{
	static const enum code_op ops[] = {CODE_AND, CODE_OR, CODE_XOR, CODE_AND};
	struct code_value a = code_arm64__get(state, rn(word)),
			  b = code_arm64__shifted(state, word);
	unsigned int opc = bits(word, 29, 2);

	if (bits(word, 21, 1))
		b = code_value__with(CODE_XOR, &b, ~0U);
	if (opc == 1 && rn(word) == CODE_ARM64_SP)
		set(state, rd(word), fit(b, word));
	else if (opc == 2 && rn(word) == rm(word) && !bits(word, 10, 6) && !bits(word, 21, 1))
		set(state, rd(word), code_value__constant(0));
	else
		set(state, rd(word), code_value__op(ops[opc], &a, &b));
}

static enum code_op add_or_sub(uint32_t word)
{
	return bits(word, 30, 1) ? CODE_SUB : CODE_ADD;
}

/* With SP as the first operand, and as the result if no flags are set. */
static void add_to_sp(struct code_state *state, uint32_t word, const struct code_value *b)
{
	struct code_value result = code_value__op(add_or_sub(word), &state->reg[rn(word)], b);

	result = fit(result, word);
	if (bits(word, 29, 1))
		set(state, rd(word), result);
	else
		state->reg[rd(word)] = result;
}

static void add_immediate(struct code_state *state, uint32_t word)
{
	struct code_value b =
		code_value__constant(bits(word, 10, 12) << (bits(word, 22, 1) ? 12 : 0));

	add_to_sp(state, word, &b);
}

static void add_extended(struct code_state *state, uint32_t word)
{
	struct code_value b = code_arm64__get(state, rm(word));

	/* UXTW, UXTX, SXTW, SXTX leave the lower half as it is. */
	b = bits(word, 14, 1) ? shift_left(&b, bits(word, 10, 3)) : code_value__any();
	add_to_sp(state, word, &b);
}

static void add_shifted(struct code_state *state, uint32_t word)
{
	struct code_value a = code_arm64__get(state, rn(word)),
			  b = code_arm64__shifted(state, word);

	set(state, rd(word), fit(code_value__op(add_or_sub(word), &a, &b), word));
}

/* MOVN, MOVZ, MOVK */
static void move_wide(struct code_state *state, uint32_t word)
{
	unsigned int opc = bits(word, 29, 2), up = 16 * bits(word, 21, 2);
	uint32_t constant = up < 32 ? bits(word, 5, 16) << up : 0;
	struct code_value value = code_arm64__get(state, rd(word));

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
	set(state, rd(word), value);
}

static uint32_t ones(unsigned int count)
{
	return count > 31 ? ~0U : (1U << count) - 1;
}

/*
 * UBFM, BFM, SBFM: the bits from immr to imms, moved to the bottom (UBFX, LSR); or the bits up to
 * imms, moved up from the bottom (UBFIZ, LSL). BFM leaves the other bits, SBFM repeats the highest
 * one.
 */
static void bitfield(struct code_state *state, uint32_t word)
{
	unsigned int opc = bits(word, 29, 2), immr = bits(word, 16, 6), imms = bits(word, 10, 6);
	unsigned int count = imms >= immr ? imms - immr + 1 : imms + 1, to = 0;
	struct code_value field = code_arm64__get(state, rn(word)),
			  keep = code_arm64__get(state, rd(word));

	if (!wide(word) && (immr > 31 || imms > 31)) { /* unallocated */
		set(state, rd(word), code_value__any());
		return;
	}
	if (field.kind == CODE_STACK)
		field = code_value__any();
	if (imms >= immr) {
		/* It is partly or completely in the half that is not known. */
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
		/* For a parameter the position matters, not the width. */
		field = code_value__narrow(&field, ones(count), 0);
		if (to)
			field = shift_left(&field, to);
	}
	set(state, rd(word), field);
}

/* CSEL, CSINC, CSINV, CSNEG */
static void select_one(struct code_state *state, uint32_t word)
{
	struct code_value a = code_arm64__get(state, rn(word)),
			  b = code_arm64__get(state, rm(word));
	struct code_value zero = code_value__constant(0);

	if (bits(word, 30, 1))
		b = bits(word, 10, 1) ? code_value__op(CODE_SUB, &zero, &b)
				      : code_value__with(CODE_XOR, &b, ~0U);
	else if (bits(word, 10, 1))
		b = code_value__with(CODE_ADD, &b, 1);
	set(state, rd(word), fit(code_value__join(&a, &b), word));
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

static struct code_value load(const struct code_state *state, const struct code_value *at,
			      const struct code_access *access)
{
	struct code_value value;

	if (at->kind != CODE_STACK || (access->sign && access->size < 4))
		return code_value__any();
	value = code_state__load(state, at->offset, access->size);
	return value.kind == CODE_STACK && access->size < 8 ? code_value__any() : value;
}

/* LDR, STR, LDP, STP and their kin. */
static void move(struct code_state *state, uint32_t word, const struct code_access *access)
{
	const unsigned int reg[] = {rd(word), rt2(word)};
	struct code_value at, value[2], base = state->reg[rn(word)];
	unsigned int i;

	at = code_value__with(CODE_ADD, &base, (uint32_t)access->offset);
	for (i = 0; i <= access->two; i++) {
		value[i] = access->load ? load(state, &at, access) : code_arm64__get(state, reg[i]);
		if (access->vector)
			value[i] = code_value__any();
		if (!access->load && at.kind == CODE_STACK)
			code_state__store(state, at.offset, access->size, value[i]);
		at = code_value__with(CODE_ADD, &at, access->size);
	}
	if (access->add)
		state->reg[rn(word)] = code_value__with(CODE_ADD, &base, (uint32_t)access->add);
	for (i = 0; i <= access->two && access->load && !access->vector; i++)
		set(state, reg[i], value[i]);
}

/* Everything at or above the base, because it may be in an array. */
static void forget(struct code_state *state, uint32_t word, int64_t size)
{
	const struct code_value *base = &state->reg[rn(word)];

	if (base->kind == CODE_STACK)
		code_state__forget(state, base->offset, size);
}

static void lose(struct code_state *state, unsigned int reg)
{
	set(state, reg, code_value__any());
}

/* An unknown instruction: all registers that it can name, and the stack, are unknown. */
static void lose_all(struct code_state *state, uint32_t word)
{
	state->reg[rd(word)] = state->reg[rn(word)] = code_value__any();
	lose(state, rm(word));
	lose(state, rt2(word));
	state->slots = 0;
}

/* LDXR, STXR, LDAR, STLR, CAS …: bit 22 is of loads; CASP writes pairs. */
static void exclusive(struct code_state *state, uint32_t word)
{
	lose(state, rm(word));
	if (bits(word, 21, 1) && !bits(word, 23, 1))
		lose(state, (rm(word) + 1) % 32);
	if (bits(word, 22, 1)) {
		lose(state, rd(word));
		lose(state, rt2(word));
	}
	forget(state, word, 16);
}

static void memory(struct code_state *state, uint32_t word)
{
	struct code_access access;

	if (is(word, 0xffc00000, 0xf9800000) || is(word, 0xffe00c00, 0xf8800000)) {
		; /* PRFM, PRFUM */
	} else if (code_arm64__access(word, &access)) {
		move(state, word, &access);
	} else if (is(word, 0x3b200c00, 0x38200800)) { /* with an index register */
		if (bits(word, 22, 2))
			lose(state, rd(word));
		if (!bits(word, 22, 1))
			forget(state, word, INT32_MAX);
	} else if (is(word, 0x3b200c00, 0x38200000)) { /* LDADD, SWP … */
		lose(state, rd(word));
		forget(state, word, 16);
	} else if (is(word, 0x3b000000, 0x18000000)) { /* load of a constant */
		lose(state, rd(word));
	} else if (is(word, 0x3f000000, 0x08000000)) {
		exclusive(state, word);
	} else {
		lose_all(state, word);
	}
}

/* --- all ----------------------------------------------------------------------------------------- */

static void data_immediate(struct code_state *state, uint32_t word)
{
	switch (bits(word, 23, 3)) {
	case 2:
		add_immediate(state, word);
		break;
	case 3: /* ADDG, SUBG, SMAX … */
		state->reg[rd(word)] = code_value__any();
		break;
	case 4:
		logical_immediate(state, word);
		break;
	case 5:
		move_wide(state, word);
		break;
	case 6:
		bitfield(state, word);
		break;
	default: /* ADR, ADRP, EXTR */
		lose(state, rd(word));
	}
}

static void data_register(struct code_state *state, uint32_t word)
{
	if (is(word, 0x1f000000, 0x0a000000))
		logical_register(state, word);
	else if (is(word, 0x1f200000, 0x0b000000))
		add_shifted(state, word);
	else if (is(word, 0x1f200000, 0x0b200000))
		add_extended(state, word);
	else if (is(word, 0x1fe00000, 0x1a800000))
		select_one(state, word);
	else if (!is(word, 0x1fe00000, 0x1a400000)) /* CCMP, CCMN only set flags */
		lose(state, rd(word));
}

/*
 * MRS and SYSL write a register; PAC hints write the registers they work on; SVC, HVC, SMC act as a
 * call.
 */
static void system_insn(struct code_state *state, uint32_t word)
{
	unsigned int reg;

	if (is(word, 0xff000000, 0xd4000000) && bits(word, 21, 3) == 0) {
		for (reg = 0; reg <= X17; reg++)
			lose(state, reg);
	} else if (is(word, 0xfffff01f, 0xd503201f)) {
		lose(state, X16);
		lose(state, X17);
		lose(state, X30);
	} else if (is(word, 0xffe00000, 0xd5200000)) {
		lose(state, rd(word));
	}
}

static void call(struct code_state *state)
{
	unsigned int reg;

	for (reg = 0; reg <= X18; reg++)
		lose(state, reg);
	lose(state, X30);
}

void code_arm64__step(struct code *code, struct code_state *state, const struct code_insn *insn)
{
	(void)code;
	if (insn->flow == CODE_CALL)
		call(state);
	if (insn->flow != CODE_NEXT)
		return;
	switch (bits(insn->word, 25, 4)) {
	case 8:
	case 9:
		data_immediate(state, insn->word);
		break;
	case 10:
	case 11:
		system_insn(state, insn->word);
		break;
	case 4:
	case 6:
	case 12:
	case 14:
		memory(state, insn->word);
		break;
	case 5:
	case 13:
		data_register(state, insn->word);
		break;
	case 7:
	case 15: /* of vectors: some write a general register */
		lose(state, rd(insn->word));
		break;
	default:
		lose_all(state, insn->word);
	}
}
