// SPDX-License-Identifier: GPL-2.0-only
/* libkdumpfile cannot be linked statically on Debian: a static `thprace recover` says so. */
#include "dump/dump_file.h"

#include <errno.h>
#include <stdio.h>

int dump_file__open(struct dump_file **file, const char *path, char *why, size_t why_size)
{
	(void)path;
	*file = NULL;
	snprintf(why, why_size,
		 "this is a static thprace, built without libkdumpfile: recover the dump with a "
		 "thprace of a package");
	return -ENOTSUP;
}

const struct memory *dump_file__memory(const struct dump_file *file)
{
	(void)file;
	return NULL;
}

const char *dump_file__format(const struct dump_file *file)
{
	(void)file;
	return "";
}

void dump_file__close(struct dump_file *file)
{
	(void)file;
}
