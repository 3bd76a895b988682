// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one instruction does to the values that are followed: registers and what is kept on the stack.
 *
 * Not followed: memory but the function's own frame, and vectors. A value on the stack is taken to be
 * changed by the function itself only.
 */
#include "code_private.h"

#include <string.h>

/* The 16 registers in their four widths. */
static const struct {
	unsigned int name[4]; /* 64, 32, 16, lower 8 bits */
	unsigned int high; /* bits 8 to 15 */
} registers[CODE_REGISTERS] = {
	{{X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL}, X86_REG_AH},
	{{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL}, X86_REG_CH},
	{{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL}, X86_REG_DH},
	{{X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL}, X86_REG_BH},
	{{X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL}, 0},
	{{X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL}, 0},
	{{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL}, 0},
	{{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL}, 0},
	{{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B}, 0},
	{{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B}, 0},
	{{X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B}, 0},
	{{X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B}, 0},
	{{X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B}, 0},
	{{X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B}, 0},
	{{X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B}, 0},
	{{X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B}, 0},
};

enum {
	RAX,
	RCX,
	RDX,
	RBX,
	RSP,
	RBP,
	RSI,
	RDI,
	R8,
	R9,
	R10,
	R11
};

/* Where the first six parameters are. */
static const int parameters[] = {RDI, RSI, RDX, RCX, R8, R9};

/* The register, the bits of it that are meant, and how far up they are; -1: none that is followed. */
static int find_register(unsigned int name, uint32_t *mask, unsigned int *shift)
{
	static const uint32_t masks[] = {~0U, ~0U, 0xffff, 0xff};
	int i, width;

	*shift = 0;
	for (i = 0; i < CODE_REGISTERS; i++) {
		for (width = 0; width < 4; width++) {
			if (registers[i].name[width] != name)
				continue;
			*mask = masks[width];
			return i;
		}
		if (registers[i].high && registers[i].high == name) {
			*mask = 0xff;
			*shift = 8;
			return i;
		}
	}
	return -1;
}

static struct code_value narrow(const struct code_value *value, uint32_t mask, unsigned int shift)
{
	struct code_value by = code_value__constant(shift), with = code_value__constant(mask);
	struct code_value result = *value;

	if (shift)
		result = code_value__op(CODE_SHR, &result, &by);
	/* Of a parameter the position counts, not the width. */
	if (mask == ~0U || result.kind == CODE_PARAMETER)
		return result;
	return code_value__op(CODE_AND, &result, &with);
}

struct code_value code_walk__register(const struct code_walk *walk, unsigned int reg)
{
	unsigned int shift;
	uint32_t mask;
	int i = find_register(reg, &mask, &shift);

	return i < 0 ? code_value__any() : narrow(&walk->reg[i], mask, shift);
}

static void set_register(struct code_walk *walk, unsigned int name, struct code_value value)
{
	struct code_value keep, below, up;
	unsigned int shift;
	uint32_t mask;
	int i = find_register(name, &mask, &shift);

	if (i < 0)
		return;
	if (mask != ~0U) {
		keep = code_value__constant(~(mask << shift));
		below = code_value__constant(mask);
		up = code_value__constant(shift);
		keep = code_value__op(CODE_AND, &walk->reg[i], &keep);
		value = code_value__op(CODE_AND, &value, &below);
		value = code_value__op(CODE_SHL, &value, &up);
		value = code_value__op(CODE_OR, &keep, &value);
	}
	walk->reg[i] = value;
}

/* What base + displacement points to, when that is on the stack. */
struct code_value code_walk__base(const struct code_walk *walk, const cs_x86_op *op)
{
	struct code_value base, displacement;

	if (op->type != X86_OP_MEM || op->mem.index != X86_REG_INVALID ||
	    op->mem.segment == X86_REG_GS || op->mem.segment == X86_REG_FS)
		return code_value__any();
	base = code_walk__register(walk, op->mem.base);
	displacement = code_value__constant((uint32_t)op->mem.disp);
	if (base.kind == CODE_STACK)
		return code_value__op(CODE_ADD, &base, &displacement);
	return base.kind == CODE_PARAMETER ? base : code_value__any();
}

static struct code_value load(const struct code_walk *walk, int32_t offset, uint32_t size)
{
	uint32_t mask = size >= 4 ? ~0U : (1U << 8 * size) - 1, into;
	const struct code_slot *slot;
	unsigned int i;

	for (i = 0; i < walk->slots; i++) {
		slot = &walk->slot[i];
		if (offset < slot->offset)
			continue;
		into = (uint32_t)offset - (uint32_t)slot->offset;
		if (into < 4 && into + size <= slot->size)
			return narrow(&slot->value, mask, 8 * into);
	}
	return code_value__any();
}

/* Forget what lies in the bytes. */
static void forget(struct code_walk *walk, int64_t offset, int64_t size)
{
	const struct code_slot *slot;
	unsigned int i = 0;

	while (i < walk->slots) {
		slot = &walk->slot[i];
		if (slot->offset < offset + size && offset < (int64_t)slot->offset + slot->size)
			walk->slot[i] = walk->slot[--walk->slots];
		else
			i++;
	}
}

