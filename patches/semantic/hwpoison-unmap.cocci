// SPDX-License-Identifier: GPL-2.0-only
//
// Class hwpoison-unmap: a poisoned page is taken for still mapped while its last mapping is
// going.
//
//   CPU0: munmap                          CPU1: memory_failure()
//   zap_pte_range()
//     takes the page table lock
//     clears the pte
//                                         hwpoison_user_mappings()
//                                           try_to_unmap(): the pte reads as none,
//                                             the mapcount is 1: failed
//                                           kills the page's users by SIGKILL, and
//                                             gives up the page's recovery
//     decrements the mapcount
//     drops the lock
//
// TTU_SYNC has try_to_unmap() take the lock before it believes that nothing is there.
//
// Kernels: 4.11 to 5.13, and what else does not pass TTU_SYNC here, Debian's 5.10 among them.
//   Tried on 4.11, 4.12, 4.18, 4.19, 5.8, 5.10, 5.12. The tree must have TTU_SYNC:
//   split-unmap.cocci first.
// File: mm/memory-failure.c
// Apply, in the kernel's top folder:
//   spatch --no-includes --in-place --sp-file hwpoison-unmap.cocci mm/memory-failure.c
//
// Left: hugetlb pages, which get the flag as well but need none: their walk has always taken the
// lock.

@passed@
identifier flags;
@@
hwpoison_user_mappings(...)
{
	...
	enum ttu_flags flags = <+... TTU_SYNC ...+>;
	...
}

@depends on !passed@
identifier flags;
expression E;
@@
hwpoison_user_mappings(...)
{
	...
	enum ttu_flags flags = E
+		| TTU_SYNC
	;
	...
}
