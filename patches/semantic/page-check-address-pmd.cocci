// SPDX-License-Identifier: GPL-2.0-only
//
// Classes split-unmap and split-head on old kernels: a split overlooks a huge pmd that is being
// zapped.
//
//   CPU0: munmap                          CPU1: __split_huge_page()
//   zap_huge_pmd()
//     takes the pmd lock
//     clears the pmd
//                                         page_check_address_pmd()
//                                           mm_find_pmd(): not present, so no mapping
//                                         counted 0, page_mapcount() is 1: BUG_ON()
//     decrements the mapcount
//                                         (one that comes here counts right, and makes
//                                         small pages of the page)
//     VM_BUG_ON_PAGE(!PageHead(page))
//     drops the lock
//
// mm_find_pmd() asks without the lock whether the pmd is present. Here page_check_address_pmd()
// walks down to the pmd by itself, takes the lock, and asks then.
//
// Kernels: 3.13 to 4.4, as far as they lack it. Before 3.13 both sides take one lock for the
//   whole address space; 4.5 splits pages in another way. Tried on 3.13.
// File: mm/huge_memory.c
// Apply, in the kernel's top folder:
//   spatch --no-includes --in-place --sp-file page-check-address-pmd.cocci mm/huge_memory.c
//
// Left: mm_find_pmd() itself, and its other callers.

@@
identifier mm, address, ptl, pmd, unlock;
symbol page;
@@
page_check_address_pmd(struct page *page, struct mm_struct *mm, unsigned long address, ...,
		       spinlock_t **ptl)
{
+	pgd_t *pgd;
+	pud_t *pud;
	pmd_t *pmd;
	...
-	pmd = mm_find_pmd(mm, address);
-	if (!pmd)
-		return NULL;
+	pgd = pgd_offset(mm, address);
+	if (!pgd_present(*pgd))
+		return NULL;
+	pud = pud_offset(pgd, address);
+	if (!pud_present(*pud))
+		return NULL;
+	pmd = pmd_offset(pud, address);
	*ptl = pmd_lock(mm, pmd);
-	if (pmd_none(*pmd))
+	if (!pmd_present(*pmd))
		goto unlock;
	...
}
