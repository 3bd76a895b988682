/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buckets of a length histogram: four per power of two, so a bucket is at most 25 % wide. The BPF
 * programs, which count, and core share them.
 */
#ifndef THPRACE_BUCKETS_H
#define THPRACE_BUCKETS_H

#include <linux/types.h>

#define THPRACE_BUCKETS \
	128 /* a power of two; up to 2^32 ns = 4.3 s; the last bucket has the longer ones */

/* 1 if a > b, else 0 (both below 2^63). Written so that no compiler makes a branch of it. */
static inline __u64 thprace_above(__u64 a, __u64 b)
{
	__u64 less = b - a;

	asm volatile("" : "+r"(less));
	return less >> 63;
}

/*
 * Bucket of a length in ns. Without branches, so that the BPF verifier follows one path. Lengths
 * below 4 ns count as 4 to 7.
 */
static inline __u32 thprace_bucket(__u64 ns)
{
	__u64 v = (ns | (0 - thprace_above(ns >> 32, 0))) & 0xffffffffULL;
	__u64 rest, log2, step;

	v |= thprace_above(4, v) << 2;
	log2 = thprace_above(v, 0xffff) << 4;
	rest = v >> log2;
	step = thprace_above(rest, 0xff) << 3;
	rest >>= step;
	log2 |= step;
	step = thprace_above(rest, 0xf) << 2;
	rest >>= step;
	log2 |= step;
	step = thprace_above(rest, 3) << 1;
	rest >>= step;
	log2 |= step;
	log2 |= rest >> 1;
	return (__u32)(4 * (log2 - 1) + ((v >> (log2 - 2)) & 3));
}

/*
 * Smallest length in ns that belongs to a bucket; thprace_bucket_floor(b + 1) is its upper bound.
 */
static inline __u64 thprace_bucket_floor(__u32 bucket)
{
	__u32 log2 = bucket / 4 + 1;

	if (bucket < 4)
		return bucket;
	return (4ULL + bucket % 4) << (log2 - 2);
}

#endif
