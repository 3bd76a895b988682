// SPDX-License-Identifier: GPL-2.0-only
/*
 * A split of a huge page of a file (before 5.14 also of an anonymous one) unmaps it while a zap
 * removes a mapping.
 */
#include "race_class.h"

const struct race_class race_class_split_unmap = {
	.number = 1,
	.name = "split-unmap",
	.title = "a split of a huge page unmaps it, while a zap removes a mapping of it",
	.shape = RACE_WALK,
	.walkers = {{.point = THPRACE_POINT_UNMAP,
		     .origin = THPRACE_ORIGIN_SPLIT,
		     .callers = {RACE_SPLITS},
		     .where = "zap_huge_pmd"}},
	.by_zap = true,
	.points = {{.point = {THPRACE_POINT_UNMAP, RACE_NO_POINT}}},
	.point = "unmap",
	.function = "try_to_unmap",
	.widen = THPRACE_WIDEN_PHASE_1,
	.windows = RACE_WINDOWS_ZAP,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
			{CHECK_VULNERABLE, {NOT(FLAG)}},
			{CHECK_VULNERABLE, {IS(FLAG), NOT(SPLIT_PASSES)}},
			{CHECK_VULNERABLE, {IS(FLAG), NOT(UNMAP_HONOURS)}},
			{CHECK_FIXED, {IS(FLAG), IS(SPLIT_PASSES), IS(UNMAP_HONOURS)}},
		},
	.commit = {"732ed55823fc3ad998d43b86bf771887bcc5ec67",
		   "mm/thp: try_to_unmap() use TTU_SYNC for safe splitting", "5.13"},
	.watched = true,
	.watch_function = THPRACE_WATCH_UNMAP,
	.watch_kind = THPRACE_WATCH_SPLIT,
	.says = SAYS_SPLIT_WARNING | SAYS_SPLIT_COUNTS,
	/*
	 * unmap_page() of 4.11 to 5.12, and of 4.8 to 4.10; split_huge_page_to_list() of 4.5 to 5.12,
	 * twice; unmap_page() of 5.10.47 and 5.13 to 5.17.
	 */
	.checks = {{"VM_BUG_ON_PAGE(!unmap_success)", "mm/huge_memory.c", true},
		   {"VM_BUG_ON_PAGE(ret)", "mm/huge_memory.c", true},
		   {"VM_BUG_ON_PAGE(compound_mapcount(head))", "mm/huge_memory.c", true},
		   {"total_mapcount(head) > 0", "mm/huge_memory.c", true},
		   {"VM_WARN_ON_ONCE_PAGE(page_mapped(page))", "mm/huge_memory.c", true}},
	.trace = FUNCTION_SPLIT,
	.trace_itself = true,
	.trace_name = "split",
	/*
	 * A split's walk that misses a PMD under zap came with 3.13 (117b0791ac42) and was removed
	 * in 3.15 (b5a8cad376ee). Since 4.5, splits again walk without the lock; TTU_SYNC came with
	 * 5.13 and 5.10.47.
	 */
	.releases =
		{
			{RACE_VERSION(3, 13), RACE_VERSION(3, 15), RACE_FOREVER, 0},
			{RACE_VERSION(4, 5), RACE_VERSION(5, 13), RACE_FOREVER, 47},
		},
};
