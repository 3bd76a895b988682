// SPDX-License-Identifier: GPL-2.0-only
#include "race_program.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <bpf/btf.h>
#include <thprace/race_interval.h>

#include "race_attach.h"

#define FRAME (-RACE_FRAME_SIZE) /* relative to the end of the stack */
#define LOOKUP_KEY (FRAME - 8)

_Static_assert(THPRACE_INTERVAL_SAVED == RACE_SAVED_MAX, "the interval has all saved values");
_Static_assert(THPRACE_INTERVAL_EVENTS == RACE_EVENTS_MAX, "the interval has all events");
_Static_assert(THPRACE_INTERVAL_ARGUMENTS == CALC_ARGUMENTS_MAX, "the interval has all arguments");

#define IN_INTERVAL(member)                                                             \
	(struct calc_place)                                                             \
	{                                                                               \
		CALC_IN_INTERVAL, (short)offsetof(struct thprace_race_interval, member) \
	}

/* Offsets in struct pt_regs, bytes. */
static const struct {
	short argument[8];
	short result;
	short stack_pointer;
	short entry; /* at a function's entry: what a call has pushed below the arguments */
} registers[] = {
	[TYPES_X86_64] = {{112, 104, 96, 88, 72, 64, 0, 0}, 80, 152, 8},
	[TYPES_ARM64] = {{0, 8, 16, 24, 32, 40, 48, 56}, 0, 248, 0},
};

/* The place of an argument (from 0) at the function's entry, or at the call, for a kprobe. */
static struct calc_place at_entry(const struct race_point *point, const struct types *types,
				  const struct btf_type *proto, uint32_t argument)
{
	const struct calc_place nowhere = {CALC_NOWHERE, 0};
	const enum types_machine machine = types__machine(types);
	struct race_argument where;

	if (machine == TYPES_OTHER || !race_attach__argument(types, proto, argument, &where))
		return nowhere;
	if (where.number >= 0)
		return (struct calc_place){CALC_IN_CONTEXT,
					   registers[machine].argument[where.number]};
	return (struct calc_place){
		CALC_ON_STACK,
		(short)(where.stack + (point->place->in[0] ? 0 : registers[machine].entry))};
}

static void place_arguments(struct calc_places *places, const struct race_point *point,
			    const struct types *types)
{
	const struct btf_type *proto = types__function(types, point->place->function);
	const enum types_machine machine = types__machine(types);
	uint32_t i, count = proto ? btf_vlen(proto) : 0;

	for (i = 0; i < count && i < CALC_ARGUMENTS_MAX; i++) {
		if (point->keeps)
			places->argument[i] = IN_INTERVAL(argument[i]);
		else if (race_how__trampoline(point->how))
			places->argument[i] = (struct calc_place){CALC_IN_CONTEXT, (short)(8 * i)};
		else
			places->argument[i] = at_entry(point, types, proto, i);
	}
	places->result = (struct calc_place){CALC_IN_CONTEXT, race_how__trampoline(point->how)
								      ? (short)(8 * count)
								      : registers[machine].result};
	places->stack_pointer = registers[machine].stack_pointer;
}

void race_program__places(struct calc_places *places, const struct race_point *point,
			  const struct types *types, uint64_t vmemmap)
{
	int i;

	*places = (struct calc_places){
		.vmemmap = vmemmap,
		.frame = 10,
		.frame_offset = FRAME,
		.typed = race_how__trampoline(point->how),
		.direct = race_how__trampoline(point->how) && !point->by_helper,
	};
	place_arguments(places, point, types);
	places->key = IN_INTERVAL(key);
	places->others = IN_INTERVAL(others);
	for (i = 0; i < RACE_SAVED_MAX; i++)
		places->saved[i] = IN_INTERVAL(saved[i]);
	/* An instant saves nothing for later. */
	if (point->moment == RACE_BEGINS && point->section->instant) {
		places->key = (struct calc_place){CALC_IN_FRAME, RACE_FRAME_KEY};
		for (i = 0; i < RACE_SAVED_MAX; i++)
			places->saved[i] = (struct calc_place){CALC_IN_FRAME,
							       (short)(RACE_FRAME_SAVED + 8 * i)};
	}
	for (i = 0; i < RACE_EVENTS_MAX; i++) {
		places->event[i] = IN_INTERVAL(event[i]);
		places->since[i] = IN_INTERVAL(since[i]);
	}
}

/* --- parts --- */

struct writer {
	struct bpf_insn *insn;
	const struct calc_places *places;
	size_t count, room;
	size_t failed[RACE_CALCS_MAX]; /* jumps that are taken if a condition does not hold */
	size_t fails;
	int err;
};

static void put(struct writer *writer, uint8_t code, uint8_t dst, uint8_t src, int offset, int imm)
{
	if (writer->err)
		return;
	if (writer->count == writer->room) {
		writer->err = -E2BIG;
		return;
	}
	writer->insn[writer->count++] = (struct bpf_insn){
		.code = code,
		.dst_reg = dst & 15,
		.src_reg = src & 15,
		.off = (int16_t)offset,
		.imm = imm,
	};
}

/* r0 into the frame. */
static void store(struct writer *writer, int offset)
{
	put(writer, BPF_STX | BPF_MEM | BPF_DW, (uint8_t)writer->places->frame, 0,
	    writer->places->frame_offset + offset, 0);
}

static void put_calc(struct writer *writer, const struct race_calc *calc)
{
	int used = writer->err
			   ? 0
			   : calc__emit(&calc->calc, writer->places, writer->insn + writer->count,
					writer->room - writer->count);

	if (used < 0)
		writer->err = used;
	else
		writer->count += (size_t)used;
}

