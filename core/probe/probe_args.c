// SPDX-License-Identifier: GPL-2.0-only
/* Where a point's function has the arguments that its programs need. */
#include "probe_private.h"

#include <string.h>

/* Position of the parameter for a slot, by the names that it has had; -1: none. */
static int param_index(const struct target_function *function, const char *const *names)
{
	int i, n;

	for (n = 0; n < 3 && names[n]; n++)
		for (i = 0; i < function->nargs && i < THPRACE_ARG_MAX; i++)
			if (!strcmp(function->param[i], names[n]))
				return i;
	return -1;
}

const char *probe_args__place(struct probe *probe, const struct target_function *function)
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

bool probe_args__carries_page(const struct probe *collapse)
{
	return collapse->args.index[2] >= 0 && collapse->args.depth;
}
