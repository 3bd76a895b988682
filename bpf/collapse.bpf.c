// SPDX-License-Identifier: GPL-2.0-only
/*
 * collapse_file: its intervals and results, and the class collapse-reuse.
 *
 * The collapser's window begins with a failed collapse and ends with the next call of the same
 * task. That call gets the same huge page again (reuse), another page, or none (the page was
 * released). The walker is a holder: a task that found the page in between and waits for its lock.
 *
 * How both sides are matched. A holder increments holds_begun, then stamps; it stamps its return,
 * then increments holds_ended. A window reads holds_ended before its start is stamped, and
 * holds_begun after its end is stamped. If they are equal, every holder that began before the end
 * had ended before the start, and there is nothing to report. Otherwise the window is reported, and
 * core joins it with the holders, which all report themselves.
 */
#include "folio.bpf.h"
#include "record.bpf.h"

#define PAGE_BITS 12
#define ERRORS 4096UL /* IS_ERR(): the last addresses, this many */

struct collapse_state {
	u64 enter; /* of the call under way, 0: none */
	u64 hpage; /* its argument */
	u64 file;
	u64 mapping;
	u64 start; /* page offset */
	u32 ended; /* holds_ended at its start */
	u32 window_ended; /* … at the start of the previous, failed call */
	struct thprace_window window; /* window of the previous, failed call; open 0: none */
	u64 window_mapping;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct collapse_state);
} collapses SEC(".maps");

struct hold_state {
	u64 enter;
	u64 folio;
	u64 entry; /* of the wait queue, on the task's stack */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct hold_state);
} holds SEC(".maps");

__u32 holds_begun = 0;
__u32 holds_ended = 0;

#define POINT THPRACE_POINT_COLLAPSE
#define COLLAPSE_CLASS classes[POINT][THPRACE_ORIGIN_OTHER]
#define HOLD_CLASS classes[THPRACE_POINT_HOLD][THPRACE_ORIGIN_HOLDER]

/* Does collapse_file get a huge page, or a place for one? */
static __always_inline int has_hpage(void)
{
	return args[POINT].index[2] >= 0 && args[POINT].depth;
}

/* The page that hpage stands for now, or 0. */
static __always_inline u64 hpage_folio(u64 hpage)
{
	u64 page = hpage;

	if (args[POINT].depth == 2 && bpf_probe_read_kernel(&page, sizeof(page), (void *)hpage))
		return 0;
	return page >= -ERRORS ? 0 : page;
}

static __always_inline s32 foreign_references(u64 folio)
{
	return folio ? BPF_CORE_READ((struct page *)folio, _refcount.counter) - 1 : 0;
}

static __always_inline int page_is_locked(u64 page)
{
	return page_flags(page, 0) >> bpf_core_enum_value(enum pageflags, PG_locked) & 1;
}

static __always_inline struct collapse_state *collapse_make(u64 task)
{
	const struct collapse_state empty = {};
	u32 pid = (u32)task;
	struct collapse_state *state = bpf_map_lookup_elem(&collapses, &pid);

	if (state)
		return state;
	bpf_map_update_elem(&collapses, &pid, &empty, BPF_ANY);
	state = bpf_map_lookup_elem(&collapses, &pid);
	if (state)
		ADD(collapsing, 1);
	else
		count_lost(THPRACE_LOSS_TASK);
	return state;
}

static __always_inline void collapse_drop(u64 task)
{
	u32 pid = (u32)task;

	bpf_map_delete_elem(&collapses, &pid);
	ADD(collapsing, -1);
}

