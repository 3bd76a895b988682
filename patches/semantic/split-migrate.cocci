// SPDX-License-Identifier: GPL-2.0-only
//
// Class split-migrate: split-unmap's race, for anonymous pages, which a split migrates instead.
//
//   CPU0: munmap                          CPU1: split
//   zap_pte_range()
//     takes the page table lock
//     clears the pte
//                                         unmap_folio()
//                                           try_to_migrate()
//                                             page_vma_mapped_walk(): the pte reads as
//                                               none, so it is believed without its lock
//                                           still mapped: the split fails
//     decrements the mapcount
//     drops the lock
//
// try_to_migrate(), and the function that it calls for each mapping, learn what TTU_SYNC means,
// and the split passes it to both ways of unmapping.
//
// Kernels: 5.14 and later without it, or older ones that took try_to_migrate() over. The tree
//   must have TTU_SYNC and the walk's part of it: split-unmap.cocci first. Tried on 6.1 with the
//   fix taken out.
// Files: mm/huge_memory.c mm/rmap.c
// Apply, in the kernel's top folder, to one file after the other:
//   spatch --no-includes --in-place --sp-file split-migrate.cocci mm/huge_memory.c
//
// Left: who migrates for other ends and does not pass TTU_SYNC. He tries again when a page is in
// use.

// --- mm/rmap.c ---

@honoured@
identifier flags, pvmw;
@@
try_to_migrate_one(...)
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
try_to_migrate_one(...)
{
	<...
	enum ttu_flags flags = ...;
+
+	if (flags & TTU_SYNC)
+		pvmw.flags = PVMW_SYNC;
	S
	...>
}

@accepted@
identifier flags;
@@
try_to_migrate(...)
{
	<+...
	WARN_ON_ONCE(flags & ~(<+... TTU_SYNC ...+>))
	...+>
}

@depends on !accepted@
identifier flags;
expression E;
@@
try_to_migrate(...)
{
	<...
	WARN_ON_ONCE(flags & ~(E
+		| TTU_SYNC
	))
	...>
}

// --- mm/huge_memory.c ---

@passed@
identifier fn =~ "^(unmap_page|unmap_folio)$";
identifier flags;
@@
fn(...)
{
	...
	enum ttu_flags flags = <+... TTU_SYNC ...+>;
	...
}

@depends on !passed@
identifier fn =~ "^(unmap_page|unmap_folio)$";
identifier flags;
expression E;
@@
fn(...)
{
	...
	enum ttu_flags flags = E
+		| TTU_SYNC
	;
	<...
	try_to_migrate(...)
	...>
}
