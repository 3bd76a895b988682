// SPDX-License-Identifier: GPL-2.0-only
/* A split completes while a zap that has removed its mapping still works on the page. */
#include "race_class.h"

const struct race_class race_class_split_head = {
	.number = 3,
	.name = "split-head",
	.title = "a split completes, while a zap still uses the head page",
	.shape = RACE_SPLIT,
	.walkers = {{.point = THPRACE_POINT_SPLIT, .origin = THPRACE_ORIGIN_SPLIT}},
	.by_zap = true,
	.points = {{.point = {THPRACE_POINT_SPLIT, RACE_NO_POINT}}},
	/* Until 4.4: the class came with splits that freeze the reference count. */
	.gone_symbol = "__split_huge_pmd",
	.point = "split",
	.function = "split_huge_page_to_list",
	.widen = THPRACE_WIDEN_PHASE_2,
	.windows = RACE_WINDOWS_PHASE_2,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
			{CHECK_CANNOT_HAPPEN, {IS(FREEZES)}},
			{CHECK_CANNOT_HAPPEN, {IS(NEW_SPLIT)}},
		},
	.commit = {"e9b61f19858a5d6c42ce2298cf138279375d0d9b", "thp: reintroduce split_huge_page()",
		   "4.5"},
	.says = SAYS_BUG_HUGE,
	/* zap_huge_pmd(). */
	.checks = {{"VM_BUG_ON_PAGE(!PageHead(page))", "mm/huge_memory.c", false}},
	.trace = FUNCTION_ZAP,
	.trace_itself = true,
	.trace_name = "zap_huge_pmd",
	.releases = {{RACE_VERSION(3, 13), RACE_VERSION(3, 15), RACE_VERSION(4, 5), 0}},
};
