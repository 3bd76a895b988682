/* SPDX-License-Identifier: GPL-2.0-only */
/* The records of one block in order of time. */
#ifndef THPRACE_RECORD_ORDER_H
#define THPRACE_RECORD_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <thprace/record.h>

/* A record and its time, which is read most often. */
struct record_place {
	uint64_t ts;
	const struct thprace_record *record;
};

/*
 * Sort count places by the time, CPU and seq of their records; records with equal keys keep their
 * order. spare: space for as many. Returns where the sorted ones are: places or spare. Fast if the
 * records come in long runs of rising times, as those of each CPU do.
 */
struct record_place *record_order__sort(struct record_place *places, struct record_place *spare,
					size_t count);

#endif
