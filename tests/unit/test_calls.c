// SPDX-License-Identifier: GPL-2.0-only
/* Calls in code, and the pieces of a function's code: byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/calls.h"
#include "kernel/function_ranges.h"

#define BASE 0xffffffff81234560ULL
#define SIZE 64
#define NOP 0x90

static uint8_t code[SIZE];

static int fill(void **state)
{
	(void)state;
	memset(code, NOP, sizeof(code));
	return 0;
}

/* An x86-64 instruction whose last four bytes lead from its end to an address. */
static void write_x86(size_t at, const char *opcode, size_t length, uint64_t to)
{
	const int32_t offset = (int32_t)(to - (BASE + at + length + 4));

	memcpy(code + at, opcode, length);
	memcpy(code + at + length, &offset, 4);
}

static int find(size_t size, uint64_t callee, struct call *calls, int max)
{
	return calls__find(CALLS_X86_64, code, size, BASE, callee, calls, max);
}

/*
 * A call at each place where one fits, forward and backward, is found exactly there, and no other
 * is found.
 */
static void test_x86_each_place(void **state)
{
	const uint64_t callees[] = {BASE - 0x12345, BASE + 0x1234567, BASE};
	struct call call;
	size_t at, i;

	for (i = 0; i < sizeof(callees) / sizeof(callees[0]); i++) {
		for (at = 0; at + 5 <= SIZE; at++) {
			fill(state);
			write_x86(at, "\xe8", 1, callees[i]);
			assert_int_equal(find(SIZE, callees[i], &call, 1), 1);
			assert_int_equal(call.at, at);
			assert_int_equal(call.next, at + 5);
			assert_int_equal(find(SIZE, callees[i] + 1, &call, 1), 0);
			/* With a kprobe at it. */
			code[at] = 0xcc;
			assert_int_equal(find(SIZE, callees[i], &call, 1), 1);
			assert_int_equal(call.at, at);
			code[at] = 0xe8;
			/*
			 * Truncated within the instruction: not found, and nothing after it is
			 * read.
			 */
			assert_int_equal(find(at + 4, callees[i], &call, 1), 0);
		}
	}
}

static void test_x86_several(void **state)
{
	const uint64_t callee = BASE + 0x4000;
	struct call calls[3];

	(void)state;
	write_x86(0, "\xe8", 1, callee);
	write_x86(5, "\xe8", 1, callee);
	write_x86(20, "\xe8", 1, callee + 0x10);
	write_x86(SIZE - 5, "\xe8", 1, callee);
	assert_int_equal(find(SIZE, callee, calls, 3), 3);
	assert_int_equal(calls[0].next, calls[1].at);
	assert_int_equal(calls[2].at, SIZE - 5);
	calls[1].at = 1000;
	assert_int_equal(find(SIZE, callee, calls, 1), 3); /* counted, not filled in */
	assert_int_equal(calls[1].at, 1000);
}

/* A jump there returns elsewhere, so the calls do not show everything. */
static void test_x86_jumps(void **state)
{
	const uint64_t callee = BASE + 0x4000;
	char conditional[2] = {0x0f, 0};
	struct call calls[3];
	int condition;

	write_x86(0, "\xe8", 1, callee);
	write_x86(30, "\xe9", 1, callee);
	assert_int_equal(find(SIZE, callee, calls, 3), -1);
	for (condition = 0x80; condition < 0x90; condition++) {
		fill(state);
		conditional[1] = (char)condition;
		write_x86(30, conditional, 2, callee);
		assert_int_equal(find(SIZE, callee, calls, 3), -1);
		assert_int_equal(find(35, callee, calls, 3), 0);
	}
}

static void write_arm64(size_t at, uint32_t opcode, uint64_t to)
{
	const uint32_t word = opcode | (((to - (BASE + at)) >> 2) & 0x3ffffff);

	memcpy(code + at, &word, 4);
}

static int find_arm64(size_t size, uint64_t callee, struct call *calls)
{
	return calls__find(CALLS_ARM64, code, size, BASE, callee, calls, 2);
}

static void test_arm64(void **state)
{
	const uint64_t callees[] = {BASE - 0x123456c, BASE + 0x7fffff0, BASE};
	struct call calls[2];
	size_t at, i;

	for (i = 0; i < sizeof(callees) / sizeof(callees[0]); i++) {
		for (at = 0; at + 4 <= SIZE; at += 4) {
			fill(state);
			write_arm64(at, 0x94000000, callees[i]);
			assert_int_equal(find_arm64(SIZE, callees[i], calls), 1);
			assert_int_equal(calls[0].at, at);
			assert_int_equal(calls[0].next, at + 4);
			assert_int_equal(find_arm64(SIZE, callees[i] + 4, calls), 0);
			assert_int_equal(find_arm64(at + 3, callees[i], calls), 0);
			write_arm64(at, 0x14000000, callees[i]);
			assert_int_equal(find_arm64(SIZE, callees[i], calls), -1);
		}
	}
}

