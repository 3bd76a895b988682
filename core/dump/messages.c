// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each message follows a header of 8 bytes: its length, with two flags, and the header's page,
 * counted from the ring's begin (struct bpf_ringbuf_hdr, kernel/bpf/ringbuf.c). The oldest message
 * that is whole is the first position from which headers lead to the producer's position.
 */
#include "messages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/race_slot.h>

#include "classes/race_class.h"
#include "trace/trace_validate.h"

#define HEADER 8
#define BUSY (1U << 31) /* BPF_RINGBUF_BUSY_BIT */
#define DISCARD (1U << 30)
#define MESSAGE_MAX sizeof(struct thprace_incident)

/* The size of the messages of a type; 0: there is no such type. */
static size_t size_of(uint32_t type)
{
	switch (type) {
	case THPRACE_MSG_INCIDENT:
	case THPRACE_MSG_CHECK:
		return sizeof(struct thprace_incident);
	case THPRACE_MSG_OPENER:
	case THPRACE_MSG_REUSE:
		return sizeof(struct thprace_opener);
	case THPRACE_MSG_SPLIT:
		return sizeof(struct thprace_split);
	case THPRACE_MSG_HOLD:
		return sizeof(struct thprace_hold);
	case THPRACE_MSG_OUTER:
		return sizeof(struct thprace_outer);
	case THPRACE_MSG_RACE_END:
		return sizeof(struct thprace_race_end);
	case THPRACE_MSG_RACE_PAIR:
		return sizeof(struct thprace_race_pair);
	default:
		return 0;
	}
}

static uint32_t word(const struct messages_ring *ring, uint64_t position)
{
	uint32_t value;

	memcpy(&value, ring->data + (position & (ring->size - 1)), sizeof(value));
	return value;
}

/* The position after the message whose header is here; 0: this is no header. */
static uint64_t next(const struct messages_ring *ring, uint64_t position)
{
	uint32_t length = word(ring, position), size = length & ~(BUSY | DISCARD);
	uint64_t page = ring->first_page + ((position & (ring->size - 1)) >> ring->page_shift);

	if (word(ring, position + 4) != page || !size || size > MESSAGE_MAX || size % 8 ||
	    size > ring->producer - position - HEADER)
		return 0;
	if (ring->records)
		return size == sizeof(struct thprace_record) ? position + HEADER + size : 0;
	if (!(length & (BUSY | DISCARD)) && size_of(word(ring, position + HEADER)) != size)
		return 0;
	return position + HEADER + size;
}

static bool is_walk(const struct thprace_walk *walk)
{
	return walk->class < race_class__end() && walk->origin < THPRACE_ORIGIN_MAX &&
	       memchr(walk->comm, 0, sizeof(walk->comm));
}

static bool is_window(const struct thprace_window *window)
{
	return window->level < THPRACE_LEVEL_MAX && memchr(window->comm, 0, sizeof(window->comm));
}

static bool is_valid(const void *message)
{
	const struct thprace_incident *incident = message;
	const struct thprace_opener *opener = message;
	const struct thprace_hold *hold = message;
	const struct thprace_race_end *end = message;
	const struct thprace_race_pair *pair = message;

	switch (*(const uint32_t *)message) {
	case THPRACE_MSG_INCIDENT:
	case THPRACE_MSG_CHECK:
		return !trace_validate__incident(incident) && is_walk(&incident->walk);
	case THPRACE_MSG_OPENER:
	case THPRACE_MSG_REUSE:
		return is_window(&opener->window) && opener->stack.nr <= THPRACE_STACK_MAX;
	case THPRACE_MSG_HOLD:
		return is_walk(&hold->walk) && hold->stack.nr <= THPRACE_STACK_MAX;
	case THPRACE_MSG_RACE_END:
		return race_class__shape(end->class) == RACE_FILE &&
		       end->side < THPRACE_RACE_SIDES && end->stack.nr <= THPRACE_STACK_MAX &&
		       memchr(end->comm, 0, sizeof(end->comm));
	case THPRACE_MSG_RACE_PAIR:
		return race_class__shape(pair->class) == RACE_FILE;
	default:
		return true;
	}
}

/* A message may begin at the end of the memory and continue at its start. */
static void copy(const struct messages_ring *ring, uint64_t position, void *to, size_t size)
{
	size_t at = position & (ring->size - 1);
	size_t part = size < ring->size - at ? size : ring->size - at;

	memcpy(to, ring->data + at, part);
	memcpy((char *)to + part, ring->data, size - part);
}

static void pass(const struct messages_ring *ring, uint64_t position, messages_fn message,
		 void *ctx, struct messages_counts *counts)
{
	union {
		struct thprace_incident incident;
		struct thprace_hold hold;
		unsigned char bytes[MESSAGE_MAX];
	} one;
	uint32_t length = word(ring, position), size = length & ~(BUSY | DISCARD);

	if (length & BUSY) {
		counts->unfinished++;
		return;
	}
	if (length & DISCARD)
		return;
	memset(&one, 0, sizeof(one));
	copy(ring, position + HEADER, &one, size);
	if (!ring->records && !is_valid(&one)) {
		counts->refused++;
		return;
	}
	if (position < ring->consumer)
		counts->read++;
	else
		counts->unread++;
	message(ctx, &one, size);
}

int messages__walk(const struct messages_ring *ring, messages_fn message, void *ctx,
		   struct messages_counts *counts)
{
	uint64_t first = ring->producer > ring->size ? ring->producer - ring->size : 0;
	uint64_t position, after;
	size_t places = (ring->producer - first) / 8;
	bool *leads; /* for each place: do headers lead from it to the end? */

	*counts = (struct messages_counts){0};
	if (ring->producer % 8 || ring->consumer > ring->producer || first % 8)
		return -EINVAL;
	leads = calloc(places + 1, sizeof(*leads));
	if (!leads)
		return -ENOMEM;
	leads[places] = true;
	for (position = ring->producer; position > first; position -= 8) {
		if (ring->producer - (position - 8) < 2 * HEADER)
			continue;
		after = next(ring, position - 8);
		leads[(position - 8 - first) / 8] = after && leads[(after - first) / 8];
	}
	for (position = first; position < ring->producer && !leads[(position - first) / 8];)
		position += 8;
	counts->overwritten = position;
	for (; position < ring->producer; position = next(ring, position))
		pass(ring, position, message, ctx, counts);
	free(leads);
	return 0;
}
