/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket: requests and answers as described in docs/control.md. The number of clients,
 * their time, the size of a request and the amount of unsent data are limited; whatever clients
 * send, the daemon continues.
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

#define CONTROL_REQUEST_MAX 4096 /* bytes of a request's line, without its newline */
#define CONTROL_LIVE_MAX 3600 /* maximum length of a trace of `live`, in seconds */

/*
 * What requests need from the daemon. All but say, live and live_cancel are required. A hook may
 * call any function below except control__close(). Only the text of the metrics is copied later;
 * all other results stay valid until the next call of a hook.
 */
struct control_hooks {
	/* The present state. */
	const struct state *(*state)(void *ctx);
	/* The metrics as malloc'd text, which the caller frees, or NULL if out of memory. */
	char *(*metrics)(void *ctx);
	/*
	 * The spool: see spool__recent(), …_wall_of(), …_recent_first(), …_file_of(), …_name_of()
	 * and, not synced, …_flush().
	 */
	int (*recent)(void *ctx, uint64_t number, struct thprace_incident *incident);
	uint64_t (*wall_of)(void *ctx, uint64_t number);
	uint64_t (*recent_first)(void *ctx);
	bool (*file_of)(void *ctx, uint64_t number, char *path, size_t size);
	bool (*name_of)(void *ctx, uint64_t address, char *name);
	/* The path of a cgroup, or NULL. */
	const char *(*cgroup_of)(void *ctx, uint64_t id);
	void (*flush)(void *ctx);
	const char *(*directory)(void *ctx);
	/* Reload the configuration. Returns 0, or negative errno with the reason in why. */
	int (*reload)(void *ctx, char *why, size_t why_size);
	/*
	 * A trace of the flight recorder for dump --live. seconds: how far back (0: all that it
	 * holds), or, with from_now, for how long from now on. On success, possibly before it
	 * returns, control__live_done(id, fd, NULL) is called once with a file descriptor at the
	 * start of a complete trace, which control closes; or with fd < 0 (negative errno) and why.
	 * Returns 0, or negative errno with why: then live_done is not called.
	 */
	int (*live)(void *ctx, uint64_t id, double seconds, bool from_now, char *why,
		    size_t why_size);
	/* The client that asked has gone: live_done() will not be called. */
	void (*live_cancel)(void *ctx, uint64_t id);
	/* A message for the log. priority: LOG_WARNING … of syslog.h. */
	void (*log)(void *ctx, int priority, const char *text);
	void *ctx;
};

/*
 * Listen on config->control.socket ("" or "none": nowhere) and serve in the event loop. *hooks is
 * copied, event is referenced. Returns 0 and *control, to be closed with control__close(); or
 * negative errno with a sentence in why (-EADDRINUSE: another daemon listens). An old socket on
 * which nobody listens is replaced; a missing folder is created.
 *
 * If the group does not exist, or the socket cannot be given to it, the say hook is called, and
 * only root and the daemon's own user may ask then.
 */
int control__open(struct control **control, sd_event *event, const struct config *config,
		  const struct control_hooks *hooks, char *why, size_t why_size);

/*
 * Send the newest incident to clients that follow, once the recent hook knows it. number as
 * returned by spool__incident(); 0 (only counted): it is sent to nobody. control may be NULL.
 */
void control__incident(struct control *control, uint64_t number,
		       const struct thprace_incident *incident);

/*
 * See struct control_hooks.live. fd, if not negative, is closed after it was sent, or at once if
 * nobody waits for it.
 */
void control__live_done(struct control *control, uint64_t id, int fd, const char *why);

void control__state(const struct control *control, struct control_state *state);

/* Apply timeouts, group and number of clients from another configuration. The socket stays. */
void control__configure(struct control *control, const struct config *config);

/* Close all clients, remove the socket, free. control may be NULL. */
void control__close(struct control *control);

#endif