/* The window of the previous, failed call has ended: folio is what this call gets. */
static __always_inline void window_end(void *ctx, struct collapse_state *state, u64 task, u64 folio,
				       s32 refs)
{
	struct thprace_counters *cpu = this_cpu();
	struct thprace_window *window = &state->window;
	struct thprace_opener *message;
	u8 flags = THPRACE_WF_SETTLED;

	window->close = state->enter;
	if (folio && folio == window->folio) {
		flags |= THPRACE_WF_REUSED;
		window->mm = state->start << PAGE_BITS;
		if (state->window_mapping == state->mapping && window->mm != window->address)
			flags |= THPRACE_WF_ELSEWHERE;
		if (page_is_locked(folio))
			flags |= THPRACE_WF_LOCKED;
		window->pages = refs > 0 ? refs : 0;
		if (cpu) {
			ADD(cpu->reuses, 1);
			ADD(cpu->reuses_foreign, refs > 0);
		}
	}
	window->flags = flags;
	if (*(volatile u32 *)&holds_begun == state->window_ended && !window->pages)
		return;
	*(u64 *)&window->pid = task; /* and tgid */
	window->cpu = bpf_get_smp_processor_id();
	bpf_get_current_comm(window->comm, sizeof(window->comm));
	message = incident_reserve(sizeof(*message));
	if (!message) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return;
	}
	message->type = THPRACE_MSG_REUSE;
	message->pad = 0;
	message->window = *window;
	stack_take(ctx, &message->stack);
	bpf_ringbuf_submit(message, 0);
}

static __always_inline u16 enter_flags(const struct thprace_window *window)
{
	return (window->flags & THPRACE_WF_REUSED ? THPRACE_RF_AGAIN : 0) |
	       (window->flags & THPRACE_WF_ELSEWHERE ? THPRACE_RF_ELSEWHERE : 0) |
	       (window->flags & THPRACE_WF_LOCKED ? THPRACE_RF_LOCKED : 0);
}

static __always_inline void collapse_begin(void *ctx, u64 file, u64 start, u64 hpage)
{
	u64 task = bpf_get_current_pid_tgid();
	struct collapse_state *state = collapse_make(task);
	u64 folio = 0;
	u16 flags = 0;
	s32 refs = 0;

	if (!state)
		return;
	if (state->enter) { /* its return was missed, so what it left behind is not known */
		count_lost(THPRACE_LOSS_RETURN);
		state->window.open = 0;
	}
	file = POINTER_NUMBER(state->file, file);
	state->start = start;
	state->hpage = hpage;
	if (has_hpage())
		state->mapping = (u64)BPF_CORE_READ((struct file *)file, f_mapping);
	state->ended = *(volatile u32 *)&holds_ended;
	barrier();
	state->enter = bpf_ktime_get_ns();
	if (has_hpage()) {
		folio = hpage_folio(hpage);
		refs = foreign_references(folio); /* after the stamp: see verdict.h */
		if (state->window.open) {
			window_end(ctx, state, task, folio, refs);
			flags = enter_flags(&state->window);
			state->window.open = 0;
		}
	}
	record_make(THPRACE_REC_COLLAPSE_ENTER, COLLAPSE_CLASS, 0, flags, task, state->enter,
		    state->enter, folio, file, start, refs);
}

/* hpage may be a pointer to a pointer, which old kernels do not let a program load (5.10). */
SEC("fentry")
int collapse_enter_fentry(void *ctx)
{
	const s8 at = args[POINT].index[2];
	u64 hpage = 0;

	if (!recording)
		return 0;
	if (has_hpage())
		bpf_probe_read_kernel(&hpage, sizeof(hpage), ctx + 8 * at);
	collapse_begin(ctx, fentry_arg(ctx, POINT, 0), fentry_arg(ctx, POINT, 1), hpage);
	return 0;
}

SEC("kprobe")
int collapse_enter_kprobe(struct pt_regs *ctx)
{
	if (recording)
		collapse_begin(ctx, kprobe_arg(ctx, POINT, 0), kprobe_arg(ctx, POINT, 1),
			       kprobe_arg(ctx, POINT, 2));
	return 0;
}

/* It failed, and its page is revoked: this window lasts until its task's next call. */
static __always_inline void window_begin(struct collapse_state *state, u64 now, u64 folio)
{
	__builtin_memset(&state->window, 0, sizeof(state->window));
	state->window.open = state->enter;
	state->window.removed = now;
	state->window.folio = folio;
	state->window.address = state->start << PAGE_BITS;
	state->window_mapping = state->mapping;
	state->window_ended = state->ended;
}

