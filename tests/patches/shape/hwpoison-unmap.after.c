// SPDX-License-Identifier: GPL-2.0-only
// The shape of 4.14 to 5.13.
#include "kernel.h"

enum ttu_flags {
	TTU_IGNORE_MLOCK	= 0x8,
	TTU_IGNORE_HWPOISON	= 0x20,
	TTU_RMAP_LOCKED		= 0x80,
	TTU_SYNC		= 0x200,
};

bool try_to_unmap(struct page *page, enum ttu_flags flags);

bool hwpoison_user_mappings(struct page *p, unsigned long pfn, int flags, struct page **hpagep)
{
	enum ttu_flags ttu = TTU_IGNORE_MLOCK | TTU_SYNC;
	bool unmap_success = true;
	struct page *hpage = *hpagep;

	if (!page_mapped(p))
		return true;

	if (PageSwapCache(p))
		ttu |= TTU_IGNORE_HWPOISON;

	if (flags)
		unmap_success = try_to_unmap(hpage, ttu);
	else
		unmap_success = try_to_unmap(hpage, ttu | TTU_RMAP_LOCKED);
	if (!unmap_success)
		pr_alert("page %lu is still mapped\n", pfn);
	return unmap_success;
}

/* not this one */
bool reclaim_page(struct page *page)
{
	enum ttu_flags ttu = TTU_IGNORE_MLOCK;

	return try_to_unmap(page, ttu);
}
