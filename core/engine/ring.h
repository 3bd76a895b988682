/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a BPF ring buffer as libbpf's ring_buffer does, but maps its data only while there is some to
 * read. A mapping of BPF memory counts fully as resident, and libbpf maps the data twice.
 */
#ifndef THPRACE_RING_H
#define THPRACE_RING_H

#include <stddef.h>

struct ring;

typedef void (*ring_fn)(void *ctx, const void *data, size_t size);

/*
 * fd: of a map of type BPF_MAP_TYPE_RINGBUF with `size' bytes (a power of two, whole pages), which must
 * stay open. handle gets each record, aligned to 8 bytes. 0 or negative errno.
 */
int ring__open(struct ring **result, int fd, size_t size, ring_fn handle, void *ctx);

/* All records that are there. 0 or negative errno: then the rest can be read later. */
int ring__consume(struct ring *ring);

void ring__free(struct ring *ring); /* NULL is ignored */

#endif
