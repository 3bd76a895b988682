/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walkers that the ends of zaps are reported for: from a walker's entry to its return, and if it failed
 * until what was under way then has ended. Who zaps a range compares it with them (bpf/range.bpf.c).
 *
 * A walker takes its place, counts up attributing.walkers and is stamped then: so a range that finds the
 * count 0 when it begins began before each walker that is pending when it ends.
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
 * A place for a walker of this task on a folio. Returns its number plus 1, 0: none is free. A global
 * function: the verifier walks it once, not at each call.
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

static __always_inline void pending_free(u32 at, struct thprace_pending *place)
{
	*(volatile u64 *)&place->folio = 0;
	ADD(attributing.walkers, -1);
	bpf_map_delete_elem(&pending_claims, &at);
}

/*
 * The walker of a place (number plus 1) has returned. One that failed stays. Returns 0 when it has none.
 */
static __always_inline int pending_end(u32 number, u64 folio, u32 pid, u64 leave,
				       struct thprace_counts left, int failed)
{
	u32 at = number - 1;
	struct thprace_pending *place = pending_at(at);

	if (!number || place->folio != folio || place->pid != pid || place->leave)
		return 0; /* core took it away, since it lasted too long */
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
