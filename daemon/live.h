/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traces on demand (thprace dump --live): the content of the flight recorder, or what it records
 * from now on, with the incidents of that time, in a memory file.
 */
#ifndef THPRACE_DAEMON_LIVE_H
#define THPRACE_DAEMON_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "namer.h"
#include "spool.h"
#include "observer.h"

struct live_requests;

/*
 * The trace of request id is ready: fd at its start, owned by the callee; or negative errno and
 * why.
 */
typedef void (*live_done_fn)(void *ctx, uint64_t id, int fd, const char *why);

struct live_hooks {
	char *(*meta)(void *ctx); /* like the one in struct spool_hooks */
	live_done_fn done;
	void *ctx;
};

/*
 * Returns an object to be freed with live_requests__free(), or NULL. observer, spool and namer must
 * live longer.
 */
struct live_requests *live_requests__new(sd_event *event, struct observer *observer,
					 struct spool *spool, struct namer *namer,
					 const struct live_hooks *hooks);

/*
 * Begin one: the last `seconds` (0: all there is), or with from_now the next ones. done() is called
 * once, after this has returned. Returns 0, or negative errno with why: -EBUSY if too many are
 * under way.
 */
int live_requests__begin(struct live_requests *requests, uint64_t id, double seconds, bool from_now,
			 char *why, size_t why_size);

void live_requests__cancel(struct live_requests *requests, uint64_t id);

/* An incident was settled: requests under way store it. */
void live_requests__incident(struct live_requests *requests,
			     const struct thprace_incident *incident);

void live_requests__free(struct live_requests *requests);

#endif
