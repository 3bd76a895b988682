// SPDX-License-Identifier: GPL-2.0-only
#include "probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "names.h"

/* Who waits is known by what its wait queue entry calls: see hold_enter in bpf/collapse.bpf.c. */
#define WAKE_FUNCTION "wake_page_function"

__attribute__((format(printf, 2, 3))) static void because(struct probe *probe, const char *format,
							  ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(probe->reason, sizeof(probe->reason), format, list);
	va_end(list);
}

size_t probe__names(const char **names, size_t max)
{
	size_t count = 0;
	int point, i;

	for (point = 0; point < THPRACE_POINT_MAX; point++)
		for (i = 0; i < PROBE_FUNCTIONS_MAX && probe_points[point].functions[i]; i++)
			if (count < max)
				names[count++] = probe_points[point].functions[i];
	if (count < max)
		names[count++] = WAKE_FUNCTION;
	return count;
}

/* Position of the parameter that a slot wants, by the names that it has had; -1: none. */
static int param_index(const struct target_function *function, const char *const *names)
{
	int i, n;

	for (n = 0; n < 3 && names[n]; n++)
		for (i = 0; i < function->nargs && i < THPRACE_ARG_MAX; i++)
			if (!strcmp(function->param[i], names[n]))
				return i;
	return -1;
}

/* Fill in where the arguments are. Returns the name of a needed one that is missing, or NULL. */
static const char *place_args(struct probe *probe, const struct target_function *function)
{
	const struct probe_point *point = probe->point;
	int slot, index;

	memset(&probe->args, 0, sizeof(probe->args));
	probe->args.behind = function->returns ? function->nargs : 255;
	probe->args.result = function->returns;
	for (slot = 0; slot < THPRACE_ARG_SLOTS; slot++) {
		index = param_index(function, point->params[slot]);
		probe->args.index[slot] = index;
		if (index < 0 && point->needed[slot])
			return point->params[slot][0];
	}
	index = probe->args.index[0];
	probe->args.folio = index >= 0 && !strcmp(function->param[index], "folio");
	index = probe->args.index[2];
	probe->args.depth = index >= 0 ? function->depth[index] : 0;
	return NULL;
}

static void plan_function(struct probe *probe, const struct target *target,
			  enum probe_attach attach)
{
	struct target_function function;
	const char *missing;

	if (!target__function(target, probe->function, &function)) {
		/* Arguments are found by name: without BTF only a point that wants none can do. */
		if (probe->point->needed[0]) {
			probe->state = PROBE_FAILED;
			because(probe, "%s: no prototype in BTF, so its arguments are not known",
				probe->function);
			return;
		}
		memset(&function, 0, sizeof(function));
		function.returns = true;
		attach = attach == PROBE_ATTACH_AUTO ? PROBE_ATTACH_KPROBE : attach;
	}
	missing = place_args(probe, &function);
	if (missing) {
		probe->state = PROBE_FAILED;
		because(probe, "%s: has no parameter named '%s'", probe->function, missing);
		return;
	}
	if (!target__traceable(target, probe->function)) {
		probe->state = PROBE_FAILED;
		because(probe, "%s: exists, but is not traceable (notrace)", probe->function);
		return;
	}
	probe->state = PROBE_PLANNED;
	probe->kind = attach == PROBE_ATTACH_KPROBE ? PROBE_KPROBE : PROBE_FENTRY;
	if (probe->kind == PROBE_FENTRY && (!function.simple || function.nargs > THPRACE_ARG_MAX)) {
		if (attach == PROBE_ATTACH_FENTRY) {
			probe->state = PROBE_FAILED;
			probe->kind = PROBE_NONE;
		} else {
			probe->kind = PROBE_KPROBE;
		}
		because(probe, "fentry cannot take its %d arguments", function.nargs);
	}
}

/*
 * Is a huge page that a failed collapse has revoked carried over to the next one? Only where
 * collapse_file gets it from its caller: until 6.0 ("mm: khugepaged: don't carry huge page to the
 * next loop for !CONFIG_NUMA", which also removed khugepaged_prealloc_page).
 */
