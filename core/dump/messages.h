/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The messages, or the records, in the memory of a BPF ring buffer: those that nobody had read, and those read ones
 * that were not overwritten yet.
 */
#ifndef THPRACE_MESSAGES_H
#define THPRACE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct messages_ring {
	const unsigned char *data;
	size_t size; /* a power of two */
	uint64_t first_page; /* of data, counted from the ring's struct bpf_ringbuf */
	unsigned int page_shift;
	bool records; /* a stream: each message is a struct thprace_record, which is not checked */
	uint64_t consumer; /* positions, in bytes since the ring was made */
	uint64_t producer;
};

struct messages_counts {
	size_t read; /* that had been read */
	size_t unread;
	size_t unfinished; /* that were being written */
	size_t refused; /* that no thprace writes */
	uint64_t overwritten; /* bytes of messages that had been read and are gone */
};

/* message: size bytes, checked: a correlator can take it. Valid until it returns. */
typedef void (*messages_fn)(void *ctx, const void *message, size_t size);

/* Pass all messages in their order. Returns 0 or -ENOMEM. */
int messages__walk(const struct messages_ring *ring, messages_fn message, void *ctx,
		   struct messages_counts *counts);

#endif
