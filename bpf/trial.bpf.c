// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts its own runs, for core/kprobe_trial.c: does this kernel run a program at a kprobe at all? An
 * object of its own, since it runs before anything is planned; nothing in it is relocated.
 */
#include "kernel.bpf.h"

volatile __u64 trial_runs = 0;

SEC("kprobe")
int trial_kprobe(void *ctx)
{
	trial_runs++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
