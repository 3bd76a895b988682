/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cgroups of the hierarchy of version 2: from their numbers, which BPF programs know, to their
 * paths. A cgroup may be gone soon, so its path is looked for when its number is first seen.
 *
 * That means to read the hierarchy's folders. It is done in pieces, so that nothing that a host with
 * thousands of cgroups does blocks the caller.
 */
#ifndef THPRACE_CGROUPS_H
#define THPRACE_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroups;

#define CGROUPS_PATH_LEN 512

/* Entries of folders that are read within some 5 ms. */
#define CGROUPS_ENTRIES 20000

/*
 * root: a folder, or NULL for the place where the hierarchy of version 2 is mounted. Returns an empty
 * collection, to be freed with cgroups__free(), or NULL.
 */
struct cgroups *cgroups__new(const char *root);

/* Remember a number, which cgroups__step() will look for. Beyond a limit it is not remembered. */
void cgroups__want(struct cgroups *cgroups, uint64_t id);

/*
 * Look for those that were not looked for yet; read at most this many entries of folders. True: all
 * that can be found is found.
 */
bool cgroups__step(struct cgroups *cgroups, unsigned int entries);

/* Are there any that were not looked for? */
bool cgroups__any_untried(const struct cgroups *cgroups);

/*
 * "/system.slice/x.service", "/" for the root. NULL: it is not known. Valid until the next call of
 * another function.
 */
const char *cgroups__path(const struct cgroups *cgroups, uint64_t id);

/*
 * The same, but look for it now: cgroups__want(), and a step of CGROUPS_ENTRIES, unless there was
 * one within the last 100 ms.
 */
const char *cgroups__find(struct cgroups *cgroups, uint64_t id);

/* Calls take for each that is known, in the order in which they were wanted, from number `from' on. */
void cgroups__each(const struct cgroups *cgroups, size_t from,
		   void (*take)(void *ctx, uint64_t id, const char *path), void *ctx);

/* How many are remembered: the number of the next one. */
size_t cgroups__count(const struct cgroups *cgroups);

/* No more can be remembered. */
bool cgroups__full(const struct cgroups *cgroups);

/* Forget all. */
void cgroups__clear(struct cgroups *cgroups);

void cgroups__free(struct cgroups *cgroups);

#endif
