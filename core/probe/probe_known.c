// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prototypes that BTF lacks: of static functions, from the table, and of compilers' variants, which
 * the code must confirm.
 */
#include "probe_private.h"

#include <stdio.h>
#include <string.h>

#include "kernel/arguments.h"

#define CODE_MAX 256 /* the start of a function, up to its first branch */

/* A prototype in the table's notation: "mm, file, **hpage". */
static void read_known(const char *params, struct target_function *function)
{
	size_t length;
	char *param;

	memset(function, 0, sizeof(*function));
	function->returns = true;
	while (*params && function->nargs < TARGET_PARAMS_MAX) {
		while (*params == '*') {
			function->depth[function->nargs]++;
			params++;
		}
		length = strcspn(params, ",");
		param = function->param[function->nargs++];
		snprintf(param, TARGET_NAME_MAX, "%.*s", (int)length, params);
		params += length;
		params += strspn(params, ", ");
	}
}

/* The table's row for this function on this kernel, or NULL. */
static const struct probe_known *find_row(const struct probe *probe, const struct target *target,
					  const char *name)
{
	const struct probe_known *known = probe->point->known;
	int i;

	for (i = 0; i < PROBE_KNOWN_MAX && known[i].function; i++)
		if (!strcmp(known[i].function, name) &&
		    (!known[i].with || target__has_symbol(target, known[i].with)) &&
		    (!known[i].without || !target__has_symbol(target, known[i].without)))
			return &known[i];
	return NULL;
}

bool probe_known__function(const struct probe *probe, const struct target *target,
			   struct target_function *function)
{
	const struct probe_known *known = find_row(probe, target, probe->function);

	if (known)
		read_known(known->params, function);
	return known;
}

/* How many arguments, from the first on, the point needs or uses. */
static int wanted(const struct probe_point *point, const struct target_function *function)
{
	int slot, n, i, count = 0;

	for (slot = 0; slot < THPRACE_ARG_SLOTS; slot++)
		for (n = 0; n < 3 && point->params[slot][n]; n++)
			for (i = 0; i < function->nargs; i++)
				if (!strcmp(function->param[i], point->params[slot][n]) &&
				    i >= count)
					count = i + 1;
	return count;
}

/* Does the variant's code show that the needed arguments are in their own registers? */
static bool known_by_code(const struct probe *probe, struct target *target, const char *variant,
			  const struct probe_known *known, const struct target_function *function)
{
	const struct function_ranges *ranges = target__function_ranges(target);
	struct arguments_known about = {.count = wanted(probe->point, function)};
	uint8_t code[CODE_MAX];
	size_t i, size;

	while (about.structure < function->nargs &&
	       strcmp(function->param[about.structure], known->structure) != 0)
		about.structure++;
	if (strcmp(target__machine(target), "x86_64") != 0 ||
	    !target__member(target, known->member, &about.member))
		return false;
	for (i = 0; i < ranges->count && strcmp(ranges->range[i].symbol, variant) != 0; i++)
		;
	if (i == ranges->count || ranges->range[i].end <= ranges->range[i].address)
		return false;
	size = ranges->range[i].end - ranges->range[i].address;
	size = size < sizeof(code) ? size : sizeof(code);
	return !target__code(target, ranges->range[i].address, code, size) &&
	       arguments__in_place(&about, code, size);
}

const char *probe_known__variant(const struct probe *probe, struct target *target, const char *name,
				 const char *variant, struct target_function *function)
{
	const struct probe_known *known;

	if (strstr(variant, ".part.")) /* only a part of it */
		return NULL;
	/*
	 * pahole writes a prototype only if its arguments are in their own registers (1.25 and
	 * later).
	 */
	if (target__function(target, name, function))
		return "BTF";
	known = find_row(probe, target, name);
	if (!known || !known->structure)
		return NULL;
	read_known(known->params, function);
	return known_by_code(probe, target, variant, known, function) ? "its code" : NULL;
}
