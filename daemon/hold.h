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
#ifndef THPRACE_DAEMON_HOLD_H
#define THPRACE_DAEMON_HOLD_H

#include <stddef.h>

#include "kernel/kprobe.h"

#define HOLD_KPROBES_MAX 96

struct hold {
	int stats_fd; /* -1: none */
	int image_fd; /* the same */
	struct kprobe_held kprobes[HOLD_KPROBES_MAX];
	size_t kprobe_count;
};

/* Open and give away. Returns 0, or negative errno with a sentence in why. */
int hold__give_stats(char *why, size_t why_size);

/* The same of each place that would be probed: two of each, for a reload has two sessions for a while. */
int hold__give_kprobes(char *why, size_t why_size);

/* The same of the image that the kernel was booted from. */
int hold__give_image(char *why, size_t why_size);

/* The descriptors that were given, to be ended with hold__close(). */
void hold__take(struct hold *hold);

void hold__close(struct hold *hold);

/* The image alone: nobody needs it any more. */
void hold__close_image(struct hold *hold);

#endif
