/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gives the service what needs CAP_SYS_ADMIN to open, without that capability: a short-lived
 * process that has it opens descriptors and gives them to systemd's descriptor store; the service
 * finds them among the descriptors with which it is started, and when it ends systemd closes them.
 *
 * The kernel's BPF run-time statistics: they are on as long as a descriptor of them is open
 * (BPF_ENABLE_STATS, 5.8+). Kprobes at calls (core/probe/probe_calls.c), which Debian's
 * kernel.perf_event_paranoid=3 only allows with CAP_SYS_ADMIN. The kernel's image, which on some
 * distributions only root can read, or which is in a folder that the unit hides. And a copy of the
 * kernel's log of the last boot (last_boot.h), which only root can read.
 */
#ifndef THPRACE_DAEMON_FD_STORE_H
#define THPRACE_DAEMON_FD_STORE_H

#include <stddef.h>

#include "kernel/kprobe.h"

#define FD_STORE_KPROBES_MAX 480

struct fd_store {
	int stats_fd; /* -1: none */
	int image_fd; /* the same */
	int last_boot_fd; /* the same */
	struct kprobe_fd kprobes[FD_STORE_KPROBES_MAX];
	size_t kprobe_count;
};

/*
 * Open the statistics and give them to systemd. Returns 0, or negative errno with a sentence in
 * why.
 */
int fd_store__add_stats(char *why, size_t why_size);

/*
 * The same for each place that would be probed: two for each, because a reload has two sessions for
 * a while. The races are those of the configuration: path, or NULL, as for config__load().
 */
int fd_store__add_kprobes(const char *path, char *why, size_t why_size);

/* The same for the image from which the kernel was booted. */
int fd_store__add_image(char *why, size_t why_size);

/* The same for what the last boot left; without why: it left nothing. */
int fd_store__add_last_boot(char *why, size_t why_size);

/* Take the descriptors that systemd passed; close them with fd_store__close(). */
void fd_store__take(struct fd_store *fd_store);

void fd_store__close(struct fd_store *fd_store);

/* Close only this one: it is not needed any more. */
void fd_store__close_image(struct fd_store *fd_store);
void fd_store__close_last_boot(struct fd_store *fd_store);

#endif
