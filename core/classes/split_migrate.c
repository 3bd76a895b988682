// SPDX-License-Identifier: GPL-2.0-only
/*
 * A split of an anonymous huge page turns its mappings into migration entries while a zap removes
 * one (5.14 and later).
 */
#include "race_class.h"

/*
 * try_to_migrate_one() returned false once it had split a huge pmd, which ends the walk over the
 * mappings. Its counterpart, try_to_unmap_one(), has always continued (since 6.10, when it began to
 * split within the walk).
 */
static const struct check_defect migrate_ends = {
	.text = "try_to_migrate ends its walk after the first huge mapping: where a fork shares an "
		"anonymous huge page, the other mappings stay and each split of it fails, without a "
		"race",
	.fact = FACT_MIGRATE_ENDS,
	.cause = {"60fbb14396d5",
		  "mm/huge_memory: adjust try_to_migrate_one() and split_huge_pmd_locked()",
		  "6.16"},
	.mend = {"939080834fef3ce42fdbcfef33fd29c9ffe5bbed",
		 "mm/huge_memory: fix early failure try_to_migrate() when split huge pmd for shared "
		 "THP",
		 "7.0"},
	.stable = "6.18.20 and 6.19.10",
};

const struct race_class race_class_split_migrate = {
	.number = 2,
	.name = "split-migrate",
	.title =
		"a split of an anonymous huge page, while a zap removes a mapping of it (5.14 and later)",
	.shape = RACE_WALK,
	.walkers = {{.point = THPRACE_POINT_MIGRATE,
		     .origin = THPRACE_ORIGIN_SPLIT,
		     .callers = {RACE_SPLITS}}},
	.by_zap = true,
	.points = {{.point = {THPRACE_POINT_MIGRATE, RACE_NO_POINT}}},
	.needs_symbol = "try_to_migrate",
	.point = "migrate",
	.function = "try_to_migrate",
	.widen = THPRACE_WIDEN_PHASE_1,
	.windows = RACE_WINDOWS_ZAP,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
			{CHECK_CANNOT_HAPPEN, {NOT(MIGRATE)}},
			{CHECK_VULNERABLE, {IS(MIGRATE), NOT(FLAG)}},
			{CHECK_VULNERABLE, {IS(FLAG), NOT(MIGRATE_PASSES)}},
			{CHECK_VULNERABLE, {IS(FLAG), NOT(MIGRATE_HONOURS)}},
			{CHECK_FIXED, {IS(FLAG), IS(MIGRATE_PASSES), IS(MIGRATE_HONOURS)}},
		},
	/* This commit brought try_to_migrate, with TTU_SYNC from the start. */
	.commit = {"a98a2f0c8ce1b2138cb8e3ae410444dedcc14809",
		   "mm/rmap: split migration into its own function", "5.14"},
	.defect = &migrate_ends,
	.watched = true,
	.watch_function = THPRACE_WATCH_MIGRATE,
	.watch_kind = THPRACE_WATCH_SPLIT,
	.says = SAYS_SPLIT_WARNING,
	/* unmap_page() of 5.14 to 5.17. */
	.checks = {{"VM_WARN_ON_ONCE_PAGE(page_mapped(page))", "mm/huge_memory.c", true}},
	.trace = FUNCTION_SPLIT,
	.trace_itself = true,
	.trace_name = "split",
	.releases = {{RACE_VERSION(5, 14), RACE_VERSION(5, 13), RACE_FOREVER, 0}},
};
