/* SPDX-License-Identifier: GPL-2.0-only */
/* `thprace check --race`: races from files. */
#ifndef THPRACE_CLI_CHECK_RACES_H
#define THPRACE_CLI_CHECK_RACES_H

#include <stdbool.h>

struct check_source;

#define CHECK_RACES_MAX 16

/* Judge the given races: files, or names of races in the folders. Returns an exit status. */
int check_races__run(const struct check_source *source, const char *const *given, int count,
		     bool json);

#endif
