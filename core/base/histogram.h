/* SPDX-License-Identifier: GPL-2.0-only */
/* Histograms of lengths, in the buckets of include/thprace/buckets.h. */
#ifndef THPRACE_HISTOGRAM_H
#define THPRACE_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <thprace/buckets.h>

/* A plain value: zero it before use. Lengths in ns. */
struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t buckets[THPRACE_BUCKETS];
};

/* Count one length. */
void histogram__add(struct histogram *histogram, uint64_t ns);

/*
 * The length in ns that permille of 1000 lengths do not exceed (500: the median, 990: p99); 0 if
 * nothing was counted. Lengths are taken as evenly spread over their bucket, so the result is off
 * by at most the bucket's width: a quarter of its lower bound. It is never above max.
 */
uint64_t histogram__percentile(const struct histogram *histogram, unsigned int permille);

/* Mean length in ns, 0 if nothing was counted. */
uint64_t histogram__mean(const struct histogram *histogram);

/*
 * Print one row per power of two, from the shortest length counted to the longest:
 *   "    8.1 µs ..  16.3 µs      412  ########"
 * The longest bar is width characters. Each row starts with indent spaces. Prints nothing if
 * nothing was counted.
 */
void histogram__print(const struct histogram *histogram, FILE *out, int indent, int width,
		      int utf8);

#endif