static bool carries_page(const struct probe *collapse)
{
	return collapse->args.index[2] >= 0 && collapse->args.depth;
}

/* Holders are watched only where they matter. */
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
		if (collapse->state == PROBE_PLANNED && carries_page(collapse) &&
		    target__has_symbol(target, WAKE_FUNCTION))
			continue;
		hold->state = PROBE_SKIPPED;
		hold->kind = PROBE_NONE;
		if (collapse->state != PROBE_PLANNED)
			because(hold, "serves collapse-reuse, which cannot be seen here");
		else if (!carries_page(collapse))
			because(hold, "serves collapse-reuse, which cannot happen here");
		else
			because(hold, WAKE_FUNCTION ": not in this kernel, or inlined");
	}
}

static void skip(struct probe *probe)
{
	probe->state = PROBE_SKIPPED;
	if (probe->point == &probe_points[THPRACE_POINT_RANGE])
		because(probe, "serves PTE-level attribution: precise mode only");
	else
		because(probe, "lies between clear and decrement: precise mode only");
}

static void plan_point(struct probe *probe, const struct target *target, enum thprace_mode mode,
		       enum probe_attach attach)
{
	const struct probe_point *point = probe->point;
	const char *variant = NULL;
	int i;

	for (i = 0; i < PROBE_FUNCTIONS_MAX && point->functions[i]; i++) {
		if (target__has_symbol(target, point->functions[i])) {
			probe->function = point->functions[i];
			if (point->precise_only && mode != THPRACE_PRECISE)
				skip(probe);
			else
				plan_function(probe, target, attach);
			return;
		}
		if (!variant)
			variant = target__variant(target, point->functions[i]);
	}
	probe->state = PROBE_ABSENT;
	if (variant)
		because(probe, "only %s exists: the compiler may have moved its arguments",
			variant);
	else
		because(probe, "%s: not in this kernel, or inlined", point->functions[0]);
}

/* Kernels that have it unmap by unmap_mapping_pages as well, but not as the last word. */
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

void probe__plan(struct probe_plan *plan, const struct target *target, enum thprace_mode mode,
		 enum probe_attach attach)
{
	struct probe *pmd;
	int point;

