/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's BPF run-time statistics, without CAP_SYS_ADMIN in the service: they are on as long as a
 * descriptor of them is open (bpf_enable_stats(), BPF_ENABLE_STATS since 5.8). A process of an instant
 * that has that capability opens one and gives it to systemd's descriptor store; the service finds it
 * among the descriptors that it is started with, and when it ends systemd closes it.
 */
#ifndef THPRACE_DAEMON_STATS_HOLD_H
#define THPRACE_DAEMON_STATS_HOLD_H

#include <stddef.h>

/* Open and give away. Returns 0, or negative errno with a sentence in why. */
int stats_hold__give(char *why, size_t why_size);

/* The descriptor that was given, or -1. To be closed by the caller. */
int stats_hold__take(void);

#endif
