/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers that a seed repeats: splitmix64. */
#ifndef TESTS_CHANCE_H
#define TESTS_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t any(uint64_t *random)
{
	uint64_t x = *random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static inline uint64_t below(uint64_t *random, uint64_t n)
{
	return any(random) % n;
}

static inline bool one_in(uint64_t *random, unsigned int n)
{
	return below(random, n) == 0;
}

#endif
