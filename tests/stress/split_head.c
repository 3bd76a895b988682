// SPDX-License-Identifier: GPL-2.0-only
/*
 * split-head: the walker splits a huge page of tmpfs whose last mapping is just going.
 *
 * As split-unmap, with few mappings and the walker timed for the last of them: the split is to
 * freeze the folio's reference count while zap_huge_pmd() has dropped the mapcount and has not yet
 * returned.
 */
#define _GNU_SOURCE 1
#include "stress.h"

static int run(struct stress *s)
{
	static const struct steer_aim aim = {0.35, 0.6, 0.12, 0.35};

	return split_unmap__run(s, &aim, 3);
}

const struct stress_class split_head_class = {
	.name = "split-head",
	.check = shared_file__check,
	.run = run,
};
