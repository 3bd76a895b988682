// SPDX-License-Identifier: GPL-2.0-only
#include "spool_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/number.h"

#define PREFIX "incidents-"
#define SUFFIX ".thpr"
#define DIGITS 12

void spool_dir__name(char name[SPOOL_NAME_LEN], uint64_t first)
{
	snprintf(name, SPOOL_NAME_LEN, PREFIX "%0*" PRIu64 SUFFIX, DIGITS, first);
}

/* The number in a name; 0 if it is not a file of the spool. */
static uint64_t number_of(const char *name)
{
	char again[SPOOL_NAME_LEN];
	const char *at = name;
	uint64_t first;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return 0;
	at += strlen(PREFIX);
	if (number__take(&at, 10, &first))
		return 0;
	spool_dir__name(again, first);
	return strcmp(name, again) == 0 ? first : 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = ((const struct spool_file *)a)->first;
	uint64_t y = ((const struct spool_file *)b)->first;

	return x < y ? -1 : x > y;
}

/* Returns 1 and *file if this entry is a file of the spool, else 0. */
static int look_at(DIR *folder, const char *name, struct spool_file *file)
{
	struct stat st;

	file->first = number_of(name);
	if (!file->first || fstatat(dirfd(folder), name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(st.st_mode))
		return 0;
	file->size = (uint64_t)st.st_size;
	file->mtime = (uint64_t)st.st_mtim.tv_sec * 1000000000ULL + (uint64_t)st.st_mtim.tv_nsec;
	spool_dir__name(file->name, file->first);
	return 1;
}

int spool_dir__list(const char *directory, struct spool_file **result, size_t *count)
{
	CLEANUP(cleanup__free) struct spool_file *files = NULL;
	CLEANUP(cleanup__dir) DIR *folder = opendir(directory);
	struct spool_file *grown;
	size_t nr = 0, room = 0;
	struct dirent *entry;

	*result = NULL;
	*count = 0;
	if (!folder)
		return -errno;
	while ((errno = 0, entry = readdir(folder)) != NULL) {
		if (nr == room) {
			room = room ? 2 * room : 32;
			grown = reallocarray(files, room, sizeof(*files));
			if (!grown)
				return -ENOMEM;
			files = grown;
		}
		nr += (size_t)look_at(folder, entry->d_name, &files[nr]);
	}
	if (errno)
		return -errno;
	if (nr)
		qsort(files, nr, sizeof(*files), by_number);
	*result = CLEANUP_TAKE(files);
	*count = nr;
	return 0;
}
