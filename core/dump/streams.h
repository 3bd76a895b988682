/* SPDX-License-Identifier: GPL-2.0-only */
/* The streams of `record --all`: the records in the memory of each CPU's ring. */
#ifndef THPRACE_STREAMS_H
#define THPRACE_STREAMS_H

#include <thprace/beacon.h>
#include <thprace/record.h>

#include "memory.h"
#include "messages.h"

struct streams {
	struct messages_counts counts; /* of all rings */
	unsigned int missing; /* rings that are not in the dump, or damaged */
};

/* record: not checked. Valid until it returns, which may change it. */
typedef void (*streams_fn)(void *ctx, struct thprace_record *record);

/* Pass the records of one ring after the other, each in their order. Returns 0 or -ENOMEM. */
int streams__walk(struct streams *streams, const struct memory *memory,
		  const struct thprace_beacon_head *head, streams_fn record, void *ctx);

#endif
