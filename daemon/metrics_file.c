// SPDX-License-Identifier: GPL-2.0-only
/* The metrics as a file, for node_exporter. */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE 0644

static int write_all(int fd, const char *text, size_t length)
{
	ssize_t written;

	while (length) {
		written = write(fd, text, length);
		if (written < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

/*
 * No fsync: readers need either the old or the new text, which rename() alone ensures. After a
 * power loss the text would belong to an earlier boot.
 */
int metrics__write(const char *path, const char *text)
{
	char *temporary;
	int fd, err;

	/* Not *.prom, so that node_exporter ignores it. */
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC); /* O_EXCL, random suffix */
	if (fd < 0) {
		err = -errno;
		free(temporary);
		return err;
	}
	err = write_all(fd, text, strlen(text));
	if (!err && fchmod(fd, MODE))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
	free(temporary);
	return err;
}
