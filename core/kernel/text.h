/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running kernel's code, as it is in memory now. Read by a BPF program that nothing is attached
 * to (BPF_PROG_TEST_RUN, 5.10+): it needs what the observer's own programs need, and no /proc/kcore.
 */
#ifndef THPRACE_TEXT_READER_H
#define THPRACE_TEXT_READER_H

#include <stddef.h>
#include <stdint.h>

struct text;

/* Returns 0 and *text, to be ended with text__close(); or negative errno of loading the program. */
int text__open(struct text **text);

/* Copy size bytes of kernel memory at address. 0 or negative errno: nothing is mapped there, for one. */
int text__read(struct text *text, uint64_t address, void *copy, size_t size);

void text__close(struct text *text);

#endif
