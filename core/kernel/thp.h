/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether this machine uses transparent huge pages. */
#ifndef THPRACE_THP_H
#define THPRACE_THP_H

#include <stddef.h>

#define THP_FOLDER "/sys/kernel/mm/transparent_hugepage"

/*
 * Who gets anonymous pages of the size that a pmd maps: "always", "madvise" or "never", into buf;
 * "" if the kernel does not say. folder: THP_FOLDER. Returns buf.
 */
const char *thp__enabled(const char *folder, char *buf, size_t size);

#endif
