// SPDX-License-Identifier: GPL-2.0-only
/* The engine's settings, tables and rings: defined once here, declared in the headers. */
#include "folio.bpf.h"
#include "record.bpf.h"

SETTING struct thprace_args args[THPRACE_POINT_MAX] = {};
SETTING __u64 symbols[THPRACE_SYMBOL_MAX] = {};
SETTING __u8 classes[THPRACE_POINT_MAX][THPRACE_ORIGIN_SLOTS] = {};
SETTING __u64 slot_mask = 63;
SETTING __u64 slot_seed = 1;
SETTING __u32 stream_count = 0;
SETTING __u8 precise = 0;
SETTING __u8 page_shift = 12;
SETTING __u8 huge_order = 9;

volatile __u32 recording = 0;
volatile __u32 marking = 0;
__u32 poisoning = 0;
__u32 invalidating = 0;
__u64 poison_pfn = 0;
__u32 collapsing = 0;
volatile __u32 blind = 0;
volatile __u32 counting_zappers = 0;
struct thprace_pte_probe pte_probe = {};

struct thprace_pending pending[THPRACE_PENDING_MAX] = {};
volatile struct thprace_attributing attributing = {};
__u64 unmarked = 0;

struct bucket buckets[THPRACE_BUCKET_COUNT] __attribute__((aligned(sizeof(struct bucket)))) = {};
struct thprace_slot slots[THPRACE_SLOTS_MAX] = {};
__u64 open_folio[THPRACE_SLOTS_MAX] = {};

struct pending_claims_map pending_claims SEC(".maps");
struct cpus_map cpus SEC(".maps");
struct incidents_map incidents SEC(".maps");
struct streams_map streams SEC(".maps");
struct scratch_map scratch SEC(".maps");

/* The slot in this task's set that has its number; at most one does. -1: none. */
__noinline int slot_elsewhere(u64 task)
{
	u64 home = slot_home(task);
	u64 at;
	u32 way;

	for (way = 0; way < SLOT_WAYS; way++) {
		at = BOUND(home ^ way, THPRACE_SLOTS_MAX - 1);
		if (slots[at].task == task)
			return at;
	}
	return -1;
}

/*
 * The same, or a free slot that is claimed: preferably one that was never used. -1: all are taken.
 */
__noinline int slot_take(u64 task)
{
	int at = slot_elsewhere(task), free = -1;
	u64 home = slot_home(task), there;
	struct thprace_slot *slot;
	u32 way;

	if (at >= 0)
		return at;
	for (way = 0; way < SLOT_WAYS; way++) {
		there = BOUND(home ^ way, THPRACE_SLOTS_MAX - 1);
		slot = &slots[there];
		if (slot_busy(slot))
			continue;
		if (!slot->task) {
			free = there;
			break;
		}
		if (free < 0)
			free = there;
	}
	if (free < 0)
		return -1;
	slot = &slots[BOUND(free, THPRACE_SLOTS_MAX - 1)];
	slot->task = task;
	slot->windows = 0;
	slot->opener.type = THPRACE_MSG_OPENER;
	*(u64 *)&slot->opener.window.pid = task; /* and tgid */
	/* A report has the name of its time; until then a reader of a crash dump needs one. */
	bpf_get_current_comm(slot->opener.window.comm, sizeof(slot->opener.window.comm));
	return free;
}

/*
 * A reader of a CPU's flight recorder runs this on that CPU (core/engine/engine_read.c): running is
 * its only purpose.
 */
SEC("raw_tp")
int fence(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
