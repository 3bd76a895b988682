// SPDX-License-Identifier: GPL-2.0-only
/*
 * split-head: the walker splits a huge page of tmpfs whose last mapping is just being removed.
 *
 * The split must freeze the folio's reference count when zap_huge_pmd() has dropped the mapcount
 * and has not yet returned. Its unmap must not reach the mapping that is being removed: with
 * TTU_SYNC it would wait there for the lock until the zap is over. So the walker has its own
 * mappings, which the unmap visits first; when they are gone and the other's mapcount has dropped,
 * it stops (page_not_mapped()).
 */
#define _GNU_SOURCE 1
#include "stress.h"

static int run(struct stress *s)
{
	static const struct steer_aim aim = {0.35, 0.6, 0.12, 0.35};

	return split_unmap__run(s, &aim, 1, true);
}

STRESS_CLASS(split_head) = {
	.name = "split-head",
	.check = shared_file__check,
	.run = run,
};
