/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the benchmarks: of several rounds, the median. */
#ifndef TESTS_BENCH_MEDIAN_H
#define TESTS_BENCH_MEDIAN_H

#include <stdio.h>
#include <stdlib.h>

static inline int median__order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
static inline double median__of(double *values, int rounds)
{
	qsort(values, (size_t)rounds, sizeof(*values), median__order);
	return values[rounds / 2];
}

/* Prints a line: the name, the median, the quartiles, the number of rounds. */
static inline void median__print(const char *name, double *values, int rounds)
{
	double median = median__of(values, rounds);

	printf("%s\t%.1f\t%.1f\t%.1f\t%d\n", name, median, values[rounds / 4],
	       values[rounds * 3 / 4], rounds);
}

#endif
