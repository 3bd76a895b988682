// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window: a task zaps a huge mapping. Hot path: no hash map, no loop.
 *
 *   zap_huge_pmd entered            zap_enter     the task is marked
 *   __pmd_trans_huge_lock returns   zap_lock      lock held, entry not cleared: the window opens
 *   rmap removed                    rmap_*        phase 1 ends (precise mode)
 *   zap_huge_pmd returns            zap_return    the window closes
 */
#include "folio.bpf.h"
#include "record.bpf.h"
#include "pending.bpf.h"

/* Only where entries are not understood a folio may be unknown. */
#if defined(__TARGET_ARCH_x86)
#define KNOWN(folio) (folio)
#else
#define KNOWN(folio) ((folio) == FOLIO_UNKNOWN ? 0 : (folio))
#endif

/*
 * page_map: where the struct page of frame 0 is, or would be. window_setup runs once, before
 * recording, in the task that loads.
 */
#if defined(__TARGET_ARCH_x86)
/*
 * The kernel's variables as numbers, where it has none (no KASLR; no SME): __VMEMMAP_BASE_L4, and
 * all of 52 bits.
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
/* Bits 49 … 12, pages of 4 KiB. LPA2 keeps address bits 51 and 50 elsewhere: 0 below 1 PiB. */
#define ENTRY_ADDRESS 0x3fffffffff000ULL

SEC("raw_tp")
int window_setup(void *ctx)
{
	asked.task = bpf_get_current_pid_tgid();
	return 0;
}

/*
 * vm_normal_page(vma, addr, pte) names the page of an entry. Called for the task that asks, it tells
 * where struct pages are.
 */
SEC("kprobe")
int entry_asked_kprobe(struct pt_regs *ctx)
{
	if (bpf_get_current_pid_tgid() == asked.task)
		asked.entry = BPF_CORE_READ(ctx, regs[2]);
	return 0;
}

SEC("kretprobe")
int entry_asked_kretprobe(struct pt_regs *ctx)
{
	u64 page = BPF_CORE_READ(ctx, regs[0]);
	u64 entry = asked.entry;
	u64 map;

	if (bpf_get_current_pid_tgid() != asked.task || !entry || !page)
		return 0;
	asked.entry = 0;
	map = page - ((entry & ENTRY_ADDRESS) >> 12) * bpf_core_type_size(struct page);
	if (asked.pairs && map != page_map)
		asked.differing++;
	page_map = map;
	asked.pairs++;
	/* PTE_PROT_NONE is bit 58 until 6.9, PTE_PRESENT_INVALID bit 11 since 6.10. */
	if (!(entry & ENTRY_VALID))
		asked.hidden = entry & 1ULL << 58 ? 1ULL << 58 : 1ULL << 11;
	return 0;
}
#endif

/*
 * The folio that a huge pmd maps: 0 when there is none to zap the rmap of (migration entry, huge zero
 * page), FOLIO_UNKNOWN when this machine's entries are not understood.
 */
static __always_inline u64 pmd_folio(u64 pmd)
{
	struct page_start copy;
	u64 page;

#if defined(__TARGET_ARCH_x86)
	/*
	 * pgtable_types.h: PRESENT, PSE, PROTNONE. Device memory (DAX) is not told apart: its bit
	 * moved, and no walker looks for its pages.
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
	if (!asked.known)
		return FOLIO_UNKNOWN;
	if (!(pmd & (ENTRY_VALID | asked.hidden)))
		return 0;
	page = page_map + ((pmd & ENTRY_ADDRESS) >> 21 << 9) * bpf_core_type_size(struct page);
#endif
	bpf_probe_read_kernel(&copy, sizeof(copy), (void *)page); /* failing, all is 0 */
	if (bpf_core_field_offset(struct page, mapping) ==
		    __builtin_offsetof(struct page_start, mapping) &&
	    !copy.mapping)
		return 0; /* the huge zero page belongs to no mapping */
	if (!bpf_core_field_exists(struct page, compound_head))
		return page;
	/* A folio larger than a pmd: this one maps a tail. */
	return page + ((copy.compound_head - 1 - page) & -(copy.compound_head & 1));
}

/* How far below zap_huge_pmd's frame that of a function is that it calls; others call it from deeper. */
#define FRAME_NEAR 1024

/*
 * The slot of the task that began a zap on this CPU last, if it is this task: it is in the zap still,
 * and its frame is at most so far up this stack. Saves asking who runs, for trampolines. NULL: ask.
 */
