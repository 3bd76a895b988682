/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket: requests and answers as docs/control.md describes them. Clients are bounded in
 * number, time and size of a request, and so is what waits for them; whatever they send, the daemon
 * goes on.
 */
#ifndef THPRACE_DAEMON_CONTROL_H
#define THPRACE_DAEMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <thprace/incident.h>

#include "config.h"
#include "state.h"

struct control;

#define CONTROL_REQUEST_MAX 4096 /* bytes of a request's line, without its end */
#define CONTROL_LIVE_MAX 3600 /* seconds that a trace of `live` may last */

/*
 * What a request needs of the daemon. All but say, live and live_cancel have to be there. A hook may
 * call any function below but control__close(). Of what it hands out only metrics' text is copied
 * later: the rest is valid until the next call of a hook.
 */
struct control_hooks {
	/* The state of now. */
	const struct state *(*state)(void *ctx);
	/* The metrics as malloc'd text, which the caller frees, or NULL when out of memory. */
	char *(*metrics)(void *ctx);
	/* The spool: see spool__recent(), …_wall_of(), …_recent_first(), …_file_of() and, not synced, …_flush(). */
	int (*recent)(void *ctx, uint64_t number, struct thprace_incident *incident);
	uint64_t (*wall_of)(void *ctx, uint64_t number);
	uint64_t (*recent_first)(void *ctx);
	bool (*file_of)(void *ctx, uint64_t number, char *path, size_t size);
	void (*flush)(void *ctx);
	const char *(*directory)(void *ctx);
	/* Reload the configuration. Returns 0, or negative errno with what was wrong in why. */
	int (*reload)(void *ctx, char *why, size_t why_size);
	/*
	 * A trace of the flight recorder for dump --live. seconds: how far back (0: all that it
	 * holds), or, with from_now, for how long from now on. On success, also before it returns,
	 * control__live_done(id, fd, NULL) is called once with a file descriptor at the beginning of
	 * a whole trace, which control closes; or with fd < 0 (negative errno) and why. Returns 0, or
	 * negative errno with why: then there is no live_done.
	 */
	int (*live)(void *ctx, uint64_t id, double seconds, bool from_now, char *why,
		    size_t why_size);
	/* The client that asked is gone: no live_done() any more. */
	void (*live_cancel)(void *ctx, uint64_t id);
	/* Something that the log should have. priority: LOG_WARNING … of syslog.h. */
	void (*log)(void *ctx, int priority, const char *text);
	void *ctx;
};

/*
 * Listen on config->control.socket ("" or "none": on nothing) and serve in the event loop. *hooks is
 * copied, event is referenced. Returns 0 and *control, to be ended with control__close(); or negative
 * errno with a sentence in why (-EADDRINUSE: another daemon listens). An old socket that nobody
 * listens on is replaced; a folder that is missing is made.
 *
 * A group that does not exist, or that the socket cannot be given to, is said by the say hook, and
 * only root and the daemon's own user may ask then.
 */
int control__open(struct control **control, sd_event *event, const struct config *config,
		  const struct control_hooks *hooks, char *why, size_t why_size);

/*
 * Tell those that follow of the newest incident, once the recent hook knows it. number as
 * spool__incident() returned it; 0, counted only: it is sent to nobody. control may be NULL.
 */
void control__incident(struct control *control, uint64_t number,
		       const struct thprace_incident *incident);

/*
 * See struct control_hooks.live. fd, if not negative, is closed when it was sent, or at once when
 * nobody waits for it.
 */
void control__live_done(struct control *control, uint64_t id, int fd, const char *why);

void control__state(const struct control *control, struct control_state *state);

/* Apply timeouts, group and number of clients of another configuration. The socket stays. */
void control__configure(struct control *control, const struct config *config);

/* End all clients, remove the socket, free. control may be NULL. */
void control__close(struct control *control);

#endif
