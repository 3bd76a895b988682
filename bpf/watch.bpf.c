// SPDX-License-Identifier: GPL-2.0-only
/*
 * For `thprace check --watch`: do the walks inside try_to_unmap and try_to_migrate carry PVMW_SYNC?
 * An object of its own, because it shares nothing with the engine.
 *
 * A walk is a loop around page_vma_mapped_walk, with one iteration per mapping that is visited, and
 * its arguments stay the same during the loop. The first call of a loop is counted: it has found
 * neither a pmd nor a pte yet, and later calls have one of them. (Or the walk was restarted: then
 * it is counted again.)
 *
 * And does the kernel visit all mappings? Some kernels end a walk early once it has split a huge
 * mapping: see core/check/check_defect.c.
 */
#include "kernel.bpf.h"
#include <thprace/watch.h>

#define TASKS 1024 /* that may be inside one of the functions at the same time */
#define POISONERS 64 /* that may be inside memory_failure at the same time */

/* rmap.h */
struct page_vma_mapped_walk {
	void *vma;
	void *pmd;
	void *pte;
	unsigned int flags;
} CORE;

/* By the names in this kernel's BTF; 0 if it has none. */
#define TTU(name)                                            \
	(bpf_core_enum_value_exists(enum ttu_flags, name)    \
		 ? bpf_core_enum_value(enum ttu_flags, name) \
		 : 0)

struct call {
	u32 which; /* index of the counts it belongs to */
	s32 entire; /* whole mappings at its entry */
	s32 looked_at; /* mappings visited since then */
	u32 pad;
	u64 folio;
	u64 vma; /* the vma that is visited */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TASKS);
	__type(key, u32);
	__type(value, struct call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, POISONERS);
	__type(key, u32);
	__type(value, u32);
} poisoners SEC(".maps");

volatile __u32 watching = 0; /* calls that begin now count */
volatile __u64 lost = 0; /* calls that could not be followed, or whose end was not seen */
struct thprace_watch_count counts[THPRACE_WATCH_COUNTS] = {};

#define COUNT(member) __sync_fetch_and_add(&(member), 1)

/*
 * In asm, so that the compiler does not compare one register and use another: old verifiers forget
 * the bound.
 */
static __always_inline struct thprace_watch_count *count_at(u64 which)
{
	asm volatile("%0 &= %1" : "+r"(which) : "i"(THPRACE_WATCH_COUNTS - 1));
	return &counts[which];
}

static __always_inline u32 kind_of(u64 flags, u32 pid)
{
	u64 split = TTU(TTU_RMAP_LOCKED) | TTU(TTU_SPLIT_HUGE_PMD);

	if (split && (flags & split) == split) /* since 6.12 with TTU_BATCH_FLUSH, like reclaim */
		return THPRACE_WATCH_SPLIT;
	if (!(flags & TTU(TTU_BATCH_FLUSH)) && bpf_map_lookup_elem(&poisoners, &pid))
		return THPRACE_WATCH_POISON;
	return THPRACE_WATCH_OTHER;
}

/* For a large folio (a split's always is): how often a PMD maps the whole folio. */
static __always_inline s32 entire_mapcount(u64 folio)
{
	if (bpf_core_field_exists(struct folio___v63, _entire_mapcount))
		return BPF_CORE_READ((struct folio___v63 *)folio, _entire_mapcount.counter) + 1;
	if (!bpf_core_field_exists(struct page___v61, compound_mapcount))
		return 0;
	folio += bpf_core_type_size(struct page);
	return BPF_CORE_READ((struct page___v61 *)folio, compound_mapcount.counter) + 1;
}

