// SPDX-License-Identifier: GPL-2.0-only
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#define ENTRIES_MAX 200000 /* files and folders that are read, in total */
#define DEPTH_MAX 32

static const char *mounted(void)
{
	static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct statfs fs;
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!statfs(places[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return NULL;
}

/*
 * A cgroup's number is its folder's inode number, also in readdir(3). path: of this folder, grows.
 */
static int find(char *path, size_t size, uint64_t id, unsigned int *left, int depth)
{
	size_t length = strlen(path);
	struct dirent *entry;
	int err = -ENOENT;
	DIR *folder;

	folder = depth < DEPTH_MAX ? opendir(path) : NULL;
	if (!folder)
		return -ENOENT; /* gone meanwhile */
	while (err == -ENOENT && (entry = readdir(folder))) {
		if (!(*left)--)
			err = -E2BIG;
		if (err != -ENOENT || entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (length + strlen(entry->d_name) + 2 > size)
			continue;
		sprintf(path + length, "/%s", entry->d_name);
		err = entry->d_ino == id ? 0 : find(path, size, id, left, depth + 1);
		if (err)
			path[length] = '\0';
	}
	closedir(folder);
	return err;
}

int cgroup__path(const char *root, uint64_t id, char *path, size_t size)
{
	unsigned int left = ENTRIES_MAX;
	char whole[1024];
	struct stat st;
	int err;

	if (!root)
		root = mounted();
	if (!id || !root || stat(root, &st) || strlen(root) >= sizeof(whole))
		return -ENOENT;
	if (st.st_ino == id) {
		snprintf(path, size, "/");
		return 0;
	}
	snprintf(whole, sizeof(whole), "%s", root);
	err = find(whole, sizeof(whole), id, &left, 0);
	if (!err)
		snprintf(path, size, "%s", whole + strlen(root));
	return err;
}

static bool ends_with(const char *text, size_t length, const char *end)
{
	return length > strlen(end) && !memcmp(text + length - strlen(end), end, strlen(end));
}

const char *cgroup__unit(const char *path, char *unit, size_t size)
{
	size_t length;
	bool slice;

	*unit = '\0';
	for (; *path; path += length) {
		path += *path == '/';
		length = strcspn(path, "/");
		slice = ends_with(path, length, ".slice");
		if (slice || ends_with(path, length, ".service") ||
		    ends_with(path, length, ".scope"))
			snprintf(unit, size, "%.*s", (int)length, path);
	}
	return unit;
}
