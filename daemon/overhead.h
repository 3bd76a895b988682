/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's own cost compared with the budget, and what to do about it. Knows no kernel: it gets
 * run times, and returns which probe is to be shed or attached again.
 *
 * After `patience` periods above the budget, the optional probe that cost most in all of them is
 * shed, unless it took less than a quarter of the excess: that would help little, and blind the
 * observer. In that case, and if nothing is left to shed, it is over budget, and everything stays
 * attached; this is reported once, until the cost was within the budget for `recovery` periods.
 * After `recovery` periods below half of the budget one probe is attached again: of those shed
 * least often, the one shed last. A probe that had to be shed again waits twice as long the next
 * time, at most eight times, so that a lasting load does not attach and detach it all the time; so
 * does one that could not be attached. If the budget is removed (0), recovery is one period.
 */
#ifndef THPRACE_DAEMON_OVERHEAD_H
#define THPRACE_DAEMON_OVERHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thprace/shared.h>

#include "config.h"
#include "engine/engine.h"

enum overhead_what {
	OVERHEAD_NOTHING,
	OVERHEAD_SHED, /* shed .unit: a probe, or a race from a file */
	OVERHEAD_RESTORE, /* attach .unit again */
	OVERHEAD_HELPLESS, /* above the budget, and shedding would not help */
};

struct overhead_action {
	enum overhead_what what;
	unsigned int unit; /* below ENGINE_UNITS (core/engine/engine.h) */
	bool again; /* HELPLESS: it was so before, and has not been within the budget for
		     * `recovery` periods */
	/*
	 * Of all CPUs' time, over the periods above the budget; if nothing is done, of the last
	 * period.
	 */
	double share; /* of all programs */
	double of_unit[ENGINE_UNITS];
};

/* A plain value, initialised by overhead__reset(). */
struct overhead {
	double budget;
	unsigned int patience;
	unsigned int recovery;
	uint64_t read; /* ns CLOCK_MONOTONIC of the last measurement; 0: none */
	uint64_t run_ns[ENGINE_UNITS]; /* as read last */
	double share; /* over the last period */
	unsigned int above; /* consecutive periods above the budget … */
	uint64_t cost[ENGINE_UNITS]; /* … the cost of each unit in them, ns … */
	double above_ns; /* … and their length, times CPUs */
	unsigned int below;
	bool helpless;
	bool reported; /* being over budget was reported; until it is calm for long enough */
	unsigned int calm; /* consecutive periods within the budget */
	unsigned int shed[ENGINE_UNITS]; /* the last one was shed last */
	unsigned int nr_shed;
	unsigned int times[ENGINE_UNITS]; /* how often each was shed */
};

void overhead__reset(struct overhead *overhead, const struct config *config);

/* Other limits: what is shed stays so until its time. */
void overhead__configure(struct overhead *overhead, const struct config *config);

/*
 * A period is over: programs as engine__programs() returns them, at time now (ns), on cpus CPUs.
 * may_shed: per unit, attached and optional. The first call after a reset only stores the figures.
 * The returned action must be done, or undone with overhead__failed().
 */
struct overhead_action overhead__step(struct overhead *overhead,
				      const struct engine_program *programs, size_t count,
				      uint64_t now, unsigned int cpus,
				      const bool may_shed[ENGINE_UNITS]);

/* The action could not be done. */
void overhead__failed(struct overhead *overhead, const struct overhead_action *action);

#endif
