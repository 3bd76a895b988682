// SPDX-License-Identifier: GPL-2.0-only
#include "kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

#define KALLSYMS "/proc/kallsyms"

static int kept = -1;
static const FILE *latest;

int kallsyms__keep(void)
{
	if (kept < 0)
		kept = open(KALLSYMS, O_RDONLY | O_CLOEXEC);
	return kept < 0 ? -errno : 0;
}

static FILE *open_kept(void)
{
	CLEANUP(cleanup__fd) int fd = fcntl(kept, F_DUPFD_CLOEXEC, 3);
	FILE *file;

	/* Both descriptors share one position. */
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return NULL;
	file = fdopen(fd, "r");
	if (file)
		cleanup__take_fd(&fd);
	return file;
}

FILE *kallsyms__open(void)
{
	/*
	 * The kernel returns at most a page and starts over at each read; stdio would ask for 1
	 * KiB.
	 */
	static char buffer[4096];
	FILE *file = kept < 0 ? fopen(KALLSYMS, "re") : open_kept();

	if (file)
		setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	latest = file;
	return file;
}

bool kallsyms__is_latest(const FILE *file)
{
	return file == latest;
}
