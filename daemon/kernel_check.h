/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the running kernel's own code shows for each race class: runs `thprace check` once after the
 * start as a separate process, without the daemon's capabilities, limited in time and memory, which
 * ends with the daemon.
 */
#ifndef THPRACE_DAEMON_KERNEL_CHECK_H
#define THPRACE_DAEMON_KERNEL_CHECK_H

#include <systemd/sd-event.h>

#include "state.h"

struct kernel_check;

/* It has ended, successfully or not. */
typedef void (*kernel_check_fn)(void *ctx, const struct check_state *state);

/*
 * Begin. program: the command `thprace`, NULL: the one that belongs to this daemon. image: an open
 * file of the kernel's image, if this process may not open it, or -1; it may be closed afterwards.
 * Returns a check, to be freed with kernel_check__free(), which ends the process; or NULL, out of
 * memory. Other failures are in its state.
 */
struct kernel_check *kernel_check__start(sd_event *event, const char *program, int image,
					 kernel_check_fn done, void *ctx);

const struct check_state *kernel_check__state(const struct kernel_check *check);

void kernel_check__free(struct kernel_check *check);

/* "fixed", "vulnerable", "cannot happen", "unknown". */
const char *kernel_check__status_name(enum check_status status);

/*
 * Log the result: a warning for each class to which the kernel is open, and what could not be found
 * out.
 */
void kernel_check__log(const struct check_state *state);

#endif