	memset(plan, 0, sizeof(*plan));
	plan->mode = mode;
	plan->attach = attach;
	for (point = 0; point < THPRACE_POINT_MAX; point++) {
		plan->probe[point].point = &probe_points[point];
		plan_point(&plan->probe[point], target, mode, attach);
	}
	plan_holds(plan, target);
	without_unmap_folio(plan, target);
	/* One kernel has either page_remove_rmap or the pair that replaced it. */
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

bool probe__refused(struct probe_plan *plan, const struct target *target, enum thprace_point point,
		    int error)
{
	struct probe *probe = &plan->probe[point];
	bool was_fentry = probe->kind == PROBE_FENTRY;

	if (was_fentry && plan->attach == PROBE_ATTACH_AUTO &&
	    target__has_symbol(target, probe->function)) {
		probe->kind = PROBE_KPROBE;
		because(probe, "kprobe, since fentry was refused: %s", strerror(error));
		return true;
	}
	probe->state = PROBE_FAILED;
	because(probe, "%s refused: %s", was_fentry ? "fentry" : "kprobe", strerror(error));
	probe->kind = PROBE_NONE;
	return false;
}

const char *probe__kind_name(const struct probe *probe)
{
	const struct probe_point *point = probe->point;

	if (probe->kind == PROBE_FENTRY)
		return point->entry ? (point->exit ? "fentry+fexit" : "fentry") : "fexit";
	if (probe->kind == PROBE_KPROBE) {
		if (!point->exit)
			return "kprobe";
		return point->entry || point->kprobe_entry ? "kprobe+kretprobe" : "kretprobe";
	}
	return "-";
}

static bool works(const struct probe_plan *plan, enum thprace_point point)
{
	enum probe_state state = plan->probe[point].state;

	return state == PROBE_PLANNED || state == PROBE_ATTACHED;
}

static const char *first_broken(const struct probe_plan *plan, const int *points, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (!works(plan, points[i]))
			return plan->probe[points[i]].reason;
	return NULL;
}

static const char *collapse_broken(const struct probe_plan *plan)
{
	static const int points[] = {THPRACE_POINT_COLLAPSE, THPRACE_POINT_HOLD,
				     THPRACE_POINT_HOLD_END};
	const struct probe *collapse = &plan->probe[THPRACE_POINT_COLLAPSE];

	if (works(plan, THPRACE_POINT_COLLAPSE) && !carries_page(collapse))
		return NAMES_CANNOT_HAPPEN
			"collapse_file takes no huge page from its caller, so none that it revoked "
			"is carried over to its next call (no khugepaged_prealloc_page)";
	return first_broken(plan, points, 3);
}

const char *probe__not_observable(const struct probe_plan *plan, enum thprace_class class)
{
	static const int window[] = {THPRACE_POINT_ZAP, THPRACE_POINT_LOCK};
	static const int unmap[] = {THPRACE_POINT_UNMAP};
	static const int migrate[] = {THPRACE_POINT_MIGRATE};
	static const int split[] = {THPRACE_POINT_SPLIT};
	static const int truncate[] = {THPRACE_POINT_TRUNCATE};
	static const int invalidate[] = {THPRACE_POINT_INVALIDATE, THPRACE_POINT_UNMAP_FOLIO};
	static const int instead[] = {THPRACE_POINT_INVALIDATE, THPRACE_POINT_UNMAP_PAGES,
				      THPRACE_POINT_MAPPED};
	static const int poison[] = {THPRACE_POINT_POISON, THPRACE_POINT_UNMAP};
	const char *broken;

	if (class == THPRACE_HWPOISON_UNMAP)
		return first_broken(plan, poison, 2);
	if (class == THPRACE_COLLAPSE_REUSE)
		return collapse_broken(plan);
	broken = first_broken(plan, window, 2);
	if (broken)
		return broken;
	switch (class) {
	case THPRACE_SPLIT_UNMAP:
		return first_broken(plan, unmap, 1);
	case THPRACE_SPLIT_MIGRATE:
		return first_broken(plan, migrate, 1);
	case THPRACE_SPLIT_HEAD:
		return first_broken(plan, split, 1);
	case THPRACE_TRUNCATE_UNMAP:
		return first_broken(plan, truncate, 1);
	case THPRACE_INVALIDATE_UNMAP:
		if (plan->probe[THPRACE_POINT_UNMAP_PAGES].state != PROBE_ABSENT)
			return first_broken(plan, instead, 3);
		return first_broken(plan, invalidate, 2);
	default:
		return NULL;
	}
}

bool probe__optional(enum thprace_point point)
{
	switch (point) {
	case THPRACE_POINT_ZAP:
	case THPRACE_POINT_LOCK:
	case THPRACE_POINT_RMAP:
	case THPRACE_POINT_RMAP_PMD:
	case THPRACE_POINT_RMAP_PTES:
	case THPRACE_POINT_RANGE:
		return false;
	default:
		return true;
	}
}

bool probe__usable(const struct probe_plan *plan, char *why, size_t why_size)
{
	const struct probe *zap = &plan->probe[THPRACE_POINT_ZAP];
	const struct probe *lock = &plan->probe[THPRACE_POINT_LOCK];

	if (works(plan, THPRACE_POINT_ZAP) && works(plan, THPRACE_POINT_LOCK))
		return true;
	if (!works(plan, THPRACE_POINT_ZAP))
		snprintf(why, why_size, "no window can be seen on this kernel: %s", zap->reason);
	else
		snprintf(why, why_size, "no window can be seen on this kernel: %s", lock->reason);
	return false;
}
