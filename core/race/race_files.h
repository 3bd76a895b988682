/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where race files are: /etc/thprace/races.d (the site's), /usr/local/share/thprace/races and
 * /usr/share/thprace/races (thprace's own), and files that are given. If two have the same file
 * name, the one in the folder named first counts; an empty one, or a link to /dev/null, hides the
 * others.
 */
#ifndef THPRACE_RACE_FILES_H
#define THPRACE_RACE_FILES_H

#include <stddef.h>

#include "race.h"

#define RACE_FILES_MAX 64
#define RACE_FILES_WHY_MAX 1024

struct race_file {
	char path[256];
	struct race *race; /* NULL: */
	char *why; /* what is wrong, one line per error */
};

struct race_files {
	struct race_file file[RACE_FILES_MAX];
	size_t count;
	char why[512]; /* a folder that cannot be listed, or "" */
};

/*
 * Read all files in the folders; root is a prefix for them (normally ""). Returns 0 or -ENOMEM;
 * must be released.
 */
int race_files__read(struct race_files *files, const char *root);

/* Add a file. Returns it, also if it is wrong; NULL: there are too many, or memory ran out. */
const struct race_file *race_files__add(struct race_files *files, const char *path);

/* The race of this name among those read; NULL: there is none. */
const struct race_file *race_files__find(const struct race_files *files, const char *name);
void race_files__release(struct race_files *files);

/*
 * May a service that runs as root trust the file? It and every folder above it must belong to root,
 * and nobody else may be able to write to any of them. Returns 0; or negative errno and the reason
 * in why.
 */
int race_files__trusted(const char *path, char *why, size_t why_size);

#endif
