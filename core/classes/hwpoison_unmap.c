// SPDX-License-Identifier: GPL-2.0-only
/* memory_failure unmaps a page while a zap of a range removes a mapping by a PTE. */
#include "race_class.h"

const struct race_class race_class_hwpoison_unmap = {
	.number = 4,
	.name = "hwpoison-unmap",
	.title = "memory_failure unmaps a page, while a zap removes a mapping of it",
	.shape = RACE_WALK,
	/* The part of memory_failure that unmaps; until 6.13 it is in hwpoison_user_mappings. */
	.walkers = {{.point = THPRACE_POINT_UNMAP,
		     .origin = THPRACE_ORIGIN_HWPOISON,
		     .callers = {"memory_failure", "hwpoison_user_mappings",
				 "unmap_poisoned_folio"},
		     .where = "memory_failure"},
		    {.point = THPRACE_POINT_POISON, .origin = THPRACE_ORIGIN_HWPOISON}},
	.points = {{.point = {THPRACE_POINT_POISON, THPRACE_POINT_UNMAP, RACE_NO_POINT}}},
	.needs_symbol = "memory_failure",
	.point = "unmap",
	.function = "try_to_unmap",
	.widen = THPRACE_WIDEN_PTE,
	.windows = RACE_WINDOWS_UNCOUNTED,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(POISON)}},
			{CHECK_VULNERABLE, {IS(POISON), NOT(FLAG)}},
			{CHECK_VULNERABLE, {IS(FLAG), NOT(POISON_PASSES)}},
			{CHECK_VULNERABLE, {IS(POISON), IS(FLAG), NOT(UNMAP_HONOURS)}},
			{CHECK_FIXED, {IS(FLAG), IS(POISON_PASSES), IS(UNMAP_HONOURS)}},
		},
	.commit = {"36af67370e33db2ec48693dd20d6b3cd049e07af",
		   "mm: hwpoison_user_mappings() try_to_unmap() with TTU_SYNC", "5.14"},
	.watched = true,
	.watch_function = THPRACE_WATCH_UNMAP,
	.watch_kind = THPRACE_WATCH_POISON,
	.says = SAYS_FAILURE,
	/* TTU_SYNC came with 5.14; no 5.10 has it. */
	.releases = {{RACE_VERSION(2, 6), RACE_VERSION(5, 14), RACE_FOREVER, 0}},
};
