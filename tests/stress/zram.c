// SPDX-License-Identifier: GPL-2.0-only
/* Swap on /dev/zram0, which is synchronous and needs no disk: for the loads that page out. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#include "stress.h"

#define DEVICE "/dev/zram0"
#define SYSFS "/sys/block/zram0/"

long zram__meminfo(const char *what)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	long kib = -4;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, what, strlen(what)))
			kib = strtol(line + strlen(what), NULL, 10);
	if (file)
		fclose(file);
	return kib / 4;
}

int zram__check(struct stress *s)
{
	char text[256];

	if (support__read(SYSFS "disksize", text, sizeof(text)))
		return stress__refuse(s, -EOPNOTSUPP, "no " DEVICE ": needs the module zram");
	if (strcmp(text, "0"))
		return stress__refuse(s, -EBUSY, DEVICE " is in use");
	if (geteuid())
		return stress__refuse(s, -EPERM, "needs root: it swaps");
	if (zram__meminfo("SwapTotal:"))
		return stress__refuse(s, -EBUSY, "there is other swap, which it would fill");
	return 0;
}

/* The header of a swap area, version 1: include/linux/swap.h. */
static int make_swap(struct stress *s, unsigned int pages)
{
	static char page[STRESS_PAGE];
	uint32_t header[2] = {1, pages - 1};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	bool ok;

	memcpy(page + 1024, header, sizeof(header));
	memcpy(page + STRESS_PAGE - 10, "SWAPSPACE2", 10);
	ok = fd >= 0 && write(fd, page, sizeof(page)) == (ssize_t)sizeof(page) && !fsync(fd);
	if (fd >= 0)
		close(fd);
	if (!ok || swapon(DEVICE, 0))
		return stress__refuse(s, -errno, "cannot swap to " DEVICE ": %s", strerror(errno));
	return 0;
}

int zram__swap_on(struct stress *s, unsigned int pages)
{
	char size[32];
	int err;

	snprintf(size, sizeof(size), "%lu", pages * STRESS_PAGE);
	err = support__write(SYSFS "disksize", size);
	if (err)
		return stress__refuse(s, err, "cannot set the size of " DEVICE ": %s",
				      strerror(-err));
	return make_swap(s, pages);
}

void zram__swap_off(void)
{
	swapoff(DEVICE);
	support__write(SYSFS "reset", "1");
}
