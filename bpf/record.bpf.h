/* SPDX-License-Identifier: GPL-2.0-only */
/* Output of records: the flight recorder, the stream, the incident ring; and the counters. */
#ifndef THPRACE_RECORD_BPF_H
#define THPRACE_RECORD_BPF_H

#include "engine.bpf.h"
#include "identity.bpf.h"

struct cpus_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct thprace_cpu);
};
extern struct cpus_map cpus SEC(".maps");

#define INCIDENTS_BYTES (1 << 20)

struct incidents_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, INCIDENTS_BYTES);
};
extern struct incidents_map incidents SEC(".maps");

struct stream_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 21);
};

struct streams_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct stream_map);
};
extern struct streams_map streams SEC(".maps");

#define barrier() asm volatile("" ::: "memory")

/* Atomic, because a program may be preempted between the load and the store of a plain addition. */
#define ADD(counter, n) __sync_fetch_and_add(&(counter), n)

static __always_inline struct thprace_counters *this_cpu(void)
{
	u32 id = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &id);
}

/* A program run that found nothing to record. */
static __always_inline void count_filtered(void)
{
	struct thprace_counters *cpu = this_cpu();

	if (cpu) {
		ADD(cpu->seen, 1);
		ADD(cpu->filtered, 1);
	}
}

/*
 * A program run whose finding is lost (enum thprace_loss). A global function, so the verifier walks
 * it once and not at each call. Returns 0.
 */
__noinline int __weak count_lost(u32 cause)
{
	struct thprace_counters *cpu = this_cpu();

	if (cpu) {
		ADD(cpu->seen, 1);
		ADD(cpu->lost[BOUND(cause, THPRACE_LOSS_SLOTS - 1)], 1);
	}
	return 0;
}

/* Reads the clock 16 times. A global function, so that the verifier does not walk these one by one. */
__noinline int __weak clock_readings(u32 unused)
{
	u32 i;

	for (i = 0; i < 16; i++)
		bpf_ktime_get_ns();
	return 0;
}

/* The same eight times. */
__noinline int __weak clock_readings_more(u32 unused)
{
	u32 i;

	for (i = 0; i < 8; i++)
		clock_readings(unused);
	return 0;
}

/*
 * The incident ring gave no place. Is it full, or was its lock taken? On x86 a kprobe inside a
 * function is a breakpoint, in which the kernel is in_nmi(), and there bpf_ringbuf_reserve() only
 * tries to take the lock, which another CPU may hold for an instant. Waits for `times' times 16
 * reads of the clock: 1, 8 or 32 times. Returns 1: try again, 0: it is full. A global function: see
 * count_lost.
 */
__noinline int __weak incidents_wait(u32 times)
{
	if (bpf_ringbuf_query(&incidents, BPF_RB_AVAIL_DATA) > INCIDENTS_BYTES - 8192)
		return 0;
	if (times < 8) {
		clock_readings(times);
		return 1;
	}
	clock_readings_more(times);
	if (times >= 32) {
		clock_readings_more(times);
		clock_readings_more(times);
		clock_readings_more(times);
	}
	return 1;
}

/* NULL: no place, which the caller counts as lost. size is a constant. */
static __always_inline void *incident_reserve(const u64 size)
{
	void *place = bpf_ringbuf_reserve(&incidents, size, 0);

	if (!place && incidents_wait(1))
		place = bpf_ringbuf_reserve(&incidents, size, 0);
	if (!place && incidents_wait(8))
		place = bpf_ringbuf_reserve(&incidents, size, 0);
	if (!place && incidents_wait(32))
		place = bpf_ringbuf_reserve(&incidents, size, 0);
	return place;
}

/* Send a small message. */
static __always_inline void incident_output(void *message, u64 size)
{
	if (bpf_ringbuf_output(&incidents, message, size, 0) &&
	    (!incidents_wait(32) || bpf_ringbuf_output(&incidents, message, size, 0)))
		count_lost(THPRACE_LOSS_INCIDENT);
}

/*
 * Claim a place for a record: in this CPU's stream if all records are wanted, else in its flight
 * recorder. NULL: none; in a stream, counted as lost. In the flight recorder somebody has come in between
 * then, and whose place it is is not known (5.10 has no addition that tells): it stays empty, which is
 * what its reader finds.
 */
