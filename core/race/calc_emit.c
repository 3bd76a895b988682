// SPDX-License-Identifier: GPL-2.0-only
#include "calc_emit.h"

#include <errno.h>
#include <stdbool.h>

struct emitter {
	const struct calc *calc;
	const struct calc_places *places;
	struct bpf_insn *insn;
	size_t count, room;
	unsigned int temps; /* in use */
	int err;
};

static void put(struct emitter *emitter, uint8_t code, uint8_t dst, uint8_t src, int offset,
		int32_t imm)
{
	if (emitter->err)
		return;
	if (emitter->count == emitter->room) {
		emitter->err = -E2BIG;
		return;
	}
	emitter->insn[emitter->count++] = (struct bpf_insn){
		.code = code,
		.dst_reg = dst & 15,
		.src_reg = src & 15,
		.off = (int16_t)offset,
		.imm = imm,
	};
}

static void by_number(struct emitter *emitter, uint8_t op, uint8_t dst, int32_t imm)
{
	put(emitter, BPF_ALU64 | BPF_K | op, dst, 0, 0, imm);
}

static void by_register(struct emitter *emitter, uint8_t op, uint8_t dst, uint8_t src)
{
	put(emitter, BPF_ALU64 | BPF_X | op, dst, src, 0, 0);
}

static bool fits(uint64_t number)
{
	return (uint64_t)(int64_t)(int32_t)number == number;
}

static void set(struct emitter *emitter, uint8_t dst, uint64_t number)
{
	if (fits(number)) {
		by_number(emitter, BPF_MOV, dst, (int32_t)number);
		return;
	}
	put(emitter, BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, (int32_t)number);
	put(emitter, 0, 0, 0, 0, (int32_t)(number >> 32));
}

static int frame_at(const struct emitter *emitter, int offset)
{
	return emitter->places->frame_offset + offset;
}

static void load_frame(struct emitter *emitter, uint8_t dst, int offset)
{
	put(emitter, BPF_LDX | BPF_MEM | BPF_DW, dst, (uint8_t)emitter->places->frame,
	    frame_at(emitter, offset), 0);
}

static void store_frame(struct emitter *emitter, int offset, uint8_t src)
{
	put(emitter, BPF_STX | BPF_MEM | BPF_DW, (uint8_t)emitter->places->frame, src,
	    frame_at(emitter, offset), 0);
}

/* Instructions that are skipped if r0 is 0 (or not): to be corrected when the target is known. */
static size_t jump_if(struct emitter *emitter, uint8_t op)
{
	put(emitter, BPF_JMP | BPF_K | op, 0, 0, 0, 0);
	return emitter->count - 1;
}

static size_t jump(struct emitter *emitter)
{
	put(emitter, BPF_JMP | BPF_JA, 0, 0, 0, 0);
	return emitter->count - 1;
}

static void land(struct emitter *emitter, size_t from)
{
	if (!emitter->err)
		emitter->insn[from].off = (int16_t)(emitter->count - from - 1);
}

/* --- operands --- */

