/* SPDX-License-Identifier: GPL-2.0-only */
/* The event loop, and the time for which it blocked. */
#ifndef THPRACE_DAEMON_LOOP_H
#define THPRACE_DAEMON_LOOP_H

#include <stdint.h>
#include <systemd/sd-event.h>

#define LOOP_LONG_NS 20000000ULL /* no request of a client should take longer */

struct loop_times {
	uint64_t longest_ns; /* longest dispatch since the start */
	uint64_t over; /* dispatches above LOOP_LONG_NS */
};

/* Run until sd_event_exit(), and count in *times. Returns the exit code, or negative errno. */
int loop__run(sd_event *event, struct loop_times *times);

#endif
