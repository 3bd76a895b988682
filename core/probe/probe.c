// SPDX-License-Identifier: GPL-2.0-only
/* What is probed on this kernel, point by point, and the state of each probe: refused, silent. */
#include "probe_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "kernel/kprobe.h"
#include "base/names.h"

__attribute__((format(printf, 2, 3))) static void because(struct probe *probe, const char *format,
							  ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(probe->reason, sizeof(probe->reason), format, list);
	va_end(list);
}

/*
 * A function without a prototype in BTF, such as static ones on old kernels: fentry is impossible,
 * but a kprobe works if the table knows its arguments, or if none is needed. False: it cannot be
 * attached.
 */
static bool plan_static(struct probe *probe, const struct target *target,
			struct target_function *function, enum probe_attach attach)
{
	bool known = probe_known__function(probe, target, function);

	if (!known && probe->point->needed[0]) {
		because(probe, "%s: no prototype in BTF, so its arguments are not known",
			probe->function);
		return false;
	}
	if (attach == PROBE_ATTACH_FENTRY) {
		because(probe, "%s: no prototype in BTF, which fentry needs", probe->function);
		return false;
	}
	if (!known) {
		memset(function, 0, sizeof(*function));
		function->returns = true;
		probe->blind = probe->point->params[0][0];
	}
	if (attach == PROBE_ATTACH_AUTO)
		because(probe, "kprobe, since %s has no prototype in BTF", probe->function);
	return true;
}

/* fentry or kprobe? PROBE_NONE: neither, with the reason. */
static enum probe_kind choose_kind(struct probe *probe, const struct target *target,
				   const struct target_function *function, enum probe_attach attach)
{
	if (attach == PROBE_ATTACH_KPROBE)
		return PROBE_KPROBE;
	if (!target__own_btf(target))
		because(probe, "%sthe kernel has no BTF of its own, which fentry needs",
			attach == PROBE_ATTACH_AUTO ? "kprobe, since " : "");
	else if (!function->simple || function->nargs > THPRACE_ARG_MAX)
		because(probe, "fentry cannot take its %d arguments", function->nargs);
	else
		return PROBE_FENTRY;
	return attach == PROBE_ATTACH_AUTO ? PROBE_KPROBE : PROBE_NONE;
}

/*
 * A kprobe whose program never runs is useless. Those at a return do run: there is no breakpoint.
 */
static bool runs(struct probe *probe, const struct probe_trial *trial)
{
	if (probe->kind != PROBE_KPROBE || trial->functions ||
	    (!probe->point->entry && !probe->point->kprobe_entry))
		return true;
	because(probe, "kprobe: %s", trial->why);
	probe->kind = PROBE_NONE;
	return false;
}

static void plan_function(struct probe *probe, const struct target *target,
			  enum probe_attach attach, const struct probe_trial *trial)
{
	struct target_function function;
	const char *missing;

	probe->state = PROBE_FAILED;
	if (!target__function(target, probe->function, &function)) {
		if (!plan_static(probe, target, &function, attach))
			return;
		attach = PROBE_ATTACH_KPROBE;
	}
	missing = probe_args__place(probe, &function);
	if (missing) {
		because(probe, "%s: has no parameter named '%s'", probe->function, missing);
		return;
	}
	probe->kind = choose_kind(probe, target, &function, attach);
	if (probe->kind != PROBE_NONE && runs(probe, trial))
		probe->state = PROBE_PLANNED;
}

/* Only queried for functions that would be attached, because reading the list takes time. */
static void check_traceable(struct probe *probe, struct target *target)
{
	if (probe->state != PROBE_PLANNED || probe->kind == PROBE_CALLS || probe->variant[0] ||
	    target__traceable(target, probe->function))
		return;
	probe->state = PROBE_FAILED;
	probe->kind = PROBE_NONE;
	because(probe, "%s: exists, but is not traceable (notrace)", probe->function);
}

