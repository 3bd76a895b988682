/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far a long piece of work has come. The thread that does it counts; another one may read at
 * any time, to show it.
 */
#ifndef THPRACE_WORK_H
#define THPRACE_WORK_H

#include <stdatomic.h>
#include <stdint.h>

struct work {
	_Atomic(uint64_t) done; /* bytes */
	_Atomic(uint64_t) total; /* bytes; 0: not known */
	_Atomic(const char *) step; /* in words; a string that stays */
};

/* A step begins. work may be NULL, here and below: nobody wants to know. */
static inline void work__begin(struct work *work, const char *step, uint64_t total)
{
	if (!work)
		return;
	atomic_store_explicit(&work->done, 0, memory_order_relaxed);
	atomic_store_explicit(&work->total, total, memory_order_relaxed);
	atomic_store_explicit(&work->step, step, memory_order_relaxed);
}

/* So many bytes of it are done. */
static inline void work__done(struct work *work, uint64_t done)
{
	if (work)
		atomic_store_explicit(&work->done, done, memory_order_relaxed);
}

/* It became known how many there are. */
static inline void work__total(struct work *work, uint64_t total)
{
	if (work)
		atomic_store_explicit(&work->total, total, memory_order_relaxed);
}

#endif
