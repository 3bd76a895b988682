/* SPDX-License-Identifier: GPL-2.0-only */
/* What the daemon's own process takes. */
#ifndef THPRACE_DAEMON_USAGE_H
#define THPRACE_DAEMON_USAGE_H

#include <stdint.h>

/* User and system time so far, ns. */
uint64_t usage__cpu_ns(void);

/* Resident memory, bytes; 0 when /proc doesn't tell. */
uint64_t usage__rss(void);

#endif
