// SPDX-License-Identifier: GPL-2.0-only
/*
 * Points whose function is also called for each small page, by reclaim, migration, truncation: only
 * the calls that matter are probed, each at its call instruction and at the instruction after it.
 * So other callers pay nothing. The calls are found in the kernel's own code, as it is in memory.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/calls.h"
#include "probe_private.h"
#include "base/names.h"
#include "classes/race_class.h"

#define CODE_MAX 32768U /* of one piece of a function; the rest is not searched */

#define CALLS_UNKNOWN -1

/* The point stays at its function, for which small pages pay: the reason. */
__attribute__((format(printf, 2, 3))) static int calls_unknown(struct probe *probe,
							       const char *format, ...)
{
	va_list list;
	int used;

	used = snprintf(probe->reason, sizeof(probe->reason),
			"%s itself, not its calls: ", probe->function);
	va_start(list, format);
	vsnprintf(probe->reason + used, sizeof(probe->reason) - used, format, list);
	va_end(list);
	return CALLS_UNKNOWN;
}

/*
 * The first of the callees that the kernel has, and its address; 0: addresses are hidden. NULL:
 * none.
 */
static const char *choose_callee(const struct probe_point *point, const struct target *target,
				 struct target_function *function, uint64_t *address)
{
	const struct function_ranges *ranges = target__function_ranges(target);
	size_t i, n;

	*address = 0;
	for (n = 0; n < 2 && point->callees[n]; n++) {
		if (!target__function(target, point->callees[n], function) ||
		    !target__has_symbol(target, point->callees[n]))
			continue;
		for (i = 0; i < ranges->count && !*address; i++)
			if (!strcmp(ranges->range[i].symbol, point->callees[n]))
				*address = ranges->range[i].address;
		return point->callees[n];
	}
	return NULL;
}

/*
 * Add the calls in one piece of code to the probe's sites. Returns their number, or CALLS_UNKNOWN.
 */
static int look_through(struct probe *probe, struct target *target,
			const struct function_range *range, uint64_t callee)
{
	const enum calls_machine machine = !strcmp(target__machine(target), "x86_64") ? CALLS_X86_64
										      : CALLS_ARM64;
	struct call calls[PROBE_SITES_MAX];
	struct probe_site *site;
	size_t size = range->end - range->address;
	uint8_t *code;
	int count, err, i;

	if (range->end <= range->address || size > CODE_MAX)
		return calls_unknown(probe, "where %s ends is not known", range->symbol);
	code = malloc(size);
	if (!code)
		return calls_unknown(probe, "out of memory");
	err = target__code(target, range->address, code, size);
	count = err ? 0
		    : calls__find(machine, code, size, range->address, callee, calls,
				  PROBE_SITES_MAX);
	free(code);
	if (err)
		return calls_unknown(probe, "the kernel's code cannot be read: %s", strerror(-err));
	if (count < 0)
		return calls_unknown(probe, "%s jumps there", range->symbol);
	if (count > PROBE_SITES_MAX - probe->site_count)
		return calls_unknown(probe, "there are too many");
	for (i = 0; i < count; i++) {
		site = &probe->sites[probe->site_count++];
		snprintf(site->symbol, sizeof(site->symbol), "%s", range->symbol);
		site->at = calls[i].at;
		site->next = calls[i].next;
		site->shared = calls[i].shared;
	}
	return count;
}

/* The calls in a walker's callers, in all their pieces. Returns their number, or CALLS_UNKNOWN. */
static int look_at_callers(struct probe *probe, struct target *target,
			   const struct race_walker *walker, uint64_t callee)
{
	const struct function_ranges *ranges = target__function_ranges(target);
	int sum = 0, count, n;
	size_t i;

	if (!walker->callers[0])
		return calls_unknown(probe, "a class counts those of all callers");
	for (n = 0; n < RACE_CALLERS_MAX && walker->callers[n]; n++) {
		for (i = 0; i < ranges->count; i++) {
			if (!function_range__is_of(&ranges->range[i], walker->callers[n]))
				continue;
			count = look_through(probe, target, &ranges->range[i], callee);
			if (count < 0)
				return count;
			sum += count;
		}
	}
	return sum ? sum
		   : calls_unknown(probe, "none in %s%s", walker->callers[0],
				   walker->callers[1] ? ", or in a function like it" : "");
}

