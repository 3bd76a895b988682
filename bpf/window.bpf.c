// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window: a task zaps a huge mapping. Hot path: no hash map, no loop.
 *
 *   zap_huge_pmd entered            zap_enter     the task is marked
 *   __pmd_trans_huge_lock returns   zap_lock      lock held, entry not cleared: the window opens
 *   rmap removed                    rmap.bpf.c    phase 1 ends (precise mode)
 *   zap_huge_pmd returns            zap_return    the window closes
 */
#include "folio.bpf.h"
#include "record.bpf.h"

/* A folio can only be unknown where entries are not understood. */
#if defined(__TARGET_ARCH_x86)
#define KNOWN(folio) (folio)
#else
#define KNOWN(folio) ((folio) == FOLIO_UNKNOWN ? 0 : (folio))
#endif

/*
 * page_map: where the struct page of frame 0 is, or would be. window_setup runs once, before
 * recording, in the loading task.
 */
#if defined(__TARGET_ARCH_x86)
/*
 * Replaces variables of the kernel by numbers if it has none (no KASLR; no SME): __VMEMMAP_BASE_L4,
 * and all 52 bits.
 */
__u64 page_map = 0xffffea0000000000ULL;
__u64 address_mask = (1ULL << 52) - 1;

SEC("raw_tp")
int window_setup(void *ctx)
{
	u64 symbol = symbols[THPRACE_SYMBOL_VMEMMAP_BASE];

	if (symbol)
		bpf_probe_read_kernel(&page_map, sizeof(page_map), (void *)symbol);
	symbol = symbols[THPRACE_SYMBOL_PHYSICAL_MASK];
	if (symbol)
		bpf_probe_read_kernel(&address_mask, sizeof(address_mask), (void *)symbol);
	return 0;
}
#else
__u64 page_map = 0;

#define ENTRY_VALID 1ULL
/*
 * Bits 49 … 12, pages of 4 KiB. LPA2 keeps address bits 51 and 50 elsewhere: they are 0 below 1
 * PiB.
 */
#define ENTRY_ADDRESS 0x3fffffffff000ULL

SEC("raw_tp")
int window_setup(void *ctx)
{
	pte_probe.task = bpf_get_current_pid_tgid();
	return 0;
}

/*
 * vm_normal_page(vma, addr, pte) returns the page of an entry. Called by the probing task, it shows
 * where struct pages are.
 */
SEC("kprobe")
int pte_probe_kprobe(struct pt_regs *ctx)
{
	if (bpf_get_current_pid_tgid() == pte_probe.task)
		pte_probe.entry = BPF_CORE_READ(ctx, regs[2]);
	return 0;
}

SEC("kretprobe")
int pte_probe_kretprobe(struct pt_regs *ctx)
{
	u64 page = BPF_CORE_READ(ctx, regs[0]);
	u64 entry = pte_probe.entry;
	u64 map;

	if (bpf_get_current_pid_tgid() != pte_probe.task || !entry || !page)
		return 0;
	pte_probe.entry = 0;
	map = page - ((entry & ENTRY_ADDRESS) >> 12) * bpf_core_type_size(struct page);
	if (pte_probe.pairs && map != page_map)
		pte_probe.differing++;
	page_map = map;
	pte_probe.pairs++;
	/* PTE_PROT_NONE is bit 58 until 6.9, PTE_PRESENT_INVALID bit 11 since 6.10. */
	if (!(entry & ENTRY_VALID))
		pte_probe.hidden = entry & 1ULL << 58 ? 1ULL << 58 : 1ULL << 11;
	return 0;
}
#endif

/*
 * The folio that a huge pmd maps: 0 if there is none whose rmap will be removed (migration entry,
 * huge zero page), FOLIO_UNKNOWN if this machine's entries are not understood.
 */
