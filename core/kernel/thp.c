// SPDX-License-Identifier: GPL-2.0-only
#include "thp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

/* The first line of a file; "" if there is none. */
static void read_line(const char *folder, const char *name, char *line, size_t size)
{
	char path[256];
	FILE *file;

	*line = '\0';
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(line, (int)size, file))
		*line = '\0';
	fclose(file);
}

/* "always [madvise] never": the word in brackets. */
static void read_chosen(const char *folder, const char *name, char *word, size_t size)
{
	char line[128];
	char *begin;

	read_line(folder, name, line, sizeof(line));
	begin = strchr(line, '[');
	snprintf(word, size, "%.*s", begin ? (int)strcspn(begin + 1, "]\n") : 0,
		 begin ? begin + 1 : "");
}

const char *thp__enabled(const char *folder, char *buf, size_t size)
{
	char bytes[32], name[64];
	const char *at = bytes;
	uint64_t huge = 0;

	/* 6.8+: each size has its own setting, which may be "inherit". */
	read_line(folder, "hpage_pmd_size", bytes, sizeof(bytes));
	number__take(&at, 10, &huge);
	snprintf(name, sizeof(name), "hugepages-%" PRIu64 "kB/enabled", huge / 1024);
	read_chosen(folder, name, buf, size);
	if (!*buf || !strcmp(buf, "inherit"))
		read_chosen(folder, "enabled", buf, size);
	return buf;
}
