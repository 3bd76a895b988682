/* SPDX-License-Identifier: GPL-2.0-only */
/* Which functions are probed on this kernel, how, and why the others are not. */
#ifndef THPRACE_PROBE_H
#define THPRACE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <thprace/race.h>
#include <thprace/shared.h>

#include "kernel/target.h"

enum probe_attach {
	PROBE_ATTACH_AUTO, /* calls, if that is better; fentry if it is available; else kprobe */
	PROBE_ATTACH_FENTRY, /* fentry only */
	PROBE_ATTACH_KPROBE, /* kprobes at functions only */
};

#define PROBE_ATTACH_NAMES                 \
	{                                  \
		"auto", "fentry", "kprobe" \
	}

enum probe_kind {
	PROBE_NONE,
	PROBE_FENTRY,
	PROBE_KPROBE,
	PROBE_CALLS, /* kprobes at the calls that matter, and after them: core/probe/probe_calls.c */
};

enum probe_state {
	PROBE_PLANNED, /* will be attached */
	PROBE_ATTACHED, /* is attached */
	PROBE_ABSENT, /* the kernel has no such function (or inlined it) */
	PROBE_SKIPPED, /* not wanted in this mode */
	PROBE_FAILED, /* refused by the kernel */
	PROBE_SHED, /* detached for a while because of its cost: engine__shed() */
};

#define PROBE_STATE_NAMES                                                    \
	{                                                                    \
		"planned", "attached", "absent", "skipped", "failed", "shed" \
	}

#define PROBE_FUNCTIONS_MAX 5
#define PROBE_KNOWN_MAX 2
#define PROBE_REASON_MAX 200

/*
 * The parameters of a static function, for kernels whose BTF omits it. The kernel's names, each
 * with as many * as its type, if that matters.
 */
struct probe_known {
	const char *function;
	const char *params; /* "mm, file, start, **hpage, node" */
	const char *with; /* symbol that such kernels have, or NULL */
	const char *without; /* … and one that they do not have, or NULL */
	/*
	 * A parameter that points to a structure of which the function reads this member first:
	 * this confirms the arguments of a variant (core/kernel/arguments.c). NULL: a variant is
	 * not used.
	 */
	const char *structure;
	enum target_member member;
};

#define PROBE_SITES_MAX 12

/* A call that is probed. */
struct probe_site {
	char symbol[TARGET_NAME_MAX]; /* the symbol before the call */
	uint32_t at; /* bytes after the symbol: the call instruction */
	uint32_t next; /* … and the instruction after it */
	bool shared; /* which is also reached without the call */
};

/*
 * One row of the table: a point and all functions that may stand for it (core/probe/probe_table.c).
 */
struct probe_point {
	const char *name; /* short, stable: "zap" */
	const char *functions[PROBE_FUNCTIONS_MAX]; /* in order of preference */
	struct probe_known known[PROBE_KNOWN_MAX]; /* if BTF may omit it */
	const char *params[THPRACE_ARG_SLOTS][3]; /* names that a slot's parameter has had */
	bool needed[THPRACE_ARG_SLOTS]; /* without it the point is useless */
	const char *entry; /* program at the entry, or NULL */
	const char *exit; /* program at the return, or NULL */
	const char *kprobe_entry; /* another program that kprobes need, or NULL */
	const char *widen; /* if windows are to be widened: program at the entry, or NULL */
	const char *widen_after; /* the same at the return, after exit, or NULL */
	/*
	 * If the function runs for each small page, its calls from elsewhere must not cost
	 * anything: calls of these functions are probed instead of it, if they can be found, namely
	 * the calls by the functions that the classes name (struct race_walker). NULL: the function
	 * itself.
	 */
	const char *callees[2]; /* in order of preference */
	bool precise_only;
	const char
		*needs; /* what a kernel must have or be in order to have one of the functions; or
			 * NULL */
	const char *what; /* what it reports, for `thprace probes` */
};

extern const struct probe_point probe_points[THPRACE_POINT_MAX];

struct probe {
	const struct probe_point *point;
	const char *function; /* the one chosen, or NULL */
	char variant[TARGET_NAME_MAX]; /* "": none; else function is this compiler's variant */
	enum probe_kind kind;
	enum probe_state state;
	char reason[PROBE_REASON_MAX];
	uint64_t silent; /* attached, its return ran this often, and its entry never; 0: nothing to
			 * report */
	char silence[PROBE_REASON_MAX]; /* … in words */
	struct thprace_args args;
	bool missing; /* the kernel certainly lacks it: no compiler removes it (point->needs) */
	bool blind; /* attached, but its arguments are not known */
	bool no_calls; /* the kernel refused probes at its calls */
	struct probe_site sites[PROBE_SITES_MAX]; /* of PROBE_CALLS */
	int site_count;
};