static void store(struct code_walk *walk, int32_t offset, uint32_t size, struct code_value value)
{
	forget(walk, offset, size);
	if (value.kind == CODE_ANY || walk->slots == CODE_SLOTS)
		return;
	walk->slot[walk->slots++] = (struct code_slot){offset, size, value};
}

struct code_value code_walk__operand(const struct code_walk *walk, const cs_x86_op *op)
{
	struct code_value base;

	switch (op->type) {
	case X86_OP_IMM:
		return code_value__constant((uint32_t)op->imm);
	case X86_OP_REG:
		return code_walk__register(walk, op->reg);
	case X86_OP_MEM:
		base = code_walk__base(walk, op);
		return base.kind == CODE_STACK ? load(walk, base.offset, op->size)
					       : code_value__any();
	default:
		return code_value__any();
	}
}

static void set_operand(struct code_walk *walk, const cs_x86_op *op, struct code_value value)
{
	struct code_value base;

	if (op->type == X86_OP_REG) {
		set_register(walk, op->reg, value);
	} else if (op->type == X86_OP_MEM) {
		base = code_walk__base(walk, op);
		if (base.kind == CODE_STACK)
			store(walk, base.offset, op->size, value);
	}
}

static void arithmetic(struct code_walk *walk, const cs_x86 *x86, enum code_op op)
{
	struct code_value a = code_walk__operand(walk, &x86->operands[0]);
	struct code_value b = x86->op_count > 1 ? code_walk__operand(walk, &x86->operands[1])
						: code_value__constant(1);
	bool same = x86->op_count > 1 && x86->operands[1].type == X86_OP_REG &&
		    x86->operands[0].type == X86_OP_REG &&
		    x86->operands[0].reg == x86->operands[1].reg;

	if (same && (op == CODE_XOR || op == CODE_SUB))
		set_operand(walk, &x86->operands[0], code_value__constant(0));
	else
		set_operand(walk, &x86->operands[0], code_value__op(op, &a, &b));
}

static void address(struct code_walk *walk, const cs_x86 *x86)
{
	const x86_op_mem *mem = &x86->operands[1].mem;
	struct code_value base = code_walk__register(walk, mem->base);
	struct code_value index = code_walk__register(walk, mem->index), by;

	if (mem->base == X86_REG_RIP)
		base = code_value__any();
	else if (mem->base == X86_REG_INVALID)
		base = code_value__constant(0);
	if (mem->index != X86_REG_INVALID) {
		by = code_value__constant((uint32_t)__builtin_ctz((unsigned int)mem->scale | 16));
		index = code_value__op(CODE_SHL, &index, &by);
		base = base.kind == CODE_STACK ? code_value__any()
					       : code_value__op(CODE_ADD, &base, &index);
	}
	by = code_value__constant((uint32_t)mem->disp);
	set_operand(walk, &x86->operands[0], code_value__op(CODE_ADD, &base, &by));
}

static void push(struct code_walk *walk, const cs_x86 *x86)
{
	struct code_value value = code_walk__operand(walk, &x86->operands[0]);
	struct code_value eight = code_value__constant(8);

	walk->reg[RSP] = code_value__op(CODE_SUB, &walk->reg[RSP], &eight);
	if (walk->reg[RSP].kind == CODE_STACK)
		store(walk, walk->reg[RSP].offset, 8, value);
}

static void pop(struct code_walk *walk, const cs_x86 *x86)
{
	struct code_value eight = code_value__constant(8), value = code_value__any();

	if (walk->reg[RSP].kind == CODE_STACK)
		value = load(walk, walk->reg[RSP].offset, 8);
	walk->reg[RSP] = code_value__op(CODE_ADD, &walk->reg[RSP], &eight);
	set_operand(walk, &x86->operands[0], value);
}

