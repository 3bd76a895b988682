/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ids that the seven classes have in every run, for tests that use one: test_classes checks
 * them.
 */
#ifndef TESTS_CLASS_IDS_H
#define TESTS_CLASS_IDS_H

#define THPRACE_SPLIT_UNMAP 1
#define THPRACE_SPLIT_MIGRATE 2
#define THPRACE_SPLIT_HEAD 3
#define THPRACE_HWPOISON_UNMAP 4
#define THPRACE_TRUNCATE_UNMAP 5
#define THPRACE_INVALIDATE_UNMAP 6
#define THPRACE_COLLAPSE_REUSE 7

#endif
