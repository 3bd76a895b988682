/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exposure: how often windows and walkers would meet by chance, from their rates and lengths, beside
 * the overlaps counted. docs/exposure.md explains it with its assumptions.
 */
#ifndef THPRACE_DAEMON_EXPOSURE_H
#define THPRACE_DAEMON_EXPOSURE_H

#include <stdbool.h>
#include <stdint.h>
#include <thprace/race.h>

struct session_totals;

struct exposure_class {
	bool observable;
	/*
	 * Is expected_per_day known? False for what cannot be observed, and for classes whose windows
	 * are not counted (hwpoison-unmap) or whose windows' lengths are not (collapse-reuse).
	 */
	bool estimated;
	double windows_per_s; /* of the kind that this class' walkers can meet */
	double walkers_per_s;
	double window_ns; /* mean length of what can be met; 0: none seen, or not counted */
	double walker_ns; /* mean length; 0: none seen */
	double expected_per_day; /* overlaps, if both came independently of each other */
	double overlaps_per_day; /* counted */
};

struct exposure {
	double seconds; /* the time that the rates are taken over; 0: not known yet */
	double folios; /* huge pages in use, over which meetings are spread; at least 1 */
	struct exposure_class classes[THPRACE_CLASS_MAX];
};

/* Counts at one time, to take rates from. */
struct exposure_sample {
	uint64_t when; /* ns CLOCK_MONOTONIC; 0: not taken */
	uint64_t windows; /* at PMD level */
	uint64_t window_ns; /* sum of their lengths */
	uint64_t phase2; /* second phases, which precise mode alone measures */
	uint64_t phase2_ns; /* sum of their lengths */
	uint64_t collapses_failed; /* windows of collapse-reuse */
	uint64_t walkers[THPRACE_CLASS_MAX];
	uint64_t walker_ns[THPRACE_CLASS_MAX]; /* sums of their lengths */
	uint64_t overlaps[THPRACE_CLASS_MAX];
};

/* Take the counts out of totals. when: ns CLOCK_MONOTONIC at which those were read. */
void exposure__sample(struct exposure_sample *sample, const struct session_totals *totals,
		      uint64_t when);

/*
 * Exposure between two samples of one daemon's life. folios: see exposure__folios(). observable: per
 * class. A zero rate gives zero, never NaN; a sample not taken, or two of the same time, give
 * seconds 0 and no estimate.
 */
void exposure__between(struct exposure *exposure, const struct exposure_sample *from,
		       const struct exposure_sample *to, double folios,
		       const bool observable[THPRACE_CLASS_MAX]);

/*
 * Huge pages in use, from AnonHugePages, ShmemHugePages and FileHugePages of a meminfo file (path;
 * "/proc/meminfo" in earnest), by the huge page size of sysfs' hpage_pmd_size or 2 MiB. At least 1,
 * also when the file cannot be read.
 */
double exposure__folios(const char *path);

#endif
