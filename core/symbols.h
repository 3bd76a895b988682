/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel addresses of stacks, collected and then resolved in one reading of /proc/kallsyms. */
#ifndef THPRACE_SYMBOLS_H
#define THPRACE_SYMBOLS_H

#include <thprace/incident.h>

struct symbols;

/* Returns an empty collection, to be freed with symbols__free(), or NULL. */
struct symbols *symbols__new(void);

/* Remember the addresses of a stack. When memory or the bound runs out, some stay numbers. */
void symbols__want(struct symbols *symbols, const struct thprace_stack *stack);

/* Find names for all that was wanted. Without a readable kallsyms they stay numbers. */
void symbols__resolve(struct symbols *symbols);

/* JSON object "0x…" → "function+0x…"; malloc'd, NULL when out of memory. */
char *symbols__json(const struct symbols *symbols);

void symbols__free(struct symbols *symbols);

#endif
