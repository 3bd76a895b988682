// SPDX-License-Identifier: GPL-2.0-only
/* The BPF programs, and how the kernel calls them: by a trampoline or as kprobes. */
#include "bpf_host.h"
#include "../../bpf/engine.bpf.c"
#include "../../bpf/window.bpf.c"
#include "../../bpf/rmap.bpf.c"
#include "../../bpf/range.bpf.c"
#include "../../bpf/walker.bpf.c"

#include "bpf_model_private.h"
#include "class_ids.h"

_Static_assert(sizeof(struct walk_state) <= MODEL_STATE, "the value of `walks`");
_Static_assert(sizeof(struct pt_regs) <= MODEL_FRAME * sizeof(u64), "a kprobe's frame");

struct pair {
	int (*traced)(void *ctx);
	int (*probed)(struct pt_regs *ctx);
	bool returns; /* a kprobe has the result, but no arguments */
};

#define ENTRY(body)                                              \
	{                                                        \
		.traced = body##_fentry, .probed = body##_kprobe \
	}
#define RETURN(body)                                                                \
	{                                                                           \
		.traced = body##_fexit, .probed = body##_kretprobe, .returns = true \
	}

static const struct pair programs[] = {
	[BPF_MODEL_ZAP_ENTER] = ENTRY(zap_enter),
	[BPF_MODEL_ZAP_LOCK] = RETURN(zap_lock),
	[BPF_MODEL_RMAP_PMD_ENTER] = {.probed = rmap_pmd_kprobe},
	[BPF_MODEL_RMAP_PMD] = RETURN(rmap_pmd),
	[BPF_MODEL_ZAP_RETURN] = RETURN(zap_return),
	[BPF_MODEL_RANGE_ENTER] = ENTRY(range_enter),
	[BPF_MODEL_RMAP_PTES_ENTER] = ENTRY(rmap_ptes_enter),
	[BPF_MODEL_RMAP_PTES] = RETURN(rmap_ptes),
	[BPF_MODEL_RANGE_RETURN] = RETURN(range_return),
	[BPF_MODEL_CHECK] = ENTRY(check_enter),
};

/* On kernels where one function removes the rmap at both levels. */
static const struct pair page_rmap[] = {
	[BPF_MODEL_RMAP_PMD_ENTER] = ENTRY(rmap_enter),
	[BPF_MODEL_RMAP_PMD] = RETURN(rmap),
	[BPF_MODEL_RMAP_PTES_ENTER] = ENTRY(rmap_enter),
	[BPF_MODEL_RMAP_PTES] = RETURN(rmap),
};

/* By class: entry and return. */
static const struct pair walkers[][2] = {
	[THPRACE_SPLIT_UNMAP] = {ENTRY(try_unmap_enter), RETURN(try_unmap_return)},
	[THPRACE_SPLIT_MIGRATE] = {ENTRY(try_migrate_enter), RETURN(try_migrate_return)},
	[THPRACE_HWPOISON_UNMAP] = {ENTRY(try_unmap_enter), RETURN(try_unmap_return)},
	[THPRACE_TRUNCATE_UNMAP] = {ENTRY(truncate_enter), RETURN(truncate_return)},
	[THPRACE_INVALIDATE_UNMAP] = {ENTRY(unmap_folio_enter), RETURN(unmap_folio_return)},
};

/* There is no function around a truncation's walker. */
static const struct pair outers[][2] = {
	[THPRACE_SPLIT_UNMAP] = {ENTRY(split_enter), RETURN(split_return)},
	[THPRACE_SPLIT_MIGRATE] = {ENTRY(split_enter), RETURN(split_return)},
	[THPRACE_HWPOISON_UNMAP] = {ENTRY(poison_enter), RETURN(poison_return)},
	[THPRACE_INVALIDATE_UNMAP] = {ENTRY(invalidate_enter), RETURN(invalidate_return)},
};

static const struct pair *pair_of(const struct bpf_model_call *call, bool rmap_of_pages)
{
	switch (call->program) {
	case BPF_MODEL_WALK_BEGIN:
	case BPF_MODEL_WALK_END:
		return &walkers[call->class][call->program == BPF_MODEL_WALK_END];
	case BPF_MODEL_OUTER_ENTER:
	case BPF_MODEL_OUTER_RETURN:
		return &outers[call->class][call->program == BPF_MODEL_OUTER_RETURN];
	case BPF_MODEL_RMAP_PMD_ENTER:
	case BPF_MODEL_RMAP_PMD:
	case BPF_MODEL_RMAP_PTES_ENTER:
	case BPF_MODEL_RMAP_PTES:
		return rmap_of_pages ? &page_rmap[call->program] : &programs[call->program];
	default:
		return &programs[call->program];
	}
}

static u64 unmap_flags(u8 class)
{
	return class == THPRACE_HWPOISON_UNMAP ? TTU_HWPOISON
					       : TTU_SPLIT_HUGE_PMD | TTU_RMAP_LOCKED;
}

/* The function's arguments, in order. Returns its result. */
static u64 arguments(const struct bpf_model_call *call, bool rmap_of_pages, const u64 *pmd,
		     u64 *argument)
{
	u64 folio = bpf_model__folio(call->folio), start = model__vma_start(call->folio);

	switch (call->program) {
	case BPF_MODEL_ZAP_ENTER:
		argument[0] = model__vma(call->folio);
		argument[1] = (u64)pmd;
		argument[2] = start;
		return 1;
	case BPF_MODEL_ZAP_LOCK:
		argument[0] = (u64)pmd;
		argument[1] = model__vma(call->folio);
		return 1;
	case BPF_MODEL_RANGE_ENTER:
	case BPF_MODEL_RANGE_RETURN:
		argument[0] = model__vma(call->folio);
		argument[1] = start;
		argument[2] = start + (512UL << page_shift);
		return 0;
	case BPF_MODEL_RMAP_PMD_ENTER:
	case BPF_MODEL_RMAP_PMD:
		argument[0] = folio;
		argument[1] = rmap_of_pages ? 1 : folio;
		return 0;
	case BPF_MODEL_RMAP_PTES_ENTER:
	case BPF_MODEL_RMAP_PTES:
		argument[0] = folio;
		argument[1] = rmap_of_pages ? 0 : folio;
		argument[2] = 1;
		return 0;
	case BPF_MODEL_OUTER_RETURN:
		return (u32)call->result;
	default:
		argument[0] = folio;
		argument[1] = unmap_flags(call->class);
		return !call->own_failed;
	}
}

void model__program(const struct bpf_model_call *call, struct model_task *task,
		    const struct bpf_model_options *options)
{
	const struct pair *pair = pair_of(call, options->page_rmap);
	bool zap = call->program == BPF_MODEL_ZAP_ENTER || call->program == BPF_MODEL_ZAP_RETURN;
	u64 *frame = zap ? task->zap_frame : task->frame;

	task->pmd = model__entry(call);
	frame[THPRACE_ARG_SLOTS] = arguments(call, options->page_rmap, &task->pmd, frame);
	if (pair->traced && !options->kprobes)
		pair->traced(frame);
	if (!pair->probed || !options->kprobes)
		return;
	if (pair->returns)
		frame[0] = frame[THPRACE_ARG_SLOTS];
	pair->probed((struct pt_regs *)frame);
}

/* Counts who zaps if core asks, which it never does here (bpf/zapper.bpf.c). */
int zapper_count(u32 zap)
{
	return zap;
}
