/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files for what others must not read: a trace holds kernel addresses. In a folder that others may write to, what
 * they put there is neither followed nor written to.
 */
#ifndef THPRACE_PRIVATE_FILE_H
#define THPRACE_PRIVATE_FILE_H

#include <stdbool.h>

/*
 * Open path for writing ("-": a duplicate of stdout); a regular file of the caller's own is, or gets, mode 0600. What it
 * held stays. Returns a descriptor, or negative errno: -ELOOP and -EPERM for what another may have put there,
 * -ENOTTY for a terminal. *made: the file was not there before.
 */
int private_file__open(const char *path, bool *made);

/* strerror() of what it returned, with the reason where errno has no word for it. */
const char *private_file__why(int err);

#endif
