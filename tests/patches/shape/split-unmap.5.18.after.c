// SPDX-License-Identifier: GPL-2.0-only
// The shape of 5.18 and later: the walk counts pages, and goes on behind an absent pmd. 0x200 is
// taken.
#include "kernel.h"

struct page_vma_mapped_walk {
	unsigned long pfn;
	unsigned long nr_pages;
	struct vm_area_struct *vma;
	unsigned long address;
	pmd_t *pmd;
	spinlock_t *ptl;
	unsigned int flags;
};

#define DEFINE_FOLIO_VMA_WALK(name, _folio, _vma, _address, _flags) \
	struct page_vma_mapped_walk name = { .vma = _vma, .address = _address, .flags = _flags }

enum ttu_flags {
	TTU_SYNC = 0x4000, /* wait for a zap that is under way: PVMW_SYNC */
	TTU_IGNORE_MLOCK	= 0x8,
	TTU_RMAP_LOCKED		= 0x80,
	TTU_OF_A_VENDOR		= 0x200,
};

bool map_pte(struct page_vma_mapped_walk *pvmw);
void step_forward(struct page_vma_mapped_walk *pvmw, unsigned long size);

bool page_vma_mapped_walk(struct page_vma_mapped_walk *pvmw)
{
	struct mm_struct *mm = pvmw->vma->vm_mm;
	unsigned long end = pvmw->address + pvmw->nr_pages * PAGE_SIZE;
	pmd_t pmde;

	do {
		pmde = *pvmw->pmd;
		if (pmd_trans_huge(pmde) ||
		    (pmd_present(pmde) && pmd_devmap(pmde))) {
			pvmw->ptl = pmd_lock(mm, pvmw->pmd);
			return true;
		} else if (!pmd_present(pmde)) {
			if ((pvmw->flags & PVMW_SYNC) && IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)) {
				if (pvmw->nr_pages >= HPAGE_PMD_NR) {
					/* Cleared, perhaps still counted: wait for its zap */
					spinlock_t *ptl = pmd_lock(pvmw->vma->vm_mm,
								   pvmw->pmd);

					spin_unlock(ptl);
				}
			}
			step_forward(pvmw, PMD_SIZE);
			continue;
		}
		if (map_pte(pvmw))
			return true;
	} while (pvmw->address < end);

	return false;
}

bool try_to_unmap_one(struct folio *folio, struct vm_area_struct *vma, unsigned long address,
		      void *arg)
{
	DEFINE_FOLIO_VMA_WALK(pvmw, folio, vma, address, 0);
	bool ret = true;
	enum ttu_flags flags = (enum ttu_flags)(long)arg;

	if (flags & TTU_SYNC)
		pvmw.flags = PVMW_SYNC;

	if (flags & TTU_RMAP_LOCKED)
		ret = false;
	while (page_vma_mapped_walk(&pvmw))
		folio_get(folio);
	return ret;
}