static __always_inline int enter(u32 function, u64 folio, u64 flags)
{
	struct thprace_watch_count *count;
	u32 pid = bpf_get_current_pid_tgid(), kind;
	struct call call = {.folio = folio};

	if (!watching)
		return 0;
	kind = kind_of(flags, pid);
	call.which = THPRACE_WATCH_WHICH(function, kind);
	if (kind == THPRACE_WATCH_SPLIT)
		call.entire = entire_mapcount(folio);
	if (bpf_map_update_elem(&calls, &pid, &call, BPF_NOEXIST)) {
		/* No space, or the end of this task's last call was not seen. */
		bpf_map_delete_elem(&calls, &pid);
		COUNT(lost);
		return 0;
	}
	count = count_at(call.which);
	COUNT(count->calls);
	if (flags & TTU(TTU_SYNC))
		COUNT(count->with_ttu_sync);
	return 0;
}

static __always_inline int leave(void)
{
	u32 pid = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &pid);
	struct thprace_watch_count *count;

	if (call && call->entire > 1) {
		count = count_at(call->which);
		COUNT(count->shared);
		if (call->looked_at < call->entire && entire_mapcount(call->folio) > 0)
			COUNT(count->cut_short);
	}
	bpf_map_delete_elem(&calls, &pid);
	return 0;
}

static __always_inline int walk(struct page_vma_mapped_walk *pvmw)
{
	u32 pid = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &pid);
	struct thprace_watch_count *count;
	u64 vma;

	if (!call || BPF_CORE_READ(pvmw, pmd) || BPF_CORE_READ(pvmw, pte))
		return 0;
	vma = (u64)BPF_CORE_READ(pvmw, vma);
	call->looked_at += vma != call->vma;
	call->vma = vma;
	count = count_at(call->which);
	COUNT(count->walks);
	if (BPF_CORE_READ(pvmw, flags) & THPRACE_PVMW_SYNC)
		COUNT(count->with_pvmw_sync);
	return 0;
}

static __always_inline int poison(void)
{
	u32 pid = bpf_get_current_pid_tgid(), one = 1;

	if (watching && bpf_map_update_elem(&poisoners, &pid, &one, BPF_ANY))
		COUNT(lost);
	return 0;
}

static __always_inline int poison_over(void)
{
	u32 pid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&poisoners, &pid);
	return 0;
}

/* Positions of the arguments; core/check/walk_watch.c has compared them with the prototypes. */
#if defined(__TARGET_ARCH_x86)
#define FIRST(regs) BPF_CORE_READ(regs, di)
#define SECOND(regs) BPF_CORE_READ(regs, si)
#else
#define FIRST(context) BPF_CORE_READ(context, regs[0])
#define SECOND(context) BPF_CORE_READ(context, regs[1])
#endif

/* One body, attached in either way. */
#define AT_ENTRY(name, by_fentry, by_kprobe)   \
	SEC("fentry")                          \
	int name##_fentry(u64 *ctx)            \
	{                                      \
		return by_fentry;              \
	}                                      \
	SEC("kprobe")                          \
	int name##_kprobe(struct pt_regs *ctx) \
	{                                      \
		return by_kprobe;              \
	}

#define AT_RETURN(name, body)           \
	SEC("fexit")                    \
	int name##_fexit(void *ctx)     \
	{                               \
		return body;            \
	}                               \
	SEC("kretprobe")                \
	int name##_kretprobe(void *ctx) \
	{                               \
		return body;            \
	}

AT_ENTRY(walk, walk((void *)ctx[0]), walk((void *)FIRST(ctx)))
AT_ENTRY(unmap, enter(THPRACE_WATCH_UNMAP, ctx[0], ctx[1]),
	 enter(THPRACE_WATCH_UNMAP, FIRST(ctx), SECOND(ctx)))
AT_RETURN(unmap, leave())
AT_ENTRY(migrate, enter(THPRACE_WATCH_MIGRATE, ctx[0], ctx[1]),
	 enter(THPRACE_WATCH_MIGRATE, FIRST(ctx), SECOND(ctx)))
AT_RETURN(migrate, leave())
AT_ENTRY(poison, poison(), poison())
AT_RETURN(poison, poison_over())

char LICENSE[] SEC("license") = "GPL";
