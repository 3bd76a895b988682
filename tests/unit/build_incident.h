/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds windows, walkers and incidents for tests. Members not named here are 0, for the test to
 * fill in.
 */
#ifndef TESTS_BUILD_INCIDENT_H
#define TESTS_BUILD_INCIDENT_H

#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>

static inline struct thprace_window build_window(uint32_t pid, uint64_t open, uint64_t removed,
						 uint64_t close)
{
	return (struct thprace_window){
		.open = open, .removed = removed, .close = close, .pid = pid};
}

static inline struct thprace_walk build_walk(uint32_t pid, unsigned int class, uint64_t enter,
					     uint64_t leave)
{
	return (struct thprace_walk){
		.enter = enter, .leave = leave, .pid = pid, .class = (__u8) class};
}

/* It left this many mappings of each level. */
static inline void build_left(struct thprace_walk *walk, int32_t entire, int32_t small)
{
	walk->residual = entire + small;
	walk->left = (struct thprace_counts){.entire = entire, .small = small};
}

static inline struct thprace_incident
build_incident(unsigned int verdict, struct thprace_window window, struct thprace_walk walk)
{
	return (struct thprace_incident){
		.type = THPRACE_MSG_INCIDENT,
		.verdict = (__u8)verdict,
		.first_verdict = (__u8)verdict,
		.mode = THPRACE_PRECISE,
		.window = window,
		.walk = walk,
	};
}

/*
 * One for drawings and reports: removed 12.9 us after `base`, the walker there from 3.1 to 15 us.
 */
static inline struct thprace_incident build_race(unsigned int class, unsigned int verdict,
						 uint64_t base)
{
	struct thprace_incident race =
		build_incident(verdict, build_window(812, base, base + 12900, base + 17300),
			       build_walk(813, class, base + 3100, base + 15000));

	race.window.folio = race.walk.folio = 0xffffea0004e38000ULL;
	race.window.tgid = race.walk.tgid = 810;
	race.walk.cpu = 1;
	return race;
}

#endif