static const uint8_t sizes[] = {[1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW};

static bool is_power(uint8_t size)
{
	return !(size & (size - 1));
}

/* Memory at r0 and number, into r0; 0 if it does not exist. */
static void emit_read(struct emitter *emitter, uint64_t number, uint8_t size)
{
	const uint8_t frame = (uint8_t)emitter->places->frame;

	by_register(emitter, BPF_MOV, 3, 0);
	if (number && fits(number)) {
		by_number(emitter, BPF_ADD, 3, (int32_t)number);
	} else if (number) {
		set(emitter, 1, number);
		by_register(emitter, BPF_ADD, 3, 1);
	}
	put(emitter, BPF_ST | BPF_MEM | BPF_DW, frame, 0, frame_at(emitter, CALC_FRAME_BUFFER), 0);
	by_register(emitter, BPF_MOV, 1, frame);
	by_number(emitter, BPF_ADD, 1, frame_at(emitter, CALC_FRAME_BUFFER));
	by_number(emitter, BPF_MOV, 2, size);
	put(emitter, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_kernel);
	put(emitter, BPF_LDX | BPF_MEM | (is_power(size) ? sizes[size] : BPF_DW), 0, frame,
	    frame_at(emitter, CALC_FRAME_BUFFER), 0);
}

static void emit_place(struct emitter *emitter, const struct calc_place *place)
{
	if (place->base == CALC_IN_FRAME) {
		load_frame(emitter, 0, place->offset);
		return;
	}
	if (place->base == CALC_NOWHERE && !emitter->err)
		emitter->err = -ENOENT;
	load_frame(emitter, 1,
		   place->base == CALC_IN_INTERVAL ? CALC_FRAME_INTERVAL : CALC_FRAME_CONTEXT);
	if (place->base == CALC_ON_STACK) {
		put(emitter, BPF_LDX | BPF_MEM | BPF_DW, 0, 1, emitter->places->stack_pointer, 0);
		emit_read(emitter, (uint64_t)place->offset, 8);
		return;
	}
	put(emitter, BPF_LDX | BPF_MEM | BPF_DW, 0, 1, place->offset, 0);
}

static void emit_numbered(struct emitter *emitter, const struct calc_place *places, uint64_t number,
			  uint64_t max)
{
	static const struct calc_place nowhere = {CALC_NOWHERE, 0};

	emit_place(emitter, number < max ? &places[number] : &nowhere);
}

/*
 * r0 becomes a number for the verifier, which takes no sums of pointers that it knows, and none that
 * are compared with numbers. A negation of one is a number, and two of them are none.
 */
static void emit_number(struct emitter *emitter)
{
	by_number(emitter, BPF_NEG, 0, 0);
	by_number(emitter, BPF_NEG, 0, 0);
}

static bool is_direct(const struct emitter *emitter, const struct calc_node *node);

/* Does the verifier know that it is a pointer to a structure? Then loads from there are safe. */
static bool is_known(const struct emitter *emitter, const struct calc_node *node)
{
	const struct calc_places *places = emitter->places;

	if (!node->structure)
		return false;
	switch (node->op) {
	case CALC_ARGUMENT:
		return places->typed && node->number < CALC_ARGUMENTS_MAX &&
		       places->argument[node->number].base == CALC_IN_CONTEXT;
	case CALC_RESULT:
		return places->typed;
	case CALC_CURRENT:
		return places->direct;
	case CALC_LOAD:
		return node->size == 8 && is_direct(emitter, node);
	default:
		return false;
	}
}

/* A load that needs no helper: on many processors a call takes longer than all the rest. */
static bool is_direct(const struct emitter *emitter, const struct calc_node *node)
{
	return emitter->places->direct && node->number <= INT16_MAX && is_power(node->size) &&
	       is_known(emitter, &emitter->calc->node[node->child[0]]);
}

/* What is known, into r0. */
static void emit_known(struct emitter *emitter, const struct calc_node *node)
{
	switch (node->op) {
	case CALC_ARGUMENT:
		emit_place(emitter, &emitter->places->argument[node->number]);
		break;
	case CALC_RESULT:
		emit_place(emitter, &emitter->places->result);
		break;
	case CALC_CURRENT:
		put(emitter, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_task_btf);
		break;
	default:
		emit_known(emitter, &emitter->calc->node[node->child[0]]);
		put(emitter, BPF_LDX | BPF_MEM | sizes[node->size], 0, 0, (int)node->number, 0);
	}
}

static void emit_bits(struct emitter *emitter, unsigned int from, unsigned int width,
		      bool is_signed)
{
	if (from + width < 64)
		by_number(emitter, BPF_LSH, 0, (int32_t)(64 - from - width));
	if (width < 64)
		by_number(emitter, is_signed ? BPF_ARSH : BPF_RSH, 0, (int32_t)(64 - width));
}

static void emit(struct emitter *emitter, int index);

/* r0 is 1 if the condition holds between r0 and the number or register, else 0. */
static void emit_truth(struct emitter *emitter, uint8_t jump_op, bool by_imm, int32_t imm,
		       uint8_t left, uint8_t right)
{
	const size_t from = emitter->count;

	put(emitter, BPF_JMP | (by_imm ? BPF_K : BPF_X) | jump_op, left, right, 0, imm);
	by_number(emitter, BPF_MOV, 0, 0);
	put(emitter, BPF_JMP | BPF_JA, 0, 0, 1, 0);
	land(emitter, from);
	by_number(emitter, BPF_MOV, 0, 1);
}

static uint8_t jump_of(const struct calc_node *node)
{
	switch (node->op) {
	case CALC_EQUAL:
		return BPF_JEQ;
	case CALC_UNEQUAL:
		return BPF_JNE;
	case CALC_LESS:
		return node->is_signed ? BPF_JSLT : BPF_JLT;
	default:
		return node->is_signed ? BPF_JSLE : BPF_JLE;
	}
}

static bool compares(enum calc_op op)
{
	return op == CALC_EQUAL || op == CALC_UNEQUAL || op == CALC_LESS || op == CALC_AT_MOST;
}

static uint8_t alu_of(const struct calc_node *node)
{
	switch (node->op) {
	case CALC_MULTIPLY:
		return BPF_MUL;
	case CALC_DIVIDE:
		return BPF_DIV;
	case CALC_REMAINDER:
		return BPF_MOD;
	case CALC_ADD:
		return BPF_ADD;
	case CALC_SUBTRACT:
		return BPF_SUB;
	case CALC_SHIFT_LEFT:
		return BPF_LSH;
	case CALC_SHIFT_RIGHT:
		return node->is_signed ? BPF_ARSH : BPF_RSH;
	case CALC_BIT_AND:
		return BPF_AND;
	case CALC_BIT_XOR:
		return BPF_XOR;
	default:
		return BPF_OR;
	}
}

/* The second operand is a number that fits into an instruction. */
static bool emit_with_number(struct emitter *emitter, const struct calc_node *node)
{
	const struct calc_node *right = &emitter->calc->node[node->child[1]];

	if (right->op != CALC_NUMBER || !fits(right->number))
		return false;
	emit(emitter, node->child[0]);
	if (compares(node->op))
		emit_truth(emitter, jump_of(node), true, (int32_t)right->number, 0, 0);
	else
		by_number(emitter, alu_of(node), 0, (int32_t)right->number);
	return true;
}

static void emit_binary(struct emitter *emitter, const struct calc_node *node)
{
	int temp;

	if (emit_with_number(emitter, node))
		return;
	if (emitter->temps == CALC_TEMPS && !emitter->err)
		emitter->err = -E2BIG;
	if (emitter->err)
		return;
	temp = CALC_FRAME_TEMPS + 8 * (int)emitter->temps;
	emit(emitter, node->child[0]);
	store_frame(emitter, temp, 0);
	emitter->temps++;
	emit(emitter, node->child[1]);
	emitter->temps--;
	load_frame(emitter, 1, temp);
	if (compares(node->op)) {
		emit_truth(emitter, jump_of(node), false, 0, 1, 0);
		return;
	}
	by_register(emitter, alu_of(node), 1, 0);
	by_register(emitter, BPF_MOV, 0, 1);
}

/* 0 or 1, and the second operand is not evaluated if the first decides. */
static void emit_logic(struct emitter *emitter, const struct calc_node *node)
{
	size_t decided;

	emit(emitter, node->child[0]);
	decided = jump_if(emitter, node->op == CALC_AND ? BPF_JEQ : BPF_JNE);
	emit(emitter, node->child[1]);
	land(emitter, decided);
	emit_truth(emitter, BPF_JNE, true, 0, 0, 0);
}

static void emit_select(struct emitter *emitter, const struct calc_node *node)
{
	size_t otherwise, end;

	emit(emitter, node->child[0]);
	otherwise = jump_if(emitter, BPF_JEQ);
	emit(emitter, node->child[1]);
	end = jump(emitter);
	land(emitter, otherwise);
	emit(emitter, node->child[2]);
	land(emitter, end);
}

static void emit_unary(struct emitter *emitter, const struct calc_node *node)
{
	emit(emitter, node->child[0]);
	switch (node->op) {
	case CALC_LOAD:
		emit_read(emitter, node->number, node->size);
		break;
	case CALC_BITS:
		emit_bits(emitter, (unsigned int)node->number, node->size, node->is_signed);
		break;
	case CALC_EXTEND:
		emit_bits(emitter, 0, 8U * node->size, node->is_signed);
		break;
	case CALC_NEGATE:
		by_number(emitter, BPF_NEG, 0, 0);
		break;
	case CALC_COMPLEMENT:
		by_number(emitter, BPF_XOR, 0, -1);
		break;
	default:
		emit_truth(emitter, BPF_JEQ, true, 0, 0, 0);
	}
}

static void emit(struct emitter *emitter, int index)
{
	const struct calc_node *node = &emitter->calc->node[index];
	const struct calc_places *places = emitter->places;

	if (emitter->err)
		return;
	if (is_known(emitter, node) || (node->op == CALC_LOAD && is_direct(emitter, node))) {
		emit_known(emitter, node);
		if (node->size == 8 || node->op != CALC_LOAD)
			emit_number(emitter);
		return;
	}
	switch (node->op) {
	case CALC_NUMBER:
		set(emitter, 0, node->number);
		return;
	case CALC_VMEMMAP:
		set(emitter, 0, places->vmemmap);
		return;
	case CALC_ARGUMENT:
		emit_numbered(emitter, places->argument, node->number, CALC_ARGUMENTS_MAX);
		return;
	case CALC_RESULT:
		emit_place(emitter, &places->result);
		return;
	case CALC_CURRENT:
		put(emitter, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_task);
		return;
	case CALC_KEY:
		emit_place(emitter, &places->key);
		return;
	case CALC_SAVED:
		emit_numbered(emitter, places->saved, node->number, CALC_NAMES_MAX);
		return;
	case CALC_EVENT:
		emit_numbered(emitter, places->event, node->number, CALC_NAMES_MAX);
		return;
	case CALC_OTHERS_SINCE:
		emit_numbered(emitter, places->since, node->number, CALC_NAMES_MAX);
		return;
	case CALC_OTHERS:
		emit_place(emitter, &places->others);
		return;
	case CALC_AND:
	case CALC_OR:
		emit_logic(emitter, node);
		return;
	case CALC_SELECT:
		emit_select(emitter, node);
		return;
	case CALC_LOAD:
	case CALC_BITS:
	case CALC_EXTEND:
	case CALC_NEGATE:
	case CALC_COMPLEMENT:
	case CALC_NOT:
		emit_unary(emitter, node);
		return;
	default:
		emit_binary(emitter, node);
	}
}

int calc__emit(const struct calc *calc, const struct calc_places *places, struct bpf_insn *insn,
	       size_t room)
{
	struct emitter emitter = {.calc = calc, .places = places, .insn = insn, .room = room};

	emit(&emitter, calc->root);
	store_frame(&emitter, CALC_FRAME_RESULT, 0);
	return emitter.err ? emitter.err : (int)emitter.count;
}
