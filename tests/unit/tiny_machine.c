// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>
#include "tiny_machine.h"

static bool readable(const struct bpf_machine *machine, uint64_t address, size_t size)
{
	size_t i;

	for (i = 0; i < machine->memories; i++)
		if (address >= (uintptr_t)machine->memory[i].from &&
		    address - (uintptr_t)machine->memory[i].from + size <= machine->memory[i].size)
			return true;
	return false;
}

static void call(struct bpf_machine *machine, int32_t helper)
{
	void *to = (void *)(uintptr_t)machine->reg[1];
	int i;

	machine->calls++;
	machine->known[0] = helper == BPF_FUNC_get_current_task_btf;
	if (helper == BPF_FUNC_get_current_task || helper == BPF_FUNC_get_current_task_btf) {
		machine->reg[0] = machine->task;
	} else if (helper == BPF_FUNC_probe_read_kernel) {
		if (readable(machine, machine->reg[3], machine->reg[2]))
			memcpy(to, (void *)(uintptr_t)machine->reg[3], machine->reg[2]);
		else
			memset(to, 0, machine->reg[2]);
		machine->reg[0] = 0;
	} else {
		fail_msg("helper %d is called", helper);
	}
	for (i = 1; i <= 5; i++)
		machine->reg[i] = 0xdeadbeefdeadbeef; /* a call leaves nothing in them */
	for (i = 1; i <= 5; i++)
		machine->known[i] = false;
}

static uint64_t alu(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_MOD:
		return b ? a % b : a;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 63);
	case BPF_RSH:
		return a >> (b & 63);
	case BPF_ARSH:
		return (uint64_t)((int64_t)a >> (b & 63));
	case BPF_NEG:
		return 0 - a;
	case BPF_MOV:
		return b;
	default:
		fail_msg("operation %#x", op);
		return 0;
	}
}

static bool jumps(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_JA:
		return true;
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSLT:
		return (int64_t)a < (int64_t)b;
	case BPF_JSLE:
		return (int64_t)a <= (int64_t)b;
	default:
		fail_msg("jump %#x", op);
		return false;
	}
}

static void load_or_store(struct bpf_machine *machine, const struct bpf_insn *insn)
{
	static const size_t sizes[] = {
		[BPF_B >> 3] = 1, [BPF_H >> 3] = 2, [BPF_W >> 3] = 4, [BPF_DW >> 3] = 8};
	const size_t size = sizes[BPF_SIZE(insn->code) >> 3];
	const uint64_t from = machine->reg[insn->src_reg] + (uint64_t)insn->off;
	const uint64_t word = (from - (uintptr_t)machine->context) / 8;
	const bool there = readable(machine, from, size), known = machine->known[insn->src_reg];
	uint64_t value = 0;

	if (BPF_CLASS(insn->code) == BPF_LDX) {
		if (there && !known)
			fail_msg("a load from the kernel's memory by a number");
		if (there || !known)
			memcpy(&value, (void *)(uintptr_t)from, size);
		machine->reg[insn->dst_reg] = value;
		machine->known[insn->dst_reg] =
			size == 8 && (known || (word < 64 && machine->pointers >> word & 1));
		return;
	}
	if (BPF_CLASS(insn->code) == BPF_STX && known)
		fail_msg("a known pointer is stored");
	value = BPF_CLASS(insn->code) == BPF_STX ? machine->reg[insn->src_reg]
						 : (uint64_t)(int64_t)insn->imm;
	memcpy((void *)(uintptr_t)(machine->reg[insn->dst_reg] + insn->off), &value, size);
}

/* Operations on what the verifier knows as a pointer. */
static void check_pointers(struct bpf_machine *machine, const struct bpf_insn *insn)
{
	const bool moves = BPF_OP(insn->code) == BPF_MOV, negates = BPF_OP(insn->code) == BPF_NEG;
	const bool by_register = BPF_SRC(insn->code) == BPF_X;
	const bool source = by_register && machine->known[insn->src_reg];
	bool *to = &machine->known[insn->dst_reg];

	if (BPF_CLASS(insn->code) == BPF_ALU64 && moves)
		*to = source;
	else if (BPF_CLASS(insn->code) == BPF_ALU64 && negates)
		*to = false;
	else if (source || *to)
		fail_msg("operation %#x on a known pointer", insn->code);
}

void bpf_machine__run(struct bpf_machine *machine, const struct bpf_insn *insn, size_t count)
{
	const struct bpf_insn *now;
	uint64_t operand;
	size_t at;

	for (at = 0; at < count; at++) {
		now = &insn[at];
		operand = BPF_SRC(now->code) == BPF_X ? machine->reg[now->src_reg]
						      : (uint64_t)(int64_t)now->imm;
		switch (BPF_CLASS(now->code)) {
		case BPF_ALU64:
			check_pointers(machine, now);
			machine->reg[now->dst_reg] =
				alu(BPF_OP(now->code), machine->reg[now->dst_reg], operand);
			break;
		case BPF_JMP:
			if (BPF_OP(now->code) == BPF_CALL) {
				call(machine, now->imm);
				break;
			}
			check_pointers(machine, now);
			if (jumps(BPF_OP(now->code), machine->reg[now->dst_reg], operand))
				at += (size_t)now->off;
			break;
		case BPF_LD:
			machine->known[now->dst_reg] = false;
			machine->reg[now->dst_reg] = (uint32_t)now->imm |
						     (uint64_t)(uint32_t)now[1].imm << 32;
			at++;
			break;
		default:
			load_or_store(machine, now);
		}
		assert_in_range(at, 0, count - 1);
	}
}
