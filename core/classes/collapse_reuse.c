// SPDX-License-Identifier: GPL-2.0-only
/*
 * A collapse fails, and its huge page, which it has revoked, is carried over to its task's next call, while a
 * task that found it before waits for its lock (until 5.19).
 */
#include "race_class.h"

const struct race_class race_class_collapse_reuse = {
	.id = THPRACE_COLLAPSE_REUSE,
	.name = "collapse-reuse",
	.shape = RACE_REUSE,
	.points = {{.point = {THPRACE_POINT_COLLAPSE, THPRACE_POINT_HOLD, THPRACE_POINT_HOLD_END,
			      RACE_NO_POINT}}},
	.widen = THPRACE_WIDEN_NOT, /* no zap is in it */
	.windows = RACE_WINDOWS_COLLAPSE,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
			{CHECK_CANNOT_HAPPEN, {NOT(CARRIES)}},
			{CHECK_CANNOT_HAPPEN, {IS(NUMA)}},
			{CHECK_VULNERABLE, {IS(CARRIES), NOT(NUMA), NOT(RELEASES)}},
			{CHECK_FIXED, {IS(CARRIES), NOT(NUMA), IS(RELEASES)}},
		},
	.commit = {"033b5d77551167f8c24ca862ce83d3e0745f9245",
		   "mm/khugepaged: fix filemap page_to_pgoff(page) != offset", "5.9"},
	/* collapse_file() took huge pages over until 5.19, checked since 5.9. */
	.releases = {{RACE_VERSION(4, 8), RACE_VERSION(5, 9), RACE_VERSION(6, 0), 0}},
};
