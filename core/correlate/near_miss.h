/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * By how much walkers and windows on the same folio missed each other, which a stressor needs to
 * aim better. It takes samples of the flight recorder, which may have gaps, so it is based on some
 * passes and not on all.
 */
#ifndef THPRACE_NEAR_MISS_H
#define THPRACE_NEAR_MISS_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/race.h>
#include <thprace/record.h>

/*
 * One pass: the walker came late_ns too late (negative: too early) for the nearest window that
 * another task opened on its folio; 0: they overlapped.
 */
typedef void (*near_miss_fn)(void *ctx, int64_t late_ns);

struct near_misses;

/*
 * Passes of walkers of one class. Returns an object to be freed with near_misses__free(), or NULL.
 */
struct near_misses *near_misses__new(enum thprace_class class, near_miss_fn pass, void *ctx);

/* Keep a record, of any type and in any order, until the next near_misses__report(). */
void near_misses__record(struct near_misses *near_misses, const struct thprace_record *record);

/* Report each walker that the records since the last call show together with windows. */
void near_misses__report(struct near_misses *near_misses);

void near_misses__free(struct near_misses *near_misses);

#endif
