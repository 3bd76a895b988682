/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording: engine, book and trace writer working together. Incidents with their flight-recorder
 * context, or every record, go into a trace file; losses become LOST records; counters, tasks and
 * symbols are added at the end.
 */
#ifndef THPRACE_RECORDING_H
#define THPRACE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "book.h"
#include "engine.h"

struct recording;

struct recording_options {
	const char *path; /* of the trace file */
	enum thprace_mode mode;
	enum probe_attach attach;
	bool all;
	bool widen; /* see engine__widen() */
	/*
	 * Or NULL: called with each settled incident, and, some times a second, with the latest
	 * records of the flight recorder (no stated share of all; CPU by CPU, each in its order).
	 */
	book_incident_fn incident;
	engine_record_fn record;
	void *ctx; /* of both */
	const char *const *command; /* NULL terminated, for META; or NULL */
};

/* What a progress line or a summary tells. */
struct recording_totals {
	struct engine_counters counters;
	struct book_class classes[THPRACE_CLASS_MAX];
	uint64_t windows;
	uint64_t walkers;
	uint64_t overlaps;
	uint64_t contained;
	uint64_t escapes;
	uint64_t unattributed;
	uint64_t unproven;
	uint64_t lost; /* all causes, those of the file included */
	uint64_t records; /* in the file */
	uint64_t bytes;
	double seconds;
};

/*
 * Attach everything and create the file. Nothing is recorded yet. Returns 0 and *recording, to be
 * ended with recording__close(); or negative errno and a sentence in why.
 */
int recording__open(struct recording **recording, const struct recording_options *options,
		    char *why, size_t why_size);

/* Start recording. Returns 0 or negative errno with why. */
int recording__start(struct recording *recording, char *why, size_t why_size);

/* Handle what came, waiting up to timeout_ms. Returns 0 or negative errno of the engine. */
int recording__step(struct recording *recording, int timeout_ms);

/*
 * Stop, settle, complete the file. Returns 0 or negative errno of the file with why; everything that
 * was safe in it stays.
 */
int recording__finish(struct recording *recording, char *why, size_t why_size);

void recording__totals(struct recording *recording, struct recording_totals *totals);
/* The mode in force, see engine__mode(). */
enum thprace_mode recording__mode(const struct recording *recording);
struct engine *recording__engine(const struct recording *recording);

/* Is the file in trouble (disk full)? Negative errno of the last write that failed, or 0. */
int recording__write_error(const struct recording *recording);

void recording__close(struct recording *recording);

#endif
