// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code of x86-64, decoded by Capstone: control flow, and the effect of one instruction on the
 * values that are followed, in registers and on the stack.
 *
 * Not followed: memory except the function's own frame, and vectors.
 */
#include "code_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 4 /* maximum distance between a load and its comparison */

#define X86_REGISTERS 16

/* The 16 registers in their four widths. */
static const struct {
	unsigned int name[4]; /* 64, 32, 16, lower 8 bits */
	unsigned int high; /* bits 8 to 15 */
} registers[X86_REGISTERS] = {
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

/* The registers of the first six parameters. */
static const int parameters[CODE_PARAMETERS_MAX] = {RDI, RSI, RDX, RCX, R8, R9};

/* The register, which of its bits, and their position; -1: a register that is not followed. */
static int find_register(unsigned int name, uint32_t *mask, unsigned int *shift)
{
	static const uint32_t masks[] = {~0U, ~0U, 0xffff, 0xff};
	int i, width;

	*shift = 0;
	for (i = 0; i < X86_REGISTERS; i++) {
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

static struct code_value register_value(const struct code_state *state, unsigned int reg)
{
	unsigned int shift;
	uint32_t mask;
	int i = find_register(reg, &mask, &shift);

	return i < 0 ? code_value__any() : code_value__narrow(&state->reg[i], mask, shift);
}

static void set_register(struct code_state *state, unsigned int name, struct code_value value)
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
		keep = code_value__op(CODE_AND, &state->reg[i], &keep);
		value = code_value__op(CODE_AND, &value, &below);
		value = code_value__op(CODE_SHL, &value, &up);
		value = code_value__op(CODE_OR, &keep, &value);
	}
	state->reg[i] = value;
}

/* The target of base + displacement, if it is on the stack. */
static struct code_value base_of(const struct code_state *state, const cs_x86_op *op)
{
	struct code_value base, displacement;

	if (op->type != X86_OP_MEM || op->mem.index != X86_REG_INVALID ||
	    op->mem.segment == X86_REG_GS || op->mem.segment == X86_REG_FS)
		return code_value__any();
	base = register_value(state, op->mem.base);
	displacement = code_value__constant((uint32_t)op->mem.disp);
	if (base.kind == CODE_STACK)
		return code_value__op(CODE_ADD, &base, &displacement);
	return base.kind == CODE_PARAMETER ? base : code_value__any();
}

static struct code_value operand(const struct code_state *state, const cs_x86_op *op)
{
	struct code_value base;

	switch (op->type) {
	case X86_OP_IMM:
		return code_value__constant((uint32_t)op->imm);
	case X86_OP_REG:
		return register_value(state, op->reg);
	case X86_OP_MEM:
		base = base_of(state, op);
		return base.kind == CODE_STACK ? code_state__load(state, base.offset, op->size)
					       : code_value__any();
	default:
		return code_value__any();
	}
}

static void set_operand(struct code_state *state, const cs_x86_op *op, struct code_value value)
{
	struct code_value base;

	if (op->type == X86_OP_REG) {
		set_register(state, op->reg, value);
	} else if (op->type == X86_OP_MEM) {
		base = base_of(state, op);
		if (base.kind == CODE_STACK)
			code_state__store(state, base.offset, op->size, value);
	}
}

static void arithmetic(struct code_state *state, const cs_x86 *x86, enum code_op op)
{
	struct code_value a = operand(state, &x86->operands[0]);
	struct code_value b = x86->op_count > 1 ? operand(state, &x86->operands[1])
						: code_value__constant(1);
	bool same = x86->op_count > 1 && x86->operands[1].type == X86_OP_REG &&
		    x86->operands[0].type == X86_OP_REG &&
		    x86->operands[0].reg == x86->operands[1].reg;

	if (same && (op == CODE_XOR || op == CODE_SUB))
		set_operand(state, &x86->operands[0], code_value__constant(0));
	else
		set_operand(state, &x86->operands[0], code_value__op(op, &a, &b));
}

static void address(struct code_state *state, const cs_x86 *x86)
{
	const x86_op_mem *mem = &x86->operands[1].mem;
	struct code_value base = register_value(state, mem->base);
	struct code_value index = register_value(state, mem->index), by;

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
	set_operand(state, &x86->operands[0], code_value__op(CODE_ADD, &base, &by));
}

static void push(struct code_state *state, const cs_x86 *x86)
{
	struct code_value value = operand(state, &x86->operands[0]);
	struct code_value eight = code_value__constant(8);

	state->reg[RSP] = code_value__op(CODE_SUB, &state->reg[RSP], &eight);
	if (state->reg[RSP].kind == CODE_STACK)
		code_state__store(state, state->reg[RSP].offset, 8, value);
}

static void pop(struct code_state *state, const cs_x86 *x86)
{
	struct code_value eight = code_value__constant(8), value = code_value__any();

	if (state->reg[RSP].kind == CODE_STACK)
		value = code_state__load(state, state->reg[RSP].offset, 8);
	state->reg[RSP] = code_value__op(CODE_ADD, &state->reg[RSP], &eight);
	set_operand(state, &x86->operands[0], value);
}

static void call(struct code_state *state)
{
	static const int lost[] = {RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11};
	size_t i;

	for (i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
		state->reg[lost[i]] = code_value__any();
}

/* rep stos: at most rcx times 8 bytes, upwards from rdi. */
static void fill(struct code_state *state)
{
	const struct code_value *count = &state->reg[RCX];

	if (state->reg[RDI].kind == CODE_STACK && count->kind == CODE_SET && count->nr == 1)
		code_state__forget(state, state->reg[RDI].offset, 8LL * count->set[0]);
	else
		state->slots = 0;
	state->reg[RDI] = code_value__any();
	state->reg[RCX] = code_value__constant(0);
}

/* Any other instruction: what it writes is not known any more. */
static void other(struct code *code, struct code_state *state, const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;
	cs_regs read, written;
	uint8_t reads = 0, writes = 0, i;

	if (cs_regs_access(code->handle, insn, read, &reads, written, &writes) == CS_ERR_OK)
		for (i = 0; i < writes; i++)
			set_register(state, written[i], code_value__any());
	for (i = 0; i < x86->op_count; i++)
		if (i == 0 || (x86->operands[i].access & CS_AC_WRITE))
			set_operand(state, &x86->operands[i], code_value__any());
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

/* Moves: how the source gets to the destination. */
static bool move(struct code_state *state, const cs_insn *insn)
{
	const cs_x86_op *op = insn->detail->x86.operands;
	struct code_value a, b;

	if (conditional_set(insn->id)) {
		set_operand(state, &op[0], code_value__either(0, 1));
		return true;
	}
	if (conditional_move(insn->id)) {
		a = operand(state, &op[0]);
		b = operand(state, &op[1]);
		set_operand(state, &op[0], code_value__join(&a, &b));
		return true;
	}
	switch (insn->id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
	case X86_INS_MOVZX:
		set_operand(state, &op[0], operand(state, &op[1]));
		return true;
	case X86_INS_MOVSXD: /* 32 bits to 64: the lower half stays */
		set_operand(state, &op[0], operand(state, &op[1]));
		return true;
	case X86_INS_LEA:
		address(state, &insn->detail->x86);
		return true;
	case X86_INS_PUSH:
		push(state, &insn->detail->x86);
		return true;
	case X86_INS_POP:
		pop(state, &insn->detail->x86);
		return true;
	default:
		return false;
	}
}

static void step(struct code *code, struct code_state *state, const struct code_insn *at)
{
	const cs_insn *insn = at->x86;
	const cs_x86 *x86 = &insn->detail->x86;

	if (x86->prefix[0] == X86_PREFIX_REP || x86->prefix[0] == X86_PREFIX_REPNE) {
		fill(state);
		other(code, state, insn);
		return;
	}
	if (move(state, insn))
		return;
	switch (insn->id) {
	case X86_INS_AND:
		arithmetic(state, x86, CODE_AND);
		break;
	case X86_INS_OR:
		arithmetic(state, x86, CODE_OR);
		break;
	case X86_INS_XOR:
		arithmetic(state, x86, CODE_XOR);
		break;
	case X86_INS_ADD:
	case X86_INS_INC:
		arithmetic(state, x86, CODE_ADD);
		break;
	case X86_INS_SUB:
	case X86_INS_DEC:
		arithmetic(state, x86, CODE_SUB);
		break;
	case X86_INS_SHL:
		arithmetic(state, x86, CODE_SHL);
		break;
	case X86_INS_SHR:
		arithmetic(state, x86, CODE_SHR);
		break;
	case X86_INS_SBB:
		if (x86->op_count == 2 && x86->operands[1].type == X86_OP_REG &&
		    x86->operands[0].type == X86_OP_REG &&
		    x86->operands[0].reg == x86->operands[1].reg)
			set_operand(state, &x86->operands[0], code_value__either(0, ~0U));
		else
			other(code, state, insn);
		break;
	case X86_INS_CMP:
	case X86_INS_TEST:
	case X86_INS_BT:
	case X86_INS_NOP:
		break;
	case X86_INS_CALL:
		if (!code->fentry || at->target != code->fentry)
			call(state);
		break;
	default:
		if (!cs_insn_group(code->handle, insn, CS_GRP_JUMP))
			other(code, state, insn);
	}
}

/* test, and, bt: which bit of the parameter? */
static bool tests(const struct code_state *state, const struct code_insn *at, uint32_t bit)
{
	const cs_insn *insn = at->x86;
	const cs_x86_op *op = insn->detail->x86.operands;
	struct code_value value, mask;
	uint64_t tested;

	if (insn->id != X86_INS_TEST && insn->id != X86_INS_AND && insn->id != X86_INS_BT)
		return false;
	value = operand(state, &op[0]);
	mask = operand(state, &op[1]);
	if (value.kind != CODE_PARAMETER) {
		struct code_value swap = value;

		value = mask;
		mask = swap;
	}
	if (value.kind != CODE_PARAMETER || mask.kind != CODE_SET || mask.nr != 1)
		return false;
	tested = insn->id == X86_INS_BT ? 1ULL << (mask.set[0] & 31) : mask.set[0];
	return tested << (value.offset & 31) == bit;
}

static bool stores(const struct code_state *state, const struct code_insn *at, uint32_t value,
		   int32_t *offset)
{
	const cs_insn *insn = at->x86;
	const cs_x86_op *op = insn->detail->x86.operands;
	struct code_value stored, base;

	if ((insn->id != X86_INS_MOV && insn->id != X86_INS_OR) || op[0].type != X86_OP_MEM ||
	    op[0].size != 4)
		return false;
	base = base_of(state, &op[0]);
	stored = operand(state, &op[1]);
	*offset = base.offset;
	return base.kind == CODE_STACK && stored.kind == CODE_SET && stored.nr == 1 &&
	       stored.set[0] == value;
}

static bool is_exchange(const struct code_part *part, size_t at, uint32_t offset)
{
	const cs_insn *insn = part->insn[at].x86;
	const cs_x86_op *op = insn->detail->x86.operands;

	return insn->id == X86_INS_CMPXCHG && insn->detail->x86.prefix[0] == X86_PREFIX_LOCK &&
	       op[0].type == X86_OP_MEM && op[0].size == 4 && op[0].mem.disp == (int64_t)offset;
}

static bool is_memory(const cs_x86_op *op, uint32_t offset)
{
	return op->type == X86_OP_MEM && op->size == 4 && op->mem.index == X86_REG_INVALID &&
	       op->mem.base != X86_REG_RIP && op->mem.base != X86_REG_RSP &&
	       op->mem.base != X86_REG_RBP && op->mem.disp == (int64_t)offset;
}

static bool compares(const cs_insn *insn)
{
	const cs_x86_op *op = insn->detail->x86.operands;

	/* "> 1" is "cmp $1; jg" or, with other compilers, "cmp $2; jge". */
	return insn->id == X86_INS_CMP && op[1].type == X86_OP_IMM &&
	       (op[1].imm == 1 || op[1].imm == 2);
}

static bool is_compare(const struct code_part *part, size_t at, uint32_t offset)
{
	const cs_insn *insn = part->insn[at].x86, *next;
	const cs_x86_op *op = insn->detail->x86.operands;
	size_t i;

	if (compares(insn))
		return is_memory(&op[0], offset);
	if (insn->id != X86_INS_MOV || op[0].type != X86_OP_REG || !is_memory(&op[1], offset))
		return false;
	for (i = at + 1; i < part->count && i <= at + NEAR; i++) {
		next = part->insn[i].x86;
		if (compares(next) && next->detail->x86.operands[0].type == X86_OP_REG &&
		    next->detail->x86.operands[0].reg == op[0].reg)
			return true;
	}
	return false;
}

static bool reads(const struct code_insn *insn, uint32_t offset, uint32_t size)
{
	const cs_x86 *x86 = &insn->x86->detail->x86;
	const cs_x86_op *op;
	int i;

	for (i = 0; i < x86->op_count; i++) {
		op = &x86->operands[i];
		if (op->type == X86_OP_MEM && op->access & CS_AC_READ && op->size == size &&
		    op->mem.index == X86_REG_INVALID && op->mem.base != X86_REG_RIP &&
		    op->mem.base != X86_REG_RSP && op->mem.disp == (int64_t)offset)
			return true;
	}
	return false;
}

/* endbr64, which old disassemblers do not know; or the end of the decoded part. */
static size_t skip_endbr(const unsigned char *bytes, size_t size)
{
	static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

	return size >= 4 && !memcmp(bytes, endbr64, 4) ? 4 : 0;
}

static uint64_t target_of(const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;

	return x86->op_count == 1 && x86->operands[0].type == X86_OP_IMM
		       ? (uint64_t)x86->operands[0].imm
		       : 0;
}

static enum code_flow flow_of(const struct code *code, const cs_insn *insn)
{
	if (insn->id == X86_INS_CALL)
		return CODE_CALL;
	if (insn->id == X86_INS_JMP)
		return CODE_JUMP;
	if (cs_insn_group(code->handle, insn, CS_GRP_JUMP))
		return CODE_BRANCH;
	if (insn->id == X86_INS_UD2 || cs_insn_group(code->handle, insn, CS_GRP_RET))
		return CODE_END;
	return CODE_NEXT;
}

static int decode(const struct code *code, struct code_part *part, const unsigned char *bytes,
		  size_t size)
{
	size_t skipped = skip_endbr(bytes, size), i;
	struct code_insn *insn;
	const cs_insn *x86;

	part->address += skipped;
	part->size = size - skipped;
	part->count =
		cs_disasm(code->handle, bytes + skipped, part->size, part->address, 0, &part->x86);
	if (!part->count)
		return 0;
	part->insn = calloc(part->count, sizeof(*part->insn));
	if (!part->insn)
		return -ENOMEM;
	for (i = 0; i < part->count; i++) {
		x86 = &part->x86[i];
		insn = &part->insn[i];
		insn->address = x86->address;
		insn->size = x86->size;
		insn->x86 = x86;
		insn->flow = flow_of(code, x86);
		if (insn->flow != CODE_NEXT && insn->flow != CODE_END)
			insn->target = target_of(x86);
	}
	return 0;
}

const struct code_machine code_machine_x86 = {
	.parameter = parameters,
	.stack = RSP,
	.decode = decode,
	.step = step,
	.tests = tests,
	.stores = stores,
	.exchanges = is_exchange,
	.compares = is_compare,
	.reads = reads,
};
