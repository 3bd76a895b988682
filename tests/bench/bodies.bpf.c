// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bodies of thprace's BPF programs in loops, for BPF_PROG_TEST_RUN: the cost of one run of each
 * on this machine, without the cost of entering a program. The kernel's objects are faked in a map;
 * the order-0 bodies read them by plain loads, as fentry programs do.
 */
#include "engine.bpf.h"

/* Values loaded from the fakes are numbers, from which the frame pointer cannot be subtracted. */
#undef POINTER_IS_ODD
#define POINTER_IS_ODD(pointer) ((u64)(pointer)&1)

#include "engine.bpf.c"
#include "window.bpf.c"
#include "rmap.bpf.c"
#include "zapper.bpf.c"
#include "walker.bpf.c"
#include <thprace/race_slot.h>

#define FAKE_PAGES 4 /* a head page with its first tails */

/* struct pages, of 64 bytes here as on most kernels; a vma after them. */
struct {
	__u64 small[8];
	__u64 huge[8 * FAKE_PAGES];
	__u64 vma[64];
	__u64 pmd;
	__u64 pmd_read;
} fake SEC(".data.fake") __attribute__((aligned(64)));

/*
 * A race from a file: what core puts into its programs. As in tests/races/truncate-unmap.race, two
 * values are read at the beginning, for condition and key, and one for a walker's escape.
 */
__u32 race_side = 0;
__u32 race_ends = 0;
__u64 race_read = 0; /* the address that is read */
const volatile __u32 race_has = 0; /* further THPRACE_RACE_HAS_* */
const volatile __u32 race_kept_end = 0; /* its end reads an argument that was kept */

static __always_inline u64 race_number(int which)
{
	if (which == THPRACE_RACE_SIDE || which == THPRACE_RACE_SECTION)
		return *(volatile u32 *)&race_side;
	return which == THPRACE_RACE_CLASS ? THPRACE_CLASS_MAX - 1 : 0;
}

static __always_inline u32 race_flag(u32 flag)
{
	if (flag == THPRACE_RACE_IS_WALKER)
		return *(volatile u32 *)&race_side == THPRACE_RACE_WALKER;
	return flag & (THPRACE_RACE_HAS_ESCAPE |
		       (race_has & (THPRACE_RACE_HAS_INSIDE | THPRACE_RACE_HAS_KEPT)));
}

/* As core does it: the first argument, by a kprobe, into the interval. */
static __always_inline u64 race_keep_code(u64 *frame)
{
	struct thprace_race_interval *interval =
		(struct thprace_race_interval *)frame[THPRACE_RACE_FRAME_INTERVAL];

	interval->argument[0] = race_read;
	return 1;
}

/*
 * What is read at this event: by way of an argument that was kept, by the helper; or of one that the
 * context has, by a load, as trampolines do.
 */
static __always_inline u64 race_value(const u64 *frame, int kept)
{
	const struct thprace_race_interval *interval;
	u64 value = 0;

	if (!kept)
		return *(volatile u64 *)&fake.pmd;
	interval = (const struct thprace_race_interval *)frame[THPRACE_RACE_FRAME_INTERVAL];
	bpf_probe_read_kernel(&value, sizeof(value),
			      (void *)*(volatile u64 *)&interval->argument[0]);
	return value;
}

static __always_inline u64 race_code(u64 *frame, int part)
{
	const int kept = race_has & THPRACE_RACE_HAS_KEPT;
	u64 value = 0, key;

	if (part == THPRACE_RACE_KEEP)
		return race_keep_code(frame);
	if (part == THPRACE_RACE_ESCAPE) {
		if (race_side == THPRACE_RACE_WALKER)
			value = race_value(frame, race_kept_end);
		frame[THPRACE_RACE_FRAME_ESCAPE] = value == ~0ULL;
		return 1;
	}
	if (*(volatile u32 *)&race_ends)
		return 1;
	value = race_value(frame, kept);
	key = race_value(frame, kept);
	frame[THPRACE_RACE_FRAME_KEY] = key;
	return value != ~0ULL;
}

