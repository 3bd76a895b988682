// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be observed under a plan, and why the rest cannot: classes, the mode, and the optional
 * points.
 */
#include "probe_private.h"

#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "classes/race_class.h"

#define COLLAPSE_BLIND \
	"collapse_file: no prototype in BTF, so whether it is given a huge page is not known"

static bool works(const struct probe_plan *plan, enum thprace_point point)
{
	enum probe_state state = plan->probe[point].state;

	return (state == PROBE_PLANNED || state == PROBE_ATTACHED) && !plan->probe[point].silent;
}

static const char *broken(const struct probe_plan *plan, int point)
{
	const struct probe *probe = &plan->probe[point];

	if (works(plan, (enum thprace_point)point))
		return NULL;
	return probe->silent ? probe->silence : probe->reason;
}

/* What is missing on the walker's side. */
static const char *side_broken(const struct probe_plan *plan, const struct race_class *class)
{
	const struct race_points *way = class->points;
	const char *why = NULL;
	int i;

	if (way[1].point[0] > 0 && plan->probe[way->point[0]].state == PROBE_ABSENT)
		way++;
	for (i = 0; !why && i < RACE_POINTS_MAX && way->point[i] != RACE_NO_POINT; i++) {
		why = broken(plan, way->point[i]);
		if (way->calls_alone && plan->probe[way->point[0]].kind == PROBE_CALLS)
			break;
	}
	return why;
}

/* A collapse can be seen, but not what it does with its page. */
static const char *collapse_broken(const struct probe_plan *plan)
{
	const struct probe *collapse = &plan->probe[THPRACE_POINT_COLLAPSE];

	if (!works(plan, THPRACE_POINT_COLLAPSE))
		return NULL;
	if (collapse->blind)
		return COLLAPSE_BLIND;
	if (!probe_args__carries_page(collapse))
		return NAMES_CANNOT_HAPPEN
			"collapse_file takes no huge page from its caller, so none that it revoked "
			"is carried over to its next call (no khugepaged_prealloc_page)";
	return NULL;
}

const char *probe__not_observable(const struct probe_plan *plan, enum thprace_class class)
{
	const struct race_class *race = race_class__of(class);
	const char *why = NULL;

	if (!race)
		return NULL;
	if (race->by_zap)
		why = broken(plan, THPRACE_POINT_ZAP);
	if (!why && race->by_zap)
		why = broken(plan, THPRACE_POINT_LOCK);
	if (!why && race->shape == RACE_REUSE)
		why = collapse_broken(plan);
	return why ? why : side_broken(plan, race);
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
	case THPRACE_POINT_RANGE: /* shows which rmap removals belong to a zap */
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

	/* The point that this kernel has gives the reason; if both are absent, the older one. */
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
	const char *zap = "", *other = "";
	unsigned int class, last = 0;

	for (class = 1; class < race_class__end(); class ++) {
		const char *reason = probe__not_observable(plan, (enum thprace_class) class);

		if (!reason)
			return true;
		if (race_class__of(class)->by_zap) {
			zap = reason;
		} else if (race_class__shape(class) == RACE_WALK) {
			other = reason;
			last = class;
		}
	}
	if (!strncmp(zap, NAMES_NOT_KNOWN, sizeof(NAMES_NOT_KNOWN) - 1)) {
		snprintf(why, why_size, "whether a class can be seen on this kernel is %s", zap);
		return false;
	}
	/* The classes need one of these: huge pages, or memory_failure. */
	snprintf(why, why_size, "no class can be seen on this kernel: %s; and %s: %s", zap,
		 names__class(last), other);
	return false;
}
