/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The symbols of a dead kernel, as text like that of /proc/kallsyms: from the dump itself, from a
 * System.map, or from an image.
 */
#ifndef THPRACE_DUMP_SYMBOLS_H
#define THPRACE_DUMP_SYMBOLS_H

#include <stdint.h>
#include <stdio.h>

#include "memory.h"

struct dump_symbols {
	char *text; /* NULL: there are none */
	size_t size;
};

/*
 * The kernel's own table. Returns 0, or negative errno: -ENOENT: VMCOREINFO does not say where it is
 * (Linux 5.19 and older do not).
 */
int dump_symbols__read(struct dump_symbols *symbols, const struct memory *memory);

/*
 * From a System.map, or an image (core/image). text: where _stext was in the dead kernel, which its
 * file does not say (KASLR). Returns 0, or negative errno with a sentence in why.
 */
int dump_symbols__map(struct dump_symbols *symbols, const char *path, uint64_t text, char *why,
		      size_t why_size);
int dump_symbols__image(struct dump_symbols *symbols, const char *path, uint64_t text, char *why,
			size_t why_size);

void dump_symbols__release(struct dump_symbols *symbols);

#endif
