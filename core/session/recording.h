/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording: a session that is written into one trace file. Incidents with their context from the
 * flight recorder, or every record; losses as LOST records; counters, tasks and symbols at the end.
 */
#ifndef THPRACE_RECORDING_H
#define THPRACE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

struct recording;

struct recording_options {
	const char *path; /* of the trace file */
	enum thprace_mode mode;
	enum probe_attach attach;
	const char *btf; /* see struct target_options */
	bool all;
	bool widen; /* see engine__widen() */
	const struct race *const *races; /* see struct engine_options */
	size_t race_count;
	/*
	 * Or NULL: called with each settled incident and, some times a second, with the latest
	 * records of the flight recorder (an unspecified part of all; CPU by CPU, each in its
	 * order).
	 */
	correlator_incident_fn incident;
	engine_record_fn record;
	void *ctx; /* of both */
	const char *const *command; /* NULL terminated, for META; or NULL */
};

/*
 * Open the file, and attach everything. Nothing is recorded yet, and the old content of the file is
 * still there. Returns 0 and *recording, to be closed with recording__close(); or negative errno
 * and a sentence in why, and then a file that did not exist before does not exist.
 */
int recording__open(struct recording **recording, const struct recording_options *options,
		    char *why, size_t why_size);

/* Start recording. Returns 0 or negative errno with why. */
int recording__start(struct recording *recording, char *why, size_t why_size);

/* Handle messages, waiting for up to timeout_ms. Returns 0 or negative errno of the engine. */
int recording__step(struct recording *recording, int timeout_ms);

/*
 * Stop, settle, complete the file. Returns 0 or negative errno of the file with why; everything
 * that was safely written stays.
 */
int recording__finish(struct recording *recording, char *why, size_t why_size);

/* The counts so far, including those of the file. */
void recording__totals(struct recording *recording, struct session_totals *totals);
/* The mode in force, see engine__mode(). */
enum thprace_mode recording__mode(const struct recording *recording);
struct engine *recording__engine(const struct recording *recording);

/* Does writing fail (disk full)? Negative errno of the last failed write, or 0. */
int recording__write_error(const struct recording *recording);

void recording__close(struct recording *recording);

#endif
