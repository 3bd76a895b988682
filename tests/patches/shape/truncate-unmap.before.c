// SPDX-License-Identifier: GPL-2.0-only
// The shape of 4.16 to 5.15: one file for the header, memory.c and truncate.c.
#include "kernel.h"

struct zap_details {
	struct address_space *check_mapping;	/* comments stay */
	pgoff_t	first_index;			/* where they are */
	pgoff_t last_index;
};

#ifndef CONFIG_NO_MMU
void unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t nr, bool even_cows);
#else
static inline void unmap_mapping_pages(struct address_space *mapping,
		pgoff_t start, pgoff_t nr, bool even_cows) { }
#endif

int zap_huge_pmd(struct mmu_gather *tlb, struct vm_area_struct *vma, pmd_t *pmd,
		 unsigned long addr);
void split_huge_pmd(struct vm_area_struct *vma, pmd_t *pmd, unsigned long addr);
bool pmd_none_or_trans_huge_or_clear_bad(pmd_t *pmd);
unsigned long zap_pte_range(struct mmu_gather *tlb, struct vm_area_struct *vma, pmd_t *pmd,
			    unsigned long addr, unsigned long end, struct zap_details *details);
void unmap_mapping_range_tree(struct rb_root_cached *root, struct zap_details *details);
void delete_from_page_cache(struct page *page);

unsigned long zap_pmd_range(struct mmu_gather *tlb, struct vm_area_struct *vma, pud_t *pud,
			    unsigned long addr, unsigned long end, struct zap_details *details)
{
	pmd_t *pmd;
	unsigned long next;

	pmd = pmd_offset(pud, addr);
	do {
		next = pmd_addr_end(addr, end);
		if (pmd_trans_huge(*pmd) || pmd_devmap(*pmd)) {
			if (next - addr != HPAGE_PMD_SIZE)
				split_huge_pmd(vma, pmd, addr);
			else if (zap_huge_pmd(tlb, vma, pmd, addr))
				goto next;
			/* fall through */
		}
		/* what is none here is skipped */
		if (pmd_none_or_trans_huge_or_clear_bad(pmd))
			goto next;
		next = zap_pte_range(tlb, vma, pmd, addr, next, details);
next:
		put_page(NULL);
	} while (pmd++, addr = next, addr != end);

	return addr;
}

#ifndef CONFIG_NO_MMU
/**
 * unmap_mapping_pages() - for a range of pages
 * @mapping: this comment stays with its function
 */
void unmap_mapping_pages(struct address_space *mapping, pgoff_t start,
		pgoff_t nr, bool even_cows)
{
	struct zap_details details = { };

	details.check_mapping = even_cows ? NULL : mapping;
	details.first_index = start;
	details.last_index = start + nr - 1;

	i_mmap_lock_write(mapping);
	if (unlikely(!RB_EMPTY_ROOT(&mapping->i_mmap.rb_root)))
		unmap_mapping_range_tree(&mapping->i_mmap, &details);
	i_mmap_unlock_write(mapping);
}
#endif

static void
truncate_cleanup_page(struct address_space *mapping, struct page *page)
{
	if (page_mapped(page)) {
		unsigned int nr = thp_nr_pages(page);
		unmap_mapping_pages(mapping, page->index, nr, false);
	}

	if (PageAnon(page))
		put_page(page);
}

int truncate_inode_page(struct address_space *mapping, struct page *page)
{
	if (page->mapping != mapping)
		return -EIO;

	truncate_cleanup_page(mapping, page);
	delete_from_page_cache(page);
	return 0;
}

void truncate_inode_pages(struct address_space *mapping, struct page **pages, int count)
{
	for (int i = 0; i < count; i++)
		truncate_cleanup_page(mapping, pages[i]);
}
