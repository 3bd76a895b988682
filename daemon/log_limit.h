/* SPDX-License-Identifier: GPL-2.0-only */
/* So many messages of a kind a minute: what whoever may ask can have logged at will. Times ns CLOCK_MONOTONIC. */
#ifndef THPRACE_DAEMON_LOG_LIMIT_H
#define THPRACE_DAEMON_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Plain; all 0 at first. */
struct log_limit {
	uint64_t minute_end; /* a minute begins with its first message */
	uint64_t sent; /* within it */
	uint64_t withheld;
};

/* May one more be logged? Else it is counted. */
bool log_limit__take(struct log_limit *limit, uint64_t per_minute, uint64_t now);

/* How many were counted, once their minute is over; then they are reported. Else 0. */
uint64_t log_limit__due(struct log_limit *limit, uint64_t now);

#endif