static __always_inline struct thprace_record *record_begin(struct thprace_cpu *cpu, u32 id,
							   u64 *seq)
{
	const u32 streams_on = stream_count;
	struct thprace_record *to;
	void *ring;
	u64 before;
	u32 at;

	if (streams_on) {
		*seq = 0;
		ADD(cpu->counters.seen, 1);
		at = id & (streams_on - 1);
		ring = bpf_map_lookup_elem(&streams, &at);
		to = ring ? bpf_ringbuf_reserve(ring, sizeof(*to), 0) : NULL;
		if (!to)
			ADD(cpu->counters.lost[THPRACE_LOSS_STREAM], 1);
		return to;
	}
	before = *(volatile u64 *)&cpu->head;
	ADD(cpu->head, 1); /* seen and submitted together: nothing is counted after this */
	*seq = *(volatile u64 *)&cpu->head;
	if (*seq != before + 1)
		return NULL;
	to = &cpu->flight[BOUND(*seq - 1, THPRACE_FLIGHT_RECORDS - 1)];
	*(volatile u64 *)&to->flags = 0; /* seq: not complete yet, for a reader */
	return to;
}

/*
 * Fill in the record and publish it. The last three words are composed here: (pid, tgid), (value,
 * cpu, type, class), (flags, kind, seq).
 */
static __always_inline void record_end(struct thprace_cpu *cpu, u32 id, struct thprace_record *to,
				       u64 seq, u8 type, u8 class, u64 origin, u64 flags, u64 task,
				       u64 ts, u64 entry, u64 folio, u64 arg, u64 arg2, s32 value)
{
	to->ts = ts;
	to->entry = entry;
	to->folio = folio;
	to->arg = arg;
	to->arg2 = arg2;
	*(u64 *)&to->pid = task;
	*(u64 *)&to->value = (u32)value | (u64)id << 32 | (u64)type << 48 | (u64) class << 56;
	barrier();
	*(volatile u64 *)&to->flags = flags | origin << 16 | seq << 32;
	if (stream_count) {
		bpf_ringbuf_submit(to, 0);
		ADD(cpu->counters.submitted, 1);
	}
}

/* Both steps, for callers that do not use the CPU's counters. */
static __always_inline void record_make(u8 type, u8 class, u64 origin, u64 flags, u64 task, u64 ts,
					u64 entry, u64 folio, u64 arg, u64 arg2, s32 value)
{
	u32 id = bpf_get_smp_processor_id();
	struct thprace_cpu *cpu = bpf_map_lookup_elem(&cpus, &id);
	struct thprace_record *to;
	u64 seq;

	if (!cpu)
		return;
	to = record_begin(cpu, id, &seq);
	if (to)
		record_end(cpu, id, to, seq, type, class, origin, flags, task, ts, entry, folio,
			   arg, arg2, value);
}

/* No stack, of nobody. */
static __always_inline void stack_none(struct thprace_stack *stack)
{
	__builtin_memset(stack, 0, __builtin_offsetof(struct thprace_stack, ip));
}

/* The caller's kernel stack, empty if it cannot be read, and who the caller is. */
static __always_inline void stack_take(void *ctx, struct thprace_stack *stack)
{
	long size = bpf_get_stack(ctx, stack->ip, sizeof(stack->ip), 0);

	stack_none(stack);
	stack->nr = (u64)(size & ~(size >> 63)) / sizeof(stack->ip[0]); /* an error: 0 */
	stack->flags = THPRACE_STACK_WHO;
	stack->uid = bpf_get_current_uid_gid();
	stack->cgroup = current_cgroup();
}

/* The opener's own report: final times, name, stack. */
static __always_inline void opener_report(void *ctx, struct thprace_slot *slot)
{
	bpf_get_current_comm(slot->opener.window.comm, sizeof(slot->opener.window.comm));
	stack_take(ctx, &slot->opener.stack);
	if (bpf_ringbuf_output(&incidents, &slot->opener, sizeof(slot->opener), 0))
		count_lost(THPRACE_LOSS_INCIDENT);
}

#endif
