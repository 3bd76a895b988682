// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts its own runs, for core/engine/kprobe_trial.c: does this kernel run a program at a kprobe
 * at all, and can the program write a record there? On PREEMPT_RT of 5.10 the ring's lock sleeps,
 * and no program can take it in the NMI context of a breakpoint. An object of its own, because it
 * runs before anything is planned; nothing in it is relocated.
 */
#include "kernel.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024); /* a page of any size */
} ring SEC(".maps");

volatile __u64 trial_runs = 0;
volatile __u64 trial_records = 0; /* of these runs: a record could be written */

SEC("kprobe")
int trial_kprobe(void *ctx)
{
	void *record = bpf_ringbuf_reserve(&ring, sizeof(u64), 0);

	if (record) {
		bpf_ringbuf_discard(record, 0); /* nobody reads it */
		trial_records++;
	}
	trial_runs++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
