// SPDX-License-Identifier: GPL-2.0-only
#include "booted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* The text before and after the release. */
static const char *const places[][2] = {{"/boot/vmlinuz-", ""},
					{"/usr/lib/modules/", "/vmlinuz"},
					{"/usr/lib/debug/boot/vmlinux-", ""},
					{"/boot/vmlinux-", ""}};

bool booted__place(size_t i, const char *release, char *path, size_t size)
{
	if (i >= sizeof(places) / sizeof(places[0]))
		return false;
	snprintf(path, size, "%s%s%s", places[i][0], release, places[i][1]);
	return true;
}

int booted__open(char *why, size_t why_size)
{
	int fd, err = -ENOENT;
	struct utsname uts;
	char path[256];
	size_t i;

	uname(&uts);
	snprintf(why, why_size, BOOTED_NONE);
	for (i = 0; booted__place(i, uts.release, path, sizeof(path)); i++) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			return fd;
		if (errno == ENOENT || errno == ENOTDIR)
			continue;
		err = -errno;
		snprintf(why, why_size, "cannot open %s: %s", path, strerror(-err));
	}
	return err;
}
