// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of probe points. Function names are annotated with the first and last version that has
 * them; which one a kernel has is looked up in the kernel, not derived from its version.
 */
#include "probe_private.h"

#include <string.h>

#include "classes/race_class.h"

const struct probe_point probe_points[THPRACE_POINT_MAX] = {
	[THPRACE_POINT_ZAP] =
		{
			.name = "zap",
			.functions = {"zap_huge_pmd"},
			.params = {{"vma"}, {"pmd"}, {"addr"}},
			.needed = {true, true, false},
			.known = {{.function = "zap_huge_pmd", .params = "tlb, vma, pmd, addr"}},
			.entry = "zap_enter",
			.exit = "zap_return",
			.needs = "CONFIG_TRANSPARENT_HUGEPAGE",
			.what = "a huge mapping is zapped: marks the task, closes the window",
		},
	[THPRACE_POINT_LOCK] =
		{
			.name = "lock",
			.functions = {"__pmd_trans_huge_lock"},
			.exit = "zap_lock",
			.needs = "CONFIG_TRANSPARENT_HUGEPAGE",
			.what = "lock held, entry not cleared yet: opens the window",
		},
	[THPRACE_POINT_RMAP] =
		{
			.name = "rmap",
			.functions = {"page_remove_rmap"}, /* until 6.8 */
			.params = {{"page"}, {"compound"}},
			.needed = {true, true, false},
			.entry = "rmap_enter",
			.exit = "rmap",
			.widen = "widen_page",
			.widen_after = "widen_page_after",
			.precise_only = true,
			.what = "mapcount decremented: ends phase 1; PTE-level removals",
		},
	[THPRACE_POINT_RMAP_PMD] =
		{
			.name = "rmap-pmd",
			.functions = {"folio_remove_rmap_pmd"}, /* 6.8+ */
			.params = {{"folio"}},
			.needed = {true, false, false},
			.exit = "rmap_pmd",
			.kprobe_entry = "rmap_pmd_kprobe",
			.widen = "widen_pmd",
			.widen_after = "widen_pmd_after",
			.precise_only = true,
			.what = "mapcount of a huge mapping decremented: ends phase 1",
		},
	[THPRACE_POINT_RMAP_PTES] =
		{
			.name = "rmap-ptes",
			.functions = {"folio_remove_rmap_ptes"}, /* 6.8+ */
			.params = {{"folio"}, {"page"}, {"nr_pages"}},
			.needed = {true, false, true},
			.entry = "rmap_ptes_enter",
			.exit = "rmap_ptes",
			.widen = "widen_ptes",
			.precise_only = true,
			.what = "mapcount of small pages decremented: PTE-level removals",
		},
	[THPRACE_POINT_RANGE] =
		{
			.name = "range",
			.functions = {"unmap_page_range", "__zap_vma_range"}, /* until 7.0; 7.1+ */
			.params = {{"vma"}, {"addr", "start"}, {"end"}},
			.needed = {true, true, true},
			.entry = "range_enter",
			.exit = "range_return",
			.what = "zap of a part of a vma: who took a small page's mapping",
		},
	[THPRACE_POINT_SPLIT] =
		{
			.name = "split",
			/* 6.16+; 6.9 – 6.15; until 6.8 */
			.functions = {"__folio_split", "split_huge_page_to_list_to_order",
				      "split_huge_page_to_list"},
			.params = {{"folio", "page"}},
			.needed = {true, false, false},
			.entry = "split_enter",
			.exit = "split_return",
			.needs = "CONFIG_TRANSPARENT_HUGEPAGE",
			.what = "a huge page is split: its result, and phase 2",
		},
	[THPRACE_POINT_UNMAP] =
		{
			.name = "unmap",
			.functions = {"try_to_unmap"},
			.params = {{"folio", "page"}, {"flags"}},
			.needed = {true, true, false},
			.callees = {"try_to_unmap"},
			.entry = "try_unmap_enter",
			.exit = "try_unmap_return",
			.what = "walker of splits (file THP) and of memory_failure",
		},
	[THPRACE_POINT_MIGRATE] =
		{
			.name = "migrate",
			.functions = {"try_to_migrate"}, /* 5.14+ */
			.params = {{"folio", "page"}, {"flags"}},
			.needed = {true, true, false},
			.callees = {"try_to_migrate"},
			.entry = "try_migrate_enter",
			.exit = "try_migrate_return",
			.needs =
				"Linux 5.14: before it, splits of anonymous pages call try_to_unmap",
			.what = "walker of splits (anon THP)",
		},
	[THPRACE_POINT_TRUNCATE] =
		{
			.name = "truncate",
			.functions = {"truncate_cleanup_folio",
				      "truncate_cleanup_page"}, /* 5.16+; before */
			.params = {{"folio", "page"}},
			.needed = {true, false, false},
			/*
			 * The fix of 2021, which added unmap_mapping_page, removed the first one.
			 */
			.known = {{.function = "truncate_cleanup_page",
				   .params = "page",
				   .with = "unmap_mapping_page"},
				  {.function = "truncate_cleanup_page",
				   .params = "mapping, page",
				   .without = "unmap_mapping_page"}},
			/* It unmaps what is mapped, which is rare: this is the walk. */
			.callees = {"unmap_mapping_folio", "unmap_mapping_page"},
			.entry = "truncate_enter",
			.exit = "truncate_return",
			.what = "walker of truncation and hole punching",
		},
	[THPRACE_POINT_INVALIDATE] =
		{
			.name = "invalidate",
			.functions = {"invalidate_inode_pages2_range"},
			.entry = "invalidate_enter",
			.exit = "invalidate_return",
			.what = "brackets an invalidation of the page cache",
		},
	[THPRACE_POINT_UNMAP_FOLIO] =
		{
			.name = "unmap-folio",
			.functions = {"unmap_mapping_folio",
				      "unmap_mapping_page"}, /* 5.16+; 5.10.47, 5.13+ */
			.params = {{"folio", "page"}},
			.needed = {true, false, false},
			.callees = {"unmap_mapping_folio", "unmap_mapping_page"},
			.entry = "unmap_folio_enter",
			.exit = "unmap_folio_return",
			.what = "walker of invalidations, one folio's turn",
		},
	[THPRACE_POINT_POISON] =
		{
			.name = "poison",
			.functions = {"memory_failure"},
			.params = {{"pfn"}},
			.entry = "poison_enter",
			.exit = "poison_return",
			.needs = "CONFIG_MEMORY_FAILURE",
			.what = "brackets memory_failure, whose page may be small",
		},
	[THPRACE_POINT_CHECK] =
		{
			.name = "check",
			/* 5.16+; before */
			.functions = {"filemap_unaccount_folio", "unaccount_page_cache_page"},
			.params = {{"folio", "page"}},
			.needed = {true, false, false},
			.known = {{.function = "filemap_unaccount_folio",
				   .params = "mapping, folio"},
				  {.function = "unaccount_page_cache_page",
				   .params = "mapping, page"}},
			/*
			 * It dumps the page that it complains about: "still mapped when deleted".
			 */
			.callees = {"dump_page"},
			.entry = "check_enter",
			.what = "the kernel's own check point: mapped at removal from the page cache",
		},
	[THPRACE_POINT_COLLAPSE] =
		{
			.name = "collapse",
			.functions = {"collapse_file"},
			.params = {{"file"}, {"start"}, {"hpage"}}, /* hpage: until 5.19 */
			/* Until 6.0; madvise_collapse came with 6.1. */
			.known = {{"collapse_file", "mm, file, start, **hpage, node", NULL,
				   "madvise_collapse", "file", TARGET_FILE_MAPPING}},
			.entry = "collapse_enter",
			.exit = "collapse_return",
			.needs = "CONFIG_TRANSPARENT_HUGEPAGE",
			.what = "khugepaged and MADV_COLLAPSE: intervals, results, the page revoked",
		},
	[THPRACE_POINT_HOLD] =
		{
			.name = "hold",
			.functions = {"io_schedule"},
			.entry = "hold_enter",
			.what = "a task waits for the lock of a page that it found",
		},
	[THPRACE_POINT_HOLD_END] =
		{
			.name = "hold-end",
			.functions = {"finish_wait"},
			.params = {{"wq_entry"}},
			.needed = {true, false, false},
			.entry = "hold_end",
			.what = "it waits no longer",
		},
	/* Both only if UNMAP_FOLIO has none of its functions: core/probe/probe.c. */
	[THPRACE_POINT_UNMAP_PAGES] =
		{
			.name = "unmap-pages",
			.functions = {"unmap_mapping_pages"},
			.entry = "unmap_pages_enter",
			.exit = "unmap_pages_return",
			.what = "walker of invalidations that have no unmap-folio",
		},
	[THPRACE_POINT_MAPPED] =
		{
			.name = "mapped",
			.functions = {"page_mapped"},
			.params = {{"page"}},
			.needed = {true, false, false},
			.entry = "mapped_enter",
			.what = "inside an invalidation: the page that unmap-pages works on",
		},
};

