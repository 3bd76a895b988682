// SPDX-License-Identifier: GPL-2.0-only
#include "function_ranges.h"

#include <stdio.h>
#include <string.h>

void function_ranges__note(struct function_ranges *ranges, const char *symbol, uint64_t address,
			   bool wanted)
{
	struct function_range *range;

	while (ranges->ended < ranges->count && ranges->range[ranges->ended].address < address)
		ranges->range[ranges->ended++].end = address;
	if (!wanted || !address || ranges->count == FUNCTION_RANGES_MAX ||
	    strlen(symbol) >= FUNCTION_RANGES_NAME_MAX)
		return;
	range = &ranges->range[ranges->count++];
	snprintf(range->symbol, sizeof(range->symbol), "%s", symbol);
	range->address = address;
	range->end = 0;
}

bool function_range__is_of(const struct function_range *range, const char *function)
{
	size_t length = strlen(function);

	return !strncmp(range->symbol, function, length) &&
	       (!range->symbol[length] || range->symbol[length] == '.');
}