/* Whether this kernel runs a program at a kprobe: core/engine/kprobe_trial.c. */
struct probe_trial {
	bool calls; /* at a call, which is always a breakpoint: if there, then everywhere */
	bool functions; /* at a function's entry */
	char why[128]; /* if not at calls: the evidence */
};

struct probe_plan {
	enum thprace_mode mode;
	enum probe_attach attach;
	struct probe_trial trial;
	struct probe probe[THPRACE_POINT_MAX];
};

/* Not a point: a kernel that has it (4.5) freezes the reference count of what it splits. */
#define PROBE_SPLIT_PMD "__split_huge_pmd"

/* The function used to learn about page-table entries on arm64: vm_normal_page(vma, addr, pte). */
#define PROBE_PTE_FUNCTION "vm_normal_page"

/* The functions with which a kprobe is tried: getppid(2) calls the second one. */
#define PROBE_TRIAL_X86 "__x64_sys_getppid"
#define PROBE_TRIAL_ARM64 "__arm64_sys_getppid"
#define PROBE_TRIAL_CALLEE "__task_pid_nr_ns"

/* All names of the table and of the classes, each once, for target__new(). Returns their number. */
#define PROBE_NAMES_MAX 128
size_t probe__names(const char **names, size_t max);

/* Decide for each point. trial: the result for kprobes; NULL: no problem is known. */
void probe__plan(struct probe_plan *plan, struct target *target, enum thprace_mode mode,
		 enum probe_attach attach, const struct probe_trial *trial);

/*
 * Can entries of huge mappings be decoded, so that a window's folio is known without a probe at the
 * rmap removal? Always on x86-64 (for a kernel elsewhere nothing is said). On arm64, if pages are
 * of 4 KiB and PROBE_PTE_FUNCTION can be probed (core/engine/engine_pte_probe.c). False: the reason
 * is in why.
 */
bool probe__decodes(struct target *target, char *why, size_t why_size);

/* They are not decoded: say so at the rmap removal, which light mode leaves out. */
void probe__undecoded(struct probe_plan *plan, const char *why);

/*
 * The kernel refused a probe: fall back from fentry to kprobe if the plan allows it, else mark it
 * as failed. error: positive errno; verifier: the verifier's message about the program, "": it did
 * not refuse. Returns true if there is another way to try.
 */
bool probe__refused(struct probe_plan *plan, const struct target *target, enum thprace_point point,
		    int error, const char *verifier);

/*
 * Runs of a point's programs since recording started, at entry and return. An entry that stays at 0
 * while its return runs sees nothing, whatever the cause: probe->silent says so. The runs after a
 * call prove nothing if the instruction there is also reached without the call.
 */
void probe__ran(struct probe *probe, uint64_t entry, uint64_t at_return);

/* "fentry+fexit", "kprobe", "calls" … ; "-" if not attached. */
const char *probe__kind_name(const struct probe *probe);

/*
 * Why a class cannot be observed under this plan; NULL if it can. The text is constant or part of
 * the plan. It begins with NAMES_CANNOT_HAPPEN if the kernel is not open to that class.
 */
const char *probe__not_observable(const struct probe_plan *plan, enum thprace_class class);

/*
 * Does this plan show that the kernel is not open to the class, because it lacks one of the two
 * sides?
 */
bool probe__cannot_happen(const struct probe_plan *plan, enum thprace_class class);

/*
 * Is this point optional, so that the rest works without it? Not optional: zap, lock, rmap removal,
 * and in precise mode range. Without range, failures by small mappings stay unattributed.
 */
bool probe__optional(enum thprace_mode mode, enum thprace_point point);

/*
 * Points that are useful only together, such as the start and the end of a hold, have one leader,
 * which stands for all of them; any other point is its own leader. They are shed together.
 */
enum thprace_point probe__leader(enum thprace_point point);

/* The mode in force: light if precise was requested but no rmap removal can be attached. */
enum thprace_mode probe__mode(const struct probe_plan *plan);

/* Why no rmap removal is probed, which precise mode needs. The text is part of the plan. */
const char *probe__imprecise(const struct probe_plan *plan);

/* Can at least one class be observed? Otherwise the reason is in why. */
bool probe__usable(const struct probe_plan *plan, char *why, size_t why_size);

#endif
