/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The beacon: a page-aligned part of the engine's memory that says where the rest is. `thprace
 * recover` looks for it in a kernel's crash dump (core/dump); nothing else reads it.
 */
#ifndef THPRACE_BEACON_H
#define THPRACE_BEACON_H

#include <linux/types.h>
#include <thprace/race_slot.h>
#include <thprace/shared.h>

/* The two words at its begin. Written last, when all the rest is there. */
#define THPRACE_BEACON_MAGIC 0x9e1f64c20ba7d853ULL
#define THPRACE_BEACON_MAGIC2 0x53d8a70bc2641f9eULL

#define THPRACE_BEACON_ALIGN 4096 /* every kernel's pages are multiples of it */
#define THPRACE_BEACON_SIZE 32768
#define THPRACE_BEACON_VERSION_LEN 32
#define THPRACE_STREAMS_MAX 64 /* rings of `record --all`; a power of two */

/* Changes with the layout of what the beacon leads to. */
#define THPRACE_BEACON_LAYOUT                                                      \
	((__u32)((((2 * 1021 + sizeof(struct thprace_slot)) * 1021 +               \
		   sizeof(struct thprace_pending)) *                               \
			  1021 +                                                   \
		  sizeof(struct thprace_cpu)) *                                    \
			 1021 +                                                    \
		 sizeof(struct thprace_incident) + sizeof(struct thprace_record) + \
		 sizeof(struct thprace_race_slot) + sizeof(struct thprace_beacon_head)))

/* Offsets of members of the kernel's structures, by its BTF. */
struct thprace_beacon_members {
	__u32 vm_start;
	__u32 vm_pgoff;
	__u32 vm_file;
	__u32 vm_anon_vma;
	__u32 file_mapping;
	__u32 anon_vma_root;
	__u32 task_comm;
	__u32 pad;
};

struct thprace_beacon_head {
	__u64 magic[2];
	__u32 layout;
	__u32 cpus; /* members of the map `cpus` */
	char version[THPRACE_BEACON_VERSION_LEN]; /* of thprace */
	/* By bpf/beacon.bpf.c. Addresses are kernel virtual addresses. */
	__u64 self; /* of the beacon */
	__u64 cpu; /* of CPU 0's member of `cpus` */
	__u64 race_slots; /* of the first slot of races from files; 0: none are recorded */
	__u64 ring_map; /* of the incident ring: the map … */
	__u64 ring; /* … its struct bpf_ringbuf … */
	__u64 ring_mask; /* … size of the data - 1 … */
	__u64 ring_data; /* … and its members: addresses */
	__u64 ring_consumer;
	__u64 ring_producer;
	/*
	 * Of each stream: its struct bpf_ringbuf, whose members lie as the incident ring's.
	 */
	__u64 stream[THPRACE_STREAMS_MAX];
	__u64 phys_base; /* x86-64: what the kernel's text is shifted by in physical memory */
	struct thprace_beacon_members members;
	/* By core. */
	__u32 page_shift;
	__u32 mode; /* enum thprace_mode */
	__u64 cpu_stride;
	__u64 pending; /* distances from the beacon */
	__u64 slots;
	__u64 text; /* address of the symbol _stext; 0: not known */
	__u64 page_table; /* x86-64: of init_top_pgt; 0: not known */
	__u64 started; /* recording, ns CLOCK_MONOTONIC; 0: not yet */
	__u64 started_wall; /* the same, ns CLOCK_REALTIME */
	/* What was lost until the counters were read last: */
	__u64 checked; /* when that was, and losses before it are known, ns CLOCK_MONOTONIC */
	__u64 lost_until; /* the last known loss was not after this; 0: none */
	__u64 lost[THPRACE_LOSS_SLOTS];
	__u32 meta_size; /* bytes of meta; 0: it did not fit */
	__u32 streams; /* how many there are: 0 without --all */
	__u64 stream_mask; /* size of the data of each - 1 */
};

struct thprace_beacon {
	struct thprace_beacon_head head;
	char meta[THPRACE_BEACON_SIZE - sizeof(struct thprace_beacon_head)]; /* META of the trace */
};

_Static_assert(sizeof(struct thprace_beacon) == THPRACE_BEACON_SIZE, "whole pages");

#endif