static __always_inline u64 pmd_folio(u64 pmd)
{
	struct page_start copy;
	u64 page;

#if defined(__TARGET_ARCH_x86)
	/*
	 * pgtable_types.h: PRESENT, PSE, PROTNONE. Device memory (DAX) is not distinguished: its
	 * bit moved, and no walker looks for its pages.
	 */
	const u64 present = 1ULL << 0, pse = 1ULL << 7, protnone = 1ULL << 8;
	const u64 writable = 1ULL << 1, special = 1ULL << 9 | 1ULL << 57 | 1ULL << 58;

	if (!(pmd & (present | pse | protnone)))
		return 0;
	if ((pmd & (present | writable | special)) == (present | writable))
		return page_map +
		       ((pmd & address_mask) >> 21 << 9) * bpf_core_type_size(struct page);
	pmd ^= (pmd & present) - 1; /* protnone_mask(): L1TF, address bits are stored inverted */
	page = page_map + ((pmd & address_mask) >> 21 << 9) * bpf_core_type_size(struct page);
#else
	if (!pte_probe.known)
		return FOLIO_UNKNOWN;
	if (!(pmd & (ENTRY_VALID | pte_probe.hidden)))
		return 0;
	page = page_map + ((pmd & ENTRY_ADDRESS) >> 21 << 9) * bpf_core_type_size(struct page);
#endif
	bpf_probe_read_kernel(&copy, sizeof(copy), (void *)page); /* if this fails, all is 0 */
	if (bpf_core_field_offset(struct page, mapping) ==
		    __builtin_offsetof(struct page_start, mapping) &&
	    !copy.mapping)
		return 0; /* the huge zero page belongs to no mapping */
	if (!bpf_core_field_exists(struct page, compound_head))
		return page;
	/* A folio larger than a pmd: this pmd maps a tail page. */
	return page + ((copy.compound_head - 1 - page) & -(copy.compound_head & 1));
}

/*
 * How far the frame of a function that zap_huge_pmd calls is below zap_huge_pmd's own frame; other
 * callers are deeper.
 */
#define FRAME_NEAR 1024

/*
 * The slot of the task that last began a zap on this CPU, if it is this task: it is still in the
 * zap, and its frame is at most this far up the stack. For trampolines, this saves the call that
 * finds the current task. NULL: make that call.
 */
static __always_inline struct thprace_slot *slot_here(const struct thprace_cpu *cpu, u64 frame,
						      u64 most, u64 *index)
{
	u64 at = BOUND(*(volatile u64 *)&cpu->zap_slot, THPRACE_SLOTS_MAX - 1);
	struct thprace_slot *slot = &slots[at];

	*index = at;
	/* This CPU stored the task, the owner stored the frame: no race for a slot can mix them. */
	if (slot->state == THPRACE_SLOT_IDLE || slot->task != cpu->zapping ||
	    slot->frame - frame > most)
		return NULL;
	return slot;
}

static __always_inline void zap_enter(void *ctx, int direct, u64 vma, u64 pmd, u64 addr)
{
	u32 id = bpf_get_smp_processor_id();
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_slot *slot;
	struct thprace_cpu *cpu;
	u64 index, mm;

	slot = slot_claim(task, &index);
	if (!slot)
		return; /* the return counts it as lost */
	if (slot->state > THPRACE_SLOT_MARKED) { /* its return was missed */
		ADD(buckets[BOUND(slot->bucket, THPRACE_BUCKET_COUNT - 1)].windows, -1);
		slot->opener.window.open = 0; /* a finder in open_folio[] ignores it then */
		count_lost(THPRACE_LOSS_RETURN);
	}
	/* Typed, this is a load; a read by helper costs more than the rest of this program. */
	if (direct)
		mm = (u64)((struct vm_area_struct *)vma)->vm_mm;
	else
		mm = (u64)BPF_CORE_READ((struct vm_area_struct *)vma, vm_mm);
	/* The name of a task may change, for example at an exec. */
	if (slot->opener.window.mm != mm || !(slot->windows & 255))
		bpf_get_current_comm(slot->opener.window.comm, sizeof(slot->opener.window.comm));
	slot->pmd = pmd;
	slot->opener.window.address = addr;
	slot->opener.window.mm = mm;
	slot->frame = 0;
	if (direct) {
		slot->frame = frame_of(ctx);
		cpu = bpf_map_lookup_elem(&cpus, &id);
		if (cpu) {
			cpu->zapping = task;
			cpu->zap_slot = index;
		}
	}
	slot->state = THPRACE_SLOT_MARKED;
}
AT_ENTRY_WHEN(marking, zap_enter, THPRACE_POINT_ZAP)

