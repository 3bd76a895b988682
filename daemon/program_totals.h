/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of the BPF programs over all sessions of a daemon. The kernel counts per loaded program, so
 * a new session counts from 0, and a shed program is not listed at all; but exported counters must
 * not go backwards.
 */
#ifndef THPRACE_DAEMON_PROGRAM_TOTALS_H
#define THPRACE_DAEMON_PROGRAM_TOTALS_H

#include <stddef.h>

#include "engine/engine.h"

struct program_totals;

/* Returns sums, to be freed with program_totals__free(), or NULL. */
struct program_totals *program_totals__new(void);

/*
 * Add what has come since the last reading. programs: nr of them, as engine__programs() fills them
 * in (all different); their texts are copied. Call it from time to time, and just before a session
 * is closed. Returns 0 or -ENOMEM; then known programs were added, new ones were not.
 */
int program_totals__read(struct program_totals *totals, const struct engine_program *programs,
			 size_t nr);

/* A session was closed: the programs of the next one count from 0. */
void program_totals__restart(struct program_totals *totals);

/*
 * All programs that were ever read, with their sums, for struct state: in the order of their first
 * reading. Valid until the next call with these sums.
 */
const struct engine_program *program_totals__list(const struct program_totals *totals, size_t *nr);

void program_totals__free(struct program_totals *totals);

#endif
