/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What only BPF needs: single instructions that the compiler must neither split nor merge, because of the
 * verifier, and settings in read-only data. The unit tests compile the programs for the host and replace
 * this header (tests/unit/bpf_host.h).
 */
#ifndef THPRACE_TARGET_BPF_H
#define THPRACE_TARGET_BPF_H

#define SETTING const volatile /* filled in before load, then constant */

/*
 * index & mask in one 64-bit instruction that the compiler cannot split: old verifiers require it.
 */
#define BOUND(index, mask)                                           \
	({                                                           \
		u64 bound_ = (index);                                \
		asm volatile("%0 &= %1" : "+r"(bound_) : "i"(mask)); \
		bound_;                                              \
	})

/* Is bit 0 of a typed pointer set? The verifier allows no arithmetic on it except a subtraction. */
#define POINTER_IS_ODD(pointer)                                                         \
	({                                                                              \
		u64 odd_ = (u64)(pointer);                                              \
		asm volatile("%0 -= r10" : "+r"(odd_)); /* the frame pointer is even */ \
		odd_ & 1;                                                               \
	})

/* How far a pointer is from another one. */
#define DISTANCE(pointer, from)                                         \
	({                                                              \
		u64 distance_ = (u64)(pointer);                         \
		asm volatile("%0 -= %1" : "+r"(distance_) : "r"(from)); \
		distance_;                                              \
	})

/* Member n of a program's context. */
#define CTX_LOAD(value, ctx, n) \
	asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(ctx), "i"((n)*8))

/* 1 for any value except 0, without a branch, so that the verifier's states do not multiply. */
static __always_inline u64 nonzero(u64 value)
{
	u64 result = value;

	asm volatile("%0 = -%0; %0 |= %1; %0 >>= 63" : "+&r"(result) : "r"(value));
	return result;
}

/* 1 if a is less than b, without a branch. */
static __always_inline u64 below(u64 a, u64 b)
{
	u64 borrow = (~a & b) | ((~a | b) & (a - b));

	asm volatile("" : "+r"(borrow));
	return borrow >> 63;
}

#endif
