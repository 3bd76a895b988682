/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's log from now on, as complaints (core/complaint/complaint.h). */
#ifndef THPRACE_DAEMON_KMSG_H
#define THPRACE_DAEMON_KMSG_H

#include <stddef.h>
#include <stdint.h>

#include "complaint/complaint.h"

struct kmsg;

/*
 * Open /dev/kmsg (or path, for tests) after its last line. found is called for each complaint, also
 * for those that can belong to no class. Returns 0 and *kmsg, to be closed with kmsg__close(); or
 * negative errno.
 */
int kmsg__open(struct kmsg **kmsg, const char *path, const struct complaint_kernel *kernel,
	       complaint_fn found, void *ctx);

/* What is known about the kernel, from now on. */
void kmsg__set_kernel(struct kmsg *kmsg, const struct complaint_kernel *kernel);

/* Readable when kmsg__read() is to be called (an epoll descriptor). Do not read or close it. */
int kmsg__fd(const struct kmsg *kmsg);

/*
 * Read what is available, up to a limit, without blocking. now: ns CLOCK_MONOTONIC. Returns 0 or
 * negative errno: then no more will come. Only what the kernel itself wrote counts. Lines that were
 * overwritten before they were read are reported by one message. A complaint is emitted when its
 * last line has come, or no line came for a second (then kmsg__fd() is readable).
 */
int kmsg__read(struct kmsg *kmsg, uint64_t now);

/* A complaint that still waits for lines is emitted first: its receiver must still exist. */
void kmsg__close(struct kmsg *kmsg);

#endif