/*
 * __pmd_trans_huge_lock has many callers: only a call inside zap_huge_pmd finds its task marked.
 * typed_pmd: its first argument if it is a typed pointer (fexit), else 0.
 */
static __always_inline void zap_lock(void *ctx, u64 typed_pmd, u64 ptl)
{
	u32 id = bpf_get_smp_processor_id();
	struct thprace_cpu *cpu = bpf_map_lookup_elem(&cpus, &id);
	struct thprace_slot *slot = NULL;
	struct thprace_window *window;
	struct thprace_record *to;
	u64 folio, now, at, pmd;
	u64 index, seq;
	u64 task;

	if (!cpu || !ptl)
		return;
	if (typed_pmd)
		slot = slot_here(cpu, frame_of(ctx), FRAME_NEAR, &index);
	if (!slot)
		slot = slot_find(bpf_get_current_pid_tgid(), &index);
	if (counting_zappers)
		zapper_count(slot && slot->state == THPRACE_SLOT_MARKED);
	if (!slot || slot->state != THPRACE_SLOT_MARKED)
		return;
	task = slot->task;
	if (typed_pmd)
		CTX_LOAD(pmd, typed_pmd, 0); /* pmd_t has one member */
	else
		bpf_probe_read_kernel(&pmd, sizeof(pmd), (void *)slot->pmd);
	folio = pmd_folio(pmd);
	if (!folio)
		return;
	window = &slot->opener.window;
	window->open = 0;
	window->removed = 0;
	window->folio = KNOWN(folio);
	*(u64 *)&window->cpu = id; /* level: PMD; flags, pages: 0 */
	slot->noted = 0;
	slot->state = THPRACE_SLOT_OPEN;
	open_folio[index] = folio;
	at = thprace_folio_bucket(folio);
	slot->bucket = at;
	ADD(buckets[at].windows, 1); /* also a barrier: published, then stamped */

	now = bpf_ktime_get_ns();
	window->open = now;
	to = record_begin(cpu, id, &seq);
	if (to)
		record_end(cpu, id, to, seq, THPRACE_REC_ZAP_OPEN, 0, 0, 0, task, now, now,
			   window->folio, window->mm, window->address, 0);
}

/* Every version has (pmd, vma). */
SEC("fexit")
int zap_lock_fexit(void *ctx)
{
	u64 pmd;

	if (!recording)
		return 0;
	CTX_LOAD(pmd, ctx, 0);
	zap_lock(ctx, pmd, fexit_result(ctx, THPRACE_POINT_LOCK, 2));
	return 0;
}

SEC("kretprobe")
int zap_lock_kretprobe(struct pt_regs *ctx)
{
	if (recording)
		zap_lock(ctx, 0, kretprobe_result(ctx, THPRACE_POINT_LOCK));
	return 0;
}

/* The last walk on this folio may have ended just before the window opened. */
static __always_inline void pass_after_walk(struct thprace_closest *closest,
					    const struct bucket *bucket, u64 folio, u64 open,
					    u32 pid)
{
	u64 leave = bucket->last_walk_leave;
	u64 distance = open - leave;

	if (bucket->last_walk_folio != folio || (bucket->last_walk_pid & WALK_PID) == pid ||
	    distance > closest->distance - 1) /* none yet: 0 - 1 */
		return;
	closest->distance = distance;
	closest->folio = folio;
	closest->window_open = open;
	closest->window_close = 0;
	closest->walk_enter = 0;
	closest->walk_leave = leave;
	closest->window_pid = pid;
	closest->walk_pid = bucket->last_walk_pid;
}

static __always_inline void count_length(struct thprace_phase_lengths *lengths, u64 length)
{
	ADD(lengths->sum, length);
	ADD(lengths->bucket[BOUND(thprace_bucket(length), THPRACE_BUCKETS - 1)], 1);
	if (length > lengths->max)
		lengths->max = length;
}