static __always_inline void collapse_return(void *ctx, u64 result)
{
	u64 task = bpf_get_current_pid_tgid();
	struct thprace_counters *cpu = this_cpu();
	struct collapse_state *state;
	u32 pid = (u32)task;
	u64 folio = 0, now;
	s32 value = (s32)result;
	u16 flags = 0;

	state = bpf_map_lookup_elem(&collapses, &pid);
	if (!state || !state->enter)
		return;
	now = bpf_ktime_get_ns();
	if (has_hpage()) {
		/* A collapse takes its page from hpage; an error is stored there (NUMA). */
		folio = hpage_folio(state->hpage);
		if (args[POINT].depth != 2 ||
		    bpf_probe_read_kernel(&result, sizeof(result), (void *)state->hpage) || result)
			flags = THPRACE_RF_FAILED;
		if (!args[POINT].result)
			value = foreign_references(folio);
	}
	if (args[POINT].result)
		flags = (u32)value != bpf_core_enum_value(enum scan_result, SCAN_SUCCEED)
				? THPRACE_RF_FAILED
				: 0;
	if (!flags)
		folio = 0;
	record_make(THPRACE_REC_COLLAPSE_RETURN, COLLAPSE_CLASS, 0, flags, task, now, state->enter,
		    folio, state->file, state->start, value);
	if (folio) {
		window_begin(state, now, folio);
		state->enter = 0;
	} else {
		collapse_drop(task);
	}
	if (!cpu)
		return;
	ADD(cpu->collapses, 1);
	if (flags)
		ADD(cpu->collapses_failed, 1);
}
AT_RETURN(collapse_return, THPRACE_POINT_COLLAPSE)

/* Report a holder to core. Its stack goes with the first report. */
static __always_inline void holder_report(void *ctx, const struct hold_state *state, u64 task,
					  u64 leave)
{
	struct thprace_hold *message = incident_reserve(sizeof(*message));
	struct thprace_walk *walk;

	if (!message) {
		count_lost(THPRACE_LOSS_INCIDENT);
		return;
	}
	message->type = THPRACE_MSG_HOLD;
	message->pad = 0;
	walk = &message->walk;
	__builtin_memset(walk, 0, sizeof(*walk));
	walk->enter = state->enter;
	walk->leave = leave;
	walk->folio = state->folio;
	walk->pid = (u32)task;
	walk->tgid = task >> 32;
	walk->cpu = bpf_get_smp_processor_id();
	walk->class = HOLD_CLASS;
	walk->origin = THPRACE_ORIGIN_HOLDER;
	bpf_get_current_comm(walk->comm, sizeof(walk->comm));
	if (leave)
		stack_none(&message->stack);
	else
		stack_take(ctx, &message->stack);
	bpf_ringbuf_submit(message, 0);
}

static __always_inline void hold_record(u8 type, const struct hold_state *state, u64 task, u64 ts)
{
	record_make(type, HOLD_CLASS, THPRACE_ORIGIN_HOLDER, 0, task, ts, state->enter,
		    state->folio, 0, 0, 0);
}

#define WAIT_EXCLUSIVE 1 /* WQ_FLAG_EXCLUSIVE: it wants the bit, so the bit is a lock */
#define STACK_WORDS 96 /* searched */

/* The struct wait_page_queue that contains an entry. */
static __always_inline u64 wait_page_queue_of(u64 entry)
{
	return entry - bpf_core_field_offset(struct wait_page_queue, wait);
}

/* The page that this task's entry waits to lock; 0: it waits for something else. */
static __always_inline u64 page_waited_for(u64 entry)
{
	struct wait_queue_entry *wait = (void *)entry;
	u64 queue = wait_page_queue_of(entry), page = 0;

	if ((u64)BPF_CORE_READ(wait, private) != bpf_get_current_task() ||
	    !(BPF_CORE_READ(wait, flags) & WAIT_EXCLUSIVE) ||
	    (u32)BPF_CORE_READ((struct wait_page_queue *)queue, bit_nr) !=
		    bpf_core_enum_value(enum pageflags, PG_locked))
		return 0;
	bpf_probe_read_kernel(&page, sizeof(page), (void *)queue);
	return page;
}

