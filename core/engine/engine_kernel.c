// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data to compare with the kernel's own messages: page frame numbers, and the classes to which it
 * is open.
 */
#include <string.h>

#include "engine_private.h"
#include "base/names.h"
#include "kernel/target.h"
#include "classes/race_class.h"

uint64_t engine__page_map(const struct engine *engine)
{
#if defined(__x86_64__)
	return engine->skel->data->page_map;
#else
	return engine->skel->bss->pte_probe.known ? engine->skel->bss->page_map : 0;
#endif
}

bool engine__pfn(const struct engine *engine, uint64_t page, uint64_t *pfn)
{
	uint32_t size = target__page_struct(engine->target);
	uint64_t map = engine__page_map(engine);

	if (!size || !map || page < map || (page - map) % size)
		return false;
	*pfn = (page - map) / size;
	return true;
}

static bool possible(const struct engine *engine, enum thprace_class class)
{
	const char *reason = probe__not_observable(&engine->plan, class);
	const struct race_class *race = race_class__of(class);

	if (reason && !strncmp(reason, NAMES_CANNOT_HAPPEN, sizeof(NAMES_CANNOT_HAPPEN) - 1))
		return false;
	return (!race->needs_symbol || target__has_symbol(engine->target, race->needs_symbol)) &&
	       (!race->gone_symbol || !target__has_symbol(engine->target, race->gone_symbol));
}

uint32_t engine__possible(const struct engine *engine)
{
	uint32_t classes = 0;
	unsigned int class;

	for (class = 1; class < race_class__end(); class ++)
		classes |= possible(engine, (enum thprace_class) class) ? 1U << class : 0;
	return classes;
}