static __always_inline struct thprace_slot *slot_here(const struct thprace_cpu *cpu, u64 frame,
						      u64 most, u64 *index)
{
	u64 at = BOUND(*(volatile u64 *)&cpu->zap_slot, THPRACE_SLOTS_MAX - 1);
	struct thprace_slot *slot = &slots[at];

	*index = at;
	/* The task was stored by this CPU, the frame by the owner: no race for a slot mixes them up. */
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
		slot->opener.window.open = 0; /* who finds it still in open_folio[] drops it */
		count_lost(THPRACE_LOSS_RETURN);
	}
	/* Typed, it is a load; a helper's reading costs more than all the rest of this program. */
	if (direct)
		mm = (u64)((struct vm_area_struct *)vma)->vm_mm;
	else
		mm = (u64)BPF_CORE_READ((struct vm_area_struct *)vma, vm_mm);
	/* A task's name changes, at an exec for one. */
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
 * __pmd_trans_huge_lock has many callers: only one inside zap_huge_pmd finds its task marked.
 * typed_pmd: its first argument where that is a typed pointer (fexit), else 0.
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
	if (asking_zappers)
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
	ADD(buckets[at].windows, 1); /* a barrier too: published, then stamped */

	now = bpf_ktime_get_ns();
	window->open = now;
	to = record_begin(cpu, id, &seq);
	if (to)
		record_end(cpu, id, to, seq, THPRACE_REC_ZAP_OPEN, 0, 0, 0, task, now, now,
			   window->folio, window->mm, window->address, 0);
}

/* Every version's is (pmd, vma). */
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

/* A global function: the verifier walks it once, not at each call. Returns 0. */
__noinline int count_phases(u64 open, u64 removed, u64 close)
{
	struct thprace_counters *cpu = this_cpu();

	if (!cpu)
		return 0;
	count_length(&cpu->phase[THPRACE_PHASE_1], removed - open);
	count_length(&cpu->phase[THPRACE_PHASE_2], close - removed);
	return 0;
}

/* The opener's own word: final times, name, stack. */
static __always_inline void opener_tell(void *ctx, struct thprace_slot *slot)
{
	bpf_get_current_comm(slot->opener.window.comm, sizeof(slot->opener.window.comm));
	stack_take(ctx, &slot->opener.stack);
	if (bpf_ringbuf_output(&incidents, &slot->opener, sizeof(slot->opener), 0))
		count_lost(THPRACE_LOSS_INCIDENT);
}

/* The window's length, and what a walker that comes next compares itself with. */
static __always_inline void window_count(struct thprace_counters *cpu,
					 const struct thprace_window *window, struct bucket *bucket,
					 u64 now, u32 pid)
{
	count_length(&cpu->phase[THPRACE_PHASE_WHOLE], now - window->open);
	if (precise)
		count_phases(window->open, window->removed, now);
	bucket->last_window_close = 0; /* a reader sees one window's members, or 0 */
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
	index = BOUND(index, THPRACE_SLOTS_MAX - 1); /* one state for the verifier, however found */
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
		ADD(bucket->closed, 1); /* a barrier too: counted, then gone */
	*(volatile u64 *)&open_folio[index] = 0;
	ADD(bucket->windows, -1); /* a barrier too: gone, then looked whether it was noted */
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
			   thprace_left_word(window->left), task, now, window->open, window->folio,
			   window->removed, window->address, (s32)result);
	slot->windows++;
	if (!precise || window->removed) /* else no window after all */
		window_count(&cpu->counters, window, bucket, now, (u32)task);
	if (met)
		opener_tell(ctx, slot);
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

/* A window's folio is another than was published, or was not known: publish it anew. */
static __always_inline void folio_move(struct thprace_slot *slot, u64 index, u64 folio)
{
	u64 from = slot->bucket;
	u64 to = thprace_folio_bucket(folio);

	slot->opener.window.folio = folio;
	ADD(buckets[BOUND(to, THPRACE_BUCKET_COUNT - 1)].windows, 1);
	open_folio[index] = folio;
	slot->bucket = to;
	ADD(buckets[BOUND(from, THPRACE_BUCKET_COUNT - 1)].windows, -1);
}

/* The rmap of a huge mapping was removed. It is a window's when this task has one open. */
static __always_inline void rmap_pmd_removed(struct thprace_slot *slot, u64 index, u64 task,
					     u64 folio)
{
	struct thprace_window *window = &slot->opener.window;
	u64 now = bpf_ktime_get_ns();
	struct thprace_counters *cpu;

	window->removed = now;
	if (window->folio != folio) {
		cpu = this_cpu();
		if (cpu && window->folio)
			ADD(cpu->mismatches, 1);
		folio_move(slot, index, folio);
	}
	record_make(THPRACE_REC_RMAP_PMD, 0, 0, 0, task, now, window->open, folio, 0, 0, 0);
}

