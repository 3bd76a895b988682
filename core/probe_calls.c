// SPDX-License-Identifier: GPL-2.0-only
/*
 * Points whose function is called for each small page too, by reclaim, migration, truncation: only the
 * calls that matter are probed, each at its call instruction and at the one behind it. So nobody else
 * pays. Which there are, the kernel's own code tells, as it is in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "probe.h"

#define CODE_MAX 32768U /* of one function's piece; more is not looked through */

/* The first of the callees that the kernel has, and where it is. NULL: none, or addresses are hidden. */
static const char *choose_callee(const struct probe_point *point, const struct target *target,
				 struct target_function *function, uint64_t *address)
{
	const struct pieces *pieces = target__pieces(target);
	size_t i, n;

	for (n = 0; n < 2 && point->callees[n]; n++) {
		if (!target__function(target, point->callees[n], function))
			continue;
		for (i = 0; i < pieces->count; i++) {
			*address = pieces->piece[i].address;
			if (!strcmp(pieces->piece[i].symbol, point->callees[n]))
				return point->callees[n];
		}
	}
	return NULL;
}

/* The calls in one piece of code are added to the probe's sites. How many, or -1: it cannot be told. */
static int look_through(struct probe *probe, struct target *target, const struct piece *piece,
			uint64_t callee)
{
	const enum calls_machine machine = !strcmp(target__machine(target), "x86_64") ? CALLS_X86_64
										      : CALLS_ARM64;
	struct call calls[PROBE_SITES_MAX];
	struct probe_site *site;
	size_t size = piece->end - piece->address;
	uint8_t *code;
	int count, i;

	if (piece->end <= piece->address || size > CODE_MAX)
		return -1;
	code = malloc(size);
	if (!code)
		return -1;
	count = -1;
	if (!target__code(target, piece->address, code, size))
		count = calls__find(machine, code, size, piece->address, callee, calls,
				    PROBE_SITES_MAX);
	free(code);
	if (count > PROBE_SITES_MAX - probe->site_count)
		return -1;
	for (i = 0; i < count; i++) {
		site = &probe->sites[probe->site_count++];
		snprintf(site->symbol, sizeof(site->symbol), "%s", piece->symbol);
		site->at = calls[i].at;
		site->next = calls[i].next;
	}
	return count;
}

/* The calls in a group's functions, whatever pieces they are in. How many, or -1: it cannot be told. */
static int look_at_group(struct probe *probe, struct target *target,
			 const struct probe_callers *callers, uint64_t callee)
{
	const struct pieces *pieces = target__pieces(target);
	int sum = 0, count, n;
	size_t i;

	for (n = 0; n < PROBE_CALLERS_MAX && callers->functions[n]; n++) {
		for (i = 0; i < pieces->count; i++) {
			if (!piece__is_of(&pieces->piece[i], callers->functions[n]))
				continue;
			count = look_through(probe, target, &pieces->piece[i], callee);
			if (count < 0)
				return -1;
			sum += count;
		}
	}
	return sum;
}

/* "2 calls of try_to_unmap, in split_huge_page_to_list, memory_failure" */
static void tell(struct probe *probe, const char *callee)
{
	const struct probe_site *site;
	size_t used;
	int i;

	used = snprintf(probe->reason, sizeof(probe->reason), "%d call%s of %s, in",
			probe->site_count, probe->site_count == 1 ? "" : "s", callee);
	for (i = 0; i < probe->site_count && used < sizeof(probe->reason); i++) {
		site = &probe->sites[i];
		if (i && !strcmp(site->symbol, site[-1].symbol))
			continue;
		used += snprintf(probe->reason + used, sizeof(probe->reason) - used, "%s %s",
				 i ? "," : "", site->symbol);
	}
}

bool probe_calls__plan(struct probe *probe, struct target *target)
{
	const struct probe_point *point = probe->point;
	struct thprace_args before = probe->args;
	const struct probe_callers *callers;
	struct target_function function;
	const char *callee;
	uint64_t address;
	int i;

	if (!point->callees[0] || probe->no_calls || target__elsewhere(target))
		return false;
	callee = choose_callee(point, target, &function, &address);
	if (!callee)
		return false;
	probe->site_count = 0;
	for (i = 0; i < PROBE_GROUPS_MAX && point->callers[i].functions[0]; i++) {
		callers = &point->callers[i];
		if (callers->where && !target__has_symbol(target, callers->where))
			continue;
		if (look_at_group(probe, target, callers, address) <= 0)
			goto not_found;
	}
	if (probe__place_args(probe, &function))
		goto not_found;
	probe->args.calls = 1;
	probe->kind = PROBE_CALLS;
	probe->state = PROBE_PLANNED;
	probe->blind = false;
	tell(probe, callee);
	return true;

not_found:
	probe->site_count = 0;
	probe->args = before;
	return false;
}
