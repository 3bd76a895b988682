/* SPDX-License-Identifier: GPL-2.0-only */
/* How an event of a race is attached on a kernel. Only for core/race/race*.c. */
#ifndef THPRACE_RACE_ATTACH_H
#define THPRACE_RACE_ATTACH_H

#include "race_kernel.h"

/* Has the kernel a function of that name? */
bool race_attach__has(const struct race_kernel *kernel, const char *function);

/*
 * The function of a place that the kernel does not have; NULL: it has the place. calls: both functions are there, but
 * `in' is known not to call the other.
 */
const char *race_attach__missing(const struct race_kernel *kernel, const struct race_place *place,
				 bool *calls);

/* Decide how a point is attached, by what its expressions ask for. False: it cannot be; the reason is told. */
bool race_attach__plan(struct race_point *point, const struct race_kernel *kernel);

#endif