/* Holders are watched only if they matter. */
static void plan_holds(struct probe_plan *plan, const struct target *target)
{
	static const int holds[] = {THPRACE_POINT_HOLD, THPRACE_POINT_HOLD_END};
	const struct probe *collapse = &plan->probe[THPRACE_POINT_COLLAPSE];
	struct probe *hold;
	size_t i;

	for (i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		hold = &plan->probe[holds[i]];
		if (hold->state != PROBE_PLANNED)
			continue;
		if (collapse->state == PROBE_PLANNED && probe_args__carries_page(collapse) &&
		    target__has_symbol(target, PROBE_WAKE))
			continue;
		hold->state = PROBE_SKIPPED;
		hold->kind = PROBE_NONE;
		if (collapse->state != PROBE_PLANNED || collapse->blind)
			because(hold, "serves a class that cannot be seen here");
		else if (!probe_args__carries_page(collapse))
			because(hold, "serves a class that cannot happen here");
		else
			because(hold, PROBE_WAKE ": not in this kernel, or inlined");
	}
}

static void skip(struct probe *probe)
{
	probe->state = PROBE_SKIPPED;
	because(probe, "lies between clear and decrement: precise mode only");
}

/*
 * The kernel has only the compiler's variant of the function, which takes a kprobe if its arguments
 * are known.
 */
static void plan_variant(struct probe *probe, struct target *target, const char *name,
			 const char *variant, const struct probe_plan *plan)
{
	struct target_function function;
	const char *source = probe_known__variant(probe, target, name, variant, &function);

	if (!source) {
		because(probe, "only %s exists: the compiler may have moved its arguments",
			variant);
		return;
	}
	probe->state = PROBE_FAILED;
	if (plan->attach == PROBE_ATTACH_FENTRY) {
		because(probe, "only %s exists, which fentry cannot probe", variant);
		return;
	}
	if (probe->point->precise_only && plan->mode != THPRACE_PRECISE) {
		skip(probe);
		return;
	}
	snprintf(probe->variant, sizeof(probe->variant), "%s", variant);
	probe->function = probe->variant;
	probe->kind = PROBE_KPROBE;
	if (!probe_args__place(probe, &function) && runs(probe, &plan->trial)) {
		because(probe, "kprobe, since only %s exists; its arguments are known from %s",
			variant, source);
		probe->state = PROBE_PLANNED;
	}
}

static void plan_point(struct probe *probe, struct target *target, const struct probe_plan *plan)
{
	const struct probe_point *point = probe->point;
	const char *variant = NULL, *of = NULL;
	int i;

	for (i = 0; i < PROBE_FUNCTIONS_MAX && point->functions[i]; i++) {
		if (target__has_symbol(target, point->functions[i])) {
			probe->function = point->functions[i];
			if (point->precise_only && plan->mode != THPRACE_PRECISE)
				skip(probe);
			else
				plan_function(probe, target, plan->attach, &plan->trial);
			return;
		}
		if (variant)
			continue;
		of = point->functions[i];
		variant = target__variant(target, of);
	}
	probe->state = PROBE_ABSENT;
	probe->missing = !variant && point->needs && !target__elsewhere(target);
	if (variant)
		plan_variant(probe, target, of, variant, plan);
	else if (!target__has_functions(target))
		because(probe, NAMES_NO_FUNCTIONS);
	else
		because(probe, "%s: not in this %s, or inlined%s%s", point->functions[0],
			target__elsewhere(target) ? "BTF: not in that kernel" : "kernel",
			point->needs ? "; needs " : "", point->needs ? point->needs : "");
}

/* Kernels that have it also unmap with unmap_mapping_pages, but not as the last step. */
static void without_unmap_folio(struct probe_plan *plan, const struct target *target)
{
	static const int points[] = {THPRACE_POINT_UNMAP_PAGES, THPRACE_POINT_MAPPED};
	const struct probe *folio = &plan->probe[THPRACE_POINT_UNMAP_FOLIO];
	const char *const *functions = folio->point->functions;
	const char *there = folio->function;
	struct probe *probe;
	size_t i;

	for (i = 0; i < PROBE_FUNCTIONS_MAX && functions[i] && !there; i++)
		there = target__variant(target, functions[i]);
	for (i = 0; there && i < sizeof(points) / sizeof(points[0]); i++) {
		probe = &plan->probe[points[i]];
		probe->state = PROBE_ABSENT;
		probe->kind = PROBE_NONE;
		because(probe, "%s does it on this kernel", there);
	}
}

