/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the parts of the oracle. */
#ifndef TESTS_ORACLE_PRIVATE_H
#define TESTS_ORACLE_PRIVATE_H

#include <stdlib.h>
#include <string.h>
#include "oracle.h"

#define FOREVER (~0ULL)

static inline void *grow(void *array, size_t n, size_t size)
{
	array = realloc(array, (n + 1) * size);
	if (!array)
		abort();
	memset((char *)array + n * size, 0, size);
	return array;
}

static inline uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Sort the records, and fill in windows, walkers, ranges, intervals of losses, and the counts. */
void oracle__collect(struct oracle *oracle);

#endif
