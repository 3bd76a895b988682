/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel logs in files: lines as people paste them (a console, dmesg, journalctl -k, syslog,
 * /dev/kmsg, pstore), and the journal's own formats (journalctl -o export, -o json). Memory does
 * not grow with the file: a line longer than LOG_READER_LINE bytes is truncated, a longer entry of
 * the journal is left out.
 */
#ifndef THPRACE_LOG_READER_H
#define THPRACE_LOG_READER_H

#include <stddef.h>
#include <stdio.h>

#include "complaint.h"

#define LOG_READER_LINE 65536

struct log_reader_counts {
	size_t lines; /* of the kernel, passed to the parser */
	size_t others; /* entries of the journal that other processes wrote */
	size_t unread; /* invalid or too long entries of the journal */
};

/*
 * Read in to its end and pass each line of the kernel to the parser. Adds to counts. The first line
 * that is not empty shows the format. Returns 0, or negative errno: of the reading, or -ENOMEM.
 */
int log_reader__read(FILE *in, struct complaint_parser *parser, struct log_reader_counts *counts);

#endif
