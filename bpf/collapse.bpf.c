// SPDX-License-Identifier: GPL-2.0-only
/* collapse_file: its intervals and results. (The reuse class builds on them.) */
#include "record.bpf.h"

struct collapse_state {
	u64 enter;
	u64 file;
	u64 start;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct collapse_state);
} collapses SEC(".maps");

static __always_inline void collapse_enter(void *ctx, int direct, u64 file, u64 start, u64 unused)
{
	struct collapse_state state = {.file = file, .start = start};
	u64 task = bpf_get_current_pid_tgid();
	u32 pid = (u32)task;

	state.enter = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&collapses, &pid, &state, BPF_ANY)) {
		count_lost(THPRACE_LOSS_TASK);
		return;
	}
	record_make(THPRACE_REC_COLLAPSE_ENTER, THPRACE_COLLAPSE_REUSE, 0, 0, task, state.enter,
		    state.enter, 0, file, start, 0);
}
AT_ENTRY(collapse_enter, THPRACE_POINT_COLLAPSE)

static __always_inline void collapse_return(void *ctx, u64 result)
{
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_counters *cpu = this_cpu();
	struct collapse_state *state;
	u32 pid = (u32)task;

	state = bpf_map_lookup_elem(&collapses, &pid);
	if (!state)
		return;
	record_make(THPRACE_REC_COLLAPSE_RETURN, THPRACE_COLLAPSE_REUSE, 0, 0, task,
		    bpf_ktime_get_ns(), state->enter, 0, state->file, state->start, (s32)result);
	bpf_map_delete_elem(&collapses, &pid);
	if (!cpu)
		return;
	ADD(cpu->collapses, 1);
	if (args[THPRACE_POINT_COLLAPSE].result &&
	    (u32)result != bpf_core_enum_value(enum scan_result, SCAN_SUCCEED))
		ADD(cpu->collapses_failed, 1);
}
AT_RETURN(collapse_return, THPRACE_POINT_COLLAPSE)