/* Is this one to be told, of a row of so many before? The 1st, 2nd, 4th, 8th … are. */
static __always_inline int row_is_told(u32 before)
{
	return !(before & (before + 1));
}

/*
 * While a walker is active on the folio a removal is reported for it, but of a long row of them only
 * some. One that may fall before a walker's stamp, because it is just entering, counts for no row.
 */
static __always_inline int removal_is_told(struct thprace_slot *slot, struct bucket *bucket,
					   u64 folio)
{
	u32 entered = *(volatile u32 *)&bucket->entered;
	u32 told = 0;

	if (entered & (WALK_ENTERED - 1))
		return 1;
	if (slot->told_folio == folio && slot->told_entered == entered)
		told = slot->told;
	slot->told_folio = folio;
	slot->told_entered = entered;
	slot->told = told + 1;
	return row_is_told(told);
}

/* Report a removal of small pages' rmap, as a window that is known by its end only. */
static __always_inline void removal_tell(void *ctx, struct thprace_slot *slot, u64 folio, u64 now,
					 u32 pages)
{
	struct thprace_window *window = &slot->opener.window;

	window->open = now;
	window->removed = now;
	window->close = now;
	window->folio = folio;
	window->mm = 0;
	window->address = 0;
	window->cpu = bpf_get_smp_processor_id();
	window->level = THPRACE_LEVEL_PTE;
	window->pages = pages;
	opener_tell(ctx, slot);
}

#define RANGE_READS 16

/*
 * The last removal beside a pending walker: whether it came after the walker's return shows later. The count
 * is read at once: by the end of the range a split may have mapped again what it had taken.
 */
static __always_inline void removal_keep(struct thprace_slot *slot, u64 folio, u64 now, u32 pages)
{
	s32 left;

	if (slot->range_folio != folio) {
		slot->range_mixed |= slot->range_folio != 0;
		slot->range_folio = folio;
		slot->range_pages = 0;
		slot->range_reads = 0;
	}
	slot->range_removed = now;
	slot->range_pages += pages;
	if (slot->range_reads >= RANGE_READS)
		return;
	left = folio_small(folio);
	if (!slot->range_reads++ || left < slot->range_low) {
		slot->range_low = left;
		slot->range_low_at = now;
	}
}

/*
 * The rmap of small pages was removed inside a zap: the end of a PTE-level window, whose beginning
 * no function marks. It is published for an instant, as a window is, so that a walker that returns
 * just then notes it. Walkers that are active learn of it from its report.
 */
static __always_inline void rmap_ptes_removed(void *ctx, struct thprace_slot *slot, u64 index,
					      u64 task, u64 folio, u64 page, u32 pages)
{
	struct bucket *bucket = bucket_of(folio);
	struct thprace_counters *cpu;
	int tell = 0;
	u64 now;

	*(volatile u8 *)&slot->opener.window.level = THPRACE_LEVEL_PTE; /* no pair: slot_window() */
	slot->noted = 0;
	open_folio[index] = folio;
	ADD(bucket->windows, 1); /* a barrier too: published, then stamped */
	now = bpf_ktime_get_ns();
	record_make(THPRACE_REC_RMAP_PTE, 0, 0, 0, task, now, now, folio, page, 0, (s32)pages);
	cpu = this_cpu();
	if (cpu)
		ADD(cpu->pte_removals, 1);
	if (walked_by_others(bucket, (u32)task)) {
		ADD(bucket->closed, 1); /* a barrier too: counted, then gone */
		tell = removal_is_told(slot, bucket, folio);
		removal_keep(slot, folio, now, pages);
	} else if (*(volatile u32 *)&bucket->pending) {
		removal_keep(slot, folio, now, pages);
	}
	open_folio[index] = 0;
	ADD(bucket->windows, -1); /* a barrier too: gone, then looked whether it was noted */
	if (*(volatile u32 *)&slot->noted)
		tell = 1;
	if (tell)
		removal_tell(ctx, slot, folio, now, pages);
}

/* A page that is not part of a large folio matters to walkers on that page alone: those of memory_failure. */
static __always_inline int small_matters(u64 page)
{
	struct bucket *bucket;

	if (!attributing.walkers)
		return 0;
	bucket = bucket_of(page);
	return *(volatile u64 *)&bucket->walkers || *(volatile u32 *)&bucket->pending;
}

