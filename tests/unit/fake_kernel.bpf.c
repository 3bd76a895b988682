// SPDX-License-Identifier: GPL-2.0-only
/* Only its BTF is used. */
#include "fake_kernel.h"

/* With only a pointer, a structure would stay unknown. */
struct fake_arguments fake_arguments;
struct folio fake_folio;
struct vma fake_vma;
struct mm fake_mm;
enum pageflags fake_flags;
struct page fake_page;
