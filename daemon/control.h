/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket: requests and answers as docs/control.md describes them. Clients are bounded in
 * number, time and size of a request; whatever they send, the daemon goes on.
 */
#ifndef THPRACE_DAEMON_CONTROL_H
#define THPRACE_DAEMON_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <thprace/incident.h>

#include "config.h"
#include "spool.h"
#include "state.h"

struct control;

#define CONTROL_REQUEST_MAX 4096 /* bytes of a request's line */

/* What a request needs of the daemon. */
struct control_hooks {
	/* The state of now. Valid until the hook is called again. */
	const struct state *(*state)(void *ctx);
	struct spool *(*spool)(void *ctx);
	/* Reload the configuration. Returns 0, or negative errno with what was wrong in why. */
	int (*reload)(void *ctx, char *why, size_t why_size);
	/*
	 * A trace of the flight recorder for dump --live. seconds: how far back, or, with from_now, for
	 * how long from now on. On success, also later, live_done(id, fd, NULL) is called once with a
	 * file descriptor at the beginning of a whole trace, the callee's own; or with fd < 0 (negative
	 * errno) and why. Returns 0 or negative errno with why.
	 */
	int (*live)(void *ctx, uint64_t id, double seconds, bool from_now, char *why,
		    size_t why_size);
	/* The client that asked is gone: no live_done() any more. */
	void (*live_cancel)(void *ctx, uint64_t id);
	void *ctx;
};

/*
 * Listen on config->control.socket and serve in the event loop. Returns 0 and *control; or negative
 * errno with a sentence in why. An old socket that nobody listens on is replaced.
 */
int control__open(struct control **control, sd_event *event, const struct config *config,
		  const struct control_hooks *hooks, char *why, size_t why_size);

/* Tell those that follow of an incident. number as spool__incident() returned it. */
void control__incident(struct control *control, uint64_t number,
		       const struct thprace_incident *incident);

/* See struct control_hooks.live. */
void control__live_done(struct control *control, uint64_t id, int fd, const char *why);

void control__state(const struct control *control, struct control_state *state);

/* Apply timeouts, group and number of clients of another configuration. The socket stays. */
void control__configure(struct control *control, const struct config *config);

void control__close(struct control *control);

#endif
