// SPDX-License-Identifier: GPL-2.0-only
#include "engine/pending.h"

#include <thprace/verdict.h>

/* A range that ended in time has been reported within this time. */
#define SWEEP_LATE_NS 50000000ULL
/* A walker whose return was missed is not waited for longer than this. */
#define WALK_MAX_NS 60000000000ULL

/* Only core frees a place whose leave is set: the walker's task does not use it any more. */
uint32_t pending__sweep(struct thprace_pending *pending, struct bucket *buckets,
			volatile struct thprace_attributing *attributing, uint64_t now)
{
	struct thprace_pending *place;
	uint64_t folio, leave;
	uint32_t i, freed = 0;

	for (i = 0; i < THPRACE_PENDING_MAX; i++) {
		place = &pending[i];
		folio = __atomic_load_n(&place->folio, __ATOMIC_ACQUIRE);
		leave = __atomic_load_n(&place->leave, __ATOMIC_ACQUIRE);
		if (!folio || (leave ? now < leave + THPRACE_ATTRIBUTION_NS + SWEEP_LATE_NS
				     : !place->enter || now < place->enter + WALK_MAX_NS))
			continue;
		if (leave)
			__atomic_fetch_sub(&buckets[thprace_folio_bucket(folio)].pending, 1,
					   __ATOMIC_SEQ_CST);
		__atomic_store_n(&place->folio, 0, __ATOMIC_SEQ_CST);
		__atomic_fetch_sub(&attributing->walkers, 1, __ATOMIC_SEQ_CST);
		freed |= 1U << i;
	}
	return freed;
}
