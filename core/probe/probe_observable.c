// SPDX-License-Identifier: GPL-2.0-only
/* What can be observed under a plan, and why not the rest: classes, the mode, and without which points. */
#include "probe_private.h"

#include <stdio.h>
#include <string.h>

#include "base/names.h"

#define COLLAPSE_BLIND \
	"collapse_file: no prototype in BTF, so whether it is given a huge page is not known"

static bool works(const struct probe_plan *plan, enum thprace_point point)
{
	enum probe_state state = plan->probe[point].state;

	return (state == PROBE_PLANNED || state == PROBE_ATTACHED) && !plan->probe[point].silent;
}

static const char *first_broken(const struct probe_plan *plan, const int *points, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (!works(plan, points[i]))
			return plan->probe[points[i]].silent ? plan->probe[points[i]].silence
							     : plan->probe[points[i]].reason;
	return NULL;
}

static const char *collapse_broken(const struct probe_plan *plan)
{
	static const int points[] = {THPRACE_POINT_COLLAPSE, THPRACE_POINT_HOLD,
				     THPRACE_POINT_HOLD_END};
	const struct probe *collapse = &plan->probe[THPRACE_POINT_COLLAPSE];

	if (works(plan, THPRACE_POINT_COLLAPSE) && collapse->blind)
		return COLLAPSE_BLIND;
	if (works(plan, THPRACE_POINT_COLLAPSE) && !probe_args__carries_page(collapse))
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
	static const int invalidate[] = {THPRACE_POINT_UNMAP_FOLIO, THPRACE_POINT_INVALIDATE};
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
		return first_broken(plan, invalidate,
				    plan->probe[THPRACE_POINT_UNMAP_FOLIO].kind == PROBE_CALLS ? 1
											       : 2);
	default:
		return NULL;
	}
}

bool probe__cannot_happen(const struct probe_plan *plan, enum thprace_class class)
{
	const char *why = probe__not_observable(plan, class);
	int point;

	if (!why || !strncmp(why, NAMES_CANNOT_HAPPEN, sizeof(NAMES_CANNOT_HAPPEN) - 1))
		return why != NULL;
	for (point = 0; point < THPRACE_POINT_MAX; point++)
		if (plan->probe[point].missing && plan->probe[point].reason == why)
			return true;
	return false;
}

bool probe__optional(enum thprace_mode mode, enum thprace_point point)
{
	switch (point) {
	case THPRACE_POINT_ZAP:
	case THPRACE_POINT_LOCK:
	case THPRACE_POINT_RMAP:
	case THPRACE_POINT_RMAP_PMD:
	case THPRACE_POINT_RMAP_PTES:
		return false;
	case THPRACE_POINT_RANGE: /* tells what rmap removal is a zap's */
		return mode == THPRACE_LIGHT;
	default:
		return true;
	}
}

enum thprace_point probe__leader(enum thprace_point point)
{
	switch (point) {
	case THPRACE_POINT_HOLD_END:
		return THPRACE_POINT_HOLD;
	case THPRACE_POINT_UNMAP_FOLIO: /* counts only inside an invalidation */
	case THPRACE_POINT_UNMAP_PAGES:
	case THPRACE_POINT_MAPPED:
		return THPRACE_POINT_INVALIDATE;
	default:
		return point;
	}
}

const char *probe__imprecise(const struct probe_plan *plan)
{
	const struct probe *page = &plan->probe[THPRACE_POINT_RMAP];

	/* The one that this kernel has says why not; of two that are absent, the older one. */
	return page->state != PROBE_ABSENT ||
			       plan->probe[THPRACE_POINT_RMAP_PMD].state == PROBE_ABSENT
		       ? page->reason
		       : plan->probe[THPRACE_POINT_RMAP_PMD].reason;
}

enum thprace_mode probe__mode(const struct probe_plan *plan)
{
	enum probe_state page = plan->probe[THPRACE_POINT_RMAP].state;
	enum probe_state folio = plan->probe[THPRACE_POINT_RMAP_PMD].state;

	if (page == PROBE_PLANNED || page == PROBE_ATTACHED || folio == PROBE_PLANNED ||
	    folio == PROBE_ATTACHED)
		return plan->mode;
	return THPRACE_LIGHT;
}

bool probe__usable(const struct probe_plan *plan, char *why, size_t why_size)
{
	int class;

	for (class = 1; class < THPRACE_CLASS_MAX; class ++)
		if (!probe__not_observable(plan, class))
			return true;
	/* The classes need one of these: huge pages, or memory_failure. */
	snprintf(why, why_size, "no class can be seen on this kernel: %s; and hwpoison-unmap: %s",
		 probe__not_observable(plan, THPRACE_TRUNCATE_UNMAP),
		 probe__not_observable(plan, THPRACE_HWPOISON_UNMAP));
	return false;
}
