/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walkers for which the ends of zaps are reported: from a walker's entry to its return, or, if it
 * failed, until all zaps that were under way at its return have ended. A task that zaps a range
 * compares the range with them (bpf/range.bpf.c).
 *
 * A walker claims its place and increments attributing.walkers before it is stamped. So a range
 * that finds the count 0 at its start began before each walker that is pending at its end.
 */
#ifndef THPRACE_PENDING_BPF_H
#define THPRACE_PENDING_BPF_H

#include "folio.bpf.h"
#include "record.bpf.h"

static __always_inline struct thprace_pending *pending_at(u32 at)
{
	return &pending[BOUND(at, THPRACE_PENDING_MAX - 1)];
}

static __always_inline u64 folio_index(u64 folio)
{
	if (bpf_core_field_exists(struct folio___v516, index))
		return BPF_CORE_READ((struct folio___v516 *)folio, index);
	return BPF_CORE_READ((struct page___v515 *)folio, index);
}

/*
 * Claims a place for this task's walker on a folio. Returns its index plus 1, 0: none is free. A
 * global function, so the verifier walks it once and not at each call.
 */
__noinline int __weak pending_begin(u64 folio)
{
	u32 pid = bpf_get_current_pid_tgid();
	struct thprace_pending *place;
	u64 mapping, object;
	u32 i, at;

	for (i = 0; i < THPRACE_PENDING_MAX; i++) {
		at = BOUND(pid + i, THPRACE_PENDING_MAX - 1);
		if (!pending[at].folio &&
		    !bpf_map_update_elem(&pending_claims, &at, &pid, BPF_NOEXIST))
			break;
	}
	if (i == THPRACE_PENDING_MAX)
		return 0;
	place = pending_at(at);
	mapping = folio_mapping(folio);
	object = mapping & 3 ? 0 : mapping;
	if (mapping_is_anon(mapping))
		object = (u64)BPF_CORE_READ((struct anon_vma *)(mapping - 1), root);
	place->object = object;
	place->index = folio_index(folio);
	place->pages = page_is_head(folio, 0) ? 1U << huge_order : 1; /* at most */
	place->enter = 0;
	place->leave = 0;
	place->returned = 0;
	place->pid = pid;
	place->reported = 0;
	barrier();
	*(volatile u64 *)&place->folio = folio;
	ADD(attributing.walkers, 1);
	return at + 1;
}

/* Who walks: only a reader of a crash dump needs it. */
static __always_inline void pending_describe(u32 at, u64 task, u8 class, u8 origin)
{
	struct thprace_pending *place = pending_at(at);

	place->tgid = task >> 32;
	place->class = class;
	place->origin = origin;
	place->task = bpf_get_current_task();
}

static __always_inline void pending_free(u32 at, struct thprace_pending *place)
{
	*(volatile u64 *)&place->folio = 0;
	ADD(attributing.walkers, -1);
	bpf_map_delete_elem(&pending_claims, &at);
}

/*
 * The walker at an index (plus 1) has returned. A failed walker stays. Returns 0 if it has no
 * place.
 */
static __always_inline int pending_end(u32 number, u64 folio, u32 pid, u64 leave,
				       struct thprace_counts left, int failed)
{
	u32 at = number - 1;
	struct thprace_pending *place = pending_at(at);

	if (!number || place->folio != folio || place->pid != pid || place->leave)
		return 0; /* core took it away because it lasted too long */
	if (!failed) {
		pending_free(at, place);
		return 1;
	}
	place->small = left.small;
	place->huge = left.entire > 0 && left.small <= 0;
	place->first = precise && left.small > 0 ? folio_first_small(folio) : 0;
	ADD(bucket_of(folio)->pending, 1);
	*(volatile u64 *)&place->leave = leave;
	return 1;
}

#endif
