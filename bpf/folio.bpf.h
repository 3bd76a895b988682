/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts about folios, read from the kernel's memory: is it large, how often is it mapped. */
#ifndef THPRACE_FOLIO_BPF_H
#define THPRACE_FOLIO_BPF_H

#include "engine.bpf.h"

#define PAGE_SIZE_SCRATCH 4096

struct scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u8[PAGE_SIZE_SCRATCH]);
};
extern struct scratch_map scratch SEC(".maps");

/* direct: page is a typed pointer of a tracing program and may be dereferenced. */
static __always_inline u64 page_flags(u64 page, int direct)
{
	if (bpf_core_field_exists(struct page___v618, flags.f)) {
		if (direct)
			return ((struct page___v618 *)page)->flags.f;
		return BPF_CORE_READ((struct page___v618 *)page, flags.f);
	}
	if (direct)
		return ((struct page *)page)->flags;
	return BPF_CORE_READ((struct page *)page, flags);
}

/* Is this the head page of a large folio? */
static __always_inline int page_is_head(u64 page, int direct)
{
	return page_flags(page, direct) >> bpf_core_enum_value(enum pageflags, PG_head) & 1;
}

/*
 * Is it a tail page? compound_head is absent where tail pages encode it otherwise (compound_info,
 * 7.0+); probes there get folios.
 */
static __always_inline int page_is_tail(u64 page, int direct)
{
	if (!bpf_core_field_exists(struct page, compound_head))
		return 0;
	if (direct)
		return POINTER_IS_ODD(((struct page *)page)->compound_head);
	return BPF_CORE_READ((struct page *)page, compound_head) & 1;
}

/* Head page of a page that may be a tail. */
static __always_inline u64 page_folio(u64 page)
{
	u64 head = 0;

	if (bpf_core_field_exists(struct page, compound_head))
		head = BPF_CORE_READ((struct page *)page, compound_head);
	return head & 1 ? head - 1 : page;
}

#define PAGES_AT_ONCE (PAGE_SIZE_SCRATCH / 64)

/*
 * The sum of the own mapcounts of so many small pages, from struct page `first` on. A global function:
 * the verifier walks it once, not at each call.
 */
__noinline int __weak subpages_some(u64 first)
{
	const u32 size = bpf_core_type_size(struct page);
	const u32 at = bpf_core_field_offset(struct page, _mapcount);
	u32 zero = 0;
	u8 *copy = bpf_map_lookup_elem(&scratch, &zero);
	s32 sum = 0;
	u32 i;

	if (!copy || size != 64 || at > 60 ||
	    bpf_probe_read_kernel(copy, PAGE_SIZE_SCRATCH, (void *)first))
		return 0;
	for (i = 0; i < PAGES_AT_ONCE; i++)
		sum += *(s32 *)(copy + i * 64 + at) + 1;
	return sum;
}

/* PTE-level mappings of a compound page, up to 6.1: the sum of the small pages' own mapcounts. */
static __always_inline s32 subpages_mapcount(u64 head, u32 pages)
{
	s32 sum = 0;
	u32 i;

	for (i = 0; i < 512 && i < pages; i += PAGES_AT_ONCE)
		sum += subpages_some(head + (u64)i * 64);
	return sum;
}

/*
 * How often is a folio mapped, all levels together? Sources: folio_mapped() and page_mapcount() of
 * each version. Up to 6.1 the PTE-level mappings are looked for only when no PMD maps it.
 * A global function: the verifier walks it once, not at each call.
 */
__noinline int __weak folio_mapcount(u64 folio)
{
	struct page___v61 *tail;
	s32 count;

	if (!page_is_head(folio, 0))
		return BPF_CORE_READ((struct page *)folio, _mapcount.counter) + 1;
	if (bpf_core_field_exists(struct folio___v69, _large_mapcount))
		return BPF_CORE_READ((struct folio___v69 *)folio, _large_mapcount.counter) + 1;
	if (bpf_core_field_exists(struct folio___v63, _nr_pages_mapped)) {
		count = BPF_CORE_READ((struct folio___v63 *)folio, _nr_pages_mapped.counter);
		return (count & 0x7fffff) +
		       BPF_CORE_READ((struct folio___v63 *)folio, _entire_mapcount.counter) + 1;
	}
	if (!bpf_core_field_exists(struct page___v61, compound_mapcount))
		return 0;
	tail = (struct page___v61 *)(folio + bpf_core_type_size(struct page));
	count = BPF_CORE_READ(tail, compound_mapcount.counter) + 1;
	if (count > 0)
		return count;
	return subpages_mapcount(folio, BPF_CORE_READ(tail, compound_nr));
}

#endif