/* "2 calls of try_to_unmap, in split_huge_page_to_list, memory_failure" */
static void describe_calls(struct probe *probe, const char *callee)
{
	const struct probe_site *site;
	size_t used;
	int i;

	used = snprintf(probe->reason, sizeof(probe->reason), "%s of %s, in",
			COUNTED((unsigned int)probe->site_count, "call"), callee);
	for (i = 0; i < probe->site_count && used < sizeof(probe->reason); i++) {
		site = &probe->sites[i];
		if (i && !strcmp(site->symbol, site[-1].symbol))
			continue;
		used += snprintf(probe->reason + used, sizeof(probe->reason) - used, "%s %s",
				 i ? "," : "", site->symbol);
	}
}

/* True: all calls that matter are in probe->sites. False: they are not known. */
static int find_calls(struct probe *probe, struct target *target, uint64_t address)
{
	const enum thprace_point point = probe->point - probe_points;
	const struct race_walker *walker;
	unsigned int class;
	int i, count;

	if (!address)
		return calls_unknown(probe,
				     "addresses are hidden (CAP_SYSLOG, kernel.kptr_restrict)");
	probe->site_count = 0;
	for (class = 1; class < race_class__end(); class ++)
		for (i = 0; i < RACE_WALKERS_MAX; i++) {
			walker = &race_class__of(class)->walkers[i];
			if (walker->point != point ||
			    (walker->where && !target__has_symbol(target, walker->where)))
				continue;
			count = look_at_callers(probe, target, walker, address);
			if (count < 0)
				return count;
		}
	return 0;
}

/*
 * A result holds as long as the kernel runs. On arm64 it could not be found again while a session
 * is attached there, which happens when another session replaces it.
 */
static struct {
	struct probe_site sites[PROBE_SITES_MAX];
	int count;
} found[THPRACE_POINT_MAX];

static bool find_again(struct probe *probe)
{
	const int point = probe->point - probe_points;

	memcpy(probe->sites, found[point].sites, sizeof(probe->sites));
	probe->site_count = found[point].count;
	return probe->site_count;
}

static void remember(const struct probe *probe)
{
	const int point = probe->point - probe_points;

	memcpy(found[point].sites, probe->sites, sizeof(probe->sites));
	found[point].count = probe->site_count;
}

bool probe_calls__plan(struct probe *probe, struct target *target, const struct probe_trial *trial)
{
	const bool planned = probe->state == PROBE_PLANNED;
	struct thprace_args before = probe->args;
	char reason[PROBE_REASON_MAX];
	struct target_function function;
	const char *callee;
	uint64_t address;

	if (!probe->point->callees[0] || probe->no_calls || target__elsewhere(target))
		return false;
	memcpy(reason, probe->reason, sizeof(reason));
	callee = choose_callee(probe->point, target, &function, &address);
	if (!callee)
		calls_unknown(probe, "%s is not in this kernel, or has no prototype in BTF",
			      probe->point->callees[0]);
	else if (!trial->calls)
		calls_unknown(probe, "%s", trial->why);
	if (!callee || !trial->calls ||
	    (!find_again(probe) && find_calls(probe, target, address)) ||
	    probe_args__place(probe, &function)) {
		probe->site_count = 0;
		probe->args = before;
		if (!planned || reason[0]) /* the reason for the function itself matters more */
			memcpy(probe->reason, reason, sizeof(reason));
		return false;
	}
	remember(probe);
	probe->args.calls = 1;
	probe->kind = PROBE_CALLS;
	probe->state = PROBE_PLANNED;
	probe->blind = false;
	describe_calls(probe, callee);
	return true;
}
