/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One program of a race from a file: a copy of its template is filled in, and loaded. Only for
 * core/engine.
 */
#ifndef THPRACE_ENGINE_RACE_PROGRAM_H
#define THPRACE_ENGINE_RACE_PROGRAM_H

#include "engine_race.h"

#define RACE_LOG_SIZE 65536

/* What is being made of a point. */
struct race_making {
	struct engine *engine;
	struct engine_race *of;
	struct race_point *point; /* NULL: of none, the program at the exit of tasks */
	const char *template;
	enum race_how how;
	bool at_return; /* of a call: the instruction after it */
	char *log; /* space for RACE_LOG_SIZE */
	char *why; /* the reason, if something fails */
	size_t why_size;
};

/* Sets the reason; returns err. */
__attribute__((format(printf, 3, 4))) int race_making__fail(const struct race_making *making,
							    int err, const char *format, ...);

/*
 * A copy of the template, filled in for the point, is loaded; for none: with the places of all races that
 * have programs. again: what loading it once more takes, if that is needed, else as it was. Returns a
 * descriptor, or negative errno with a reason in why.
 */
int race_making__load(const struct race_making *making, struct fentry_program *again);

#endif
