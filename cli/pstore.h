/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A folder of pstore (/sys/fs/pstore, or one of systemd-pstore): the kernel's last lines before it
 * died, in parts. A file's first line says which part it is, "Panic#1 Part3"; part 1 has the newest
 * lines.
 */
#ifndef THPRACE_CLI_PSTORE_H
#define THPRACE_CLI_PSTORE_H

#include <stddef.h>

#include "complaint/log_reader.h"

/*
 * Read the kernel's logs in a folder, oldest lines first; if there is systemd-pstore's dmesg.txt,
 * it has them all. Adds to counts. Returns 0; -ENOTDIR: path is not a folder; or negative errno and
 * a message in why.
 */
int pstore__read(const char *path, struct complaint_parser *parser,
		 struct log_reader_counts *counts, char *why, size_t why_size);

#endif
