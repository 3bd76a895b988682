/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of the BPF programs over all sessions of a daemon. The kernel counts per loaded program, so a new
 * session counts from 0, and a program that was shed is not told of at all; what is exported must not
 * go backwards nonetheless.
 */
#ifndef THPRACE_DAEMON_PROGRAM_SUMS_H
#define THPRACE_DAEMON_PROGRAM_SUMS_H

#include <stddef.h>

#include "engine/engine.h"

struct program_sums;

/* Returns sums, to be freed with program_sums__free(), or NULL. */
struct program_sums *program_sums__new(void);

/*
 * Add what has come since the last reading. programs: nr of them, as engine__programs() fills them
 * in (no two the same); their texts are copied. Call it now and then, and as the last thing before a session is closed.
 * Returns 0 or -ENOMEM; programs that are known were added then, new ones were not.
 */
int program_sums__read(struct program_sums *sums, const struct engine_program *programs, size_t nr);

/* A session was closed: the programs of the next one count from 0. */
void program_sums__restart(struct program_sums *sums);

/*
 * All programs that were ever read, with their sums, for struct state: in the order of their first
 * reading. Valid until the next call with these sums.
 */
const struct engine_program *program_sums__list(const struct program_sums *sums, size_t *nr);

void program_sums__free(struct program_sums *sums);

#endif