/* page_remove_rmap(page, …, compound), until 6.8. Order-0 pages leave at the first test. */
static __always_inline void rmap_removed(void *ctx, int direct, u64 page, u64 compound)
{
	int head = page_is_head(page, direct), small = !head && !page_is_tail(page, direct);
	struct thprace_slot *slot;
	u64 task, folio;
	u64 index;

	if (small && !attributing.walkers)
		return;
	task = bpf_get_current_pid_tgid();
	slot = slot_find(task, &index);
	if (!slot)
		return; /* not inside a zap: a split of the pmd, migration, a copy on write … */
	page = POINTER_NUMBER(slot->stash, page);
	if (small && !small_matters(page))
		return;
	folio = head ? page : page_folio(page);
	if (slot->state == THPRACE_SLOT_OPEN) {
		if ((u8)compound) /* a bool: the register holds garbage above 8 bits */
			rmap_pmd_removed(slot, index, task, folio);
	} else if (!(u8)compound && slot->in_range) {
		rmap_ptes_removed(ctx, slot, index, task, folio, page, 1);
	}
}

static __always_inline void rmap(void *ctx, int direct, u64 page, u64 compound, u64 unused)
{
	rmap_removed(ctx, direct, page, compound);
}
AT_RETURN_WITH_ARGS(rmap, THPRACE_POINT_RMAP)

static __always_inline void rmap_pmd(void *ctx, int direct, u64 folio, u64 unused1, u64 unused2)
{
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_slot *slot;
	u64 index;

	slot = slot_find(task, &index);
	if (slot && slot->state == THPRACE_SLOT_OPEN)
		rmap_pmd_removed(slot, index, task, POINTER_NUMBER(slot->stash, folio));
}
AT_RETURN_WITH_ARGS(rmap_pmd, THPRACE_POINT_RMAP_PMD)

static __always_inline void rmap_ptes(void *ctx, int direct, u64 folio, u64 page, u64 pages)
{
	int small = !page_is_head(folio, direct);
	struct thprace_slot *slot;
	u64 index;
	u64 task;

	if (small && !attributing.walkers)
		return;
	task = bpf_get_current_pid_tgid();
	slot = slot_find(task, &index);
	if (!slot || !slot->in_range)
		return;
	folio = POINTER_NUMBER(slot->stash, folio);
	if (!small || small_matters(folio))
		rmap_ptes_removed(ctx, slot, index, task, folio, POINTER_NUMBER(slot->stash, page),
				  (u32)pages);
}
AT_RETURN_WITH_ARGS(rmap_ptes, THPRACE_POINT_RMAP_PTES)

/*
 * The same with kprobes, where a return has no arguments: the entry puts them aside, for a task
 * inside a zap. stash: the folio (bit 0: small pages); page and count are not kept.
 */
static __always_inline void stash(u64 folio, int small, u32 pages)
{
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_slot *slot;
	u64 index;

	slot = slot_find(task, &index);
	if (!slot)
		return;
	slot->stash = folio;
	slot->stash_pages = small ? pages : 0;
}

SEC("kprobe")
int rmap_kprobe(struct pt_regs *ctx)
{
	u64 page, folio;
	u8 compound;

	if (!recording)
		return 0;
	page = kprobe_arg(ctx, THPRACE_POINT_RMAP, 0);
	folio = page;
	if (!page_is_head(page, 0)) {
		folio = page_folio(page);
		if (folio == page && !small_matters(page))
			return 0;
	}
	compound = kprobe_arg(ctx, THPRACE_POINT_RMAP, 1);
	stash(folio, !compound, 1);
	return 0;
}

SEC("kprobe")
int rmap_pmd_kprobe(struct pt_regs *ctx)
{
	if (recording)
		stash(kprobe_arg(ctx, THPRACE_POINT_RMAP_PMD, 0), 0, 0);
	return 0;
}

SEC("kprobe")
int rmap_ptes_kprobe(struct pt_regs *ctx)
{
	u64 folio;

	if (!recording)
		return 0;
	folio = kprobe_arg(ctx, THPRACE_POINT_RMAP_PTES, 0);
	if (page_is_head(folio, 0) || small_matters(folio))
		stash(folio, 1, (u32)kprobe_arg(ctx, THPRACE_POINT_RMAP_PTES, 2));
	return 0;
}

