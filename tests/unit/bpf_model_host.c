// SPDX-License-Identifier: GPL-2.0-only
/*
 * The environment of the programs: helpers, maps, rings, the kernel's memory. The programs are
 * compiled with -fsanitize=thread, and the functions below replace that sanitizer's own, so each of
 * their memory accesses is seen, and is a step if the memory is shared.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "bpf_host.h"
#include "folio.bpf.h"
#include "record.bpf.h"
#include "bpf_model_private.h"
#include "classes/race_class.h"
#include "engine/pending.h"

#define CPUS BPF_MODEL_CPUS /* fewer than tasks: some preempt each other */
#define SLOTS 32
#define HUGE_BYTES (512 * KERNEL_PAGE_SIZE) /* of the struct pages of a huge page */
#define HUGE_PAGES 8192
#define FIRST_PID 1000

static struct thprace_cpu cpu[CPUS];
static uint8_t page_copy[CPUS][PAGE_SIZE_SCRATCH];
static bool claimed[THPRACE_PENDING_MAX];
static char *pages; /* the struct pages of all memory; the first huge page is the zero page */
static unsigned int huge[BPF_MODEL_FOLIOS]; /* which huge pages the folios are */
static struct vm_area_struct vma[BPF_MODEL_FOLIOS];
static struct file file;
static struct anon_vma anonymous;

uint64_t bpf_model__folio(unsigned int folio)
{
	return (uint64_t)pages + (uint64_t)huge[folio] * HUGE_BYTES;
}

uint32_t bpf_model__pid(unsigned int who)
{
	return FIRST_PID + who;
}

uint64_t model__vma(unsigned int folio)
{
	return (uint64_t)&vma[folio];
}

uint64_t model__vma_start(unsigned int folio)
{
	return vma[folio].vm_start;
}

uint64_t model__entry(const struct bpf_model_call *call)
{
	return (call->empty ? 0 : (uint64_t)huge[call->folio] << 21) | 1;
}

static struct kernel_folio *folio_at(unsigned int folio)
{
	return (struct kernel_folio *)bpf_model__folio(folio);
}

/* --- memory --------------------------------------------------------------------------------------- */

static enum bpf_model_place bucket_place(size_t at)
{
	switch (at % sizeof(struct bucket)) {
	case offsetof(struct bucket, walkers):
		return BPF_MODEL_WALKERS;
	case offsetof(struct bucket, windows):
		return BPF_MODEL_WINDOWS;
	case offsetof(struct bucket, pending):
		return BPF_MODEL_PENDING_HERE;
	case offsetof(struct bucket, closed):
		return BPF_MODEL_CLOSED;
	case offsetof(struct bucket, entered):
		return BPF_MODEL_ENTERED;
	default:
		return BPF_MODEL_NOWHERE;
	}
}

static enum bpf_model_place slot_place(size_t at)
{
	const size_t window = offsetof(struct thprace_slot, opener.window);

	at %= sizeof(struct thprace_slot);
	if (at == offsetof(struct thprace_slot, noted))
		return BPF_MODEL_NOTED;
	return at >= window && at < window + offsetof(struct thprace_window, comm)
		       ? BPF_MODEL_WINDOW
		       : BPF_MODEL_NOWHERE;
}

static enum bpf_model_place flight_place(size_t at)
{
	at %= sizeof(struct thprace_cpu);
	return at == offsetof(struct thprace_cpu, head) ||
			       at >= offsetof(struct thprace_cpu, flight)
		       ? BPF_MODEL_FLIGHT
		       : BPF_MODEL_NOWHERE;
}

static enum bpf_model_place page_place(size_t at)
{
	at %= HUGE_BYTES;
	return at == offsetof(struct kernel_folio, mapcount) ||
			       at == offsetof(struct kernel_folio, entire_mapcount) ||
			       at == offsetof(struct kernel_folio, large_mapcount)
		       ? BPF_MODEL_COUNTS
		       : BPF_MODEL_NOWHERE;
}

#define INSIDE(at, object) ((uintptr_t)(at) - (uintptr_t)(object) < sizeof(object))
#define OFFSET(at, object) ((uintptr_t)(at) - (uintptr_t)(object))

static enum bpf_model_place place_of(const volatile void *at)
{
	if (INSIDE(at, buckets))
		return bucket_place(OFFSET(at, buckets));
	if (INSIDE(at, slots))
		return slot_place(OFFSET(at, slots));
	if (INSIDE(at, open_folio))
		return BPF_MODEL_OPEN_FOLIO;
	if (INSIDE(at, pending))
		return BPF_MODEL_PENDING;
	if (OFFSET(at, &attributing) < sizeof(attributing))
		return BPF_MODEL_ATTRIBUTING;
	if (model__race_shared(at))
		return BPF_MODEL_RACE;
	if (!stream_count && INSIDE(at, cpu))
		return flight_place(OFFSET(at, cpu));
	if (OFFSET(at, pages) < (size_t)HUGE_PAGES * HUGE_BYTES)
		return page_place(OFFSET(at, pages));
	return BPF_MODEL_NOWHERE;
}

