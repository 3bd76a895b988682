/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does this kernel run a BPF program at a kprobe? A kprobe can be attached and hit without its
 * program ever running: from 5.8 until 5.10.17 and 5.11 a kprobe that is a breakpoint runs in NMI
 * context, where trace_call_bpf() returns at once; and on PREEMPT_RT of 5.10 the program runs there
 * but cannot write a record (docs/kernels.md). So one kprobe is fired here before any is trusted.
 */
#ifndef THPRACE_KPROBE_TRIAL_H
#define THPRACE_KPROBE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/kprobe.h"
#include "probe/probe.h"

/*
 * Attach a program to a kprobe at a call, let this thread pass it, and see whether it ran; if not,
 * do the same at a function's entry. A call is neither an ftrace site nor can it be optimized to a
 * jump, so its kprobe is always a breakpoint, and a program that runs there runs everywhere. The
 * result holds as long as the kernel runs, so later calls return it from memory. held: kprobes that
 * are already open; may be NULL.
 */
void kprobe_trial__run(struct probe_trial *trial, struct target *target,
		       const struct kprobe_fd *kprobe_fds, size_t kprobe_fd_count);

/* The call that the trial probes. False: not found, with the reason in why. */
bool kprobe_trial__site(struct probe_site *site, struct target *target, char *why, size_t why_size);

#endif
