/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel addresses of stacks, and their names from /proc/kallsyms, which is read only when there are
 * addresses without a name.
 *
 * A recording collects, resolves once, and takes the names of all (symbols__json). The daemon goes on
 * for ever, and takes each time the names that the present file does not have yet
 * (symbols__json_new); with the next file it begins anew (symbols__restart).
 */
#ifndef THPRACE_SYMBOLS_H
#define THPRACE_SYMBOLS_H

#include <stdbool.h>
#include <thprace/incident.h>

struct symbols;

/* Returns an empty collection, to be freed with symbols__free(), or NULL. */
struct symbols *symbols__new(void);

/* Remember the addresses of a stack. When memory or the bound runs out, some stay numbers. */
void symbols__want(struct symbols *symbols, const struct thprace_stack *stack);

/* Find names for all that was wanted. Without a readable kallsyms they stay numbers. */
void symbols__resolve(struct symbols *symbols);

/*
 * The same in pieces: at most so many lines of kallsyms now. True: all that can be found is found. One collection at a
 * time: another one that is looked up in between makes this one begin anew.
 */
bool symbols__step(struct symbols *symbols, unsigned int lines);

/* Is there anything to be found for it? */
bool symbols__any_untried(const struct symbols *symbols);

/* JSON object "0x…" → "function+0x…"; malloc'd, NULL when out of memory. */
char *symbols__json(const struct symbols *symbols);

/* Are there addresses that were wanted since symbols__restart() and are not in symbols__json_new() yet? */
bool symbols__any_new(const struct symbols *symbols);

/*
 * Resolve, and return the JSON object of those addresses; malloc'd, "{}" when none has a name, NULL
 * when out of memory (then they stay new).
 */
char *symbols__json_new(struct symbols *symbols);

/* From now on every address that is wanted is new again. Names that are known stay known. */
void symbols__restart(struct symbols *symbols);

void symbols__free(struct symbols *symbols);

#endif
