// SPDX-License-Identifier: GPL-2.0-only
// The shape of 4.16 to 5.15.
#include "kernel.h"

void unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t nr, bool even_cows);
void unmap_mapping_page(struct page *page);
struct page *lookup_entry(struct address_space *mapping, pgoff_t index);
int invalidate_complete_page(struct address_space *mapping, struct page *page);

int invalidate_inode_pages2_range(struct address_space *mapping, pgoff_t start, pgoff_t end)
{
	pgoff_t index;
	int ret = 0;
	int did_range_unmap = 0;

	for (index = start; index <= end; index++) {
		struct page *page = lookup_entry(mapping, index);

		if (!page)
			continue;

		lock_page(page);
		if (page->mapping != mapping) {
			unlock_page(page);
			continue;
		}
		if (page_mapped(page)) {
			if (!did_range_unmap) {
				/*
				 * all the rest
				 */
				unmap_mapping_pages(mapping, index,
					(1 + end - index), false);
				did_range_unmap = 1;
			} else {
				/*
				 * this one
				 */
				unmap_mapping_pages(mapping, index,
							1, false);
			}
		}
		BUG_ON(page_mapped(page));
		if (!invalidate_complete_page(mapping, page))
			ret = -EBUSY;
		unlock_page(page);
	}
	return ret;
}

/* not this one */
void invalidate_one(struct address_space *mapping, struct page *page)
{
	lock_page(page);
	if (page_mapped(page))
		unmap_mapping_pages(mapping, page->index, 1, false);
	unlock_page(page);
}
