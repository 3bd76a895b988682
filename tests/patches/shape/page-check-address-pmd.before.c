// SPDX-License-Identifier: GPL-2.0-only
// The shape of 3.13: a split lock for the pmd, and mm_find_pmd() that knows nothing of it.
#include "kernel.h"

enum page_check_address_pmd_flag {
	PAGE_CHECK_ADDRESS_PMD_FLAG,
	PAGE_CHECK_ADDRESS_PMD_NOTSPLITTING_FLAG,
	PAGE_CHECK_ADDRESS_PMD_SPLITTING_FLAG,
};

pmd_t *page_check_address_pmd(struct page *page, struct mm_struct *mm, unsigned long address,
			      enum page_check_address_pmd_flag flag, spinlock_t **ptl)
{
	pmd_t *pmd;

	if (address & ~HPAGE_PMD_MASK)
		return NULL;

	pmd = mm_find_pmd(mm, address);
	if (!pmd)
		return NULL;
	*ptl = pmd_lock(mm, pmd);
	if (pmd_none(*pmd))
		goto unlock;
	if (pmd_page(*pmd) != page)
		goto unlock;
	if (flag == PAGE_CHECK_ADDRESS_PMD_NOTSPLITTING_FLAG && pmd_trans_splitting(*pmd))
		goto unlock;
	if (pmd_trans_huge(*pmd))
		return pmd;
unlock:
	spin_unlock(*ptl);
	return NULL;
}

/* not this one */
pmd_t *page_check_address(struct mm_struct *mm, unsigned long address, spinlock_t **ptl)
{
	pmd_t *pmd;

	pmd = mm_find_pmd(mm, address);
	if (!pmd)
		return NULL;
	*ptl = pmd_lock(mm, pmd);
	return pmd;
}
