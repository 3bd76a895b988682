/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A folder of pstore (/sys/fs/pstore, or one of systemd-pstore): the kernel's last lines before it
 * died, in parts. A file's first line says which part it is, "Panic#1 Part3"; part 1 has the newest
 * lines.
 */
#ifndef THPRACE_PSTORE_H
#define THPRACE_PSTORE_H

#include <stddef.h>
#include <stdio.h>
#include <time.h>

/* One file of the log; file is closed afterwards. Returns 0, or negative errno to stop. */
typedef int (*pstore_fn)(void *ctx, FILE *file);

/*
 * Call part for each file of the kernel's logs in a folder, oldest lines first; if there is
 * systemd-pstore's dmesg.txt, it has them all. Returns 0; -ENOTDIR: path is not a folder; or
 * negative errno and a message in why.
 */
int pstore__read(const char *path, pstore_fn part, void *ctx, char *why, size_t why_size);

/*
 * Find the folder with the newest log: top, or one below it, as systemd-pstore makes one for each
 * crash. Returns 0 with the folder in path and the time of its log in when; -ENOENT: there is none;
 * or negative errno.
 */
int pstore__newest(const char *top, char *path, size_t path_size, struct timespec *when);

#endif