static void call(struct code_walk *walk)
{
	static const int lost[] = {RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11};
	size_t i;

	for (i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
		walk->reg[lost[i]] = code_value__any();
}

/* rep stos: rcx times 8 bytes at most, upwards from rdi. */
static void fill(struct code_walk *walk)
{
	const struct code_value *count = &walk->reg[RCX];

	if (walk->reg[RDI].kind == CODE_STACK && count->kind == CODE_SET && count->nr == 1)
		forget(walk, walk->reg[RDI].offset, 8LL * count->set[0]);
	else
		walk->slots = 0;
	walk->reg[RDI] = code_value__any();
	walk->reg[RCX] = code_value__constant(0);
}

/* Anything else: what it writes is not known any more. */
static void other(struct code *code, struct code_walk *walk, const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;
	cs_regs read, written;
	uint8_t reads = 0, writes = 0, i;

	if (cs_regs_access(code->handle, insn, read, &reads, written, &writes) == CS_ERR_OK)
		for (i = 0; i < writes; i++)
			set_register(walk, written[i], code_value__any());
	for (i = 0; i < x86->op_count; i++)
		if (i == 0 || (x86->operands[i].access & CS_AC_WRITE))
			set_operand(walk, &x86->operands[i], code_value__any());
}

static bool conditional_move(unsigned int id)
{
	switch (id) {
	case X86_INS_CMOVA:
	case X86_INS_CMOVAE:
	case X86_INS_CMOVB:
	case X86_INS_CMOVBE:
	case X86_INS_CMOVE:
	case X86_INS_CMOVG:
	case X86_INS_CMOVGE:
	case X86_INS_CMOVL:
	case X86_INS_CMOVLE:
	case X86_INS_CMOVNE:
	case X86_INS_CMOVNO:
	case X86_INS_CMOVNP:
	case X86_INS_CMOVNS:
	case X86_INS_CMOVO:
	case X86_INS_CMOVP:
	case X86_INS_CMOVS:
		return true;
	default:
		return false;
	}
}

static bool conditional_set(unsigned int id)
{
	switch (id) {
	case X86_INS_SETA:
	case X86_INS_SETAE:
	case X86_INS_SETB:
	case X86_INS_SETBE:
	case X86_INS_SETE:
	case X86_INS_SETG:
	case X86_INS_SETGE:
	case X86_INS_SETL:
	case X86_INS_SETLE:
	case X86_INS_SETNE:
	case X86_INS_SETNO:
	case X86_INS_SETNP:
	case X86_INS_SETNS:
	case X86_INS_SETO:
	case X86_INS_SETP:
	case X86_INS_SETS:
		return true;
	default:
		return false;
	}
}

/* Moves: how the source comes to the destination. */
static bool move(struct code_walk *walk, const cs_insn *insn)
{
	const cs_x86_op *op = insn->detail->x86.operands;
	struct code_value a, b;

	if (conditional_set(insn->id)) {
		set_operand(walk, &op[0], code_value__either(0, 1));
		return true;
	}
	if (conditional_move(insn->id)) {
		a = code_walk__operand(walk, &op[0]);
		b = code_walk__operand(walk, &op[1]);
		set_operand(walk, &op[0], code_value__join(&a, &b));
		return true;
	}
	switch (insn->id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
	case X86_INS_MOVZX:
		set_operand(walk, &op[0], code_walk__operand(walk, &op[1]));
		return true;
	case X86_INS_MOVSXD: /* of 32 bits to 64: the lower half stays */
		set_operand(walk, &op[0], code_walk__operand(walk, &op[1]));
		return true;
	case X86_INS_LEA:
		address(walk, &insn->detail->x86);
		return true;
	case X86_INS_PUSH:
		push(walk, &insn->detail->x86);
		return true;
	case X86_INS_POP:
		pop(walk, &insn->detail->x86);
		return true;
	default:
		return false;
	}
}

void code_walk__step(struct code *code, struct code_walk *walk, const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;

	if (x86->prefix[0] == X86_PREFIX_REP || x86->prefix[0] == X86_PREFIX_REPNE) {
		fill(walk);
		other(code, walk, insn);
		return;
	}
	if (move(walk, insn))
		return;
	switch (insn->id) {
	case X86_INS_AND:
		arithmetic(walk, x86, CODE_AND);
		break;
	case X86_INS_OR:
		arithmetic(walk, x86, CODE_OR);
		break;
	case X86_INS_XOR:
		arithmetic(walk, x86, CODE_XOR);
		break;
	case X86_INS_ADD:
	case X86_INS_INC:
		arithmetic(walk, x86, CODE_ADD);
		break;
	case X86_INS_SUB:
	case X86_INS_DEC:
		arithmetic(walk, x86, CODE_SUB);
		break;
	case X86_INS_SHL:
		arithmetic(walk, x86, CODE_SHL);
		break;
	case X86_INS_SHR:
		arithmetic(walk, x86, CODE_SHR);
		break;
	case X86_INS_SBB:
		if (x86->op_count == 2 && x86->operands[1].type == X86_OP_REG &&
		    x86->operands[0].type == X86_OP_REG &&
		    x86->operands[0].reg == x86->operands[1].reg)
			set_operand(walk, &x86->operands[0], code_value__either(0, ~0U));
		else
			other(code, walk, insn);
		break;
	case X86_INS_CMP:
	case X86_INS_TEST:
	case X86_INS_BT:
	case X86_INS_NOP:
		break;
	case X86_INS_CALL:
		if (!code->fentry || code__target(insn) != code->fentry)
			call(walk);
		break;
	default:
		if (!cs_insn_group(code->handle, insn, CS_GRP_JUMP))
			other(code, walk, insn);
	}
}

static bool join_slots(struct code_walk *into, const struct code_walk *from)
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

bool code_walk__join(struct code_walk *into, const struct code_walk *from)
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

void code_walk__begin(struct code_walk *walk, int parameter)
{
	memset(walk, 0, sizeof(*walk));
	walk->reg[RSP].kind = CODE_STACK;
	if (parameter)
		walk->reg[parameters[parameter - 1]].kind = CODE_PARAMETER;
}
