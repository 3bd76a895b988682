/* SPDX-License-Identifier: GPL-2.0-only */
/* The file from which the running kernel was booted, in the usual places of distributions. */
#ifndef THPRACE_BOOTED_H
#define THPRACE_BOOTED_H

#include <stdbool.h>
#include <stddef.h>

#define BOOTED_NONE "no image of this kernel in /boot or /usr/lib/modules"

/* Place number i of such a kernel's image. False: there are fewer. */
bool booted__place(size_t i, const char *release, char *path, size_t size);

/*
 * Open the image of the running kernel in the first place that has one; whether it is the same
 * build is not checked. Returns a descriptor, or negative errno and a sentence in why.
 */
int booted__open(char *why, size_t why_size);

#endif