/*
 * A slot that no task ever had, or a place that nobody has: reading it is not a step, because there
 * are many.
 */
static bool is_empty(const volatile void *at)
{
	if (INSIDE(at, open_folio))
		return !slots[OFFSET(at, open_folio) / sizeof(open_folio[0])].task;
	return INSIDE(at, pending) && !claimed[OFFSET(at, pending) / sizeof(pending[0])];
}

static void access_memory(const volatile void *at)
{
	enum bpf_model_place place = place_of(at);

	if (place != BPF_MODEL_NOWHERE && !is_empty(at))
		model__wait(place);
}

#define ACCESS(name)                  \
	void __tsan_##name(void *at); \
	void __tsan_##name(void *at)  \
	{                             \
		access_memory(at);    \
	}
ACCESS(read1)
ACCESS(read2)
ACCESS(read4)
ACCESS(read8)
ACCESS(read16)
ACCESS(write1)
ACCESS(write2)
ACCESS(write4)
ACCESS(write8)
ACCESS(write16)
ACCESS(unaligned_read2)
ACCESS(unaligned_read4)
ACCESS(unaligned_read8)
ACCESS(unaligned_write2)
ACCESS(unaligned_write4)
ACCESS(unaligned_write8)

#define ACCESS_RANGE(name)                               \
	void __tsan_##name##_range(void *at, long size); \
	void __tsan_##name##_range(void *at, long size)  \
	{                                                \
		(void)size;                              \
		access_memory(at);                       \
	}
ACCESS_RANGE(read)
ACCESS_RANGE(write)

#define ATOMIC_ADD(bits)                                                                    \
	uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile void *at, uint##bits##_t n, \
						       int order);                          \
	uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile void *at, uint##bits##_t n, \
						       int order)                           \
	{                                                                                   \
		volatile uint##bits##_t *counter = at;                                      \
                                                                                            \
		(void)order;                                                                \
		access_memory(at);                                                          \
		*counter += n;                                                              \
		return *counter - n;                                                        \
	}
ATOMIC_ADD(32)
ATOMIC_ADD(64)

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void *pc);
void __tsan_func_exit(void *pc)
{
	(void)pc;
}

/* As the kernel copies: some bytes at a time. */
int model__read(void *to, size_t size, const void *from)
{
	size_t at, part;

	if ((uintptr_t)from < 4096) {
		memset(to, 0, size);
		return -EFAULT;
	}
	for (at = 0; at < size; at += part) {
		part = size - at < 8 ? size - at : 8;
		access_memory((const char *)from + at);
		memcpy((char *)to + at, (const char *)from + at, part);
	}
	return 0;
}

/* --- maps and rings ------------------------------------------------------------------------------- */

static struct model_task *task_now(void)
{
	return &model__task[model__who];
}

__u64 model__clock(void)
{
	model__wait(BPF_MODEL_CLOCK);
	if (!task_now()->clock)
		task_now()->clock = model__running->now;
	return model__running->now;
}

__u64 model__current(void)
{
	return (uint64_t)bpf_model__pid(model__who) << 32 | bpf_model__pid(model__who);
}

__u32 model__cpu(void)
{
	return model__who % CPUS;
}

const struct thprace_cpu *bpf_model__cpu(unsigned int who)
{
	return &cpu[who % CPUS];
}

long model__comm(char *name, __u32 size)
{
	memset(name, 0, size);
	snprintf(name, size, "task%u", bpf_model__pid(model__who));
	return 0;
}

long model__stack(void *ctx, void *to, __u32 size, __u64 flags)
{
	uint64_t pid = bpf_model__pid(model__who);

	(void)ctx;
	(void)flags;
	memcpy(to, &pid, size < sizeof(pid) ? size : sizeof(pid));
	return sizeof(pid);
}

/* `walks` is the one that is not named here: a value per task. */
void *model__map_lookup(void *map, const void *key)
{
	uint32_t at = *(const uint32_t *)key;

	if (map == (void *)&cpus)
		return at < CPUS ? &cpu[at] : NULL;
	if (map == (void *)&streams)
		return &streams;
	if (map == (void *)&scratch)
		return page_copy[model__cpu()];
	if (model__race_lookup(map, at))
		return model__race_lookup(map, at);
	if (at - FIRST_PID >= BPF_MODEL_TASKS || !model__task[at - FIRST_PID].has_state)
		return NULL;
	return model__task[at - FIRST_PID].state;
}

