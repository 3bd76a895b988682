// SPDX-License-Identifier: GPL-2.0-only
/* A template of bpf/race.bpf.c becomes the program of an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include "engine/race_template.h"

#define MOVE(register_, number)                                                              \
	(struct bpf_insn)                                                                    \
	{                                                                                    \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (register_), .imm = (number) \
	}
#define COUNT (8 + 2 * (THPRACE_RACE_ROOM + 2))

/* Two numbers, and two rooms of one part. */
static void make(struct bpf_insn insn[COUNT])
{
	size_t at = 0, i, room;

	insn[at++] = MOVE(1, THPRACE_RACE_NUMBER + THPRACE_RACE_CLASS);
	insn[at++] = MOVE(2, THPRACE_RACE_NUMBER + THPRACE_RACE_SIDE);
	insn[at++] = MOVE(3, THPRACE_RACE_NUMBER + THPRACE_RACE_CLASS);
	for (room = 0; room < 2; room++) {
		insn[at++] = MOVE(0, THPRACE_RACE_CODE + THPRACE_RACE_ESCAPE);
		insn[at++] =
			(struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X, .src_reg = 7 + room};
		for (i = 0; i < THPRACE_RACE_ROOM; i++)
			insn[at++] = MOVE(0, 0);
	}
	while (at < COUNT)
		insn[at++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
}

static void test_numbers(void **state)
{
	static struct bpf_insn insn[COUNT];
	const struct race_template template = {.insn = insn, .count = COUNT};
	struct race_copy copy;

	(void)state;
	make(insn);
	assert_int_equal(race_copy__make(&copy, &template), 0);
	race_copy__number(&copy, THPRACE_RACE_CLASS, 17);
	race_copy__number(&copy, THPRACE_RACE_SIDE, 1);
	assert_int_equal(copy.insn[0].imm, 17);
	assert_int_equal(copy.insn[1].imm, 1);
	assert_int_equal(copy.insn[2].imm, 17);
	assert_int_equal(insn[0].imm, THPRACE_RACE_NUMBER + THPRACE_RACE_CLASS);
	race_copy__free(&copy);
}

/* Every room is found, once; what is not used of it is removed. */
static void test_rooms(void **state)
{
	static struct bpf_insn insn[COUNT];
	const struct race_template template = {.insn = insn, .count = COUNT};
	struct bpf_insn *room;
	struct race_copy copy;
	size_t from = 0;
	int frame = 0;

	(void)state;
	make(insn);
	assert_int_equal(race_copy__make(&copy, &template), 0);
	assert_null(race_copy__room(&copy, THPRACE_RACE_KEEP, &from, &frame));
	room = race_copy__room(&copy, THPRACE_RACE_ESCAPE, &from, &frame);
	assert_ptr_equal(room, &copy.insn[5]);
	assert_int_equal(frame, 7);
	room[0] = MOVE(0, 42);
	race_copy__end(room, 1);
	room = race_copy__room(&copy, THPRACE_RACE_ESCAPE, &from, &frame);
	assert_ptr_equal(room, &copy.insn[5 + THPRACE_RACE_ROOM + 2]);
	assert_int_equal(frame, 8);
	race_copy__end(room, THPRACE_RACE_ROOM - 2);
	assert_null(race_copy__room(&copy, THPRACE_RACE_ESCAPE, &from, &frame));
	assert_int_equal(race_copy__close_up(&copy), 0);
	assert_int_equal(copy.count, COUNT - (THPRACE_RACE_ROOM - 1) - 2);
	assert_int_equal(copy.insn[5].imm, 42);
	assert_int_equal(copy.insn[6].imm, THPRACE_RACE_CODE + THPRACE_RACE_ESCAPE);
	race_copy__free(&copy);
}

/* Jumps over a room, both ways, calls, and where functions begin. */
static void test_close_up(void **state)
{
	static struct bpf_insn insn[COUNT];
	uint32_t functions[] = {0, 7, COUNT - 2, 9}; /* each with what it is */
	const struct race_template template = {.insn = insn,
					       .count = COUNT,
					       .func_info = functions,
					       .func_info_size = 8,
					       .func_info_count = 2};
	const uint32_t *moved;
	struct bpf_insn *room;
	struct race_copy copy;
	size_t from = 0;
	int frame;

	(void)state;
	make(insn);
	insn[0] = (struct bpf_insn){.code = BPF_JMP | BPF_JEQ | BPF_K, .off = COUNT - 4};
	insn[1] = (struct bpf_insn){
		.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = COUNT - 4};
	insn[2] = (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = 5};
	insn[COUNT - 4] = (struct bpf_insn){.code = BPF_JMP32 | BPF_JLT | BPF_X, .off = 3 - COUNT};
	assert_int_equal(race_copy__make(&copy, &template), 0);
	while ((room = race_copy__room(&copy, THPRACE_RACE_ESCAPE, &from, &frame)))
		race_copy__end(room, 4);
	assert_int_equal(race_copy__close_up(&copy), 0);
	assert_int_equal(copy.count, 8 + 2 * (4 + 2));
	assert_int_equal(copy.insn[0].off, copy.count - 4);
	assert_int_equal(copy.insn[1].imm, copy.count - 4);
	assert_int_equal(copy.insn[2].imm, 5);
	assert_int_equal(copy.insn[copy.count - 4].off, 3 - (int)copy.count);
	assert_int_equal(copy.insn[copy.count - 1].code, BPF_JMP | BPF_EXIT);
	moved = copy.func_info;
	assert_int_equal(moved[0], 0);
	assert_int_equal(moved[2], copy.count - 2);
	assert_int_equal(moved[3], 9);
	race_copy__free(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_rooms),
		cmocka_unit_test(test_close_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
