/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts about folios, read from kernel memory: is it large, how often is it mapped. */
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
 * Is it a tail page? compound_head is absent on kernels that encode tail pages in another way
 * (compound_info, 7.0+); probes there get folios.
 */
static __always_inline int page_is_tail(u64 page, int direct)
{
	if (!bpf_core_field_exists(struct page, compound_head))
		return 0;
	if (direct)
		return POINTER_IS_ODD(((struct page *)page)->compound_head);
	return BPF_CORE_READ((struct page *)page, compound_head) & 1;
}

/* Head page of a page that may be a tail page. */
static __always_inline u64 page_folio(u64 page)
{
	u64 head = 0;

	if (bpf_core_field_exists(struct page, compound_head))
		head = BPF_CORE_READ((struct page *)page, compound_head);
	return head & 1 ? head - 1 : page;
}

#define PAGES_AT_ONCE (PAGE_SIZE_SCRATCH / 64)

/*
 * The sum of the mapcounts of this many small pages, from struct page `first` on. A global
 * function, so the verifier walks it once and not at each call.
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

/* Which of PAGES_AT_ONCE small pages is the first that a PTE maps; PAGES_AT_ONCE: none. */
__noinline int __weak subpages_first(u64 first)
{
	const u32 size = bpf_core_type_size(struct page);
	const u32 at = bpf_core_field_offset(struct page, _mapcount);
	u32 zero = 0;
	u8 *copy = bpf_map_lookup_elem(&scratch, &zero);
	u32 i, found = PAGES_AT_ONCE;

	if (!copy || size != 64 || at > 60 ||
	    bpf_probe_read_kernel(copy, PAGE_SIZE_SCRATCH, (void *)first))
		return PAGES_AT_ONCE;
	for (i = PAGES_AT_ONCE; i > 0; i--)
		if (*(s32 *)(copy + (i - 1) * 64 + at) >= 0)
			found = i - 1;
	return found;
}

/* PTE-level mappings of a compound page, up to 6.1: the sum of the mapcounts of its small pages. */
static __always_inline s32 subpages_mapcount(u64 head, u32 pages)
{
	s32 sum = 0;
	u32 i;

	for (i = 0; i < 512 && i < pages; i += PAGES_AT_ONCE)
		sum += subpages_some(head + (u64)i * 64);
	return sum;
}

/* Is this the mapping of an anonymous folio (page-flags.h: PAGE_MAPPING_ANON, without _MOVABLE)? */
static __always_inline int mapping_is_anon(u64 mapping)
{
	return (mapping & 3) == 1;
}

static __always_inline u64 folio_mapping(u64 folio)
{
	return (u64)BPF_CORE_READ((struct page *)folio, mapping);
}

/* How many PMDs map a large folio. Sources: folio_mapped() and page_mapcount() of each version. */
static __always_inline s32 large_entire(u64 folio)
{
	struct page___v61 *tail;

	if (bpf_core_field_exists(struct folio___v63, _entire_mapcount))
		return BPF_CORE_READ((struct folio___v63 *)folio, _entire_mapcount.counter) + 1;
	if (!bpf_core_field_exists(struct page___v61, compound_mapcount))
		return 0;
	tail = (struct page___v61 *)(folio + bpf_core_type_size(struct page));
	return BPF_CORE_READ(tail, compound_mapcount.counter) + 1;
}

/* The same of any folio. A global function, so the verifier walks it once and not at each call. */
__noinline int __weak folio_entire(u64 folio)
{
	return page_is_head(folio, 0) ? large_entire(folio) : 0;
}

/*
 * How many PTEs map pages of a large folio while this many PMDs do: one count since 6.9, before that the
 * sum of the pages' own counts. Up to 6.1, each PMD that maps a folio of a file also counts in its small
 * pages, and these are decremented first when the mapping goes away, so the sum means something only
 * without a PMD mapping. For an anonymous folio that is mapped both ways each counts one more
 * (PageDoubleMap). A global function: see folio_entire.
 */
__noinline int __weak folio_small_beside(u64 folio, u32 entire)
{
	u64 second = folio + bpf_core_type_size(struct page);
	u32 pages = 0;
	s32 sum;

	if (bpf_core_field_exists(struct folio___v69, _large_mapcount))
		return BPF_CORE_READ((struct folio___v69 *)folio, _large_mapcount.counter) + 1 -
		       entire;
	if (bpf_core_field_exists(struct folio___v63, _nr_pages_mapped) &&
	    !(BPF_CORE_READ((struct folio___v63 *)folio, _nr_pages_mapped.counter) & 0x7fffff))
		return 0; /* 6.3 – 6.8: no page is mapped; the bits above these say whether a PMD
			   * maps it */
	if (bpf_core_field_exists(struct page___v61, compound_nr))
		pages = BPF_CORE_READ((struct page___v61 *)second, compound_nr);
	else if (bpf_core_field_exists(struct folio___v613, _folio_nr_pages))
		pages = BPF_CORE_READ((struct folio___v613 *)folio, _folio_nr_pages);
	sum = subpages_mapcount(folio, pages);
	if (bpf_core_field_exists(struct folio___v63, _entire_mapcount))
		return sum;
	if (!mapping_is_anon(folio_mapping(folio)))
		return (s32)entire > 0 ? 0 : sum;
	if (bpf_core_enum_value_exists(enum pageflags, PG_double_map) &&
	    page_flags(second, 0) >> bpf_core_enum_value(enum pageflags, PG_double_map) & 1)
		sum -= pages;
	return sum;
}

#define SMALL_READINGS 3

/*
 * How many PTEs map pages of a folio. If a PMD mapping comes or goes between the readings of two counts,
 * the difference would show a PTE: then they are read again. A global function: see folio_entire.
 */
__noinline int __weak folio_small(u64 folio)
{
	s32 entire, before, small = 0;
	u32 i;

	if (!page_is_head(folio, 0))
		return BPF_CORE_READ((struct page *)folio, _mapcount.counter) + 1;
	entire = large_entire(folio);
	for (i = 0; i < SMALL_READINGS; i++) {
		before = entire;
		small = folio_small_beside(folio, before);
		entire = large_entire(folio);
		if (entire == before)
			break;
	}
	return small;
}

/* The first page of a large folio that a PTE maps, if no PMD maps the folio; else 0. */
static __always_inline u64 folio_first_small(u64 folio)
{
	u32 i, at;

	if (!page_is_head(folio, 0) || folio_entire(folio) > 0)
		return 0;
	for (i = 0; i < 512 && i < 1U << huge_order; i += PAGES_AT_ONCE) {
		at = subpages_first(folio + (u64)i * 64);
		if (at < PAGES_AT_ONCE)
			return folio + (u64)(i + at) * 64;
	}
	return 0;
}

#endif