#define NUMBER(which) race_number(which)
#define HAS(flag) race_flag(flag)
#define CODE(frame, part) race_code(frame, part)

/* Nobody provokes here. */
__noinline int widen_race(u32 unused)
{
	return (int)unused;
}

#include <thprace/beacon.h>
struct thprace_beacon beacon = {}; /* race.bpf.c has a program for it, which does not run here */
#include "race.bpf.c"

#define FAKE_TASK ((77ULL << 32) | 77) /* an opener that is not this task */

__u64 fake_huge = 0; /* the addresses */
__u64 fake_vma = 0;
__u64 fake_pmd = 0;
__u64 split_flags = 0;

__u32 loops = 1;
__u64 spent = 0; /* ns, of the last run */

struct arguments {
	void *ctx;
};

#define BENCH(name, body)                                             \
	static long name##_once(__u32 i, struct arguments *arguments) \
	{                                                             \
		void *ctx __attribute__((unused)) = arguments->ctx;   \
                                                                      \
		body;                                                 \
		return 0;                                             \
	}                                                             \
	SEC("raw_tp")                                                 \
	int bench_##name(void *ctx)                                   \
	{                                                             \
		struct arguments arguments = {.ctx = ctx};            \
		u64 start = bpf_ktime_get_ns();                       \
                                                                      \
		bpf_loop(loops, name##_once, &arguments, 0);          \
		spent = bpf_ktime_get_ns() - start;                   \
		return 0;                                             \
	}

/* Run once: the objects, and one window that another task has open. */
SEC("raw_tp")
int bench_setup(void *ctx)
{
	u8 *huge = (u8 *)fake.huge;
	u32 large = 0;

	fake_huge = POINTER_NUMBER(fake_huge, (u64)fake.huge);
	fake_vma = POINTER_NUMBER(fake_vma, (u64)fake.vma);
	fake_pmd = POINTER_NUMBER(fake_pmd, (u64)&fake.pmd);
	fake.pmd = 1 | 1 << 1 | 1 << 7; /* present, writable, huge; frame 0 */
	fake.pmd_read = 1 | 1 << 7;
	page_map = fake_huge;
	race_read = fake_pmd;
	fake.huge[0] = 1ULL << bpf_core_enum_value(enum pageflags, PG_head);
	fake.huge[3] = 1; /* Run once: the objects, and one window of another task that is open. */
	if (bpf_core_field_exists(struct folio___v69, _large_mapcount))
		large = bpf_core_field_offset(struct folio___v69, _large_mapcount);
	else if (bpf_core_field_exists(struct folio___v63, _entire_mapcount))
		large = bpf_core_field_offset(struct folio___v63, _entire_mapcount);
	else if (bpf_core_field_exists(struct page___v61, compound_mapcount))
		large = bpf_core_type_size(struct page) +
			bpf_core_field_offset(struct page___v61, compound_mapcount);
	large = BOUND(large, sizeof(fake.huge) / 2 - 1);
	*(s32 *)(huge + large) = -1; /* not mapped */
	split_flags = TTU(TTU_RMAP_LOCKED) | TTU(TTU_SPLIT_HUGE_PMD);
	recording = 1;
	marking = 1;
	return 0;
}

/* Another task's window on the huge page, open from now on. */
SEC("raw_tp")
int bench_open(void *ctx)
{
	struct thprace_slot *slot;
	u64 index;

	slot = slot_claim(FAKE_TASK, &index);
	if (!slot)
		return 0;
	slot->state = THPRACE_SLOT_OPEN;
	slot = slot_find(FAKE_TASK, &index);
	if (!slot)
		return 0;
	slot->opener.window.open = bpf_ktime_get_ns();
	slot->opener.window.folio = fake_huge;
	slot->opener.window.level = THPRACE_LEVEL_PMD;
	open_folio[BOUND(index, THPRACE_SLOTS_MAX - 1)] = fake_huge;
	ADD(bucket_of(fake_huge)->windows, 1);
	return 0;
}

BENCH(empty, )

/* page_remove_rmap (precise mode) of a page of order 0: the entry and the return. */
BENCH(rmap_order0, {
	if (recording)
		rmap_enter((u64)fake.small);
	if (recording)
		rmap(ctx, 1, (u64)fake.small, 0, 0);
})

/* try_to_unmap of a folio of order 0. */
BENCH(unmap_order0, {
	if (recording)
		try_unmap_enter(ctx, 1, (u64)fake.small, TTU(TTU_SYNC), 0);
})

/* A window in light mode: all programs that run for it. */
static __always_inline void zap_window(void *ctx, const __u64 *pmd)
{
	if (recording) {
		zap_enter(ctx, 1, (u64)fake.vma, fake_pmd, 0x7f0000200000ULL);
		zap_lock(ctx, (u64)pmd, fake_vma);
		zap_return(ctx, 1, 1);
	}
}

BENCH(zap, zap_window(ctx, &fake.pmd))

/* By kprobes, which have no arguments at the return, and read by the helper. */
BENCH(zap_kprobe, {
	if (recording) {
		zap_enter(ctx, 0, (u64)fake.vma, fake_pmd, 0x7f0000200000ULL);
		zap_lock(ctx, 0, fake_vma);
		zap_return(ctx, 0, 1);
	}
})

/* For an entry that is not writable, the struct page is read. */
BENCH(zap_read, zap_window(ctx, &fake.pmd_read))

/*
 * A walker of a split, from its entry to its return; bench_open decides whether it overlaps a
 * window.
 */
BENCH(walker, {
	if (recording) {
		unmap_enter(fake_huge, split_flags, 0, THPRACE_POINT_MIGRATE);
		unmap_return(ctx, 0, THPRACE_POINT_MIGRATE);
	}
})

/* A window or walker of a race from a file, from its beginning to its end, and an instant. */
static __always_inline void race_interval(void *ctx, u32 side)
{
	race_side = side;
	*(volatile u32 *)&race_ends = 0;
	race_do_begin(ctx);
	*(volatile u32 *)&race_ends = 1;
	race_do_end(ctx, 0);
}

/* It begins at a function's return, and needs an argument of the call. */
static __always_inline void race_interval_kept(void *ctx, u32 side)
{
	race_side = side;
	*(volatile u32 *)&race_ends = 0;
	race_do_keep(ctx);
	race_do_begin(ctx);
	*(volatile u32 *)&race_ends = 1;
	race_do_end(ctx, 0);
}

/* It begins at a call, and ends at the instruction after it, where an argument is needed. */
static __always_inline void race_interval_call(void *ctx, u32 side)
{
	race_side = side;
	*(volatile u32 *)&race_ends = 0;
	race_do_begin(ctx);
	race_do_keep(ctx);
	*(volatile u32 *)&race_ends = 1;
	race_do_end(ctx, 0);
}

/* It counts only inside a function. */
static __always_inline void race_interval_inside(void *ctx, u32 side)
{
	race_side = side;
	race_do_inside_enter();
	race_interval(ctx, side);
	race_do_inside_leave();
}

BENCH(race_window_kept, race_interval_kept(ctx, THPRACE_RACE_WINDOW))
BENCH(race_window_inside, race_interval_inside(ctx, THPRACE_RACE_WINDOW))
BENCH(race_walker_call, race_interval_call(ctx, THPRACE_RACE_WALKER))
BENCH(race_window, race_interval(ctx, THPRACE_RACE_WINDOW))
BENCH(race_walker, race_interval(ctx, THPRACE_RACE_WALKER))
BENCH(race_instant, {
	race_side = THPRACE_RACE_WALKER;
	race_ends = 0;
	race_do_instant(ctx);
})

/* One record; stream_count decides between the flight recorder and the stream. */
BENCH(record,
      record_make(THPRACE_REC_ZAP_OPEN, 0, 0, 0, FAKE_TASK, i, i, fake_huge, fake_vma, i, 0))

/* The clock alone. */
BENCH(clock, bpf_ktime_get_ns())
