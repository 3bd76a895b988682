/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buckets of a length histogram: four per power of two, so a bucket is at most 25 % wide.
 * Values below 4 have a bucket each. Shared by the BPF programs, which count, and core.
 */
#ifndef THPRACE_BUCKETS_H
#define THPRACE_BUCKETS_H

#include <linux/types.h>

#define THPRACE_BUCKETS \
	128 /* a power of two; up to 2^32 ns = 4.3 s, the last has the longer ones */

/* Bucket of a length in ns. Hardly any branches: the BPF verifier then follows few paths. */
static inline __u32 thprace_bucket(__u64 ns)
{
	__u64 v = ns >> 32 ? 0xffffffffULL : ns;
	__u64 rest = v;
	__u64 log2;
	__u64 step;

	if (v < 4)
		return (__u32)v;
	log2 = ((0xffffULL - rest) >> 63) << 4;
	rest >>= log2;
	step = ((0xffULL - rest) >> 63) << 3;
	rest >>= step;
	log2 |= step;
	step = ((0xfULL - rest) >> 63) << 2;
	rest >>= step;
	log2 |= step;
	step = ((3ULL - rest) >> 63) << 1;
	rest >>= step;
	log2 |= step;
	log2 |= rest >> 1;
	return (__u32)(4 * (log2 - 1) + ((v >> (log2 - 2)) & 3));
}

/* Smallest length in ns that falls into a bucket; thprace_bucket_floor(b + 1) bounds it above. */
static inline __u64 thprace_bucket_floor(__u32 bucket)
{
	__u32 log2 = bucket / 4 + 1;

	if (bucket < 4)
		return bucket;
	return (4ULL + bucket % 4) << (log2 - 2);
}

#endif