/* A global function, so the verifier walks it once and not at each call. Returns 0. */
__noinline int count_phases(u64 open, u64 removed, u64 close)
{
	struct thprace_counters *cpu = this_cpu();

	if (!cpu)
		return 0;
	count_length(&cpu->phase[THPRACE_PHASE_1], removed - open);
	count_length(&cpu->phase[THPRACE_PHASE_2], close - removed);
	return 0;
}

/* The window's length, and what the next walker is compared with. */
static __always_inline void window_count(struct thprace_counters *cpu,
					 const struct thprace_window *window, struct bucket *bucket,
					 u64 now, u32 pid)
{
	count_length(&cpu->phase[THPRACE_PHASE_WHOLE], now - window->open);
	if (precise)
		count_phases(window->open, window->removed, now);
	bucket->last_window_close = 0; /* a reader sees members of one window, or 0 */
	bucket->last_window_folio = window->folio;
	bucket->last_window_pid = pid;
	bucket->last_window_close = now;
	pass_after_walk(&cpu->closest, bucket, window->folio, window->open, pid);
}

/* direct: a trampoline's ctx. */
static __always_inline void zap_return(void *ctx, int direct, u64 result)
{
	u32 id = bpf_get_smp_processor_id();
	struct thprace_cpu *cpu = bpf_map_lookup_elem(&cpus, &id);
	struct thprace_slot *slot = NULL;
	struct thprace_window *window;
	struct thprace_record *to;
	struct bucket *bucket;
	u64 now, index, seq, met;
	u64 task;

	if (!cpu)
		return;
	if (direct)
		slot = slot_here(cpu, frame_of(ctx), 0, &index);
	if (!slot)
		slot = slot_find(bpf_get_current_pid_tgid(), &index);
	if (!slot) {
		/* None was free, or another task took it: claiming is not atomic. */
		if ((u8)result)
			count_lost(THPRACE_LOSS_SLOT);
		return;
	}
	index = BOUND(index, THPRACE_SLOTS_MAX - 1); /* one state for the verifier, however it was
						      * found */
	slot = &slots[index];
	if (slot->state != THPRACE_SLOT_OPEN) {
		slot->state = THPRACE_SLOT_IDLE;
		return;
	}
	task = slot->task;
	window = &slot->opener.window;
	now = bpf_ktime_get_ns();
	window->close = now;
	bucket = &buckets[BOUND(slot->bucket, THPRACE_BUCKET_COUNT - 1)];
	met = walked_by_others(bucket, (u32)task);
	if (met)
		ADD(bucket->closed, 1); /* also a barrier: counted, then gone */
	*(volatile u64 *)&open_folio[index] = 0;
	ADD(bucket->windows, -1); /* also a barrier: gone, then checked whether it was noted */
	met |= *(volatile u32 *)&slot->noted | *(volatile u32 *)&bucket->pending;
	window->left = THPRACE_LEFT_UNREAD;
	if (met && window->folio) {
		window->left = folio_entire(window->folio);
		if (bpf_ktime_get_ns() > now + THPRACE_READ_NS)
			window->left = THPRACE_LEFT_LATE;
	}
	to = record_begin(cpu, id, &seq);
	if (to)
		record_end(cpu, id, to, seq, THPRACE_REC_ZAP_CLOSE, 0, 0,
			   thprace_left_encode(window->left), task, now, window->open,
			   window->folio, window->removed, window->address, (s32)result);
	slot->windows++;
	if (!precise || window->removed) /* else this was no window */
		window_count(&cpu->counters, window, bucket, now, (u32)task);
	if (met)
		opener_report(ctx, slot);
	slot->state = THPRACE_SLOT_IDLE;
}

SEC("fexit")
int zap_return_fexit(void *ctx)
{
	if (marking)
		zap_return(ctx, 1, fexit_result(ctx, THPRACE_POINT_ZAP, 4));
	return 0;
}

SEC("kretprobe")
int zap_return_kretprobe(struct pt_regs *ctx)
{
	if (marking)
		zap_return(ctx, 0, kretprobe_result(ctx, THPRACE_POINT_ZAP));
	return 0;
}
