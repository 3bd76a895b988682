/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's log, from now on: lines that the race classes make the kernel print. */
#ifndef THPRACE_DAEMON_KMSG_H
#define THPRACE_DAEMON_KMSG_H

#include <stddef.h>
#include <stdint.h>

#include "alert.h"

struct kmsg;

typedef void (*kmsg_fn)(void *ctx, const struct complaint *complaint);

/*
 * Open /dev/kmsg (or path, for tests) behind its last line. Returns 0 and *kmsg, to be ended with
 * kmsg__close(); or negative errno.
 */
int kmsg__open(struct kmsg **kmsg, const char *path, kmsg_fn complaint, void *ctx);

/* Readable when there are lines. Not to be read or closed. */
int kmsg__fd(const struct kmsg *kmsg);

/* Read what there is. now: ns CLOCK_MONOTONIC. Returns 0 or negative errno: then no more will come. */
int kmsg__read(struct kmsg *kmsg, uint64_t now);

/*
 * Is this line a complaint of a race class? line: as the kernel prints it, without stamp. Returns 1 and
 * the classes in *classes, else 0. Lines that follow one (page dump, "CPU: 1 PID: 7 Comm: x") belong
 * to the same complaint: kmsg__read() takes the pid from there, and waits up to 100 ms for them.
 */
int kmsg__match(const char *line, uint32_t *classes);

void kmsg__close(struct kmsg *kmsg);

#endif
