// SPDX-License-Identifier: GPL-2.0-only
/*
 * Are a function's arguments in their registers? Code as gcc generates it for collapse_file(mm,
 * file, start, hpage, …).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/arguments.h"

static const struct arguments_known known = {.count = 4, .structure = 1, .member = 0xe8};

static bool is_known(const char *code, size_t size)
{
	return arguments__in_place(&known, code, size);
}

#define IS_KNOWN(code) is_known(code, sizeof(code) - 1)

#define NOP "\x0f\x1f\x44\x00\x00" /* in place of ftrace's call */
#define CALL "\xe8\x11\x22\x33\x00"
#define ENDBR "\xf3\x0f\x1e\xfa"
#define FRAME "\x55\x48\x89\xe5\x41\x57" /* push %rbp; mov %rsp,%rbp; push %r15 */
#define KEEP_MM "\x49\x89\xfd" /* mov %rdi,%r13 */
#define KEEP_FILE "\x49\x89\xf7" /* mov %rsi,%r15 */
#define KEEP_START "\x48\x89\xd3" /* mov %rdx,%rbx */
#define MAPPING "\x4c\x8b\xa6\xe8\x00\x00\x00" /* mov 0xe8(%rsi),%r12 */
#define SPILL_HPAGE "\x48\x89\x4d\x80" /* mov %rcx,-0x80(%rbp) */
#define JUMP "\x0f\x84\x00\x01\x00\x00" /* je */
#define READ_NODE "\x44\x89\x45\x88" /* mov %r8d,-0x78(%rbp) */

static void in_place(void **state)
{
	(void)state;
	assert_true(IS_KNOWN(NOP FRAME KEEP_FILE KEEP_MM KEEP_START MAPPING SPILL_HPAGE JUMP));
	assert_true(IS_KNOWN(CALL FRAME KEEP_MM MAPPING SPILL_HPAGE KEEP_START JUMP));
	assert_true(IS_KNOWN(ENDBR CALL FRAME KEEP_MM MAPPING SPILL_HPAGE KEEP_START JUMP));
}

/* Missing, moved or unclear arguments are not accepted. */
static void calls_unknown(void **state)
{
	(void)state;
	/* mov 0xe8(%rdi),%r12: the first is the file, so the one before it was removed. */
	assert_false(
		IS_KNOWN(NOP "\x4c\x8b\xa7\xe8\x00\x00\x00" KEEP_FILE KEEP_START SPILL_HPAGE JUMP));
	/* Another member; no member; its address only (lea). */
	assert_false(
		IS_KNOWN(NOP KEEP_MM "\x4c\x8b\xa6\xf0\x00\x00\x00" KEEP_START SPILL_HPAGE JUMP));
	assert_false(IS_KNOWN(NOP KEEP_MM KEEP_FILE KEEP_START SPILL_HPAGE JUMP));
	assert_false(
		IS_KNOWN(NOP KEEP_MM "\x4c\x8d\xa6\xe8\x00\x00\x00" KEEP_START SPILL_HPAGE JUMP));
	/* Three of four; the fourth is read in 32 bits (mov %ecx,-0x80(%rbp)): a node. */
	assert_false(IS_KNOWN(NOP KEEP_MM MAPPING KEEP_START JUMP));
	assert_false(IS_KNOWN(NOP KEEP_MM MAPPING KEEP_START "\x89\x4d\x80" JUMP));
	/* Five. */
	assert_false(IS_KNOWN(NOP KEEP_MM MAPPING KEEP_START SPILL_HPAGE READ_NODE JUMP));
	/* xor %ecx,%ecx before it is read: not the argument. */
	assert_false(IS_KNOWN(NOP KEEP_MM MAPPING KEEP_START "\x31\xc9" SPILL_HPAGE JUMP));
	/* mov %rax,%rsi before the member is read. */
	assert_false(
		IS_KNOWN(NOP KEEP_MM KEEP_FILE "\x48\x89\xc6" MAPPING KEEP_START SPILL_HPAGE JUMP));
	/* After a branch, a call, a breakpoint, the end. */
	assert_false(IS_KNOWN(NOP KEEP_MM MAPPING KEEP_START JUMP SPILL_HPAGE));
	assert_false(IS_KNOWN(NOP FRAME KEEP_MM MAPPING KEEP_START CALL SPILL_HPAGE));
	assert_false(IS_KNOWN("\xcc" KEEP_MM MAPPING KEEP_START SPILL_HPAGE JUMP));
	assert_false(is_known(NOP KEEP_MM MAPPING KEEP_START SPILL_HPAGE, 18));
	assert_false(is_known("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_place),
		cmocka_unit_test(calls_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
