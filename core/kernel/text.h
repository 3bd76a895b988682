/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The running kernel's code, as it is in memory now. Read by a BPF program that is attached nowhere
 * (BPF_PROG_TEST_RUN, 5.10+): it needs the same rights as the observer's own programs, and no
 * /proc/kcore.
 */
#ifndef THPRACE_TEXT_READER_H
#define THPRACE_TEXT_READER_H

#include <stddef.h>
#include <stdint.h>

struct text;

/*
 * Returns 0 and *text, to be closed with text__close(); or negative errno from loading the program.
 */
int text__open(struct text **text);

/*
 * Copy size bytes of kernel memory at address. 0 or negative errno, for example if nothing is
 * mapped there.
 */
int text__read(struct text *text, uint64_t address, void *copy, size_t size);

void text__close(struct text *text);

#endif
