/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The places of walkers for which the ends of zaps are reported (bpf/pending.bpf.h), as core sees
 * them.
 */
#ifndef CORE_ENGINE_PENDING_H
#define CORE_ENGINE_PENDING_H

#include <stdint.h>
#include <thprace/shared.h>

/*
 * Free the places of walkers that need no more reports at `now` (ns). Returns a bit for each. The
 * caller releases their claims after this, so the next owner finds the place empty.
 */
uint32_t pending__sweep(struct thprace_pending *pending, struct bucket *buckets,
			volatile struct thprace_attributing *attributing, uint64_t now);

#endif
