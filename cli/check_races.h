/* SPDX-License-Identifier: GPL-2.0-only */
/* `thprace check --race` and `--all-races`: races from files, and all that are known. */
#ifndef THPRACE_CLI_CHECK_RACES_H
#define THPRACE_CLI_CHECK_RACES_H

#include <stdbool.h>

struct check_source;

#define CHECK_RACES_MAX 16

struct check_races {
	const char *given[CHECK_RACES_MAX]; /* files, or names of races in the folders */
	int count;
	bool all; /* and also the built-in ones, and all in the folders */
	bool json;
	const char *image; /* the kernel's file, or NULL */
};

/* Judge the races. Returns an exit status. */
int check_races__run(const struct check_source *source, const struct check_races *asked);

#endif
