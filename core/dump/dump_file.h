/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A crash dump as a file, read with libkdumpfile: ELF cores (kdump's /proc/vmcore, QEMU's
 * dump-guest-memory), and the compressed formats of makedumpfile. The only user of that library.
 */
#ifndef THPRACE_DUMP_FILE_H
#define THPRACE_DUMP_FILE_H

#include <stddef.h>

#include "memory.h"

struct dump_file;

/*
 * Returns 0 and *file, to be closed with dump_file__close(); or negative errno with a sentence in
 * why.
 */
int dump_file__open(struct dump_file **file, const char *path, char *why, size_t why_size);

/* Its memory, valid until the file is closed. */
const struct memory *dump_file__memory(const struct dump_file *file);

/* The format, in libkdumpfile's words. */
const char *dump_file__format(const struct dump_file *file);

void dump_file__close(struct dump_file *file);

#endif
