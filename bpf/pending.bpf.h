/* SPDX-License-Identifier: GPL-2.0-only */
/* PTE-level attribution by the side that comes second: the rmap removal finds the failed walker. */
#ifndef THPRACE_PENDING_BPF_H
#define THPRACE_PENDING_BPF_H

#include "record.bpf.h"

/* Is this one to be told, of a row of so many before? The 1st, 2nd, 4th, 8th … are. */
static __always_inline int row_is_told(u32 before)
{
	return !(before & (before + 1));
}

/* Report a pair of a failed walker and the removal of small pages' rmap that explains it. */
static __always_inline void pending_tell(void *ctx, const struct thprace_walk *walk, u64 task,
					 u64 now, u32 pages)
{
	struct thprace_incident *incident;

	incident = incident_reserve(sizeof(*incident));
	if (!incident) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return;
	}
	__builtin_memset(&incident->window, 0, sizeof(incident->window));
	incident->type = THPRACE_MSG_INCIDENT;
	incident->verdict = THPRACE_ESCAPE;
	incident->said = THPRACE_ESCAPE;
	incident->close_call = 0;
	incident->mode = THPRACE_PRECISE;
	incident->window.open = now;
	incident->window.removed = now;
	incident->window.close = now;
	incident->window.folio = walk->folio;
	*(u64 *)&incident->window.pid = task; /* and tgid */
	incident->window.cpu = bpf_get_smp_processor_id();
	incident->window.level = THPRACE_LEVEL_PTE;
	incident->window.flags = THPRACE_WF_SETTLED;
	incident->window.pages = pages;
	bpf_get_current_comm(incident->window.comm, sizeof(incident->window.comm));
	incident->walk = *walk;
	stack_take(ctx, &incident->opener_stack);
	incident->walker_stack.nr = 0;
	bpf_ringbuf_submit(incident, 0);
}

#endif
