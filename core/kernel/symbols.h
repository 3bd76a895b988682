/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names that incidents need: of kernel addresses in stacks, from /proc/kallsyms, which is read
 * only if there are addresses without a name, and of the tasks' cgroups.
 *
 * A recording collects addresses, resolves them once, and writes the names of all (symbols__json).
 * The daemon runs for a long time, and each time writes the names that the present file does not
 * have yet (symbols__json_new); for the next file it starts again (symbols__restart).
 */
#ifndef THPRACE_SYMBOLS_H
#define THPRACE_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <thprace/incident.h>

struct symbols;

/* Returns an empty collection, to be freed with symbols__free(), or NULL. */
struct symbols *symbols__new(void);

/*
 * Remember the addresses of a stack, and look for its cgroup, which may be gone soon. If memory or the
 * limit is exhausted, some stay numbers.
 */
void symbols__want(struct symbols *symbols, const struct thprace_stack *stack);

/* Find names for all addresses. Without a readable kallsyms they stay numbers. */
void symbols__resolve(struct symbols *symbols);

/* The same with another file of that format, which it reads to its end and closes. */
void symbols__resolve_in(struct symbols *symbols, FILE *file);

/*
 * The same in pieces: at most this many lines of kallsyms now. True: all that can be found is
 * found. One collection at a time: if another one is resolved in between, this one starts over.
 */
bool symbols__step(struct symbols *symbols, unsigned int lines);

/* Does it have addresses that were not searched yet? */
bool symbols__any_untried(const struct symbols *symbols);

#define SYMBOLS_NAME_LEN 96

/* "function+0x…" of an address that was collected and found. False: it was not. */
bool symbols__name(const struct symbols *symbols, uint64_t address, char name[SYMBOLS_NAME_LEN]);

/* The path of a cgroup that was collected and found, or NULL. Valid until the next call. */
const char *symbols__cgroup(const struct symbols *symbols, uint64_t id);

/*
 * JSON object "0x…" → "function+0x…" and THPRACE_SYMBOLS_CGROUP and a number → its path; malloc'd, NULL if out of memory.
 */
char *symbols__json(const struct symbols *symbols);

/*
 * Are there addresses that were collected since symbols__restart() and are not in
 * symbols__json_new() yet?
 */
bool symbols__any_new(const struct symbols *symbols);

/*
 * Resolve, and return the JSON object of those addresses; malloc'd, "{}" if none has a name, NULL
 * if out of memory (then they stay new).
 */
char *symbols__json_new(struct symbols *symbols);

/* From now on every collected address is new again. Known names stay known. */
void symbols__restart(struct symbols *symbols);

void symbols__free(struct symbols *symbols);

#endif
