/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session: engine and correlator working together. Incidents are delivered settled, losses as
 * LOST records, and the flight recorder is read around each report. The caller decides where all
 * this goes: a recording writes one trace file; the daemon keeps a spool and raises alerts.
 */
#ifndef THPRACE_SESSION_H
#define THPRACE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "correlate/correlator.h"
#include "engine/engine.h"

struct session;

struct session_options {
	enum thprace_mode mode;
	enum probe_attach attach;
	const char *btf; /* see struct target_options */
	bool all;
	bool widen; /* see engine__widen() */
	int stats_fd; /* see struct engine_options; -1: none */
	const struct kprobe_fd *kprobe_fds; /* the same; NULL: none */
	size_t kprobe_fd_count;
	const struct race *const *races; /* see struct engine_options */
	size_t race_count;
	/* Each may be NULL. */
	correlator_incident_fn incident; /* a settled incident */
	engine_record_fn record; /* records of the stream (if all), and always LOST records */
	engine_record_fn context; /* of the flight recorder, around reports */
	void *ctx; /* of all of them */
};

/* The counts so far. */
struct session_totals {
	struct engine_counters counters;
	struct verdict_counts classes[THPRACE_CLASS_MAX];
	uint64_t windows;
	uint64_t walkers;
	uint64_t overlaps;
	uint64_t contained;
	uint64_t escapes;
	uint64_t likely; /* of the escapes: not proved */
	uint64_t remained;
	uint64_t unattributed;
	uint64_t unproven;
	uint64_t lost; /* all causes, including the file's */
	uint64_t records; /* in the file */
	uint64_t bytes;
	double seconds;
};

/*
 * Attach everything. Nothing is recorded yet. Returns 0 and *session, to be closed with
 * session__close(); or negative errno and a sentence in why.
 */
int session__open(struct session **session, const struct session_options *options, char *why,
		  size_t why_size);

/* Start recording. Returns the time, ns CLOCK_MONOTONIC. */
uint64_t session__start(struct session *session);

/* Deliver what arrived, waiting for up to timeout_ms. Returns 0 or negative errno of the engine. */
int session__poll(struct session *session, int timeout_ms);

/* Readable when session__poll() would find something. Do not read or close it. */
int session__fd(const struct session *session);

/*
 * Read the counters, report losses, settle what can be settled. Call it some times a second while
 * session__busy(), else about once a second: the longer ago the last call, the longer the interval
 * that a loss makes unproven.
 */
void session__check(struct session *session);

/* Are there reports that are not settled yet? */
bool session__busy(const struct session *session);

/* Read the latest records of the flight recorder now (context), at most 100 times a second. */
void session__context(struct session *session);

/* Stop recording, deliver the rest, settle everything. Returns the time. */
uint64_t session__stop(struct session *session);

/* As read by the last session__check(). The counters of the file are 0. */
void session__totals(const struct session *session, struct session_totals *totals);

/* Add two totals: what a daemon saw with several sessions. */
void session__add(struct session_totals *sum, const struct session_totals *totals);

/* Subtract earlier counts: the rest belongs to the time since then. */
void session__subtract(struct session_totals *sum, const struct session_totals *before);

/* Compute the members that derive from others: overlaps, lost … */
void session__sum(struct session_totals *totals);

struct engine *session__engine(const struct session *session);

/* Detach and free everything. */
void session__close(struct session *session);

#endif
