// SPDX-License-Identifier: GPL-2.0-only
#include "race_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/names.h"

#define SUFFIX ".race"

static const char *const folders[] = {"/etc/thprace/races.d", "/usr/local/share/thprace/races",
				      "/usr/share/thprace/races"};

#define NR_FOLDERS (sizeof(folders) / sizeof(folders[0]))

const struct race_file *race_files__find(const struct race_files *files, const char *name)
{
	size_t i;

	for (i = 0; i < files->count; i++)
		if (files->file[i].race && !strcmp(files->file[i].race->name, name))
			return &files->file[i];
	return NULL;
}

/* Names must be different, because all output uses them. Returns whether this one is free. */
static bool name_is_free(const struct race_files *files, const struct race *race, char *why,
			 size_t why_size)
{
	const struct race_file *other = race_files__find(files, race->name);

	if (names__own_class(race->name))
		snprintf(why, why_size, "%s: the name '%s' is that of a built-in race", race->path,
			 race->name);
	else if (other)
		snprintf(why, why_size, "%s: the name '%s' is taken by %s", race->path, race->name,
			 other->path);
	else
		return true;
	return false;
}

const struct race_file *race_files__add(struct race_files *files, const char *path)
{
	struct race_file *file = &files->file[files->count];
	char why[RACE_FILES_WHY_MAX] = "";
	struct race *race = NULL;

	if (files->count == RACE_FILES_MAX)
		return NULL;
	*file = (struct race_file){0};
	snprintf(file->path, sizeof(file->path), "%s", path);
	if (!race__read(&race, path, why, sizeof(why)) &&
	    !name_is_free(files, race, why, sizeof(why))) {
		race__free(race);
		race = NULL;
	}
	file->race = race;
	file->why = race ? NULL : strdup(why);
	if (!race && !file->why)
		return NULL;
	files->count++;
	return file;
}

/* A list of file names. */
struct names {
	char (*list)[NAME_MAX + 1];
	size_t count;
};

static int add_name(struct names *names, const char *name)
{
	void *list;
	size_t i;

	for (i = 0; i < names->count; i++)
		if (!strcmp(names->list[i], name))
			return 0;
	list = reallocarray(names->list, names->count + 1, sizeof(names->list[0]));
	if (!list)
		return -ENOMEM;
	names->list = list;
	snprintf(names->list[names->count++], NAME_MAX + 1, "%s", name);
	return 0;
}

static int list_folder(struct race_files *files, struct names *names, const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	const char *suffix;
	int err = 0;

	if (!folder) {
		if (errno != ENOENT && errno != ENOTDIR)
			snprintf(files->why, sizeof(files->why), "%.300s cannot be listed: %s",
				 path, strerror(errno));
		return 0;
	}
	while (!err && (entry = readdir(folder))) {
		suffix = strrchr(entry->d_name, '.');
		if (entry->d_name[0] != '.' && suffix && !strcmp(suffix, SUFFIX))
			err = add_name(names, entry->d_name);
	}
	closedir(folder);
	return err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* An empty file, or /dev/null. A file that cannot be examined is read, which reports why. */
static bool hides(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISDIR(st.st_mode) && !st.st_size;
}

/* From the first folder that has the name. */
static void add_first(struct race_files *files, const char *root, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < NR_FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s%s/%s", root, folders[i], name);
		if (!lstat(path, &st))
			break;
	}
	if (i < NR_FOLDERS && !hides(path) && !race_files__add(files, path))
		snprintf(files->why, sizeof(files->why), "there are more than %d race files",
			 RACE_FILES_MAX);
}

int race_files__read(struct race_files *files, const char *root)
{
	struct names names = {0};
	char path[PATH_MAX];
	int err = 0;
	size_t i;

	*files = (struct race_files){.count = 0};
	for (i = 0; i < NR_FOLDERS && !err; i++) {
		snprintf(path, sizeof(path), "%s%s", root, folders[i]);
		err = list_folder(files, &names, path);
	}
	if (names.count)
		qsort(names.list, names.count, sizeof(names.list[0]), by_name);
	for (i = 0; i < names.count && !err; i++)
		add_first(files, root, names.list[i]);
	free(names.list);
	return err;
}

void race_files__release(struct race_files *files)
{
	size_t i;

	for (i = 0; i < files->count; i++) {
		race__free(files->file[i].race);
		free(files->file[i].why);
	}
	files->count = 0;
}

static int check_owner(const char *path, char *why, size_t why_size)
{
	struct stat st;
	int err;

	if (stat(path, &st)) {
		err = -errno;
		snprintf(why, why_size, "%s: %s", path, strerror(-err));
		return err;
	}
	if (st.st_uid) {
		snprintf(why, why_size, "%s belongs to user %u, not to root", path, st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, why_size, "%s may be written to by others than root (mode %04o)",
			 path, st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

int race_files__trusted(const char *path, char *why, size_t why_size)
{
	char real[PATH_MAX], *slash;
	int err;

	if (!realpath(path, real)) {
		err = -errno;
		snprintf(why, why_size, "%s: %s", path, strerror(-err));
		return err;
	}
	err = check_owner(real, why, why_size);
	while (!err && (slash = strrchr(real, '/')) && real[1]) {
		slash[slash == real] = '\0';
		err = check_owner(real, why, why_size);
	}
	return err;
}
