/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The observer: a session in the event loop. A reload may replace the session by another one
 * without a gap: both run for a moment, and each incident is reported by one of them.
 */
#ifndef THPRACE_DAEMON_OBSERVER_H
#define THPRACE_DAEMON_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "fd_store.h"
#include "session/session.h"

struct observer;

struct observer_hooks {
	correlator_incident_fn incident; /* settled */
	void (*record)(void *ctx, const struct thprace_record *record, bool context);
	/*
	 * The counters have been read, and what could be settled has been: every 100 ms while
	 * reports come, else every second. All periodic work of the daemon is done here.
	 */
	void (*checked)(void *ctx);
	void (*replacing)(void *ctx); /* the present session is about to be replaced */
	void *ctx;
};

/*
 * Load and attach. fd_store: descriptors that were opened before; they must stay open as long as
 * the observer. Returns 0 and *observer, to be closed with observer__close(); or negative errno
 * with a sentence in why.
 */
int observer__open(struct observer **observer, sd_event *event, const struct config *config,
		   const struct fd_store *fd_store, const struct observer_hooks *hooks, char *why,
		   size_t why_size);

/* Start recording; returns the time, ns CLOCK_MONOTONIC. */
uint64_t observer__start(struct observer *observer);

/*
 * Apply another mode or way of attaching. Returns 1: there is a new session; 0: nothing to do; or
 * negative errno with why: then the old one continues.
 */
int observer__configure(struct observer *observer, const struct config *config, char *why,
			size_t why_size);

/*
 * Read the counters now, unless that was less than 100 ms ago (a loss is reported for the time
 * since the reading before the last: see session__check()). For callers that need the present
 * state.
 */
void observer__refresh(struct observer *observer);

/* All counts since observer__start(), over all sessions. */
void observer__totals(const struct observer *observer, struct session_totals *totals);

/* The present session's. */
struct engine *observer__engine(const struct observer *observer);
void observer__session_totals(const struct observer *observer, struct session_totals *totals);

/* Stop recording, settle, report the rest. observer may be NULL. */
void observer__stop(struct observer *observer);

/* Detach, free. What was not reported before observer__close() is lost. */
void observer__close(struct observer *observer);

#endif
