// SPDX-License-Identifier: GPL-2.0-only
/*
 * unmap_page_range: the zap of a part of a vma. In precise mode it marks that removals inside it
 * belong to a zap. In both modes, if it ends while a walker is pending whose folio it maps, this is
 * reported: the number of small mappings that are left then shows whether it took one. While no
 * walker is pending, both ends leave at the first test. kprobes have the arguments at the entry
 * only, and save them.
 */
#include "folio.bpf.h"
#include "record.bpf.h"
#include "pending.bpf.h"

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
	slot->taking = 0;
}

SEC("fentry")
int range_enter_fentry(void *ctx)
{
	/* This kind has the arguments at the return too; a reader of a crash dump needs them. */
	if (precise ? marking : attributing.walkers)
		range_mark(fentry_arg(ctx, THPRACE_POINT_RANGE, 0),
			   fentry_arg(ctx, THPRACE_POINT_RANGE, 1),
			   fentry_arg(ctx, THPRACE_POINT_RANGE, 2));
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
 * Which pending walkers have a folio that a zap of [first, last] may have unmapped: pages of file,
 * or of anon, the root anon_vma. One bit each. What a walker zaps itself does not matter. A global
 * function, so the verifier walks it once.
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

/*
 * How many ns before `now' a walker of this folio (or 0) returned that left a page mapped of which this
 * task's removal was under way; if there are several, the last one. 0: none. No branch in the loop, as
 * in collect_some. A global function: see range_met.
 */
__noinline u64 __weak range_taking(u64 folio, u64 now)
{
	const u64 size = bpf_core_type_size(struct page);
	u32 pid = bpf_get_current_pid_tgid();
	struct thprace_pending *place;
	u64 last = 0, leave, other, taken;
	u32 i;

	if (!folio)
		return 0;
	for (i = 0; i < THPRACE_PENDING_MAX; i++) {
		place = pending_at(i);
		leave = *(volatile u64 *)&place->leave;
		other = (place->folio ^ folio) | (place->taker ^ pid) | (place->taken_at ^ leave);
		taken = below(place->first - place->taken, place->taken_pages * size);
		taken &= below(last, leave) & (nonzero(other) ^ 1);
		last += (leave - last) * taken;
	}
	return last && now - last < 1ULL << 32 ? now - last : 0;
}

/*
 * Is another walker of this folio pending, one that entered before or after that one? No branch in the
 * loop: see collect_some. A global function: see range_met.
 */
__noinline int __weak has_other_walker(u64 folio, u32 entered)
{
	struct thprace_pending *place;
	u64 others = 0;
	u32 i;

	for (i = 0; i < THPRACE_PENDING_MAX; i++) {
		place = pending_at(i);
		others |= nonzero(place->entered ^ entered) & ~nonzero(place->folio ^ folio);
	}
	return others & 1;
}

#define RANGE_REPORTS_MAX 256 /* limit of ranges reported for one walker */

/* What a range has to do with a pending walker. */
#define RANGE_APPLIES 0x1
#define RANGE_MARKED 0x2 /* its beginning was seen */
#define RANGE_TOOK 0x4 /* it took mappings of this folio */
#define RANGE_LOW 0x8 /* its lowest reading is less than what the walker left */
#define RANGE_VAGUE 0x10

/* The slot of a range whose beginning was seen; number: its index plus 1, 0: there is none. */
static __always_inline struct thprace_slot *range_slot(u32 number)
{
	return &slots[BOUND((u64)number - 1, THPRACE_SLOTS_MAX - 1)];
}

/* Which of these; 0: it is not reported. A global function, as the next two: see range_met. */
__noinline int __weak range_applies(u32 at, u64 folio, u32 number)
{
	struct thprace_slot *slot = range_slot(number);
	struct thprace_pending *place = pending_at(at);
	u32 what = RANGE_APPLIES;

	if (!folio || (place->leave && place->huge))
		return 0;
	if (number) {
		what |= RANGE_MARKED;
		if (slot->range_folio == folio) {
			what |= RANGE_TOOK;
			/*
			 * Only if compared with what the walker left: the split may have ended
			 * since.
			 */
			if (slot->range_reads && place->leave &&
			    slot->range_low_at > place->leave && slot->range_low < place->small)
				what |= RANGE_LOW;
		} else if (precise && !slot->range_mixed) {
			return 0; /* it took no mapping of this folio */
		}
	} else if (unmarked >= place->enter) {
		what |= RANGE_VAGUE;
	}
	if (place->reported >= RANGE_REPORTS_MAX) {
		count_lost(THPRACE_LOSS_HITS);
		return 0;
	}
	place->reported++;
	return what;
}

/* How many small mappings are left, and in the upper half RANGE_VAGUE, or 0. */
__noinline u64 __weak range_left(u32 at, u64 folio, u32 number, u32 what, u64 now)
{
	struct thprace_slot *slot = range_slot(number);
	struct thprace_pending *place = pending_at(at);
	s32 left = folio_small(folio);
	u64 vague = 0;

	/*
	 * A walker that came later may have taken mappings itself. The range counts once for all of
	 * a folio's walkers.
	 */
	if (*(volatile u32 *)&bucket_of(folio)->entered != place->entered ||
	    has_other_walker(folio, place->entered))
		vague = RANGE_VAGUE;
	if (bpf_ktime_get_ns() > now + THPRACE_READ_NS)
		left = THPRACE_LEFT_LATE;
	if (what & RANGE_LOW && (left < 0 || slot->range_low < left))
		left = slot->range_low;
	return vague << 32 | (u32)left;
}

/* left: as range_left() returns it, with what the range has to do with the walker. */
__noinline int __weak range_record(u64 folio, u32 number, u64 left, u64 now, u64 taking)
{
	struct thprace_slot *slot = range_slot(number);
	u64 began = 0, removed = 0, flags = 0;
	u32 what = left >> 32, pages = 0;

	if (what & RANGE_MARKED)
		began = slot->range_began;
	if (what & RANGE_TOOK) {
		removed = slot->range_removed;
		pages = slot->range_pages;
	}
	if (what & RANGE_VAGUE)
		flags = THPRACE_RF_VAGUE;
	record_make(THPRACE_REC_RANGE, 0, 0, flags, bpf_get_current_pid_tgid(), now, began, folio,
		    removed, pages | taking << 32, (s32)left);
	return 0;
}

/* value if what has this bit, else 0: without a branch, as this is in a loop. */
static __always_inline u64 if_has(u64 what, u64 bit, u64 value)
{
	return value & (nonzero(what & bit) * ~0ULL);
}

/* Report a range to one pending walker. */
static __always_inline void range_report(void *ctx, u32 at, u32 number, u64 now, u64 address)
{
	struct thprace_slot *slot = range_slot(number);
	u64 folio = *(volatile u64 *)&pending_at(at)->folio;
	u64 what = range_applies(at, folio, number), left, taking;
	struct thprace_opener *opener;

	if (!what)
		return;
	taking = range_taking(if_has(what, RANGE_TOOK, folio), now);
	left = range_left(at, folio, number, what, now) | what << 32;
	what = left >> 32;
	range_record(folio, number, left, now, taking);
	opener = incident_reserve(sizeof(*opener));
	if (!opener) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return;
	}
	__builtin_memset(opener, 0, __builtin_offsetof(struct thprace_opener, stack));
	opener->type = THPRACE_MSG_OPENER;
	opener->window.open = if_has(what, RANGE_MARKED, slot->range_began);
	opener->window.removed = if_has(what, RANGE_TOOK, slot->range_removed);
	opener->window.close = now;
	opener->window.folio = folio;
	opener->window.address = address;
	*(u64 *)&opener->window.pid = bpf_get_current_pid_tgid(); /* and tgid */
	opener->window.cpu = bpf_get_smp_processor_id();
	opener->window.level = THPRACE_LEVEL_PTE;
	opener->window.flags = THPRACE_WF_RANGE | if_has(what, RANGE_VAGUE, THPRACE_WF_VAGUE);
	opener->window.pages = if_has(what, RANGE_TOOK, slot->range_pages);
	opener->window.left = left;
	opener->window.taking = taking;
	bpf_get_current_comm(opener->window.comm, sizeof(opener->window.comm));
	stack_take(ctx, &opener->stack);
	bpf_ringbuf_submit(opener, 0);
}

