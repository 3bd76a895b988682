/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exposure: how often windows and walkers would overlap by chance, from their rates and lengths,
 * compared with the overlaps counted. docs/exposure.md explains it and its assumptions.
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
	 * Is expected_per_day known? False for classes that cannot be observed, whose windows are
	 * not counted (hwpoison-unmap), or whose windows' lengths are not measured
	 * (collapse-reuse), and for races from files: how many keys they have is not known.
	 */
	bool estimated;
	double windows_per_s; /* of the kind that this class's walkers can overlap */
	double walkers_per_s;
	double window_ns; /* mean length of these windows; 0: none seen, or not counted */
	double walker_ns; /* mean length; 0: none seen */
	double expected_per_day; /* overlaps, if both happened independently of each other */
	double overlaps_per_day; /* counted */
};

struct exposure {
	double seconds; /* the time over which the rates are taken; 0: not known yet */
	double folios; /* huge pages in use, over which overlaps are spread; at least 1 */
	struct exposure_class classes[THPRACE_CLASS_MAX];
};

/* Counts at one time, from which rates are computed. */
struct exposure_sample {
	uint64_t when; /* ns CLOCK_MONOTONIC; 0: not taken */
	uint64_t windows; /* at PMD level */
	uint64_t window_ns; /* sum of their lengths */
	uint64_t phase2; /* second phases, which only precise mode measures */
	uint64_t phase2_ns; /* sum of their lengths */
	uint64_t collapses_failed; /* windows of collapse-reuse */
	uint64_t of_race[THPRACE_CLASS_MAX]; /* windows, of races from files */
	uint64_t of_race_ns[THPRACE_CLASS_MAX]; /* sums of their lengths */
	uint64_t walkers[THPRACE_CLASS_MAX];
	uint64_t walker_ns[THPRACE_CLASS_MAX]; /* sums of lengths */
	uint64_t overlaps[THPRACE_CLASS_MAX];
};

/* Copy the counts from totals. when: ns CLOCK_MONOTONIC at which they were read. */
void exposure__sample(struct exposure_sample *sample, const struct session_totals *totals,
		      uint64_t when);

/*
 * Exposure between two samples of one daemon's life. folios: see exposure__folios(). observable:
 * per class. A zero rate gives zero, never NaN; a sample that was not taken, or two of the same
 * time, give seconds 0 and no estimate.
 */
void exposure__between(struct exposure *exposure, const struct exposure_sample *from,
		       const struct exposure_sample *to, double folios,
		       const bool observable[THPRACE_CLASS_MAX]);

/*
 * Huge pages in use, from AnonHugePages, ShmemHugePages and FileHugePages of a meminfo file (path;
 * normally "/proc/meminfo"), with the huge page size from sysfs' hpage_pmd_size or 2 MiB. At least
 * 1, also if the file cannot be read.
 */
double exposure__folios(const char *path);

#endif
