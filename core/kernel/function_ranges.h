/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the code of functions is. The compiler may have split it into pieces, each with its own
 * symbol (FUNCTION, FUNCTION.isra.0, FUNCTION.cold). Filled in while the symbols are read, sorted
 * by address.
 */
#ifndef THPRACE_FUNCTION_RANGES_H
#define THPRACE_FUNCTION_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUNCTION_RANGES_MAX 512 /* also for 16 races from files */
#define FUNCTION_RANGES_NAME_MAX 64

struct function_range {
	char symbol[FUNCTION_RANGES_NAME_MAX];
	uint64_t address;
	uint64_t end; /* of the code: the address of the next symbol; 0: not known */
};

struct function_ranges {
	struct function_range range[FUNCTION_RANGES_MAX];
	size_t count;
	size_t ended; /* the number that have an end */
};

/* The next symbol of the kernel's text, needed or not. Symbols that do not fit are dropped. */
void function_ranges__note(struct function_ranges *ranges, const char *symbol, uint64_t address,
			   bool wanted);

/* Is it a piece of this function? */
bool function_range__is_of(const struct function_range *range, const char *function);

#endif
