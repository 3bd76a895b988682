/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of the rule: a walker [ENTER, LEAVE], and zaps around it. */
#ifndef TESTS_VERDICT_SUPPORT_H
#define TESTS_VERDICT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <thprace/verdict.h>
#include "build_incident.h"

#define T 1000000000ULL
#define ENTER T
#define LEAVE (T + 1000)
#define NEAR THPRACE_TOLERANCE_NS
#define PMD THPRACE_LEVEL_PMD
#define PTE THPRACE_LEVEL_PTE
#define OPENER 10
#define WALKER 20
#define UNREAD THPRACE_LEFT_UNREAD
#define LATE THPRACE_LEFT_LATE

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* A walker [ENTER, LEAVE] that left this many mappings of each level. */
static inline struct thprace_walk walker(int32_t entire, int32_t small)
{
	struct thprace_walk walk = build_walk(WALKER, 0, ENTER, LEAVE);

	build_left(&walk, entire, small);
	walk.order = 9;
	return walk;
}

static inline struct thprace_window zap(uint8_t level, uint64_t open, uint64_t close, int32_t left)
{
	struct thprace_window window = build_window(OPENER, open, 0, close);

	window.level = level;
	window.flags = level == PTE ? THPRACE_WF_RANGE : 0;
	window.pages = level == PTE;
	window.left = left;
	return window;
}

/* Under way at the return, and it took one of two. */
static inline struct thprace_window taker(uint8_t level)
{
	return zap(level, T + 500, T + 3000, 1);
}

static inline struct thprace_walk two_left(uint8_t level)
{
	return level == PMD ? walker(2, 0) : walker(0, 2);
}

#endif
