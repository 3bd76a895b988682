// SPDX-License-Identifier: GPL-2.0-only
#include "kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define KALLSYMS "/proc/kallsyms"

static int kept = -1;

int kallsyms__keep(void)
{
	if (kept < 0)
		kept = open(KALLSYMS, O_RDONLY | O_CLOEXEC);
	return kept < 0 ? -errno : 0;
}

FILE *kallsyms__open(void)
{
	FILE *file;
	int fd;

	if (kept < 0)
		return fopen(KALLSYMS, "re");
	fd = fcntl(kept, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return NULL;
	/* Both descriptors have one position. */
	if (lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return NULL;
	}
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}
