// SPDX-License-Identifier: GPL-2.0-only
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* May users other than the caller and root put something into this folder? */
static bool is_shared(const struct stat *folder)
{
	return (folder->st_mode & (S_IWGRP | S_IWOTH)) ||
	       (folder->st_uid && folder->st_uid != geteuid());
}

/* Find out what fd is. Returns fd, or closes it and returns negative errno. */
static int look(int fd, struct stat *st)
{
	int err = -errno;

	memset(st, 0, sizeof(*st));
	if (fd < 0)
		return err;
	if (!fstat(fd, st))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* One step down from folder, which is closed. */
static int enter(int folder, const char *name, struct stat *st)
{
	int next = look(openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), st);

	if (next >= 0 && S_ISLNK(st->st_mode)) {
		close(next);
		next = look(openat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC), st);
	}
	close(folder);
	return next;
}

/*
 * The folder of path, and in *name the rest of path. A link in a folder that others may write to is
 * not followed.
 */
static int open_folder(const char *path, char *copy, const char **name, bool *shared)
{
	char *at = copy, *end;
	struct stat st, link;
	int folder = look(open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC), &st);

	while (folder >= 0) {
		*shared = is_shared(&st);
		at += strspn(at, "/");
		end = strchr(at, '/');
		if (!end)
			break;
		*end = '\0';
		if (*shared && !fstatat(folder, at, &link, AT_SYMLINK_NOFOLLOW) &&
		    S_ISLNK(link.st_mode)) {
			close(folder);
			return -ELOOP;
		}
		folder = enter(folder, at, &st);
		at = end + 1;
	}
	*name = *at ? at : ".";
	return folder;
}

/* Opens what exists already: others may have put it there if they may write to the folder. */
static int open_existing(int folder, const char *name, bool shared)
{
	int there, fd, err = 0;
	struct stat st;
	char path[64];

	there = look(openat(folder, name, O_PATH | O_CLOEXEC | (shared ? O_NOFOLLOW : 0)), &st);
	if (there < 0)
		return there;
	if (shared && S_ISLNK(st.st_mode))
		err = -ELOOP;
	else if (shared && !S_ISDIR(st.st_mode) && (st.st_uid != geteuid() || st.st_nlink != 1))
		err = -EPERM;
	/* Through the descriptor, so that this is the file that was checked. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", there);
	fd = err ? -1 : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (!err && fd < 0)
		err = -errno;
	close(there);
	if (!err && S_ISREG(st.st_mode) && st.st_uid == geteuid() && fchmod(fd, 0600)) {
		err = -errno;
		close(fd);
	}
	return err ? err : fd;
}

static int open_path(const char *path, bool *made)
{
	char copy[PATH_MAX];
	const char *name;
	bool shared;
	int folder, fd;

	if (!*path)
		return -ENOENT;
	if ((size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return -ENAMETOOLONG;
	folder = open_folder(path, copy, &name, &shared);
	if (folder < 0)
		return folder;
	/* O_EXCL: does not open an existing file, nor follow a link. */
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	*made = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open_existing(folder, name, shared);
	else if (fd < 0)
		fd = -errno;
	close(folder);
	return fd;
}

int private_file__open(const char *path, bool *made)
{
	int fd;

	*made = false;
	if (strcmp(path, "-")) {
		fd = open_path(path, made);
	} else {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd >= 0 && isatty(fd)) {
		close(fd);
		return -ENOTTY;
	}
	return fd;
}

const char *private_file__why(int err)
{
	switch (err) {
	case -ELOOP:
		return "a link in a folder that others may write to is not followed";
	case -EPERM:
		return "the file there is another user's, or has other names, in a folder that "
		       "others may write to";
	case -ENOTTY:
		return "a trace is binary, and this is a terminal";
	default:
		return strerror(-err);
	}
}