/* If the calls inside an invalidation are probed, the rest of it need not be. */
static void without_invalidate(struct probe_plan *plan)
{
	struct probe *probe = &plan->probe[THPRACE_POINT_INVALIDATE];

	if (plan->probe[THPRACE_POINT_UNMAP_FOLIO].kind != PROBE_CALLS ||
	    probe->state != PROBE_PLANNED)
		return;
	probe->state = PROBE_SKIPPED;
	probe->kind = PROBE_NONE;
	because(probe, "unmap-folio is attached to the calls inside it");
}

/*
 * Without huge mappings only memory_failure has windows: points for other classes would only cost.
 */
static void without_window(struct probe_plan *plan)
{
	static const int points[] = {THPRACE_POINT_SPLIT,	THPRACE_POINT_MIGRATE,
				     THPRACE_POINT_TRUNCATE,	THPRACE_POINT_INVALIDATE,
				     THPRACE_POINT_UNMAP_FOLIO, THPRACE_POINT_UNMAP_PAGES,
				     THPRACE_POINT_MAPPED,	THPRACE_POINT_CHECK};
	struct probe *probe;
	size_t i;

	if (plan->probe[THPRACE_POINT_ZAP].state == PROBE_PLANNED &&
	    plan->probe[THPRACE_POINT_LOCK].state == PROBE_PLANNED)
		return;
	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		probe = &plan->probe[points[i]];
		if (probe->state != PROBE_PLANNED)
			continue;
		probe->state = PROBE_SKIPPED;
		probe->kind = PROBE_NONE;
		because(probe, "serves classes of huge mappings, which cannot be seen here");
	}
}

bool probe__decodes(struct target *target, char *why, size_t why_size)
{
	struct target_function function;
	long page = sysconf(_SC_PAGESIZE);

	if (target__elsewhere(target) || !strcmp(target__machine(target), "x86_64"))
		return true;
	if (page != 4096)
		snprintf(why, why_size, "pages are of %ld KiB, not 4", page / 1024);
	else if (!target__has_symbol(target, PROBE_PTE_FUNCTION) ||
		 !target__traceable(target, PROBE_PTE_FUNCTION) ||
		 !target__function(target, PROBE_PTE_FUNCTION, &function) || function.nargs != 3 ||
		 strcmp(function.param[2], "pte") != 0)
		snprintf(why, why_size, "%s(vma, addr, pte) cannot be probed", PROBE_PTE_FUNCTION);
	else
		return true;
	return false;
}

void probe__undecoded(struct probe_plan *plan, const char *why)
{
	static const int points[] = {THPRACE_POINT_RMAP, THPRACE_POINT_RMAP_PMD};
	struct probe *probe;
	size_t i;

	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		probe = &plan->probe[points[i]];
		if (probe->state != PROBE_SKIPPED)
			continue;
		because(probe,
			"precise mode only; light mode matches no window here, since entries are "
			"not decoded (%.60s), so escapes are unattributed",
			why);
	}
}

void probe__plan(struct probe_plan *plan, struct target *target, enum thprace_mode mode,
		 enum probe_attach attach, const struct probe_trial *trial)
{
	struct probe *pmd;
	char why[128];
	int point;

	memset(plan, 0, sizeof(*plan));
	plan->mode = mode;
	plan->attach = attach;
	plan->trial = trial ? *trial : (struct probe_trial){.calls = true, .functions = true};
	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		plan->probe[point].point = &probe_points[point];
		plan_point(&plan->probe[point], target, plan);
	}
	check_traceable(&plan->probe[THPRACE_POINT_COLLAPSE], target); /* holds serve it */
	plan_holds(plan, target);
	without_unmap_folio(plan, target);
	for (point = 0; point < THPRACE_POINT_MAX && attach == PROBE_ATTACH_AUTO; point++)
		if (plan->probe[point].state == PROBE_PLANNED ||
		    plan->probe[point].state == PROBE_FAILED)
			probe_calls__plan(&plan->probe[point], target, &plan->trial);
	without_invalidate(plan);
	without_window(plan);
	for (point = 0; point < THPRACE_POINT_MAX; point++)
		check_traceable(&plan->probe[point], target);
	if (!probe__decodes(target, why, sizeof(why)))
		probe__undecoded(plan, why);
	/* A kernel has either page_remove_rmap or the pair that replaced it. */
	pmd = &plan->probe[THPRACE_POINT_RMAP_PMD];
	if (plan->probe[THPRACE_POINT_RMAP].state != PROBE_ABSENT && pmd->state == PROBE_ABSENT) {
		because(pmd, "page_remove_rmap does it on this kernel");
		because(&plan->probe[THPRACE_POINT_RMAP_PTES],
			"page_remove_rmap does it on this kernel");
	} else if (pmd->state != PROBE_ABSENT &&
		   plan->probe[THPRACE_POINT_RMAP].state == PROBE_ABSENT) {
		because(&plan->probe[THPRACE_POINT_RMAP],
			"folio_remove_rmap_pmd and _ptes do it on this kernel");
	}
}