/* The return of all three. */
static __always_inline int unstash(struct pt_regs *ctx)
{
	struct thprace_slot *slot;
	u64 folio, task;
	u64 index;

	if (!recording)
		return 0;
	task = bpf_get_current_pid_tgid();
	slot = slot_find(task, &index);
	if (!slot || !slot->stash)
		return 0;
	folio = slot->stash;
	slot->stash = 0;
	if (slot->state == THPRACE_SLOT_OPEN) {
		if (!slot->stash_pages)
			rmap_pmd_removed(slot, index, task, folio);
	} else if (slot->stash_pages && slot->in_range) {
		rmap_ptes_removed(ctx, slot, index, task, folio, 0, slot->stash_pages);
	}
	return 0;
}

SEC("kretprobe")
int rmap_kretprobe(struct pt_regs *ctx)
{
	return unstash(ctx);
}

SEC("kretprobe")
int rmap_pmd_kretprobe(struct pt_regs *ctx)
{
	return unstash(ctx);
}

SEC("kretprobe")
int rmap_ptes_kretprobe(struct pt_regs *ctx)
{
	return unstash(ctx);
}

/*
 * unmap_page_range: the zap of a part of a vma. In precise mode what is removed inside it is removed by a
 * zap. And in both, when it ends beside a pending walker whose folio it maps, that is reported: how many
 * small mappings are left then tells whether it took one. As long as no walker is pending, both ends
 * leave at the first test; kprobes have the arguments at the entry only, and keep them.
 */
static __always_inline void range_mark(u64 vma, u64 start, u64 end)
{
	u32 walkers = attributing.walkers;
	struct thprace_slot *slot;
	u64 index;

	slot = slot_claim(bpf_get_current_pid_tgid(), &index);
	if (!slot) {
		if (precise && recording)
			count_lost(THPRACE_LOSS_SLOT);
		unmarked = bpf_ktime_get_ns();
		return;
	}
	if (!slot->in_range)
		ADD(attributing.ranges, 1);
	slot->in_range = THPRACE_RANGE_ENTERED;
	slot->range_began = walkers ? bpf_ktime_get_ns() : 0;
	slot->range_vma = vma;
	slot->range_start = start;
	slot->range_end = end;
	slot->range_folio = 0;
	slot->range_removed = 0;
	slot->range_pages = 0;
	slot->range_mixed = 0;
	slot->range_reads = 0;
}

SEC("fentry")
int range_enter_fentry(void *ctx)
{
	if (precise ? marking : attributing.walkers)
		range_mark(0, 0, 0);
	return 0;
}

SEC("kprobe")
int range_enter_kprobe(struct pt_regs *ctx)
{
	if (marking)
		range_mark(kprobe_arg(ctx, THPRACE_POINT_RANGE, 0),
			   kprobe_arg(ctx, THPRACE_POINT_RANGE, 1),
			   kprobe_arg(ctx, THPRACE_POINT_RANGE, 2));
	return 0;
}

/*
 * Which pending walkers have a folio that a zap of [first, last] may have unmapped: pages of file, or of
 * anon, the root anon_vma. A bit each. What a walker itself zaps on its way is no matter. A global
 * function: the verifier walks it once.
 */
__noinline int __weak range_met(u64 file, u64 anon, u64 first, u64 last)
{
	u32 pid = bpf_get_current_pid_tgid();
	struct thprace_pending *place;
	u32 i, met = 0;
	u64 object;

	for (i = 0; i < THPRACE_PENDING_MAX; i++) {
		place = pending_at(i);
		if (!*(volatile u64 *)&place->folio || (place->pid == pid && !place->leave))
			continue;
		object = place->object;
		if (!object || (object != file && object != anon))
			continue;
		if (place->index <= last && place->index + place->pages > first)
			met |= 1U << i;
	}
	return met;
}

#define RANGE_TOLD 256 /* at most so many ranges for a walker */

