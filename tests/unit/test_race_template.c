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

#define IF(flag) MOVE(0, THPRACE_RACE_IF + (flag))
#define UNLESS(offset) JUMP(BPF_JEQ, offset)
#define JUMP(op, offset)                                                \
	(struct bpf_insn)                                               \
	{                                                               \
		.code = BPF_JMP | (op), .off = (short)((offset)&0xffff) \
	}
#define CALL(offset)                                                                    \
	(struct bpf_insn)                                                               \
	{                                                                               \
		.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = (offset) \
	}
#define EXIT JUMP(BPF_EXIT, 0)

/* Two branches, each of which calls its function; one function calls the next. */
static const struct bpf_insn branches[] = {
	/*  0 */ IF(THPRACE_RACE_HAS_LEARN),
	/*  1 */ UNLESS(1), /* to 3 */
	/*  2 */ CALL(6), /* 9 */
	/*  3 */ IF(THPRACE_RACE_HAS_EVENTS),
	/*  4 */ UNLESS(2), /* to 7 */
	/*  5 */ CALL(6), /* 12 */
	/*  6 */ JUMP(BPF_JA, 1), /* to 8 */
	/*  7 */ MOVE(6, 1),
	/*  8 */ EXIT,
	/*  9 */ IF(THPRACE_RACE_HAS_LEARN), /* a function begins */
	/* 10 */ UNLESS(0),
	/* 11 */ EXIT,
	/* 12 */ MOVE(7, 2), /* another one */
	/* 13 */ CALL(1), /* 15 */
	/* 14 */ EXIT,
	/* 15 */ MOVE(8, 3), /* another one */
	/* 16 */ JUMP(BPF_JNE, -3), /* to 14 */
	/* 17 */ EXIT,
};
static uint32_t functions[] = {0, 9, 12, 15};

static void decided(struct race_copy *copy, uint32_t flags)
{
	const struct race_template template = {.insn = (struct bpf_insn *)branches,
					       .count = sizeof(branches) / sizeof(*branches),
					       .func_info = functions,
					       .func_info_size = sizeof(*functions),
					       .func_info_count = 4};

	assert_int_equal(race_copy__make(copy, &template), 0);
	assert_int_equal(race_copy__decide(copy, flags), 0);
	assert_int_equal(race_copy__close_up(copy), 0);
}

/* Nothing holds: what remains is the way past both. */
static void test_decide_none(void **state)
{
	struct race_copy copy;

	(void)state;
	decided(&copy, THPRACE_RACE_HAS_KEPT);
	assert_int_equal(copy.count, 2);
	assert_int_equal(copy.insn[0].dst_reg, 6);
	assert_int_equal(copy.insn[1].code, BPF_JMP | BPF_EXIT);
	assert_int_equal(copy.func_info_count, 1);
	race_copy__free(&copy);
}

/* A function whose first instruction is a branch stays one. */
static void test_decide_first(void **state)
{
	struct race_copy copy;

	(void)state;
	decided(&copy, THPRACE_RACE_HAS_LEARN);
	assert_int_equal(copy.count, 4);
	assert_int_equal(copy.insn[0].imm, 2); /* to 3 */
	assert_int_equal(copy.insn[1].dst_reg, 6);
	assert_int_equal(copy.insn[3].code, BPF_JMP | BPF_EXIT);
	assert_int_equal(copy.func_info_count, 2);
	assert_int_equal(((uint32_t *)copy.func_info)[1], 3);
	race_copy__free(&copy);
}

/* What a function calls, and where it jumps back to. */
static void test_decide_second(void **state)
{
	struct race_copy copy;

	(void)state;
	decided(&copy, THPRACE_RACE_HAS_EVENTS);
	assert_int_equal(copy.count, 8);
	assert_int_equal(copy.insn[0].imm, 1); /* to 2 */
	assert_int_equal(copy.insn[1].code, BPF_JMP | BPF_EXIT);
	assert_int_equal(copy.insn[2].dst_reg, 7);
	assert_int_equal(copy.insn[3].imm, 1); /* to 5 */
	assert_int_equal(copy.insn[5].dst_reg, 8);
	assert_int_equal(copy.insn[6].off, -3); /* to 4 */
	assert_int_equal(copy.func_info_count, 3);
	assert_int_equal(((uint32_t *)copy.func_info)[1], 2);
	assert_int_equal(((uint32_t *)copy.func_info)[2], 5);
	race_copy__free(&copy);
}

static void test_decide_all(void **state)
{
	struct race_copy copy;

	(void)state;
	decided(&copy, THPRACE_RACE_HAS_EVENTS | THPRACE_RACE_HAS_LEARN);
	assert_int_equal(copy.count, 10); /* all but three pairs, and one that nothing reaches */
	assert_int_equal(copy.func_info_count, 4);
	race_copy__free(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	     cmocka_unit_test(test_rooms),
		cmocka_unit_test(test_close_up),     cmocka_unit_test(test_decide_none),
		cmocka_unit_test(test_decide_first), cmocka_unit_test(test_decide_second),
		cmocka_unit_test(test_decide_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