long model__map_update(void *map, const void *key, const void *value, size_t size, __u64 flags)
{
	uint32_t at = *(const uint32_t *)key;

	if (map == (void *)&pending_claims) {
		model__wait(BPF_MODEL_PENDING);
		if (flags != BPF_NOEXIST || claimed[at])
			return -EEXIST;
		claimed[at] = true;
		return 0;
	}
	if (size > sizeof(model__task[0].state))
		abort();
	memcpy(model__task[at - FIRST_PID].state, value, size);
	model__task[at - FIRST_PID].has_state = true;
	return 0;
}

long model__map_delete(void *map, const void *key)
{
	uint32_t at = *(const uint32_t *)key;

	if (map == (void *)&pending_claims) {
		model__wait(BPF_MODEL_PENDING);
		claimed[at] = false;
	} else {
		model__task[at - FIRST_PID].has_state = false;
	}
	return 0;
}

/* The kernel's ring contains old bytes. */
void *model__ring_reserve(void *ring, __u64 size, __u64 flags)
{
	struct model_task *task = task_now();

	(void)flags;
	if (ring == &streams) {
		memset(&task->record, 0x5a, sizeof(task->record));
		return &task->record;
	}
	if (task->reserved || size > sizeof(task->message.incident))
		abort();
	model__wait(BPF_MODEL_RING);
	memset(&task->message, 0x5a, sizeof(task->message));
	task->message_at = model__reserve();
	task->reserved = size;
	return &task->message.type;
}

void model__ring_submit(void *place, __u64 flags)
{
	struct model_task *task = task_now();

	(void)flags;
	if (place == &task->record) {
		model__record(&task->record);
		return;
	}
	model__wait(BPF_MODEL_RING);
	task->message.size = task->reserved;
	model__submit(task->message_at, &task->message);
	task->reserved = 0;
}

void model__ring_discard(void *place, __u64 flags)
{
	struct model_task *task = task_now();

	task->reserved = 0;
	model__ring_submit(place, flags);
}

long model__ring_output(void *ring, const void *message, __u64 size, __u64 flags)
{
	void *place = model__ring_reserve(ring, size, flags);

	memcpy(place, message, size);
	model__ring_submit(place, flags);
	return 0;
}

/*
 * --- requests of the model
 * ------------------------------------------------------------------------
 */

static void map_memory(void)
{
	/* At the same address each time, so that hashes of addresses do not change a schedule. */
	void *const hint = (void *)0x300000000000;
	size_t size = (size_t)HUGE_PAGES * HUGE_BYTES;

	pages = mmap(hint, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pages == MAP_FAILED)
		abort();
	page_map = (uint64_t)pages;
	file.f_mapping = &file;
	anonymous.root = &anonymous;
	page_shift = 12;
	huge_order = BPF_MODEL_ORDER;
	race_class__walkers((uint8_t(*)[THPRACE_ORIGIN_SLOTS])classes);
	recording = 1;
	marking = 1;
	slot_mask = SLOTS - 1;
	pte_probe.hidden = 1 << 11;
}

/* Each task has a slot of its own at the first try. */
static void find_seed(void)
{
	uint64_t taken = 0, home;
	unsigned int who;

	for (slot_seed = 1, who = 0; who < BPF_MODEL_TASKS; who++) {
		home = 1ULL << slot_home(bpf_model__pid(who));
		if (taken & home) {
			slot_seed += 2;
			taken = 0;
			who = ~0U;
			continue;
		}
		taken |= home;
	}
}

/* The first folios each have their own bucket; the others share these. */
static void place_folios(unsigned int in_buckets)
{
	unsigned int folio, other;
	bool fits;

	for (folio = 0; folio < BPF_MODEL_FOLIOS; folio++) {
		huge[folio] = folio ? huge[folio - 1] : 0;
		do {
			if (++huge[folio] == HUGE_PAGES)
				abort();
			fits = true;
			for (other = 0; other < folio; other++)
				fits &= (other % in_buckets == folio % in_buckets) ==
					(thprace_folio_bucket(bpf_model__folio(other)) ==
					 thprace_folio_bucket(bpf_model__folio(folio)));
		} while (!fits);
		vma[folio].vm_start = 0x200000UL * (folio + 1);
		vma[folio].vm_pgoff = 512UL * folio;
		vma[folio].vm_file = &file;
		vma[folio].anon_vma = &anonymous;
		for (other = 0; other < 512; other++)
			folio_at(folio)[other].mapcount = -1;
		folio_at(folio)->flags = 1UL << PG_head;
		folio_at(folio)->index = 512UL * folio;
	}
}

