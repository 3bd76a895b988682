// SPDX-License-Identifier: GPL-2.0-only
/*
 * The beacon (include/thprace/beacon.h): where the engine's memory is, for a reader of a crash
 * dump. The program runs once, before recording.
 */
#include "record.bpf.h"
#include <thprace/beacon.h>

struct task_struct {
	char comm[THPRACE_COMM_LEN];
} CORE;

struct thprace_beacon beacon __attribute__((aligned(THPRACE_BEACON_ALIGN))) = {};

/* With --all. */
SEC("raw_tp")
int beacon_streams(void *ctx)
{
	struct bpf_ringbuf_map *map;
	void *stream;
	u32 i, at;

	for (i = 0; i < THPRACE_STREAMS_MAX; i++) {
		at = i;
		stream = bpf_map_lookup_elem(&streams, &at);
		if (!stream)
			break;
		map = (void *)POINTER_NUMBER(beacon.head.stream[i], (u64)stream);
		beacon.head.stream[i] = (u64)BPF_CORE_READ(map, rb);
	}
	return 0;
}

SEC("raw_tp")
int beacon_setup(void *ctx)
{
	u32 first = 0;
	struct thprace_cpu *cpu = bpf_map_lookup_elem(&cpus, &first);
	struct bpf_ringbuf_map *map;
	struct bpf_ringbuf *ring;
	u64 symbol = symbols[THPRACE_SYMBOL_PHYS_BASE];

	POINTER_NUMBER(beacon.head.self, (u64)&beacon);
	if (cpu)
		POINTER_NUMBER(beacon.head.cpu, (u64)cpu);
	map = (void *)POINTER_NUMBER(beacon.head.ring_map, (u64)&incidents);
	ring = BPF_CORE_READ(map, rb);
	beacon.head.ring = (u64)ring;
	beacon.head.ring_mask = BPF_CORE_READ(ring, mask);
	beacon.head.ring_data = (u64)ring + bpf_core_field_offset(struct bpf_ringbuf, data);
	beacon.head.ring_consumer =
		(u64)ring + bpf_core_field_offset(struct bpf_ringbuf, consumer_pos);
	beacon.head.ring_producer =
		(u64)ring + bpf_core_field_offset(struct bpf_ringbuf, producer_pos);
	beacon.head.members.vm_start = bpf_core_field_offset(struct vm_area_struct, vm_start);
	beacon.head.members.vm_pgoff = bpf_core_field_offset(struct vm_area_struct, vm_pgoff);
	beacon.head.members.vm_file = bpf_core_field_offset(struct vm_area_struct, vm_file);
	beacon.head.members.vm_anon_vma = bpf_core_field_offset(struct vm_area_struct, anon_vma);
	beacon.head.members.file_mapping = bpf_core_field_offset(struct file, f_mapping);
	beacon.head.members.anon_vma_root = bpf_core_field_offset(struct anon_vma, root);
	beacon.head.members.task_comm = bpf_core_field_offset(struct task_struct, comm);
	if (symbol)
		bpf_probe_read_kernel(&beacon.head.phys_base, sizeof(beacon.head.phys_base),
				      (void *)symbol);
	return 0;
}
