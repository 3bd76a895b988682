// SPDX-License-Identifier: GPL-2.0-only
// The shape of 6.1, where only try_to_unmap() would know of TTU_SYNC.
#include "kernel.h"

struct page_vma_mapped_walk {
	struct vm_area_struct *vma;
	unsigned long address;
	unsigned int flags;
};

#define DEFINE_FOLIO_VMA_WALK(name, _folio, _vma, _address, _flags) \
	struct page_vma_mapped_walk name = { .vma = _vma, .address = _address, .flags = _flags }

enum ttu_flags {
	TTU_SPLIT_HUGE_PMD	= 0x4,
	TTU_IGNORE_MLOCK	= 0x8,
	TTU_SYNC		= 0x10,
	TTU_RMAP_LOCKED		= 0x80,
};

bool page_vma_mapped_walk(struct page_vma_mapped_walk *pvmw);
void rmap_walk(struct folio *folio, struct rmap_walk_control *rwc);
void try_to_unmap(struct folio *folio, enum ttu_flags flags);

/* has it already */
bool try_to_unmap_one(struct folio *folio, struct vm_area_struct *vma, unsigned long address,
		      void *arg)
{
	DEFINE_FOLIO_VMA_WALK(pvmw, folio, vma, address, 0);
	enum ttu_flags flags = (enum ttu_flags)(long)arg;

	if (flags & TTU_SYNC)
		pvmw.flags = PVMW_SYNC;

	while (page_vma_mapped_walk(&pvmw))
		folio_get(folio);
	return true;
}

static bool try_to_migrate_one(struct folio *folio, struct vm_area_struct *vma,
			       unsigned long address, void *arg)
{
	struct mm_struct *mm = vma->vm_mm;
	DEFINE_FOLIO_VMA_WALK(pvmw, folio, vma, address, 0);
	bool ret = true;
	enum ttu_flags flags = (enum ttu_flags)(long)arg;

	if (flags & TTU_SYNC)
		pvmw.flags = PVMW_SYNC;

	/* what the function did first, it does after the addition */
	if (flags & TTU_SPLIT_HUGE_PMD)
		mm->users++;

	while (page_vma_mapped_walk(&pvmw))
		ret = false;
	return ret;
}

void try_to_migrate(struct folio *folio, enum ttu_flags flags)
{
	struct rmap_walk_control rwc = {
		.arg = (void *)(long)flags,
	};

	if (WARN_ON_ONCE(flags & ~(TTU_RMAP_LOCKED | TTU_SPLIT_HUGE_PMD | TTU_SYNC)))
		return;

	if (try_to_migrate_one(folio, NULL, 0, rwc.arg))
		rmap_walk(folio, &rwc);
}

void unmap_folio(struct folio *folio)
{
	enum ttu_flags ttu_flags = TTU_RMAP_LOCKED | TTU_SPLIT_HUGE_PMD | TTU_SYNC;

	if (folio_test_anon(folio))
		try_to_migrate(folio, ttu_flags);
	else
		try_to_unmap(folio, ttu_flags | TTU_IGNORE_MLOCK);
}

/* not this one */
void reclaim_folio(struct folio *folio)
{
	enum ttu_flags ttu_flags = TTU_RMAP_LOCKED;

	try_to_migrate(folio, ttu_flags);
}
