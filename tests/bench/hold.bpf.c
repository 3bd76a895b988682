// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holds the stressor's windows open, for tests/bench/effect.sh, independently of other programs
 * that are attached: at the entry of the rmap removal, once in each mapping that a munmap removes,
 * or only in the last one, or only in small ones. Not for a walker's own removals: it would be
 * delayed, and come too late for the window that it is to overlap. By fentry, and attached before
 * thprace: of the programs at one entry the newest runs first, so thprace has seen the start of the
 * removal when the hold begins.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_tracing.h>

#define TASKS 1024
#define READINGS 256 /* squared: the maximum number of clock reads in one hold */

const volatile __u64 hold_ns = 0;
const volatile __u8 last_only = 0;
const volatile __u8 small_only = 0;
const volatile __u32 unmap_end = 0; /* position of the argument of unmap_vmas */
const volatile __u32 compound = 0; /* of page_remove_rmap */
volatile __u64 held = 0; /* mappings held so far */

struct unmap {
	u64 end; /* end of the range of the munmap */
	u64 wait; /* nothing to hold now: already done, or not wanted, in this mapping */
};

/* Tasks inside a munmap. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TASKS);
	__type(key, u32);
	__type(value, struct unmap);
} unmapping SEC(".maps");

static __always_inline int is_stressor(void)
{
	static const char name[] = "thprace-stress";
	char comm[16];
	u32 i;

	if (bpf_get_current_comm(comm, sizeof(comm)))
		return 0;
	for (i = 0; i < sizeof(name); i++) /* after its end there may be anything (6.1) */
		if (comm[i] != name[i])
			return 0;
	return 1;
}

/* In asm, so that the compiler does not join the loads: the verifier requires a constant offset. */
static __always_inline u64 argument(u64 *ctx, u32 which)
{
	u64 value = 0;

	if (which == 1)
		asm volatile("%0 = *(u64 *)(%1 + 8)" : "=r"(value) : "r"(ctx));
	else if (which == 2)
		asm volatile("%0 = *(u64 *)(%1 + 16)" : "=r"(value) : "r"(ctx));
	else if (which == 3)
		asm volatile("%0 = *(u64 *)(%1 + 24)" : "=r"(value) : "r"(ctx));
	else if (which == 4)
		asm volatile("%0 = *(u64 *)(%1 + 32)" : "=r"(value) : "r"(ctx));
	return value;
}

SEC("fentry/unmap_vmas")
int unmap_enter(u64 *ctx)
{
	u32 task = bpf_get_current_pid_tgid();
	struct unmap unmap = {.end = argument(ctx, unmap_end)};

	if (is_stressor())
		bpf_map_update_elem(&unmapping, &task, &unmap, BPF_ANY);
	return 0;
}

SEC("fexit/unmap_vmas")
int unmap_return(void *ctx)
{
	u32 task = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&unmapping, &task);
	return 0;
}

SEC("kprobe/unmap_page_range")
int mapping(struct pt_regs *ctx)
{
	u32 task = bpf_get_current_pid_tgid();
	struct unmap *unmap = bpf_map_lookup_elem(&unmapping, &task);

	if (unmap)
		unmap->wait = last_only && PT_REGS_PARM4(ctx) != unmap->end;
	return 0;
}

/* Global functions, so the verifier walks each loop once. They return 1 until the time is over. */
__noinline int __weak hold_some(u64 until)
{
	u32 i;

	for (i = 0; i < READINGS; i++)
		if (bpf_ktime_get_ns() >= until)
			return 0;
	return 1;
}

__noinline int __weak hold_until(u64 until)
{
	u32 i;

	for (i = 0; i < READINGS; i++)
		if (!hold_some(until))
			return 0;
	return 1;
}

SEC("fentry/page_remove_rmap")
int hold(u64 *ctx)
{
	u32 task = bpf_get_current_pid_tgid();
	struct unmap *unmap = bpf_map_lookup_elem(&unmapping, &task);

	if (!unmap || unmap->wait || (small_only && (u8)argument(ctx, compound)))
		return 0;
	unmap->wait = 1;
	__sync_fetch_and_add(&held, 1);
	hold_until(bpf_ktime_get_ns() + hold_ns);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
