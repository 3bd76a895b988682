/* SPDX-License-Identifier: GPL-2.0-only */
/* Resources used by the daemon's own process. */
#ifndef THPRACE_DAEMON_USAGE_H
#define THPRACE_DAEMON_USAGE_H

#include <stdint.h>

/* User and system time so far, ns. */
uint64_t usage__cpu_ns(void);

/* Resident memory, bytes; 0 if /proc does not say. */
uint64_t usage__rss(void);

#endif