/* Report a range to one pending walker. */
static __always_inline void range_tell(void *ctx, u32 at, const struct thprace_slot *slot, u64 now,
				       u64 address)
{
	struct thprace_pending *place = pending_at(at);
	u64 folio = *(volatile u64 *)&place->folio;
	u64 task = bpf_get_current_pid_tgid();
	u64 began = 0, removed = 0, flags = 0;
	struct thprace_opener *opener;
	u32 pages = 0, low = 0;
	s32 left;

	if (!folio || (place->leave && place->huge))
		return;
	if (slot && slot->in_range) {
		began = slot->range_began;
		if (slot->range_folio == folio) {
			removed = slot->range_removed;
			pages = slot->range_pages;
			/* Only beside what the walker left: the split may have ended since. */
			low = slot->range_reads && place->leave &&
			      slot->range_low_at > place->leave && slot->range_low < place->small;
		} else if (precise && !slot->range_mixed) {
			return; /* it took nothing of this one */
		}
	} else if (unmarked >= place->enter) {
		flags = THPRACE_RF_VAGUE;
	}
	if (place->told >= RANGE_TOLD) {
		count_lost(THPRACE_LOSS_HITS);
		return;
	}
	place->told++;
	left = folio_small(folio);
	/* A walker that came later may have taken mappings itself. */
	if (*(volatile u32 *)&bucket_of(folio)->entered != place->entered)
		flags = THPRACE_RF_VAGUE;
	if (bpf_ktime_get_ns() > now + THPRACE_READ_NS)
		left = THPRACE_LEFT_LATE;
	if (low && (left < 0 || slot->range_low < left))
		left = slot->range_low;
	record_make(THPRACE_REC_RANGE, 0, 0, flags, task, now, began, folio, removed, pages, left);
	opener = incident_reserve(sizeof(*opener));
	if (!opener) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return;
	}
	__builtin_memset(opener, 0, __builtin_offsetof(struct thprace_opener, stack));
	opener->type = THPRACE_MSG_OPENER;
	opener->window.open = began;
	opener->window.removed = removed;
	opener->window.close = now;
	opener->window.folio = folio;
	opener->window.address = address;
	*(u64 *)&opener->window.pid = task; /* and tgid */
	opener->window.cpu = bpf_get_smp_processor_id();
	opener->window.level = THPRACE_LEVEL_PTE;
	opener->window.flags = THPRACE_WF_RANGE | (flags ? THPRACE_WF_VAGUE : 0);
	opener->window.pages = pages;
	opener->window.left = left;
	bpf_get_current_comm(opener->window.comm, sizeof(opener->window.comm));
	stack_take(ctx, &opener->stack);
	bpf_ringbuf_submit(opener, 0);
}

/* Number of the lowest bit that is set. A global function: see range_met. */
__noinline int __weak lowest_bit(u32 bits)
{
	u32 n = 0;

	n += (bits & 0xffff ? 0 : 16);
	n += (bits >> n & 0xff ? 0 : 8);
	n += (bits >> n & 0xf ? 0 : 4);
	n += (bits >> n & 3 ? 0 : 2);
	n += (bits >> n & 1 ? 0 : 1);
	return n & 31;
}

static __always_inline void range_end(void *ctx, u64 vma, u64 start, u64 end)
{
	struct vm_area_struct *area = (struct vm_area_struct *)vma;
	struct thprace_slot *slot;
	u64 now, index, offset, at;
	u32 met, i;

	slot = slot_find(bpf_get_current_pid_tgid(), &index);
	if (slot && slot->in_range && !vma) {
		vma = slot->range_vma;
		start = slot->range_start;
		end = slot->range_end;
		area = (struct vm_area_struct *)vma;
	}
	if (vma && recording && attributing.walkers && end > start) {
		now = bpf_ktime_get_ns();
		at = BPF_CORE_READ(area, vm_start);
		offset = BPF_CORE_READ(area, vm_pgoff);
		met = range_met((u64)BPF_CORE_READ(area, vm_file, f_mapping),
				(u64)BPF_CORE_READ(area, anon_vma, root),
				offset + ((start - at) >> page_shift),
				offset + ((end - 1 - at) >> page_shift));
		for (i = 0; met && i < THPRACE_PENDING_MAX; i++) {
			at = lowest_bit(met);
			met &= met - 1;
			range_tell(ctx, at, slot, now, start);
		}
	}
	if (slot && slot->in_range) {
		slot->in_range = THPRACE_RANGE_OUTSIDE;
		ADD(attributing.ranges, -1);
	}
}

SEC("fexit")
int range_return_fexit(void *ctx)
{
	if (*(volatile u64 *)&attributing)
		range_end(ctx, fentry_arg(ctx, THPRACE_POINT_RANGE, 0),
			  fentry_arg(ctx, THPRACE_POINT_RANGE, 1),
			  fentry_arg(ctx, THPRACE_POINT_RANGE, 2));
	return 0;
}

SEC("kretprobe")
int range_return_kretprobe(struct pt_regs *ctx)
{
	if (*(volatile u64 *)&attributing)
		range_end(ctx, 0, 0, 0);
	return 0;
}
