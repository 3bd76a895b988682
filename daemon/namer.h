/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds names of kernel addresses in the event loop, in pieces: reading all of /proc/kallsyms at
 * once would block everything else for tens of milliseconds.
 */
#ifndef THPRACE_DAEMON_NAMER_H
#define THPRACE_DAEMON_NAMER_H

#include <systemd/sd-event.h>

#include "kernel/symbols.h"

struct namer;

/* Returns an object to be freed with namer__free(), or NULL. */
struct namer *namer__new(sd_event *event);

/*
 * Find the missing names of symbols; then call done (may be NULL), but not before this returns. One
 * request after the other: symbols that are already queued keep their place. Returns 0 or negative
 * errno.
 */
int namer__want(struct namer *namer, struct symbols *symbols, void (*done)(void *ctx), void *ctx);

/* These symbols will be freed. */
void namer__forget(struct namer *namer, const struct symbols *symbols);

void namer__free(struct namer *namer);

#endif
