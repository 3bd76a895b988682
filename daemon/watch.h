/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The watching itself: a session in the event loop. A reload may replace it by another one without a
 * gap: both run for a moment, and each incident is told by one of them.
 */
#ifndef THPRACE_DAEMON_WATCH_H
#define THPRACE_DAEMON_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "fd_store.h"
#include "session/session.h"

struct watch;

struct watch_hooks {
	correlator_incident_fn incident; /* settled */
	void (*record)(void *ctx, const struct thprace_record *record, bool context);
	/*
	 * The counters have been read, and what could be has been settled: every 100 ms while reports
	 * come, every second else. All that is periodic in the daemon hangs on this.
	 */
	void (*checked)(void *ctx);
	void (*replacing)(void *ctx); /* the present session is about to be replaced */
	void *ctx;
};

/*
 * Load and attach. hold: what was opened before, as long as the watch is. Returns 0 and *watch, to be ended with
 * watch__close(); or negative errno with a sentence in why.
 */
int watch__open(struct watch **watch, sd_event *event, const struct config *config,
		const struct fd_store *fd_store, const struct watch_hooks *hooks, char *why,
		size_t why_size);

/* Start recording; returns the instant, ns CLOCK_MONOTONIC. */
uint64_t watch__start(struct watch *watch);

/*
 * Apply another mode or way of attaching. Returns 1: there is a new session; 0: nothing to do; or
 * negative errno with why: then the old one goes on.
 */
int watch__configure(struct watch *watch, const struct config *config, char *why, size_t why_size);

/*
 * Read the counters now, unless that was less than 100 ms ago (a loss is told of the time since the
 * reading before the last: see session__check()). For whoever asks for the state of now.
 */
void watch__refresh(struct watch *watch);

/* Everything counted since watch__start(), over all sessions. */
void watch__totals(const struct watch *watch, struct session_totals *totals);

/* The present session's. */
struct engine *watch__engine(const struct watch *watch);
void watch__session_totals(const struct watch *watch, struct session_totals *totals);

/* Stop recording, settle, tell the rest. watch may be NULL. */
void watch__stop(struct watch *watch);

/* Detach, free. What was not told before watch__close() is not told any more. */
void watch__close(struct watch *watch);

#endif