/*
 * The entry that a task waiting for a page has put on its stack, or 0. The waiting function is
 * notrace (wait_on_page_bit_common, folio_wait_bit_common: static inline), and so are its callers
 * in filemap.c. But it calls io_schedule with its queue entry in its frame, just above.
 */
static __always_inline u64 entry_on_stack(u64 stack)
{
	/* An entry that waits for a page flag: recognised by the function that it calls. */
	const u64 wanted = symbols[THPRACE_SYMBOL_WAKE_PAGE];
	u64 word;
	u32 i;

	for (i = 0; wanted && i < STACK_WORDS; i++) {
		if (bpf_probe_read_kernel(&word, sizeof(word), (void *)(stack + i * 8)))
			return 0;
		if (word == wanted)
			return stack + i * 8 - bpf_core_field_offset(struct wait_queue_entry, func);
	}
	return 0;
}

/* Slow path of lock_page: the page is locked, and the task that found it goes to sleep. */
static __always_inline void hold_begin(void *ctx, u64 stack)
{
	u64 task = bpf_get_current_pid_tgid();
	struct hold_state state = {}, *before;
	u32 pid = (u32)task;
	u64 page;

	state.entry = entry_on_stack(stack);
	page = state.entry ? page_waited_for(state.entry) : 0;
	if (!page || (!page_is_head(page, 0) && !page_is_tail(page, 0)))
		return;
	state.folio = page_folio(page);
	before = bpf_map_lookup_elem(&holds, &pid);
	if (before) {
		if (before->entry == state.entry && before->folio == state.folio)
			return; /* woken, but not its turn */
		count_lost(THPRACE_LOSS_RETURN);
		ADD(holds_ended, 1);
	}
	ADD(holds_begun, 1); /* also a barrier: published, then stamped */
	state.enter = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&holds, &pid, &state, BPF_ANY)) {
		count_lost(THPRACE_LOSS_TASK);
		ADD(holds_ended, 1);
		return;
	}
	hold_record(THPRACE_REC_HOLD_ENTER, &state, task, state.enter);
	holder_report(ctx, &state, task, 0);
}

/* The context is on the stack, in the frame of the trampoline. */
SEC("fentry")
int hold_enter_fentry(void *ctx)
{
	u64 typed = (u64)ctx, stack = 0;

	if (!recording || !*(volatile u32 *)&collapsing)
		return 0;
	bpf_probe_read_kernel(&stack, sizeof(stack), &typed); /* as a number */
	hold_begin(ctx, stack);
	return 0;
}

SEC("kprobe")
int hold_enter_kprobe(struct pt_regs *ctx)
{
	if (recording && *(volatile u32 *)&collapsing)
		hold_begin(ctx, BPF_CORE_READ(ctx, sp));
	return 0;
}

/* Every wait ends here; only few are holds. */
static __always_inline void hold_end(void *ctx, int direct, u64 entry, u64 a, u64 b)
{
	u64 task, now, typed = entry;
	struct thprace_counters *cpu;
	struct hold_state *state;
	u32 pid;

	if (*(volatile u32 *)&holds_begun == *(volatile u32 *)&holds_ended)
		return;
	task = bpf_get_current_pid_tgid();
	pid = (u32)task;
	state = bpf_map_lookup_elem(&holds, &pid);
	if (!state)
		return;
	bpf_probe_read_kernel(&entry, sizeof(entry), &typed); /* as a number */
	if (state->entry != entry)
		return;
	now = bpf_ktime_get_ns();
	hold_record(THPRACE_REC_HOLD_RETURN, state, task, now);
	holder_report(ctx, state, task, now);
	cpu = this_cpu();
	if (cpu) {
		ADD(cpu->walkers[BOUND(HOLD_CLASS, THPRACE_CLASS_MAX - 1)], 1);
		ADD(cpu->walker_ns[BOUND(HOLD_CLASS, THPRACE_CLASS_MAX - 1)], now - state->enter);
	}
	bpf_map_delete_elem(&holds, &pid);
	ADD(holds_ended, 1);
}
AT_ENTRY(hold_end, THPRACE_POINT_HOLD_END)
