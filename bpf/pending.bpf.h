/* SPDX-License-Identifier: GPL-2.0-only */
/* PTE-level attribution by the side that comes second: the rmap removal finds the failed walker. */
#ifndef THPRACE_PENDING_BPF_H
#define THPRACE_PENDING_BPF_H

#include "record.bpf.h"

static __always_inline void walk_copy(struct thprace_walk *to, const struct thprace_walk *from)
{
	__builtin_memcpy(to, from, sizeof(*to));
}

/* A task removed the rmap of small pages of folio at time now: does that explain a failed walker? */
static __always_inline void pending_attribute(void *ctx, u64 folio, u64 task, u64 now, u32 pages)
{
	struct pending *failed = bpf_map_lookup_elem(&pending, &folio);
	struct thprace_incident *incident;

	if (!failed || failed->walk.pid == (u32)task ||
	    !thprace_explains(now, failed->walk.enter, failed->walk.leave))
		return;
	incident = bpf_ringbuf_reserve(&incidents, sizeof(*incident), 0);
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
	incident->window.folio = folio;
	incident->window.pid = (u32)task;
	incident->window.tgid = task >> 32;
	incident->window.cpu = bpf_get_smp_processor_id();
	incident->window.level = THPRACE_LEVEL_PTE;
	incident->window.flags = THPRACE_WF_SETTLED;
	incident->window.pages = pages;
	bpf_get_current_comm(incident->window.comm, sizeof(incident->window.comm));
	walk_copy(&incident->walk, &failed->walk);
	stack_take(ctx, &incident->opener_stack);
	incident->walker_stack.nr = 0;
	bpf_ringbuf_submit(incident, 0);
}

#endif