/* Where each function has its arguments; the result comes after them. */
static void place_arguments(void)
{
	unsigned int point, i;

	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		for (i = 0; i < THPRACE_ARG_SLOTS; i++)
			args[point].index[i] = i;
		args[point].behind = THPRACE_ARG_SLOTS;
		args[point].result = 1;
		args[point].folio = 1;
	}
}

void model__memory_reset(const struct bpf_model *model)
{
	if (!pages)
		map_memory();
	if (model->options.crowded)
		slot_seed = 0;
	else
		find_seed();
	place_folios(model->options.buckets);
	place_arguments();
	precise = model->options.mode == THPRACE_PRECISE;
	stream_count = !model->options.flight;
	memset(slots, 0, SLOTS * sizeof(slots[0]));
	memset(open_folio, 0, SLOTS * sizeof(open_folio[0]));
	memset(buckets, 0, sizeof(buckets));
	memset(pending, 0, sizeof(pending));
	memset((void *)&attributing, 0, sizeof(attributing));
	memset(cpu, 0, sizeof(cpu));
	memset(claimed, 0, sizeof(claimed));
	unmarked = 0;
	poisoning = 0;
	invalidating = 0;
}

void model__memory_set(const struct bpf_model *model, const struct bpf_model_call *call)
{
	unsigned int i;

	for (i = 0; i < BPF_MODEL_FOLIOS; i++) {
		folio_at(i)->entire_mapcount = model->mapped[i].entire - 1;
		folio_at(i)->large_mapcount = model->mapped[i].entire + model->mapped[i].small - 1;
	}
	folio_at(call->folio)->mapping = call->anonymous ? (unsigned long)&anonymous | 1
							 : (unsigned long)&file;
	pte_probe.known = !call->unknown;
	args[THPRACE_POINT_CHECK].calls = call->dumped;
	args[THPRACE_POINT_UNMAP].result = call->own;
	args[THPRACE_POINT_MIGRATE].result = call->own;
}

unsigned int model__memory_sweep(const struct bpf_model *model)
{
	uint32_t freed = pending__sweep(pending, buckets, &attributing, model->now);
	unsigned int i, wait = 0;

	for (i = 0; i < THPRACE_PENDING_MAX; i++) {
		claimed[i] &= !(freed >> i & 1);
		wait += claimed[i];
	}
	return wait;
}

uint64_t bpf_model__check_races(enum thprace_loss cause)
{
	uint64_t lost = 0;
	unsigned int i;

	for (i = 0; i < CPUS; i++)
		lost += cpu[i].counters.lost[cause];
	model__race_check();
	return lost;
}

/* Every run that found something is counted once; after start and end nothing is left behind. */
void model__memory_check(void)
{
	unsigned int i, cause, walkers = 0;
	char name[THPRACE_COMM_LEN];

	for (i = 0; i < CPUS; i++) {
		for (cause = 0; cause < THPRACE_LOSS_SLOTS; cause++)
			assert_int_equal(cpu[i].counters.lost[cause], 0);
		assert_int_equal(cpu[i].counters.seen,
				 cpu[i].counters.submitted + cpu[i].counters.filtered);
	}
	for (i = 0; i < SLOTS; i++) {
		assert_false(open_folio[i]);
		assert_false(slot_busy(&slots[i]));
		if (!slots[i].task)
			continue;
		/* A dump shows it, whether the task has reported or not. */
		snprintf(name, sizeof(name), "task%u", (uint32_t)slots[i].task);
		assert_string_equal(slots[i].opener.window.comm, name);
	}
	for (i = 0; i < THPRACE_PENDING_MAX; i++) {
		walkers += pending[i].folio != 0;
		assert_int_equal(pending[i].folio != 0, claimed[i]);
		assert_int_equal(pending[i].folio != 0, pending[i].folio && pending[i].leave);
	}
	assert_int_equal(attributing.walkers, walkers);
	assert_int_equal(attributing.ranges, 0);
	for (i = 0; i < THPRACE_BUCKET_COUNT; i++) {
		walkers -= buckets[i].pending;
		assert_int_equal(buckets[i].walkers, 0);
		assert_int_equal(buckets[i].windows, 0);
		assert_int_equal(buckets[i].entered & (WALK_ENTERED - 1), 0);
	}
	assert_int_equal(walkers, 0);
	assert_int_equal(poisoning, 0);
	assert_int_equal(invalidating, 0);
	for (i = 0; i < BPF_MODEL_TASKS; i++)
		assert_false(model__task[i].has_state);
}
