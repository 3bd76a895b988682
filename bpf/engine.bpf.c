// SPDX-License-Identifier: GPL-2.0-only
/* The engine's settings, tables and rings: defined once, declared in the headers. */
#include "folio.bpf.h"
#include "record.bpf.h"

const volatile struct thprace_args args[THPRACE_POINT_MAX] = {};
const volatile __u64 symbols[THPRACE_SYMBOL_MAX] = {};
const volatile __u64 slot_mask = 63;
const volatile __u32 stream_count = 0;
const volatile __u8 precise = 0;

volatile __u32 recording = 0;
volatile __u32 marking = 0;
__u32 poisoning = 0;
__u32 invalidating = 0;
__u64 poison_pfn = 0;
__u32 collapsing = 0;
volatile __u32 blind = 0;
volatile __u32 asking_zappers = 0;
struct thprace_asked asked = {};

struct bucket buckets[THPRACE_BUCKET_COUNT] = {};
struct thprace_slot slots[THPRACE_SLOTS_MAX] = {};
__u64 open_folio[THPRACE_SLOTS_MAX] = {};

struct pending_map pending SEC(".maps");
struct cpus_map cpus SEC(".maps");
struct incidents_map incidents SEC(".maps");
struct streams_map streams SEC(".maps");
struct scratch_map scratch SEC(".maps");

char LICENSE[] SEC("license") = "GPL";
