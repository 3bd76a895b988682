// SPDX-License-Identifier: GPL-2.0-only
//
// Class collapse-reuse: a page that was in the page cache for a moment comes back at another
// offset.
//
//   CPU0: khugepaged                      CPU1: filemap_fault(), find_lock_entry()
//   collapse_file() for one offset
//     stores its new page in the cache
//                                         finds it there, takes a reference
//     fails, takes the page out, unlocks
//   collapse_file() for another offset
//     stores the same page once more
//                                         locks it: right mapping, wrong offset,
//                                           VM_BUG_ON_PAGE(page_to_pgoff(page) != offset)
//
// Without NUMA khugepaged keeps the page of a collapse that failed and takes it for the next one.
// Here it lets the page go if anyone else holds it; who does so finds a page without a mapping.
//
// Kernels: 4.9 to 5.9. Only the variant for kernels without CONFIG_NUMA is changed, the one that
//   calls khugepaged_alloc_hugepage(); the other frees its page each time. Tried on 4.11, 4.12,
//   4.19, 5.8, and on 5.10 with the fix taken out.
// File: mm/khugepaged.c
// Apply, in the kernel's top folder:
//   spatch --no-includes --in-place --sp-file collapse-reuse.cocci mm/khugepaged.c
//
// Left: the check in filemap_fault() and its kin, which stays as strict as it is.

@@
identifier hpage, wait;
typedef bool;
@@
khugepaged_prealloc_page(struct page **hpage, bool *wait)
{
+	/* A lookup may have found it in the page cache, before a collapse failed: let it go */
+	if (*hpage && page_count(*hpage) > 1) {
+		put_page(*hpage);
+		*hpage = NULL;
+	}
+
	if (!*hpage)
		*hpage = khugepaged_alloc_hugepage(wait);
	...
}
