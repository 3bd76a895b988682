// SPDX-License-Identifier: GPL-2.0-only
/* Truncation takes a page out of the page cache while a zap removes one of its mappings. */
#include "race_class.h"

const struct race_class race_class_truncate_unmap = {
	.number = 5,
	.name = "truncate-unmap",
	.title =
		"truncation takes a page out of the page cache, while a zap removes a mapping of it",
	.shape = RACE_WALK,
	.walkers = {{.point = THPRACE_POINT_TRUNCATE,
		     .origin = THPRACE_ORIGIN_TRUNCATE,
		     .callers = {"truncate_cleanup_folio", "truncate_cleanup_page"}},
		    {.point = THPRACE_POINT_CHECK,
		     .origin = THPRACE_ORIGIN_TRUNCATE,
		     .callers = {"filemap_unaccount_folio", "unaccount_page_cache_page"}}},
	.by_zap = true,
	.deletes = true,
	.points = {{.point = {THPRACE_POINT_TRUNCATE, RACE_NO_POINT}}},
	.point = "truncate",
	.function = "truncate_cleanup_folio",
	.widen = THPRACE_WIDEN_PHASE_1,
	.windows = RACE_WINDOWS_ZAP,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
			{CHECK_VULNERABLE, {NOT(UNMAP_SINGLE)}},
			{CHECK_VULNERABLE, {NOT(ZAP_SINGLE)}},
			{CHECK_VULNERABLE, {IS(UNMAP_SINGLE), NOT(TRUNCATE_CALLS)}},
			{CHECK_FIXED, {IS(UNMAP_SINGLE), IS(ZAP_SINGLE), IS(TRUNCATE_CALLS)}},
		},
	.commit = {"22061a1ffabdb9c3385de159c5db7aac3a4df1cc",
		   "mm/thp: unmap_mapping_page() to fix THP truncate_cleanup_page()", "5.13"},
	.says = SAYS_MAPPED,
	/*
	 * unaccount_page_cache_page(), since 5.16 filemap_unaccount_folio(); the last one: without
	 * DEBUG_VM.
	 */
	.checks = {{"VM_BUG_ON_PAGE(page_mapped(page))", "mm/filemap.c", true},
		   {"VM_BUG_ON_FOLIO(folio_mapped(folio))", "mm/filemap.c", true},
		   {"still mapped when deleted", "mm/filemap.c", true}},
	.trace = FUNCTION_TRUNCATE,
	.trace_name = "truncation",
	/* Huge pages of shmem came with 4.8, unmap_mapping_page() with 5.13 and 5.10.47. */
	.releases = {{RACE_VERSION(4, 8), RACE_VERSION(5, 13), RACE_FOREVER, 47}},
};
