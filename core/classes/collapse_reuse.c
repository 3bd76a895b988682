// SPDX-License-Identifier: GPL-2.0-only
/*
 * A collapse fails, and its huge page, which it has revoked, is used again by the same task's next
 * call, while another task that found it before waits for its lock (until 5.19).
 */
#include "race_class.h"

const struct race_class race_class_collapse_reuse = {
	.number = 7,
	.name = "collapse-reuse",
	.title = "a huge page of a failed collapse is used again, while a task waits for its lock",
	.shape = RACE_REUSE,
	.walkers = {{.point = THPRACE_POINT_HOLD, .origin = THPRACE_ORIGIN_HOLDER},
		    {.point = THPRACE_POINT_COLLAPSE, .origin = THPRACE_ORIGIN_OTHER}},
	.points = {{.point = {THPRACE_POINT_COLLAPSE, THPRACE_POINT_HOLD, THPRACE_POINT_HOLD_END,
			      RACE_NO_POINT}}},
	.widen = THPRACE_WIDEN_NOT, /* it has no zap */
	.windows = RACE_WINDOWS_COLLAPSE,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
			{CHECK_CANNOT_HAPPEN, {NOT(CARRIES)}},
			{CHECK_CANNOT_HAPPEN, {IS(NUMA)}},
			{CHECK_VULNERABLE, {IS(CARRIES), NOT(NUMA), NOT(RELEASES)}},
			{CHECK_FIXED, {IS(CARRIES), NOT(NUMA), IS(RELEASES)}},
		},
	.commit = {"033b5d77551167f8c24ca862ce83d3e0745f9245",
		   "mm/khugepaged: fix filemap page_to_pgoff(page) != offset", "5.9"},
	/* find_lock_entry() and its followers, filemap_fault(); invalidate_inode_pages2_range(). */
	.checks = {{"VM_BUG_ON_PAGE(page_to_pgoff(page) != offset)", "mm/filemap.c", true},
		   {"VM_BUG_ON_PAGE(!thp_contains(page*", "mm/filemap.c", true},
		   {"VM_BUG_ON_FOLIO(!folio_contains(folio*", "mm/filemap.c", true},
		   {"VM_BUG_ON_FOLIO(!folio_contains(folio*", "mm/truncate.c", true}},
	/* collapse_file() took over huge pages until 5.19, with a check since 5.9. */
	.releases = {{RACE_VERSION(4, 8), RACE_VERSION(5, 9), RACE_VERSION(6, 0), 0}},
};
