/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A limit of messages of one kind per minute, for messages that users can cause at will. Times are
 * ns of CLOCK_MONOTONIC.
 */
#ifndef THPRACE_DAEMON_LOG_LIMIT_H
#define THPRACE_DAEMON_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Plain; initially all 0. */
struct log_limit {
	uint64_t minute_end; /* a minute begins with its first message */
	uint64_t sent; /* within it */
	uint64_t withheld;
};

/* May one more be logged? Otherwise it is counted. */
bool log_limit__take(struct log_limit *limit, uint64_t per_minute, uint64_t now);

/* The number that was counted, once their minute is over; this resets it. Else 0. */
uint64_t log_limit__due(struct log_limit *limit, uint64_t now);

#endif
