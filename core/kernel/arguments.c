// SPDX-License-Identifier: GPL-2.0-only
#include "arguments.h"

#include "disassembler.h"

#define PARAMETERS 6
#define INSTRUCTIONS_MAX 64
#define ENTRY_BYTES 9 /* endbr64 and the call of ftrace, or their replacement */

/* The registers of a parameter, the whole one first. */
static const x86_reg registers[PARAMETERS][4] = {
	{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL},
	{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL},
	{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL},
	{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL},
	{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B},
	{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B},
};

struct seen {
	unsigned int read; /* a bit per parameter */
	unsigned int whole; /* … of which all 64 bits were read */
	unsigned int gone; /* written since, so no longer the parameter */
	bool member;
};

/* Which parameter's? -1: none. */
static int parameter_of(unsigned int reg, bool *whole)
{
	int i, n;

	for (i = 0; i < PARAMETERS; i++) {
		for (n = 0; n < 4; n++) {
			if (reg != (unsigned int)registers[i][n])
				continue;
			*whole = n == 0;
			return i;
		}
	}
	return -1;
}

static void note_member(struct seen *seen, const struct arguments_known *known, const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;
	const cs_x86_op *op;
	int i;

	if (insn->id != X86_INS_MOV)
		return;
	for (i = 0; i < x86->op_count; i++) {
		op = &x86->operands[i];
		if (op->type == X86_OP_MEM && op->access & CS_AC_READ && op->size == 8 &&
		    op->mem.base == registers[known->structure][0] &&
		    op->mem.index == X86_REG_INVALID && op->mem.segment == X86_REG_INVALID &&
		    op->mem.disp == (int64_t)known->member &&
		    !(seen->gone & 1U << known->structure))
			seen->member = true;
	}
}

static void note(struct seen *seen, const struct arguments_known *known,
		 const struct disassembler *capstone, csh handle, const cs_insn *insn)
{
	uint8_t reads, writes, i;
	cs_regs read, written;
	unsigned int bit;
	bool whole = false;
	int at;

	note_member(seen, known, insn);
	if (capstone->regs_access(handle, insn, read, &reads, written, &writes))
		return;
	for (i = 0; i < reads; i++) {
		at = parameter_of(read[i], &whole);
		bit = at < 0 ? 0 : 1U << at & ~seen->gone;
		seen->read |= bit;
		seen->whole |= whole ? bit : 0;
	}
	for (i = 0; i < writes; i++) {
		at = parameter_of(written[i], &whole);
		seen->gone |= at < 0 ? 0 : 1U << at;
	}
}

static bool ends(const struct disassembler *capstone, csh handle, const cs_insn *insn)
{
	return capstone->insn_group(handle, insn, CS_GRP_JUMP) ||
	       capstone->insn_group(handle, insn, CS_GRP_CALL) ||
	       capstone->insn_group(handle, insn, CS_GRP_RET) ||
	       capstone->insn_group(handle, insn, CS_GRP_INT);
}

static struct seen look(const struct disassembler *capstone, csh handle,
			const struct arguments_known *known, const uint8_t *at, size_t size)
{
	cs_insn *insn = capstone->malloc(handle);
	struct seen seen = {0};
	uint64_t address = 0;
	int i;

	for (i = 0; insn && i < INSTRUCTIONS_MAX; i++) {
		if (!capstone->disasm_iter(handle, &at, &size, &address, insn))
			break;
		if (insn->id == X86_INS_CALL && address <= ENTRY_BYTES)
			continue; /* the call of ftrace, which preserves all registers */
		if (ends(capstone, handle, insn))
			break;
		note(&seen, known, capstone, handle, insn);
	}
	if (insn)
		capstone->free(insn, 1);
	return seen;
}

bool arguments__in_place(const struct arguments_known *known, const void *code, size_t size)
{
	const unsigned int wanted = (1U << known->count) - 1;
	struct disassembler capstone;
	struct seen seen = {0};
	csh handle;

	if (!disassembler__load(&capstone))
		return false;
	if (!capstone.open(CS_ARCH_X86, CS_MODE_64, &handle)) {
		capstone.option(handle, CS_OPT_DETAIL, CS_OPT_ON);
		seen = look(&capstone, handle, known, code, size);
		capstone.close(&handle);
	}
	disassembler__unload(&capstone);
	return seen.member && (seen.whole & wanted) == wanted && !(seen.read & ~wanted);
}
