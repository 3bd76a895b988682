/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the running kernel's own code says of each race class: `thprace check`, run once after the start as a
 * process of its own, which has no capability of the daemon's, is bounded in time and memory, and ends with it.
 */
#ifndef THPRACE_DAEMON_KERNEL_CHECK_H
#define THPRACE_DAEMON_KERNEL_CHECK_H

#include <systemd/sd-event.h>

#include "state.h"

struct kernel_check;

/* It has ended, well or not. */
typedef void (*kernel_check_fn)(void *ctx, const struct check_state *state);

/*
 * Begin. program: the command `thprace`, NULL: the one that belongs to this daemon. image: an open file of
 * the kernel's image, for where this process may not open it, or -1; it may be closed afterwards. Returns a
 * check, to be freed with kernel_check__free(), which ends it; or NULL, out of memory. What else fails is in
 * its state.
 */
struct kernel_check *kernel_check__start(sd_event *event, const char *program, int image,
					 kernel_check_fn done, void *ctx);

const struct check_state *kernel_check__state(const struct kernel_check *check);

void kernel_check__free(struct kernel_check *check);

/* "fixed", "vulnerable", "cannot happen", "unknown". */
const char *kernel_check__status_name(enum check_status status);

/* Tell the log: a warning for each class that the kernel is open to, and what could not be found out. */
void kernel_check__log(const struct check_state *state);

#endif
