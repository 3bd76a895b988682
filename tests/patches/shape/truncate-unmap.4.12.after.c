// SPDX-License-Identifier: GPL-2.0-only
// The shape of 4.12, which has no unmap_mapping_pages(): nothing is changed.
#include "kernel.h"

struct zap_details {
	struct address_space *check_mapping;
	pgoff_t	first_index;
	pgoff_t last_index;
};

void unmap_mapping_range(struct address_space *mapping, long long holebegin, long long holelen,
			 int even_cows);
unsigned long zap_pte_range(struct mmu_gather *tlb, struct vm_area_struct *vma, pmd_t *pmd,
			    unsigned long addr, unsigned long end, struct zap_details *details);

unsigned long zap_pmd_range(struct mmu_gather *tlb, struct vm_area_struct *vma, pud_t *pud,
			    unsigned long addr, unsigned long end, struct zap_details *details)
{
	pmd_t *pmd;
	unsigned long next;

	pmd = pmd_offset(pud, addr);
	do {
		next = pmd_addr_end(addr, end);
		if (pmd_trans_huge(*pmd) || pmd_devmap(*pmd)) {
			if (next - addr == HPAGE_PMD_SIZE)
				continue;
		}
		next = zap_pte_range(tlb, vma, pmd, addr, next, details);
	} while (pmd++, addr = next, addr != end);

	return addr;
}

static void truncate_cleanup_page(struct address_space *mapping, struct page *page)
{
	if (page_mapped(page))
		unmap_mapping_range(mapping, (long long)(page->index * PAGE_SIZE), PAGE_SIZE, 0);
}

int truncate_inode_page(struct address_space *mapping, struct page *page)
{
	truncate_cleanup_page(mapping, page);
	return 0;
}
