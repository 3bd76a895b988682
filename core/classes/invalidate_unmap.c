// SPDX-License-Identifier: GPL-2.0-only
/* An invalidation takes a page out of the page cache while a zap removes one of its mappings. */
#include "race_class.h"

const struct race_class race_class_invalidate_unmap = {
	.number = 6,
	.name = "invalidate-unmap",
	.title =
		"an invalidation takes a page out of the page cache, while a zap removes a mapping of it",
	.shape = RACE_WALK,
	.walkers = {{.point = THPRACE_POINT_UNMAP_FOLIO,
		     .origin = THPRACE_ORIGIN_INVALIDATE,
		     .callers = {"invalidate_inode_pages2_range", "folio_unmap_invalidate"}},
		    {.point = THPRACE_POINT_UNMAP_PAGES, .origin = THPRACE_ORIGIN_INVALIDATE}},
	.by_zap = true,
	.deletes = true,
	.points =
		{
			{.point = {THPRACE_POINT_UNMAP_PAGES, THPRACE_POINT_INVALIDATE,
				   THPRACE_POINT_MAPPED, RACE_NO_POINT}},
			{.point = {THPRACE_POINT_UNMAP_FOLIO, THPRACE_POINT_INVALIDATE,
				   RACE_NO_POINT},
			 .calls_alone = true},
		},
	.point = "unmap-folio",
	.function = "unmap_mapping_folio",
	.point2 = "unmap-pages",
	.widen = THPRACE_WIDEN_PHASE_1,
	.windows = RACE_WINDOWS_ZAP,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
			{CHECK_VULNERABLE, {NOT(UNMAP_SINGLE)}},
			{CHECK_VULNERABLE, {NOT(ZAP_SINGLE)}},
			{CHECK_VULNERABLE, {IS(UNMAP_SINGLE), NOT(INVALIDATE_CALLS)}},
			{CHECK_FIXED, {IS(UNMAP_SINGLE), IS(ZAP_SINGLE), IS(INVALIDATE_CALLS)}},
		},
	.commit = {"22061a1ffabdb9c3385de159c5db7aac3a4df1cc",
		   "mm/thp: unmap_mapping_page() to fix THP truncate_cleanup_page()", "5.13"},
	.says = SAYS_MAPPED | SAYS_BUG_TRUNCATE,
	/* As in truncate_unmap.c, and invalidate_inode_pages2_range(). */
	.checks = {{"VM_BUG_ON_PAGE(page_mapped(page))", "mm/filemap.c", true},
		   {"VM_BUG_ON_FOLIO(folio_mapped(folio))", "mm/filemap.c", true},
		   {"still mapped when deleted", "mm/filemap.c", true},
		   {"VM_BUG_ON_PAGE(page_mapped(page))", "mm/truncate.c", true},
		   {"VM_BUG_ON_FOLIO(folio_mapped(folio))", "mm/truncate.c", true}},
	.trace = FUNCTION_INVALIDATE,
	.trace_name = "invalidation",
	/*
	 * Huge pages of other files came with 5.4: invalidate_inode_pages2 never sees huge pages of
	 * shmem.
	 */
	.releases = {{RACE_VERSION(5, 4), RACE_VERSION(5, 13), RACE_FOREVER, 47}},
};
