// SPDX-License-Identifier: GPL-2.0-only
#include "streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct walk {
	streams_fn record;
	void *ctx;
};

static void pass(void *ctx, const void *message, size_t size)
{
	const struct walk *walk = ctx;
	struct thprace_record record;

	(void)size;
	memcpy(&record, message, sizeof(record));
	walk->record(walk->ctx, &record);
}

static int walk_one(const struct memory *memory, const struct thprace_beacon_head *head,
		    uint64_t address, unsigned char *data, struct walk *walk,
		    struct messages_counts *counts)
{
	struct messages_ring ring = {.data = data,
				     .size = head->stream_mask + 1,
				     .first_page = (head->ring_data - head->ring) >>
						   head->page_shift,
				     .page_shift = head->page_shift,
				     .records = true};

	if (memory__virtual(memory, address + (head->ring_data - head->ring), data, ring.size) ||
	    memory__number(memory, address + (head->ring_consumer - head->ring), &ring.consumer) ||
	    memory__number(memory, address + (head->ring_producer - head->ring), &ring.producer))
		return -ENODATA;
	return messages__walk(&ring, pass, walk, counts);
}

int streams__walk(struct streams *streams, const struct memory *memory,
		  const struct thprace_beacon_head *head, streams_fn record, void *ctx)
{
	struct walk walk = {.record = record, .ctx = ctx};
	struct messages_counts one;
	unsigned char *data;
	unsigned int i;
	int err = 0;

	*streams = (struct streams){0};
	if (!head->streams)
		return 0;
	data = malloc(head->stream_mask + 1);
	if (!data)
		return -ENOMEM;
	for (i = 0; i < head->streams && err != -ENOMEM; i++) {
		err = walk_one(memory, head, head->stream[i], data, &walk, &one);
		if (err) {
			streams->missing++;
			continue;
		}
		streams->counts.read += one.read;
		streams->counts.unread += one.unread;
		streams->counts.unfinished += one.unfinished;
		streams->counts.refused += one.refused;
		streams->counts.overwritten += one.overwritten;
	}
	free(data);
	return err == -ENOMEM ? err : 0;
}