static void put_condition(struct writer *writer, const struct race_calc *calc)
{
	put_calc(writer, calc);
	put(writer, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0);
	if (!writer->err)
		writer->failed[writer->fails++] = writer->count - 1;
}

static void put_before(struct writer *writer, const struct race_calc *calc)
{
	switch (calc->use) {
	case RACE_USE_EVENT:
	case RACE_USE_WHEN:
		put_condition(writer, calc);
		break;
	case RACE_USE_KEY:
		put_calc(writer, calc);
		store(writer, RACE_FRAME_KEY);
		break;
	case RACE_USE_FROM: /* without an end its length is 1 */
		put_calc(writer, calc);
		store(writer, RACE_FRAME_FROM);
		put(writer, BPF_ALU64 | BPF_ADD | BPF_K, 0, 0, 0, 1);
		store(writer, RACE_FRAME_TO);
		break;
	case RACE_USE_TO:
		put_calc(writer, calc);
		store(writer, RACE_FRAME_TO);
		break;
	case RACE_USE_SAVED:
		put_calc(writer, calc);
		store(writer, RACE_FRAME_SAVED + 8 * calc->index);
		break;
	case RACE_USE_ESCAPE:
		break;
	}
}

/* r0 is 1 if all conditions held, else 0. */
static void put_outcome(struct writer *writer)
{
	size_t i;

	put(writer, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	if (!writer->fails)
		return;
	put(writer, BPF_JMP | BPF_JA, 0, 0, 1, 0);
	for (i = 0; i < writer->fails && !writer->err; i++)
		writer->insn[writer->failed[i]].off =
			(int16_t)(writer->count - writer->failed[i] - 1);
	put(writer, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
}

int race_program__part(const struct race_point *point, enum race_part part,
		       const struct calc_places *places, struct bpf_insn *insn, size_t room)
{
	struct writer writer = {.insn = insn, .places = places, .room = room};
	int i;

	for (i = 0; i < point->calcs; i++) {
		if (part == RACE_PART_BEFORE)
			put_before(&writer, &point->calc[i]);
		else if (point->calc[i].use == RACE_USE_ESCAPE)
			put_condition(&writer, &point->calc[i]);
	}
	put_outcome(&writer);
	if (part == RACE_PART_ESCAPE)
		store(&writer, RACE_FRAME_ESCAPE);
	return writer.err ? writer.err : (int)writer.count;
}

int race_program__keep(const struct race_point *point, const struct types *types, int frame,
		       struct bpf_insn *insn, size_t room)
{
	const struct btf_type *proto = types__function(types, point->place->function);
	struct calc_places places = {
		.frame = frame,
		.stack_pointer = registers[types__machine(types)].stack_pointer,
	};
	struct writer writer = {.insn = insn, .places = &places, .room = room};
	struct calc_node node = {.op = CALC_ARGUMENT, .size = 8};
	const struct race_calc argument = {.calc = {.node = &node, .count = 1}};
	const uint64_t asked = race_attach__arguments(point);
	uint32_t i;

	for (i = 0; i < CALC_ARGUMENTS_MAX && proto; i++) {
		if (!(asked & 1ULL << i))
			continue;
		places.argument[i] = at_entry(point, types, proto, i);
		if (places.argument[i].base == CALC_NOWHERE)
			continue;
		node.number = i;
		put_calc(&writer, &argument);
		put(&writer, BPF_LDX | BPF_MEM | BPF_DW, 2, (uint8_t)frame, CALC_FRAME_INTERVAL, 0);
		put(&writer, BPF_STX | BPF_MEM | BPF_DW, 2, 0,
		    (int)offsetof(struct thprace_race_interval, argument[i]), 0);
	}
	return writer.err ? writer.err : (int)writer.count;
}

bool race_program__proves(const struct race_point *point)
{
	int i;

	for (i = 0; i < point->calcs; i++)
		if (point->calc[i].use == RACE_USE_ESCAPE)
			return true;
	return false;
}

/* --- for the verifier --- */

/* Stores the context and the interval in the frame; without an interval the program ends. */
static int write_begin(struct bpf_insn *insn, int map_fd)
{
	const struct bpf_insn code[] = {
		{.code = BPF_STX | BPF_MEM | BPF_DW,
		 .dst_reg = 10,
		 .src_reg = 1,
		 .off = FRAME + CALC_FRAME_CONTEXT},
		{.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 10, .off = LOOKUP_KEY},
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = 1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map_fd},
		{.code = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = LOOKUP_KEY},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem},
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 0, .off = 1},
		{.code = BPF_JMP | BPF_EXIT},
		{.code = BPF_STX | BPF_MEM | BPF_DW,
		 .dst_reg = 10,
		 .src_reg = 0,
		 .off = FRAME + CALC_FRAME_INTERVAL},
	};

	memcpy(insn, code, sizeof(code));
	return (int)(sizeof(code) / sizeof(code[0]));
}

static int write_end(struct bpf_insn *insn)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	memcpy(insn, code, sizeof(code));
	return (int)(sizeof(code) / sizeof(code[0]));
}

int race_program__write(const struct race_point *point, const struct types *types, int map_fd,
			struct bpf_insn insn[RACE_PROGRAM_MAX])
{
	const int room = RACE_PROGRAM_MAX - 2;
	struct calc_places places;
	int count, used, part;

	/* For the verifier it does not matter where the struct pages are. */
	race_program__places(&places, point, types, 0xffffea0000000000);
	count = write_begin(insn, map_fd);
	for (part = RACE_PART_BEFORE; part <= RACE_PART_ESCAPE; part++) {
		used = race_program__part(point, (enum race_part)part, &places, insn + count,
					  (size_t)(room - count));
		if (used < 0)
			return used;
		count += used;
	}
	return count + write_end(insn + count);
}
