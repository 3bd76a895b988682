// SPDX-License-Identifier: GPL-2.0-only
/* Limits the memory of a verb that reads files of other users. */
#include "cli.h"

#include <sys/resource.h>

/* For data, so that with its code and libraries the program stays below 64 MiB. */
#define DATA_MAX (54UL << 20)

void cli__bound_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	struct rlimit limit;

	if (getrlimit(RLIMIT_DATA, &limit) || limit.rlim_cur <= DATA_MAX)
		return;
	limit.rlim_cur = DATA_MAX;
	setrlimit(RLIMIT_DATA, &limit);
#endif
}
