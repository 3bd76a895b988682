// SPDX-License-Identifier: GPL-2.0-only
#include "pstore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 1024
#define NAME_MAX_BYTES 256
#define WHOLE "dmesg.txt"

struct part {
	char name[NAME_MAX_BYTES];
	unsigned int dump; /* number of the dump */
	unsigned int number; /* part of it; 1 has the newest lines */
};

/* Dumps in order, and the parts of each from the highest number down. */
static int by_time(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->dump != y->dump)
		return x->dump < y->dump ? -1 : 1;
	if (x->number != y->number)
		return x->number > y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

static FILE *open_in(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file && fd >= 0)
		close(fd);
	return file;
}

/* "Panic#1 Part3": which part it is. Without this line it counts as a single part. */
static int read_head(int folder, struct part *part)
{
	FILE *file = open_in(folder, part->name);
	char line[128] = "", *mark;

	if (!file)
		return -errno;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	mark = strchr(line, '#');
	if (mark && sscanf(mark, "#%u Part%u", &part->dump, &part->number) != 2)
		part->dump = part->number = 0;
	return 0;
}

static int read_part(int folder, const char *name, pstore_fn part, void *ctx, char *why,
		     size_t why_size)
{
	FILE *file = open_in(folder, name);
	int err = file ? 0 : -errno;

	if (file) {
		err = part(ctx, file);
		fclose(file);
	}
	if (err)
		snprintf(why, why_size, "%s: %s", name, strerror(-err));
	return err;
}

/* Fill in the parts; returns their number, or negative errno. */
static int list(DIR *dir, struct part *parts, bool *whole, bool *packed, char *why, size_t why_size)
{
	const struct dirent *entry;
	size_t length;
	int nr = 0, err;

	*whole = *packed = false;
	while ((entry = readdir(dir))) {
		length = strlen(entry->d_name);
		*whole |= !strcmp(entry->d_name, WHOLE);
		if (strncmp(entry->d_name, "dmesg-", 6) || length >= NAME_MAX_BYTES)
			continue;
		if (length > 6 && !strcmp(entry->d_name + length - 6, ".enc.z")) {
			*packed = true;
			continue;
		}
		if (nr == FILES_MAX) {
			snprintf(why, why_size, "more than %d files", FILES_MAX);
			return -E2BIG;
		}
		memset(&parts[nr], 0, sizeof(*parts));
		memcpy(parts[nr].name, entry->d_name, length + 1);
		err = read_head(dirfd(dir), &parts[nr]);
		if (err) {
			snprintf(why, why_size, "%s: %s", entry->d_name, strerror(-err));
			return err;
		}
		nr++;
	}
	return nr;
}

static int read_folder(DIR *dir, pstore_fn part, void *ctx, char *why, size_t why_size)
{
	struct part *parts = calloc(FILES_MAX, sizeof(*parts));
	bool whole, packed;
	int nr, i, err = 0;

	if (!parts) {
		snprintf(why, why_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	nr = list(dir, parts, &whole, &packed, why, why_size);
	if (nr < 0) {
		err = nr;
	} else if (whole) {
		err = read_part(dirfd(dir), WHOLE, part, ctx, why, why_size);
	} else if (!nr) {
		err = -ENOENT;
		snprintf(why, why_size,
			 packed ? "the kernel packed its log and could not unpack it again "
				  "(dmesg-*.enc.z): only a kernel with the same compression can"
				: "no dmesg-* and no " WHOLE " in this folder");
	} else {
		qsort(parts, (size_t)nr, sizeof(*parts), by_time);
		for (i = 0; i < nr && !err; i++)
			err = read_part(dirfd(dir), parts[i].name, part, ctx, why, why_size);
	}
	free(parts);
	return err;
}

int pstore__read(const char *path, pstore_fn part, void *ctx, char *why, size_t why_size)
{
	DIR *dir = opendir(path);
	int err;

	if (!dir) {
		err = -errno;
		snprintf(why, why_size, "%s", strerror(-err));
		return err;
	}
	err = read_folder(dir, part, ctx, why, why_size);
	closedir(dir);
	return err;
}

struct newest {
	char *path;
	size_t path_size;
	struct timespec when;
	unsigned int left; /* entries that may still be looked at */
};

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Folders below path: systemd-pstore's have at most two levels. */
static int look_in(const char *path, unsigned int levels, struct newest *newest)
{
	const struct dirent *entry;
	char below[PATH_MAX];
	struct stat info;
	DIR *dir = opendir(path);
	int length;

	if (!dir)
		return -errno;
	while (newest->left && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		newest->left--;
		if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISREG(info.st_mode) &&
		    (!strncmp(entry->d_name, "dmesg-", 6) || !strcmp(entry->d_name, WHOLE)) &&
		    is_later(&info.st_mtim, &newest->when)) {
			snprintf(newest->path, newest->path_size, "%s", path);
			newest->when = info.st_mtim;
		}
		length = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (S_ISDIR(info.st_mode) && levels && length < (int)sizeof(below))
			look_in(below, levels - 1, newest);
	}
	closedir(dir);
	return 0;
}

int pstore__newest(const char *top, char *path, size_t path_size, struct timespec *when)
{
	struct newest newest = {.path = path, .path_size = path_size, .left = 16 * FILES_MAX};
	int err = look_in(top, 2, &newest);

	*when = newest.when;
	if (err)
		return err;
	return newest.when.tv_sec || newest.when.tv_nsec ? 0 : -ENOENT;
}
