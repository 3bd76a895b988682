/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watches whether the walks inside try_to_unmap and try_to_migrate of the running kernel carry
 * PVMW_SYNC, with a BPF object of its own (bpf/watch.bpf.c). Closing it detaches everything.
 */
#ifndef THPRACE_WATCH_LIVE_H
#define THPRACE_WATCH_LIVE_H

#include <stddef.h>
#include "check_watch.h"
#include "probe/probe.h"

struct walk_watch;

/*
 * Load and attach; nothing is counted yet. Needs root (CAP_BPF and CAP_PERFMON). Returns 0 and
 * *watch, to be closed with walk_watch__close(); or negative errno with a sentence in why.
 */
int walk_watch__open(struct walk_watch **watch, enum probe_attach attach, char *why,
		     size_t why_size);

/* Count from now on. */
void walk_watch__start(struct walk_watch *watch);

/* Stop counting new calls, wait up to a second for those under way, and report what was seen. */
void walk_watch__stop(struct walk_watch *watch, struct check_watch *seen);

void walk_watch__close(struct walk_watch *watch);

#endif
