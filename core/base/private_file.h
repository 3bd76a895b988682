/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that others must not read: a trace holds kernel addresses. In a folder that others may
 * write to, what they put there is neither followed nor written to.
 */
#ifndef THPRACE_PRIVATE_FILE_H
#define THPRACE_PRIVATE_FILE_H

#include <stdbool.h>

/*
 * Open path for writing ("-": a duplicate of stdout). A regular file of the caller's own has, or
 * gets, mode 0600; its content stays. Returns a descriptor, or negative errno: -ELOOP and -EPERM
 * for what another user may have put there, -ENOTTY for a terminal. *made: the file did not exist
 * before.
 */
int private_file__open(const char *path, bool *made);

/* strerror() of its result, or the reason if errno has no word for it. */
const char *private_file__why(int err);

#endif
