/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Own cost against the budget: what to do about it. Knows no kernel: it is given run times, and says
 * which probe is to be shed or brought back.
 *
 * Above the budget for `patience` periods: the optional probe that cost most in all of them is shed, unless
 * it took less than a quarter of what is above the budget: that would lower little, and blind the observer.
 * Then, and when nothing is left, it is over budget, and stays attached; that is to be reported once, until it
 * was within the budget for `recovery` periods. Below half of it for `recovery` periods: one comes back, of
 * those shed least often the one shed last. One that had to be shed again waits twice as long the next time,
 * eight times at most, so that a lasting load doesn't make it come and go all the time; so does one that could
 * not be brought back. With the budget taken away (0) recovery is one period.
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
	OVERHEAD_SHED, /* shed .point */
	OVERHEAD_RESTORE, /* bring .point back */
	OVERHEAD_HELPLESS, /* above the budget, and nothing that could be shed would help */
};

struct overhead_action {
	enum overhead_what what;
	enum thprace_point point;
	bool again; /* HELPLESS: it was so before, and has not been within the budget for `recovery` periods */
	/* Of all CPUs' time, over the periods above the budget; of the last period while nothing is done. */
	double share; /* of all programs */
	double of_point[THPRACE_POINT_MAX];
};

/* A plain value: overhead__reset() begins. */
struct overhead {
	double budget;
	unsigned int patience;
	unsigned int recovery;
	uint64_t read; /* ns CLOCK_MONOTONIC of the last measurement; 0: none */
	uint64_t run_ns[THPRACE_POINT_MAX]; /* as read last */
	double share; /* over the last period */
	unsigned int above; /* periods in a row … */
	uint64_t cost[THPRACE_POINT_MAX]; /* … what each point cost in them, ns … */
	double above_ns; /* … and how long they were, times CPUs */
	unsigned int below;
	bool helpless;
	bool reported; /* that it is; until it is calm for long enough */
	unsigned int calm; /* periods within the budget, in a row */
	enum thprace_point shed[THPRACE_POINT_MAX]; /* the one shed last is at the end */
	unsigned int nr_shed;
	unsigned int times[THPRACE_POINT_MAX]; /* how often each was shed */
};

void overhead__reset(struct overhead *overhead, const struct config *config);

/* Other limits: what is shed stays so until its time. */
void overhead__configure(struct overhead *overhead, const struct config *config);

/*
 * A period is over: programs as engine__programs() gives them, at time now (ns), on cpus CPUs. may_shed:
 * per point, attached and optional. The first call after a reset only takes the figures. What it says
 * has to be done, or undone with overhead__failed().
 */
struct overhead_action overhead__step(struct overhead *overhead,
				      const struct engine_program *programs, size_t count,
				      uint64_t now, unsigned int cpus,
				      const bool may_shed[THPRACE_POINT_MAX]);

/* The action could not be done. */
void overhead__failed(struct overhead *overhead, const struct overhead_action *action);

#endif
