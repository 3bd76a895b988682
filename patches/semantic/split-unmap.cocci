// SPDX-License-Identifier: GPL-2.0-only
//
// Class split-unmap: a split of a huge page overlooks a mapping that another CPU is about to
// drop.
//
//   CPU0: munmap                          CPU1: split
//   zap_pte_range()
//     takes the page table lock
//     clears the pte
//                                         unmap_page()
//                                           try_to_unmap()
//                                             page_vma_mapped_walk(): the pte reads as
//                                               none, so it is believed without its lock
//                                           the mapcount is 1: "not unmapped"
//     decrements the mapcount
//     drops the lock
//
// At a huge pmd under zap_huge_pmd() the walk believes as much, but a split has taken the pmd lock
// before, in __split_huge_pmd(), to split that. So a split asks for a walk
// that takes the lock before it believes what it reads: TTU_SYNC for try_to_unmap(), PVMW_SYNC
// for the walk. The checks behind the unmap no longer stop the machine: the reference count,
// which a split freezes, keeps a page whole that is still mapped.
//
// Kernels: 4.11 (the first with page_vma_mapped_walk()) to 5.12, as far as they lack it. Before
//   5.0 unmap_page() is called freeze_page(). Tried on 4.11, 4.12, 4.18, 4.19, 5.8, 5.10, 5.12.
//   For 3.13 to 4.4 there is page-check-address-pmd.cocci. From 5.14 on anonymous pages are split
//   by way of try_to_migrate(): split-migrate.cocci as well, after this one.
// Files: include/linux/rmap.h mm/huge_memory.c mm/page_vma_mapped.c mm/rmap.c
// Apply, in the kernel's top folder, to one file after the other:
//   spatch --no-includes --in-place --sp-file split-unmap.cocci include/linux/rmap.h
//   A tree that has the fix, or half of it, keeps what it has.
//
// The value of TTU_SYNC is 0x200; it is 0x4000 where that is taken, and in 4.11, whose flags are
// shifts of which 1 << 9 is TTU_IGNORE_ACCESS, which a split passes itself. (Mainline's 0x10 is
// that flag from 4.12 on, in 5.8 still.) If 0x4000 is taken too, nothing is added, and mm/rmap.c
// does not compile: choose a bit.
//
// Left: the walk up to 5.10.47 gives up at the first absent pmd of a huge page that spans two of
// them. That is another fault, and closing it is no part of this.

// --- include/linux/rmap.h ---

@have@
expression E;
@@
enum ttu_flags { ..., TTU_SYNC = E, ... };

@hex@
@@
enum ttu_flags { ..., TTU_RMAP_LOCKED = 0x80, ... };

@taken@
identifier I;
constant C =~ "^(0[xX]0*200|512)[uU]?[lL]*$";
@@
enum ttu_flags { ..., I = C, ... };

@depends on !have && hex && !taken@
@@
enum ttu_flags {
+	TTU_SYNC = 0x200,	/* wait for a zap that is under way: PVMW_SYNC */
	...
};

@high@
identifier I;
constant C =~ "^(0[xX]0*4000|16384)[uU]?[lL]*$";
@@
enum ttu_flags { ..., I = C, ... };

@depends on !have && (!hex || taken) && !high@
@@
enum ttu_flags {
+	TTU_SYNC = 0x4000,	/* wait for a zap that is under way: PVMW_SYNC */
	...
};

// --- mm/page_vma_mapped.c ---

// From 5.18 on the walk knows the number of pages instead of the page.
@counts@
struct page_vma_mapped_walk *P;
@@
P->nr_pages

@depends on !counts@
identifier pvmw, pmde;
symbol false;
typedef spinlock_t;
@@
page_vma_mapped_walk(struct page_vma_mapped_walk *pvmw)
{
	<...
	if (...) { ... }
	else if (!pmd_present(pmde)) {
+		if ((pvmw->flags & PVMW_SYNC) && PageTransCompound(pvmw->page)) {
+			/* Cleared, perhaps still counted: wait for its zap */
+			spinlock_t *ptl = pmd_lock(pvmw->vma->vm_mm, pvmw->pmd);
+
+			spin_unlock(ptl);
+		}
(
		return false;
|
		step_forward(pvmw, PMD_SIZE);
		continue;
)
	}
	...>
}