/* ENOTSUPP is internal to the kernel, and strerror() does not know it. */
static const char *refusal(int error, bool kprobe, const char *verifier)
{
	static char text[128];

	if (verifier[0]) {
		snprintf(text, sizeof(text), "its program, by the verifier: %s", verifier);
		return text;
	}
	if (kprobe && kprobe__missing())
		return "this kernel has no kprobes (CONFIG_KPROBE_EVENTS)";
	return error == 524 ? "this kernel has no direct calls (ENOTSUPP)" : strerror(error);
}

bool probe__refused(struct probe_plan *plan, const struct target *target, enum thprace_point point,
		    int error, const char *verifier)
{
	struct probe *probe = &plan->probe[point];
	struct probe *invalidate = &plan->probe[THPRACE_POINT_INVALIDATE];
	bool was_fentry = probe->kind == PROBE_FENTRY;

	if (probe->kind == PROBE_CALLS) {
		probe->no_calls = true;
		plan_function(probe, target, plan->attach, &plan->trial);
		if (point == THPRACE_POINT_UNMAP_FOLIO && invalidate->state == PROBE_SKIPPED)
			plan_function(invalidate, target, plan->attach, &plan->trial);
		if (probe->state != PROBE_PLANNED)
			return false;
		because(probe,
			"%s itself, since kprobes at its calls were refused: %s. It is called for "
			"each small page as well: see docs/modes.md",
			probe->function, refusal(error, true, verifier));
		return true;
	}
	if (was_fentry && plan->attach == PROBE_ATTACH_AUTO &&
	    target__has_symbol(target, probe->function)) {
		probe->kind = PROBE_KPROBE;
		if (!probe->no_calls) /* why its calls are not probed matters more */
			because(probe, "kprobe, since fentry was refused: %s",
				refusal(error, false, verifier));
		if (runs(probe, &plan->trial))
			return true;
		probe->state = PROBE_FAILED;
		return false;
	}
	probe->state = PROBE_FAILED;
	because(probe, "%s refused: %s", was_fentry ? "fentry" : "kprobe",
		refusal(error, !was_fentry, verifier));
	probe->kind = PROBE_NONE;
	return false;
}

/* Calls that were under way when recording started return without an entry: a few. */
#define RETURNS_ENOUGH 8

/* Does each run of the program at the return follow a call? */
static bool returns_follow_calls(const struct probe *probe)
{
	int i;

	for (i = 0; probe->kind == PROBE_CALLS && i < probe->site_count; i++) {
		if (probe->sites[i].shared)
			return false;
	}
	return true;
}

void probe__ran(struct probe *probe, uint64_t entry, uint64_t at_return)
{
	bool silent = !entry && at_return >= RETURNS_ENOUGH && returns_follow_calls(probe);

	probe->silent = silent ? at_return : 0;
	if (probe->silent)
		snprintf(probe->silence, sizeof(probe->silence),
			 "%s: the program at its entry is attached and never ran, while the one at "
			 "its return ran %" PRIu64 " times",
			 probe->function, at_return);
}

const char *probe__kind_name(const struct probe *probe)
{
	const struct probe_point *point = probe->point;

	if (probe->kind == PROBE_CALLS)
		return "calls";
	if (probe->kind == PROBE_FENTRY)
		return point->entry ? (point->exit ? "fentry+fexit" : "fentry") : "fexit";
	if (probe->kind == PROBE_KPROBE) {
		if (!point->exit)
			return "kprobe";
		return point->entry || point->kprobe_entry ? "kprobe+kretprobe" : "kretprobe";
	}
	return "-";
}