/* Number of the lowest set bit. A global function: see range_met. */
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

/* The number of this task's slot, if it saw the range begin; else 0. A global function: see range_met. */
__noinline u32 __weak range_number(u64 task)
{
	struct thprace_slot *slot;
	u64 index;

	slot = slot_find(task, &index);
	return slot && slot->in_range ? index + 1 : 0;
}

/* saved: the arguments are in the slot. */
static __always_inline void range_end(void *ctx, int saved, u64 vma, u64 start, u64 end)
{
	struct vm_area_struct *area;
	struct thprace_slot *slot;
	u64 now, offset, at;
	u32 met, number, i;

	number = range_number(bpf_get_current_pid_tgid());
	slot = range_slot(number);
	if (saved && number) {
		vma = slot->range_vma;
		start = slot->range_start;
		end = slot->range_end;
	}
	area = (struct vm_area_struct *)vma;
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
			range_report(ctx, at, number, now, start);
		}
	}
	if (number) {
		slot->in_range = THPRACE_RANGE_OUTSIDE;
		ADD(attributing.ranges, -1);
	}
}

SEC("fexit")
int range_return_fexit(void *ctx)
{
	if (*(volatile u64 *)&attributing)
		range_end(ctx, 0, fentry_arg(ctx, THPRACE_POINT_RANGE, 0),
			  fentry_arg(ctx, THPRACE_POINT_RANGE, 1),
			  fentry_arg(ctx, THPRACE_POINT_RANGE, 2));
	return 0;
}

SEC("kretprobe")
int range_return_kretprobe(struct pt_regs *ctx)
{
	if (*(volatile u64 *)&attributing)
		range_end(ctx, 1, 0, 0, 0);
	return 0;
}
