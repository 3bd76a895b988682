/* SPDX-License-Identifier: GPL-2.0-only */
/* What `thprace check --watch` counts: shared by bpf/watch.bpf.c and core. */
#ifndef THPRACE_WATCH_H
#define THPRACE_WATCH_H

/*
 * include/linux/rmap.h, from 4.11 ("mm: introduce page_vma_mapped_walk()") to at least 7.2. It is a
 * #define, which BTF does not have, so programs cannot look it up by name.
 */
#define THPRACE_PVMW_SYNC (1 << 0)

enum thprace_watch_function {
	THPRACE_WATCH_UNMAP, /* try_to_unmap */
	THPRACE_WATCH_MIGRATE, /* try_to_migrate, since 5.14 */
	THPRACE_WATCH_FUNCTION_MAX
};

#define THPRACE_WATCH_FUNCTION_NAMES             \
	{                                        \
		"try_to_unmap", "try_to_migrate" \
	}

/* The caller of the walk. At most four: see THPRACE_WATCH_WHICH. */
enum thprace_watch_kind {
	THPRACE_WATCH_SPLIT, /* TTU_RMAP_LOCKED | TTU_SPLIT_HUGE_PMD */
	THPRACE_WATCH_POISON, /* inside memory_failure, and neither for a split nor for reclaim */
	THPRACE_WATCH_OTHER, /* reclaim, migration … */
	THPRACE_WATCH_KIND_MAX
};

/* Index of the count of a function and a kind. */
#define THPRACE_WATCH_WHICH(function, kind) ((function) << 2 | (kind))
#define THPRACE_WATCH_COUNTS (THPRACE_WATCH_FUNCTION_MAX << 2)

_Static_assert(THPRACE_WATCH_KIND_MAX <= 4, "two bits");
_Static_assert(!(THPRACE_WATCH_COUNTS & (THPRACE_WATCH_COUNTS - 1)), "a mask bounds it");

struct thprace_watch_count {
	__u64 calls; /* of the function */
	__u64 with_ttu_sync; /* of these: with TTU_SYNC */
	__u64 walks; /* by page_vma_mapped_walk inside: one per mapping that is visited */
	__u64 with_pvmw_sync; /* of these: with PVMW_SYNC */
	__u64 shared; /* calls at whose entry the folio had several whole (PMD) mappings */
	__u64 cut_short; /* of these: a whole mapping was left at the return, and not all were
			  * visited */
};

#endif