static size_t add_name(const char **names, size_t count, size_t max, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return count;
	if (count < max)
		names[count++] = name;
	return count;
}

size_t probe__names(const char **names, size_t max)
{
	const struct probe_point *p;
	const struct race_walker *walker;
	unsigned int class;
	size_t count = 0;
	int point, i;

	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		p = &probe_points[point];
		for (i = 0; i < PROBE_FUNCTIONS_MAX && p->functions[i]; i++)
			count = add_name(names, count, max, p->functions[i]);
		for (i = 0; i < PROBE_KNOWN_MAX && p->known[i].function; i++) {
			if (p->known[i].with)
				count = add_name(names, count, max, p->known[i].with);
			if (p->known[i].without)
				count = add_name(names, count, max, p->known[i].without);
		}
		for (i = 0; i < 2 && p->callees[i]; i++)
			count = add_name(names, count, max, p->callees[i]);
	}
	for (class = 1; class < race_class__end(); class ++)
		for (i = 0; i < RACE_WALKERS_MAX * RACE_CALLERS_MAX; i++) {
			walker = &race_class__of(class)->walkers[i / RACE_CALLERS_MAX];
			if (walker->callers[i % RACE_CALLERS_MAX])
				count = add_name(names, count, max,
						 walker->callers[i % RACE_CALLERS_MAX]);
		}
	count = add_name(names, count, max, PROBE_WAKE);
	count = add_name(names, count, max, PROBE_TRIAL_X86);
	count = add_name(names, count, max, PROBE_TRIAL_ARM64);
	count = add_name(names, count, max, PROBE_TRIAL_CALLEE);
	count = add_name(names, count, max, PROBE_SPLIT_PMD);
	return add_name(names, count, max, PROBE_PTE_FUNCTION);
}
