// SPDX-License-Identifier: GPL-2.0-only
#include "ring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bpf.h>

/*
 * The file of a ring, of kernel/bpf/ringbuf.c: a page with the consumer's position, a page with the
 * producer's, and the data, twice one after the other, so that each record is in one piece.
 */
struct ring {
	int fd;
	size_t size; /* a power of two */
	size_t page;
	unsigned long *consumer;
	const unsigned long *producer;
	ring_fn handle;
	void *ctx;
};

static void *map_page(const struct ring *ring, size_t number, int protection)
{
	void *page = mmap(NULL, ring->page, protection, MAP_SHARED, ring->fd,
			  (off_t)(number * ring->page));

	return page == MAP_FAILED ? NULL : page;
}

int ring__open(struct ring **result, int fd, size_t size, ring_fn handle, void *ctx)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	int err;

	if (!ring)
		return -ENOMEM;
	*ring = (struct ring){
		.fd = fd,
		.size = size,
		.page = (size_t)sysconf(_SC_PAGESIZE),
		.handle = handle,
		.ctx = ctx,
	};
	ring->consumer = map_page(ring, 0, PROT_READ | PROT_WRITE);
	if (ring->consumer)
		ring->producer = map_page(ring, 1, PROT_READ);
	if (!ring->producer) {
		err = -errno;
		ring__free(ring);
		return err;
	}
	*result = ring;
	return 0;
}

/*
 * The records from one position to another, which are mapped from `base' on. Returns the position of
 * the first that is not complete yet, or `end'.
 */
static unsigned long take_records(const struct ring *ring, const char *base, unsigned long position,
				  unsigned long end)
{
	const char *record = base;
	uint32_t head, size;

	while (position < end) {
		/* Who reserved it stores its head last. */
		head = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		if (head & BPF_RINGBUF_BUSY_BIT)
			break;
		size = head & ~(uint32_t)BPF_RINGBUF_DISCARD_BIT;
		if (!(head & BPF_RINGBUF_DISCARD_BIT))
			ring->handle(ring->ctx, record + BPF_RINGBUF_HDR_SZ, size);
		size = (size + BPF_RINGBUF_HDR_SZ + 7) & ~7U;
		record += size;
		position += size;
		/* Given back one by one: the kernel wakes whoever has read all that came before. */
		__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
	}
	return position;
}

/* As above. 1: there was something, 0: nothing, or negative errno. */
static int take_mapped(const struct ring *ring, unsigned long position, unsigned long end)
{
	const size_t from = position & (ring->size - 1), inside = from & (ring->page - 1);
	const size_t length = end - position + inside;
	unsigned long taken;
	char *data;

	data = mmap(NULL, length, PROT_READ, MAP_SHARED, ring->fd,
		    (off_t)(2 * ring->page + from - inside));
	if (data == MAP_FAILED)
		return -errno;
	taken = take_records(ring, data + inside, position, end);
	munmap(data, length);
	return taken != position;
}

int ring__consume(struct ring *ring)
{
	unsigned long position, end;
	int got;

	do {
		position = *ring->consumer;
		end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
		got = position < end ? take_mapped(ring, position, end) : 0;
	} while (got > 0); /* what came meanwhile wakes nobody */
	return got;
}

void ring__free(struct ring *ring)
{
	if (!ring)
		return;
	if (ring->consumer)
		munmap(ring->consumer, ring->page);
	if (ring->producer)
		munmap((void *)ring->producer, ring->page);
	free(ring);
}
