/* SPDX-License-Identifier: GPL-2.0-only */
/* Which records and incidents of a trace dump prints. */
#ifndef THPRACE_FILTER_H
#define THPRACE_FILTER_H

#include <stdint.h>
#include <thprace/incident.h>
#include <thprace/race.h>
#include <thprace/record.h>

/* Zero it to let everything through. */
struct filter {
	int by_class;
	int by_verdict;
	int by_pid;
	int by_cpu;
	unsigned int class; /* enum thprace_class */
	unsigned int verdict; /* enum thprace_verdict: only incidents, no record passes */
	uint32_t pid; /* thread or process; for an incident: on either side */
	uint32_t cpu; /* for an incident: on either side */
	uint64_t since; /* ns since the recording started */
	uint64_t until; /* ns since the recording started; 0: no bound */
};

/* Does it pass? started: ns CLOCK_MONOTONIC at which the recording started. */
int filter__record(const struct filter *filter, const struct thprace_record *record,
		   uint64_t started);

/* An incident passes --since and --until if any part of it is between them. */
int filter__incident(const struct filter *filter, const struct thprace_incident *incident,
		     uint64_t started);

/* Set one condition. Functions that take text from an option return 0, or -EINVAL: not a number. */
void filter__set_class(struct filter *filter, enum thprace_class class);
void filter__set_verdict(struct filter *filter, enum thprace_verdict verdict);
int filter__set_pid(struct filter *filter, const char *text);
int filter__set_cpu(struct filter *filter, const char *text);

#endif
