/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What takes CAP_SYS_ADMIN to open, without that capability in the service: a process of an instant that
 * has it opens descriptors and gives them to systemd's descriptor store; the service finds them among
 * those that it is started with, and when it ends systemd closes them.
 *
 * The kernel's BPF run-time statistics: they are on as long as a descriptor of them is open
 * (BPF_ENABLE_STATS, 5.8+). And kprobes at calls (core/probe/probe_calls.c), which Debian's
 * kernel.perf_event_paranoid=3 refuses to whoever has not CAP_SYS_ADMIN. And the kernel's image, which
 * distributions let nobody read but root, or keep in a folder that the unit hides.
 */
#ifndef THPRACE_DAEMON_FD_STORE_H
#define THPRACE_DAEMON_FD_STORE_H

#include <stddef.h>

#include "kernel/kprobe.h"

#define FD_STORE_KPROBES_MAX 96

struct fd_store {
	int stats_fd; /* -1: none */
	int image_fd; /* the same */
	struct kprobe_fd kprobes[FD_STORE_KPROBES_MAX];
	size_t kprobe_count;
};

/* Open and give away. Returns 0, or negative errno with a sentence in why. */
int fd_store__add_stats(char *why, size_t why_size);

/* The same of each place that would be probed: two of each, for a reload has two sessions for a while. */
int fd_store__add_kprobes(char *why, size_t why_size);

/* The same of the image that the kernel was booted from. */
int fd_store__add_image(char *why, size_t why_size);

/* The descriptors that were given, to be ended with fd_store__close(). */
void fd_store__take(struct fd_store *fd_store);

void fd_store__close(struct fd_store *fd_store);

/* The image alone: nobody needs it any more. */
void fd_store__close_image(struct fd_store *fd_store);

#endif
