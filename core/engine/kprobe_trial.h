/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does this kernel run a BPF program at a kprobe? A kprobe can be attached and hit, and its program never
 * run: from 5.8 until 5.10.17 and 5.11 a kprobe that is a breakpoint runs in NMI context, where
 * trace_call_bpf() leaves; and on PREEMPT_RT of 5.10 it runs there and can write no record (docs/kernels.md).
 * So one is made to fire here before any is trusted.
 */
#ifndef THPRACE_KPROBE_TRIAL_H
#define THPRACE_KPROBE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/kprobe.h"
#include "probe/probe.h"

/*
 * Attach a program to a kprobe at a call, let this thread come by, and see whether it ran; if it did not,
 * do the same at a function's entry. A call is neither ftrace's nor can it be optimized to a jump, so its
 * kprobe is always a breakpoint, and who runs there runs everywhere. What was found holds as long as
 * the kernel runs: later calls answer from memory. held: kprobes that are open already; may be NULL.
 */
void kprobe_trial__run(struct probe_trial *trial, struct target *target,
		       const struct kprobe_fd *kprobe_fds, size_t kprobe_fd_count);

/* The call at which the trial's kprobe is. False: not found, with the reason in why. */
bool kprobe_trial__site(struct probe_site *site, struct target *target, char *why, size_t why_size);

#endif
