/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's log, from now on: what core/complaint/complaint.h makes of it. */
#ifndef THPRACE_DAEMON_KMSG_H
#define THPRACE_DAEMON_KMSG_H

#include <stddef.h>
#include <stdint.h>

#include "complaint/complaint.h"

struct kmsg;

/*
 * Open /dev/kmsg (or path, for tests) after its last line. found is given each complaint, also one that can
 * belong to no class. Returns 0 and *kmsg, to be ended with kmsg__close(); or negative errno.
 */
int kmsg__open(struct kmsg **kmsg, const char *path, const struct complaint_kernel *kernel,
	       complaint_fn found, void *ctx);

/* What is known of the kernel, from now on. */
void kmsg__set_kernel(struct kmsg *kmsg, const struct complaint_kernel *kernel);

/* Readable when kmsg__read() is to be called (an epoll descriptor). Not to be read or closed. */
int kmsg__fd(const struct kmsg *kmsg);

/*
 * Read what there is, up to a bound, without blocking. now: ns CLOCK_MONOTONIC. Returns 0 or negative errno: then no
 * more will come. Only what the kernel itself wrote counts. Lines that were overwritten before they
 * were read are reported once by a message. A complaint is emitted when its last line has come, or none came for
 * a second (kmsg__fd() is readable then).
 */
int kmsg__read(struct kmsg *kmsg, uint64_t now);

/* A complaint that waits for its lines is given first: whoever takes it has to be there still. */
void kmsg__close(struct kmsg *kmsg);

#endif
