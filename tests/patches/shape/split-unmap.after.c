// SPDX-License-Identifier: GPL-2.0-only
// The shape of 5.10: flags in hexadecimal, unmap_page() that believes try_to_unmap().
#include "kernel.h"

struct page_vma_mapped_walk {
	struct page *page;
	struct vm_area_struct *vma;
	unsigned long address;
	pmd_t *pmd;
	spinlock_t *ptl;
	unsigned int flags;
};

enum ttu_flags {
	TTU_SYNC = 0x200, /* wait for a zap that is under way: PVMW_SYNC */
	TTU_MIGRATION		= 0x1,	/* its comment stays */

	TTU_SPLIT_HUGE_PMD	= 0x4,
	TTU_IGNORE_MLOCK	= 0x8,
	TTU_IGNORE_ACCESS	= 0x10,
	TTU_RMAP_LOCKED		= 0x80,	/* a comment
					 * of two lines
					 */
	TTU_SPLIT_FREEZE	= 0x100,
};

bool map_pte(struct page_vma_mapped_walk *pvmw);
bool not_found(struct page_vma_mapped_walk *pvmw);
void rmap_walk(struct page *page, struct rmap_walk_control *rwc);
bool can_split(struct page *head, int *extra_pins);
void remap_page(struct page *head);

bool page_vma_mapped_walk(struct page_vma_mapped_walk *pvmw)
{
	struct mm_struct *mm = pvmw->vma->vm_mm;
	pmd_t pmde = *pvmw->pmd;

	if (pmd_trans_huge(pmde)) {
		pvmw->ptl = pmd_lock(mm, pvmw->pmd);
		if (pmd_page(*pvmw->pmd) != pvmw->page)
			return not_found(pvmw);
		return true;
	} else if (!pmd_present(pmde)) {
		if ((pvmw->flags & PVMW_SYNC) && PageTransCompound(pvmw->page)) {
			/* Cleared, perhaps still counted: wait for its zap */
			spinlock_t *ptl = pmd_lock(pvmw->vma->vm_mm,
						   pvmw->pmd);

			spin_unlock(ptl);
		}
		return false;
	}
	return map_pte(pvmw);
}

static bool try_to_unmap_one(struct page *page, struct vm_area_struct *vma, unsigned long address,
			     void *arg)
{
	struct page_vma_mapped_walk pvmw = {
		.page = page,
		.vma = vma,
		.address = address,
	};
	bool ret = true;
	enum ttu_flags flags = (enum ttu_flags)(long)arg;

	if (flags & TTU_SYNC)
		pvmw.flags = PVMW_SYNC;

	/* what the function did first, it does after the addition */
	if (!(flags & TTU_IGNORE_MLOCK) && (vma->vm_flags & VM_LOCKED))
		return true;

	while (page_vma_mapped_walk(&pvmw)) {
		if (PageAnon(page)) {
			ret = false;
			break;
		}
	}
	return ret;
}

bool try_to_unmap(struct page *page, enum ttu_flags flags)
{
	struct rmap_walk_control rwc = {
		.arg = (void *)(long)flags,
	};

	if (try_to_unmap_one(page, NULL, 0, rwc.arg))
		rmap_walk(page, &rwc);
	return !page_mapcount(page);
}

static void unmap_page(struct page *page)
{
	enum ttu_flags ttu_flags = TTU_IGNORE_MLOCK |
		TTU_RMAP_LOCKED | TTU_SPLIT_HUGE_PMD | TTU_SYNC;

	VM_BUG_ON_PAGE(!PageHead(page), page);

	if (PageAnon(page))
		ttu_flags |= TTU_SPLIT_FREEZE;

	try_to_unmap(page, ttu_flags);
	VM_WARN_ON_ONCE(page_mapped(page));
}

int split_huge_page_to_list(struct page *page, struct list_head *list)
{
	struct page *head = page;
	int extra_pins, ret;

	VM_BUG_ON_PAGE(!PageLocked(head), head);

	if (!can_split(head, &extra_pins))
		return -EBUSY;

	unmap_page(head);

	if (!list)
		goto fail;

	if (page_ref_freeze(head, 1 + extra_pins)) {
		ret = 0;
	} else {
fail:
		remap_page(head);
		ret = -EBUSY;
	}
	return ret;
}
