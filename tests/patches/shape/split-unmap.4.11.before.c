// SPDX-License-Identifier: GPL-2.0-only
// The shape of 4.11: flags as shifts, of which 1 << 9 is taken, an unmap that returns a number,
// freeze_page(), and a walk that ends with check_pmd().
#include "kernel.h"

struct page_vma_mapped_walk {
	struct page *page;
	struct vm_area_struct *vma;
	pmd_t *pmd;
	spinlock_t *ptl;
	unsigned int flags;
};

struct rmap_private {
	int flags;
};

enum ttu_flags {
	TTU_MIGRATION = 2,
	TTU_SPLIT_HUGE_PMD = 16,

	TTU_IGNORE_MLOCK = (1 << 8),
	TTU_IGNORE_ACCESS = (1 << 9),
	TTU_RMAP_LOCKED = (1 << 12),
};

bool check_pmd(struct page_vma_mapped_walk *pvmw);
bool map_pte(struct page_vma_mapped_walk *pvmw);
int try_to_unmap(struct page *page, enum ttu_flags flags);

bool page_vma_mapped_walk(struct page_vma_mapped_walk *pvmw)
{
	if (pmd_trans_huge(*pvmw->pmd)) {
		pvmw->ptl = pmd_lock(pvmw->vma->vm_mm, pvmw->pmd);
		return true;
	} else {
		if (!check_pmd(pvmw))
			return false;
	}
	return map_pte(pvmw);
}

int try_to_unmap_one(struct page *page, struct vm_area_struct *vma, unsigned long address,
		     void *arg)
{
	struct page_vma_mapped_walk pvmw = {
		.page = page,
	};
	int ret = 0;
	struct rmap_private *rp = arg;
	enum ttu_flags flags = rp->flags;

	if (flags & TTU_RMAP_LOCKED)
		ret++;
	while (page_vma_mapped_walk(&pvmw))
		ret++;
	return ret;
}

static void freeze_page(struct page *page)
{
	enum ttu_flags ttu_flags = TTU_IGNORE_MLOCK | TTU_IGNORE_ACCESS |
		TTU_RMAP_LOCKED | TTU_SPLIT_HUGE_PMD;
	int ret;

	VM_BUG_ON_PAGE(!PageHead(page), page);

	if (PageAnon(page))
		ttu_flags |= TTU_MIGRATION;

	ret = try_to_unmap(page, ttu_flags);
	VM_BUG_ON_PAGE(ret, page);
}

int split_huge_page_to_list(struct page *page)
{
	freeze_page(page);
	VM_BUG_ON_PAGE(compound_mapcount(page), page);
	return page_ref_freeze(page, 1) ? 0 : -EBUSY;
}