static void test_function_ranges(void **state)
{
	static struct function_ranges ranges;
	char name[FUNCTION_RANGES_NAME_MAX + 1];
	size_t i;

	(void)state;
	function_ranges__note(&ranges, "other", 0x1000, false);
	function_ranges__note(&ranges, "wanted", 0x2000, true);
	function_ranges__note(&ranges, "alias", 0x2000, false); /* at the same code: no end */
	function_ranges__note(&ranges, "wanted.cold", 0x2100, true);
	function_ranges__note(&ranges, "another", 0x2180, false);
	assert_int_equal(ranges.count, 2);
	assert_int_equal(ranges.range[0].end, 0x2100);
	assert_int_equal(ranges.range[1].address, 0x2100);
	assert_int_equal(ranges.range[1].end, 0x2180);
	function_ranges__note(&ranges, "last", 0x3000, true);
	assert_int_equal(ranges.range[2].end, 0);

	assert_true(function_range__is_of(&ranges.range[0], "wanted"));
	assert_true(function_range__is_of(&ranges.range[1], "wanted"));
	assert_false(function_range__is_of(&ranges.range[0], "want"));
	assert_false(function_range__is_of(&ranges.range[0], "wanted_too"));

	function_ranges__note(&ranges, "hidden", 0,
			      true); /* addresses as seen without the right to see them */
	memset(name, 'x', sizeof(name));
	name[FUNCTION_RANGES_NAME_MAX] = '\0';
	function_ranges__note(&ranges, name, 0x4000, true);
	assert_int_equal(ranges.count, 3);
	for (i = 0; i < 2 * FUNCTION_RANGES_MAX; i++)
		function_ranges__note(&ranges, "many", 0x5000 + i, true);
	assert_int_equal(ranges.count, FUNCTION_RANGES_MAX);
}

/* Jumps to the instruction after a call, and to those beside it, from each place around it. */
static void test_x86_shared(void **state)
{
	static const struct {
		const char *opcode;
		size_t length;
	} jumps[] = {{"\xe9", 1}, {"\x0f\x84", 2}, {"\x0f\x8f", 2}};
	const uint64_t callee = BASE + 0x123456;
	const size_t call = 30, next = 35;
	struct call found;
	size_t at, i, to;

	for (at = 0; at + 6 <= SIZE; at++) {
		if (at + 6 > call && at < next)
			continue;
		for (to = next - 1; to <= next + 1; to++) {
			for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
				fill(state);
				write_x86(call, "\xe8", 1, callee);
				write_x86(at, jumps[i].opcode, jumps[i].length, BASE + to);
				assert_int_equal(find(SIZE, callee, &found, 1), 1);
				assert_int_equal(found.shared, to == next);
			}
			fill(state);
			write_x86(call, "\xe8", 1, callee);
			code[at] = at % 2 ? 0xeb : 0x75;
			code[at + 1] = (uint8_t)(to - (at + 2));
			assert_int_equal(find(SIZE, callee, &found, 1), 1);
			assert_int_equal(found.shared, to == next);
		}
	}
}

static void test_arm64_shared(void **state)
{
	/* b, b.eq, cbz, cbnz, tbz, tbnz; and no jumps: ldr literal, adr. */
	static const struct {
		uint32_t opcode;
		int low, bits, jumps;
	} of[] = {{0x14000000, 0, 26, 1}, {0x54000000, 5, 19, 1}, {0x34000005, 5, 19, 1},
		  {0xb5000003, 5, 19, 1}, {0x36080001, 5, 14, 1}, {0x37f80001, 5, 14, 1},
		  {0x58000001, 5, 19, 0}, {0x10000001, 5, 19, 0}};
	const uint64_t callee = BASE + 0x123450;
	struct call found[2];
	uint32_t word;
	size_t at, i, to;

	for (at = 0; at + 4 <= SIZE; at += 4) {
		if (at == 28)
			continue;
		for (to = 28; to <= 36; to += 4) {
			for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
				fill(state);
				write_arm64(28, 0x94000000, callee);
				word = (uint32_t)(((int64_t)to - (int64_t)at) / 4);
				word = of[i].opcode | (word & ((1U << of[i].bits) - 1))
							      << of[i].low;
				memcpy(code + at, &word, 4);
				assert_int_equal(find_arm64(SIZE, callee, found), 1);
				assert_int_equal(found[0].shared, to == 32 && of[i].jumps);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_x86_shared, fill),
		cmocka_unit_test_setup(test_arm64_shared, fill),
		cmocka_unit_test_setup(test_x86_each_place, fill),
		cmocka_unit_test_setup(test_x86_several, fill),
		cmocka_unit_test_setup(test_x86_jumps, fill),
		cmocka_unit_test_setup(test_arm64, fill),
		cmocka_unit_test(test_function_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
