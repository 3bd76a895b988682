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
		TTU_RMAP_LOCKED | TTU_SPLIT_HUGE_PMD;
	bool unmap_success;

	VM_BUG_ON_PAGE(!PageHead(page), page);

	if (PageAnon(page))
		ttu_flags |= TTU_SPLIT_FREEZE;

	unmap_success = try_to_unmap(page, ttu_flags);
	VM_BUG_ON_PAGE(!unmap_success, page);
}

int split_huge_page_to_list(struct page *page, struct list_head *list)
{
	struct page *head = page;
	int count, mapcount, extra_pins, ret;

	VM_BUG_ON_PAGE(!PageLocked(head), head);

	if (!can_split(head, &extra_pins))
		return -EBUSY;

	unmap_page(head);
	VM_BUG_ON_PAGE(compound_mapcount(head), head);

	if (!list)
		goto fail;

	count = page_count(head);
	mapcount = total_mapcount(head);
	if (!mapcount && page_ref_freeze(head, 1 + extra_pins)) {
		ret = 0;
	} else {
		if (IS_ENABLED(CONFIG_DEBUG_VM) && mapcount) {
			pr_alert("mapcount %d, count %d\n", mapcount, count);
			if (PageTail(page))
				dump_page(head, NULL);
			dump_page(page, "still mapped");
			BUG();
		}
fail:
		remap_page(head);
		ret = -EBUSY;
	}
	return ret;
}
