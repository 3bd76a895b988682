// SPDX-License-Identifier: GPL-2.0-only
//
// Class invalidate-unmap: truncate-unmap's race, met by invalidation (direct I/O to a mapped
// file).
//
//   CPU0: munmap                          CPU1: invalidate_inode_pages2_range()
//   zap_huge_pmd()
//     takes the pmd lock
//     clears the pmd
//                                         unmap_mapping_pages()
//                                           zap_pmd_range(): the pmd is none, go on
//                                         BUG_ON(page_mapped(page))
//     decrements the mapcount
//     drops the lock
//
// The rest of the file is unmapped in one go before the page is locked. If the page is still
// mapped then, or mapped again, unmap_mapping_page() unmaps it and waits.
//
// Kernels: those of truncate-unmap.cocci, which comes first and brings unmap_mapping_page().
// File: mm/truncate.c
// Apply, in the kernel's top folder:
//   spatch --no-includes --in-place --sp-file invalidate-unmap.cocci mm/truncate.c
//
// Left: the unmap of a DAX mapping at the end, which has no pages to wait for.

@exists@
identifier mapping, page, index, did_range_unmap;
expression nr;
symbol false;
@@
invalidate_inode_pages2_range(...)
{
	<...
+	/* The rest of the file in one go, without the page's lock */
+	if (!did_range_unmap && page_mapped(page)) {
+		unmap_mapping_pages(mapping, index, nr, false);
+		did_range_unmap = 1;
+	}
	lock_page(page);
	... when != did_range_unmap
-	if (page_mapped(page)) {
-		if (!did_range_unmap) {
-			unmap_mapping_pages(mapping, index, nr, false);
-			did_range_unmap = 1;
-		} else {
-			unmap_mapping_pages(mapping, index, 1, false);
-		}
-	}
+	if (page_mapped(page))
+		unmap_mapping_page(page);
	...>
}
