/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's spool as a reader sees it: a folder of trace files, incidents-ID.thpr, where ID (12
 * digits) is the number of the file's first incident. The n-th incident of a file, from 1, has the
 * number ID + n - 1; numbers are never reused. Shared by thpraced and thprace.
 */
#ifndef THPRACE_SPOOL_DIR_H
#define THPRACE_SPOOL_DIR_H

#include <stddef.h>
#include <stdint.h>

#define SPOOL_DIR_DEFAULT "/var/lib/thprace"
#define SPOOL_NAME_LEN 40

struct spool_file {
	uint64_t first; /* number of its first incident */
	uint64_t size; /* bytes */
	uint64_t mtime; /* ns CLOCK_REALTIME */
	char name[SPOOL_NAME_LEN];
};

/* Name of the file that begins with incident first, into name. */
void spool_dir__name(char name[SPOOL_NAME_LEN], uint64_t first);

/*
 * List the files of directory, oldest first; other files are ignored. Returns 0 with *files
 * (malloc'd, to be freed by the caller) and *count, or negative errno.
 */
int spool_dir__list(const char *directory, struct spool_file **files, size_t *count);

#endif
