// SPDX-License-Identifier: GPL-2.0-only
//
// Class truncate-unmap: a page is deleted from the page cache while a mapping of it is still
// counted.
//
//   CPU0: munmap                          CPU1: truncation
//   zap_huge_pmd()
//     takes the pmd lock
//     clears the pmd
//                                         truncate_cleanup_page()
//                                           unmap_mapping_pages()
//                                             zap_pmd_range(): the pmd is none, go on
//                                         deletes the page: "BUG: Bad page cache"
//     decrements the mapcount
//     drops the lock
//
// unmap_mapping_page() unmaps one locked page, and says so to zap_pmd_range(), which then takes
// the lock of a pmd that reads as none, and drops it, before it goes on.
//
// Kernels: 4.16 (the first with unmap_mapping_pages()) to 5.12, as far as they lack it. Tried on
//   4.18, 4.19, 5.8, 5.10, 5.12. Older ones stay as they are.
// Files: include/linux/mm.h mm/memory.c mm/truncate.c
// Apply, in the kernel's top folder, to one file after the other:
//   spatch --no-includes --in-place --sp-file truncate-unmap.cocci include/linux/mm.h
//   Then invalidate-unmap.cocci, which uses it.
//
// Left: whoever else calls unmap_mapping_pages() or unmap_mapping_range(). They hold no page
// lock, and their unmap waits for nobody, as ever.

// --- include/linux/mm.h ---

@member@
@@
struct zap_details {
	...
	struct page *single_page;
	...
};

// Not for kernels up to 4.15, which have no unmap_mapping_pages(), and from 5.16 on, whose
// zap_details has no range.
@paged@
typedef pgoff_t, bool;
symbol mapping, start, nr, even_cows;
@@
void unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t nr, bool even_cows);

@ranged depends on paged@
@@
struct zap_details {
	...
	pgoff_t last_index;
	...
};

@depends on ranged && !member@
@@
struct zap_details {
+	/* The locked page that is to be unmapped, or NULL */
+	struct page *single_page;
	...
};

@declared@
symbol page;
@@
void unmap_mapping_page(struct page *page);

@depends on ranged && !declared@
@@
+void unmap_mapping_page(struct page *page);
void unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t nr, bool even_cows);

@stubbed@
@@
unmap_mapping_page(struct page *page) { }

@depends on ranged && !stubbed@
@@
+static inline void unmap_mapping_page(struct page *page) { }
unmap_mapping_pages(...) { }

// --- mm/memory.c ---

@waits@
struct zap_details *details;
@@
(
details->single_page
|
details->single_folio
)

@ranges@
identifier details;
@@
unmap_mapping_pages(...)
{
	...
	struct zap_details details = ...;
	...
	details.first_index = ...;
	...
}

@depends on ranges && !waits@
identifier details, tlb, pmd, next, addr;
statement S;
typedef spinlock_t;
@@
zap_pmd_range(struct mmu_gather *tlb, ..., struct zap_details *details)
{
	<...
	next = pmd_addr_end(addr, ...);
	if (<+... pmd_trans_huge(*pmd) ...+>) S
+	if (details && details->single_page && PageTransCompound(details->single_page)) {
+		if (next - addr == HPAGE_PMD_SIZE && pmd_none(*pmd)) {
+			/* Cleared, perhaps still counted: wait for its zap */
+			spinlock_t *ptl = pmd_lock(tlb->mm, pmd);
+
+			spin_unlock(ptl);
+		}
+	}
	...>
}

@defined@
identifier details;
expression E;
@@
unmap_mapping_page(...)
{
	<+...
	details.single_page = E;
	...+>
}

@depends on !defined@
identifier details;
@@
+/**
+ * unmap_mapping_page() - Unmap a page everywhere, and wait for those who are at it themselves.
+ * @page: the locked page, or head of a compound page
+ *
+ * For who is about to take the page out of the page cache: no mapping is left or counted then.
+ */
+void unmap_mapping_page(struct page *page)
+{
+	struct address_space *mapping = page->mapping;
+	struct zap_details details = { };
+
+	VM_BUG_ON(!PageLocked(page));
+	VM_BUG_ON(PageTail(page));
+
+	details.check_mapping = mapping;
+	details.first_index = page->index;
+	details.last_index = page->index + (1UL << compound_order(page)) - 1;
+	details.single_page = page;
+
+	i_mmap_lock_write(mapping);
+	if (unlikely(!RB_EMPTY_ROOT(&mapping->i_mmap.rb_root)))
+		unmap_mapping_range_tree(&mapping->i_mmap, &details);
+	i_mmap_unlock_write(mapping);
+}
+
unmap_mapping_pages(...)
{
	...
	struct zap_details details = ...;
	...
	details.first_index = ...;
	...
}

// --- mm/truncate.c ---

@reduced@
identifier mapping, page, nr;
type T;
symbol false;
@@
truncate_cleanup_page(
-	struct address_space *mapping,
	struct page *page)
{
	...
-	if (page_mapped(page)) {
-		T nr = ...;
-		unmap_mapping_pages(mapping, page->index, nr, false);
-	}
+	if (page_mapped(page))
+		unmap_mapping_page(page);
	...
}

@depends on reduced@
expression mapping, page;
@@
truncate_cleanup_page(
-	mapping,
	page)