// Before 4.14 the last question is check_pmd()'s.
@@
identifier pvmw;
symbol false;
@@
page_vma_mapped_walk(struct page_vma_mapped_walk *pvmw)
{
	<...
	if (...) { ... }
	else {
-		if (!check_pmd(pvmw))
+		if (!check_pmd(pvmw)) {
+			if ((pvmw->flags & PVMW_SYNC) && PageTransCompound(pvmw->page)) {
+				/* Cleared, perhaps still counted: wait for its zap */
+				spinlock_t *ptl = pmd_lock(pvmw->vma->vm_mm, pvmw->pmd);
+
+				spin_unlock(ptl);
+			}
			return false;
+		}
	}
	...>
}

@depends on counts@
identifier pvmw, pmde;
symbol false;
@@
page_vma_mapped_walk(struct page_vma_mapped_walk *pvmw)
{
	<...
	if (...) { ... }
	else if (!pmd_present(pmde)) {
+		if ((pvmw->flags & PVMW_SYNC) && IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE)) {
+			if (pvmw->nr_pages >= HPAGE_PMD_NR) {
+				/* Cleared, perhaps still counted: wait for its zap */
+				spinlock_t *ptl = pmd_lock(pvmw->vma->vm_mm, pvmw->pmd);
+
+				spin_unlock(ptl);
+			}
+		}
(
		return false;
|
		step_forward(pvmw, PMD_SIZE);
		continue;
)
	}
	...>
}

// --- mm/rmap.c ---

@honoured@
identifier flags, pvmw;
@@
try_to_unmap_one(...)
{
	<+...
	if (flags & TTU_SYNC)
		pvmw.flags = PVMW_SYNC;
	...+>
}

@depends on !honoured@
identifier flags;
statement S;
@@
try_to_unmap_one(...)
{
	<...
	enum ttu_flags flags = ...;
+
+	if (flags & TTU_SYNC)
+		pvmw.flags = PVMW_SYNC;
	S
	...>
}

// --- mm/huge_memory.c ---

@passed@
identifier fn =~ "^(freeze_page|unmap_page|unmap_folio)$";
identifier flags;
@@
fn(...)
{
	...
	enum ttu_flags flags = <+... TTU_SYNC ...+>;
	...
}

@depends on !passed@
identifier fn =~ "^(freeze_page|unmap_page|unmap_folio)$";
identifier flags;
expression E;
@@
fn(...)
{
	...
	enum ttu_flags flags = E
+		| TTU_SYNC
	;
	...
}

@@
identifier fn =~ "^(freeze_page|unmap_page)$";
identifier ok;
typedef bool;
expression page, flags;
@@
fn(...)
{
	...
(
-	bool ok;
|
-	int ok;
)
	...
-	ok = try_to_unmap(page, flags);
+	try_to_unmap(page, flags);
(
-	VM_BUG_ON_PAGE(!ok, page);
+	VM_WARN_ON_ONCE(page_mapped(page));
|
-	VM_BUG_ON_PAGE(ok, page);
+	VM_WARN_ON_ONCE(page_mapped(page));
)
}

@@
identifier fn =~ "^(freeze_page|unmap_page)$";
expression head;
@@
split_huge_page_to_list(...)
{
	<...
	fn(head);
-	VM_BUG_ON_PAGE(compound_mapcount(head), head);
	...>
}

// The reference count alone decides: page_ref_freeze() refuses a page that is still mapped.
@counted@
identifier count, mapcount;
expression head;
@@
split_huge_page_to_list(...)
{
	<...
-	count = page_count(head);
-	mapcount = total_mapcount(head);
	if (
-	    !mapcount &&
	    page_ref_freeze(...)) { ... }
	else {
-		if (IS_ENABLED(CONFIG_DEBUG_VM) && mapcount) {
-			...
-			BUG();
-		}
		...
	}
	...>
}

@@
identifier counted.count;
@@
split_huge_page_to_list(...)
{
	<...
-	int count;
	...>
}

@@
identifier counted.mapcount;
@@
split_huge_page_to_list(...)
{
	<...
-	int mapcount;
	...>
}
