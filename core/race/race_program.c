// SPDX-License-Identifier: GPL-2.0-only
#include "race_program.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <bpf/btf.h>
#include <thprace/race_interval.h>

#include "race_attach.h"

#define FRAME (-CALC_FRAME_SIZE) /* relative to the end of the stack */
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
} registers[] = {
	[TYPES_X86_64] = {{112, 104, 96, 88, 72, 64, 0, 0}, 80},
	[TYPES_ARM64] = {{0, 8, 16, 24, 32, 40, 48, 56}, 0},
};

static bool has_trampoline(const struct race_point *point)
{
	return point->how == RACE_HOW_FENTRY || point->how == RACE_HOW_FEXIT;
}

static void place_arguments(struct calc_places *places, const struct race_point *point,
			    const struct types *types)
{
	const struct btf_type *proto = types__function(types, point->place->function);
	const enum types_machine machine = types__machine(types);
	uint32_t i, count = proto ? btf_vlen(proto) : 0;
	int at;

	for (i = 0; i < count && i < CALC_ARGUMENTS_MAX; i++) {
		at = race_attach__register(types, proto, i);
		if (point->keeps)
			places->argument[i] = IN_INTERVAL(argument[i]);
		else if (has_trampoline(point))
			places->argument[i] = (struct calc_place){CALC_IN_CONTEXT, (short)(8 * i)};
		else if (at >= 0 && machine != TYPES_OTHER)
			places->argument[i] = (struct calc_place){CALC_IN_CONTEXT,
								  registers[machine].argument[at]};
	}
	places->result = (struct calc_place){CALC_IN_CONTEXT, has_trampoline(point)
								      ? (short)(8 * count)
								      : registers[machine].result};
}

void race_program__places(struct calc_places *places, const struct race_point *point,
			  const struct types *types, uint64_t vmemmap)
{
	int i;

	*places = (struct calc_places){.vmemmap = vmemmap, .frame = 10, .frame_offset = FRAME};
	place_arguments(places, point, types);
	places->key = IN_INTERVAL(key);
	places->others = IN_INTERVAL(others);
	for (i = 0; i < RACE_SAVED_MAX; i++)
		places->saved[i] = IN_INTERVAL(saved[i]);
	for (i = 0; i < RACE_EVENTS_MAX; i++) {
		places->event[i] = IN_INTERVAL(event[i]);
		places->since[i] = IN_INTERVAL(since[i]);
	}
}

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
	int count, used, i;

	/* For the verifier it does not matter where the struct pages are. */
	race_program__places(&places, point, types, 0xffffea0000000000);
	count = write_begin(insn, map_fd);
	for (i = 0; i < point->calcs; i++) {
		used = calc__emit(&point->calc[i].calc, &places, insn + count,
				  (size_t)(room - count));
		if (used < 0)
			return used;
		count += used;
	}
	return count + write_end(insn + count);
}
