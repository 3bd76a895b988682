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

/* Readable when kmsg__read() is to be called (an epoll descriptor). Not to be read or closed. */
int kmsg__fd(const struct kmsg *kmsg);

/*
 * Read what there is, up to a bound, without blocking. now: ns CLOCK_MONOTONIC. Returns 0 or negative errno: then no
 * more will come. Only what the kernel itself wrote counts. Lines that were overwritten before they
 * were read are told once by a message.
 */
int kmsg__read(struct kmsg *kmsg, uint64_t now);

/*
 * Is this line a complaint of a race class? line: as the kernel prints it, without stamp. Returns 1 and
 * the classes in *classes, else 0. Lines that follow one (page dump, "CPU: 1 PID: 7 Comm: x") belong
 * to the same complaint: kmsg__read() takes the pid from there, and gives the complaint when it has
 * the pid, or 100 ms later (kmsg__fd() is readable then), or when another one begins.
 */
int kmsg__match(const char *line, uint32_t *classes);

/* A complaint that waits for its lines is given first: whoever takes it has to be there still. */
void kmsg__close(struct kmsg *kmsg);

#endif
