// SPDX-License-Identifier: GPL-2.0-only
// The shape of 4.9 to 5.19: two variants of the function, of which the second keeps its page.
#include "kernel.h"

struct page *khugepaged_alloc_hugepage(bool *wait);

#ifdef CONFIG_NUMA
static bool khugepaged_prealloc_page(struct page **hpage, bool *wait)
{
	if (*hpage) {
		put_page(*hpage);
		*hpage = NULL;
	}

	return *wait;
}
#else
static bool khugepaged_prealloc_page(struct page **hpage, bool *wait)
{
	/* A lookup may have found it in the page cache, before a collapse failed: let it go */
	if (*hpage && page_count(*hpage) > 1) {
		put_page(*hpage);
		*hpage = NULL;
	}

	if (!*hpage)
		*hpage = khugepaged_alloc_hugepage(wait);

	if (unlikely(!*hpage))
		return false;

	return true;
}
#endif

int khugepaged_do_scan(void)
{
	struct page *hpage = NULL;
	bool wait = true;
	int progress = 0;

	while (khugepaged_prealloc_page(&hpage, &wait))
		progress++;
	return progress;
}
