/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The races from files that the daemon is to observe: [observe] races=. Only root may be able to
 * write to their files, and to the folders that contain them.
 */
#ifndef THPRACE_DAEMON_RACE_SET_H
#define THPRACE_DAEMON_RACE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "race/race.h"

#define RACE_SET_MAX 16

struct race_set;

/*
 * Read them. names: of races in the folders of core/race/race_files.h, and paths, with blanks
 * between them. Returns 0 and *set, to be freed with race_set__free(); or negative errno, and in
 * why all errors, one per line: "FILE:LINE:COLUMN: …".
 */
int race_set__read(struct race_set **set, const char *names, char *why, size_t why_size);

/* Read and forget them: 0, or negative errno and why. */
int race_set__check(const char *names, char *why, size_t why_size);

/* Are these the same races, from the same unchanged files? */
bool race_set__same(const struct race_set *a, const struct race_set *b);

/* The races, which live as long as the set. */
const struct race *const *race_set__list(const struct race_set *set, size_t *count);
void race_set__free(struct race_set *set);

#endif
