/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds names of kernel addresses in the event loop, in pieces: reading all of /proc/kallsyms at once keeps everybody
 * else waiting for tens of milliseconds.
 */
#ifndef THPRACE_DAEMON_NAMER_H
#define THPRACE_DAEMON_NAMER_H

#include <systemd/sd-event.h>

#include "kernel/symbols.h"

struct namer;

/* Returns what namer__free() frees, or NULL. */
struct namer *namer__new(sd_event *event);

/*
 * Find the names of what symbols wants; then call done (may be NULL), not before this returns. One after the other: symbols
 * that are looked after already stay where they are. Returns 0 or negative errno.
 */
int namer__want(struct namer *namer, struct symbols *symbols, void (*done)(void *ctx), void *ctx);

/* These symbols will be gone. */
void namer__forget(struct namer *namer, const struct symbols *symbols);

void namer__free(struct namer *namer);

#endif
