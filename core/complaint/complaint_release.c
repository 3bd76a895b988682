// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which classes a release is open to, for logs of kernels that nobody can ask any more. Of mainline and stable:
 *
 * - the races of 2014 (a split's walk that misses a PMD under zap) came with 3.13 (117b0791ac42) and
 *   went with 3.15 (b5a8cad376ee); since 4.5 a split freezes the reference count: no split-head;
 * - splits came to walk page tables without the lock again with 4.5, got TTU_SYNC with 5.13 and 5.10.47;
 * - huge pages of files came with 4.8 (shmem) and 5.4 (others; invalidate_inode_pages2 never sees shmem's);
 *   unmap_mapping_page() with 5.13 and 5.10.47;
 * - try_to_migrate() came with 5.14, with TTU_SYNC from the first day;
 * - memory_failure() got TTU_SYNC with 5.14, no 5.10 did;
 * - collapse_file() took huge pages over until 5.19, checked since 5.9.
 */
#include "complaint.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define VERSION(major, minor) ((major) << 8 | (minor))
#define FOREVER 0xffffffff

static const struct {
	uint32_t since, until; /* open from the one on, until the other has it fixed */
	uint32_t gone; /* from here on it cannot happen; before, it is closed */
	uint32_t
		stable; /* the last number of a stable release that is open in 5.10, plus 1; 0: all */
	enum thprace_class class;
} ranges[] = {
	{VERSION(3, 13), VERSION(3, 15), FOREVER, 0, THPRACE_SPLIT_UNMAP},
	{VERSION(4, 5), VERSION(5, 13), FOREVER, 47, THPRACE_SPLIT_UNMAP},
	{VERSION(5, 14), VERSION(5, 13), FOREVER, 0, THPRACE_SPLIT_MIGRATE},
	{VERSION(3, 13), VERSION(3, 15), VERSION(4, 5), 0, THPRACE_SPLIT_HEAD},
	{VERSION(2, 6), VERSION(5, 14), FOREVER, 0, THPRACE_HWPOISON_UNMAP},
	{VERSION(4, 8), VERSION(5, 13), FOREVER, 47, THPRACE_TRUNCATE_UNMAP},
	{VERSION(5, 4), VERSION(5, 13), FOREVER, 47, THPRACE_INVALIDATE_UNMAP},
	{VERSION(4, 8), VERSION(5, 9), VERSION(6, 0), 0, THPRACE_COLLAPSE_REUSE},
};

struct release {
	uint32_t version;
	uint32_t
		fixes; /* the version whose fixes it surely has: a candidate ("-rc3") has the last one's */
	uint32_t patch;
};

/* "5.10.16-1-default" */
static bool read_release(const char *text, struct release *release)
{
	unsigned long major, minor;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	major = strtoul(text, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return false;
	minor = strtoul(end + 1, &end, 10);
	if (major > 255 || minor > 255)
		return false;
	release->version = release->fixes = VERSION((uint32_t)major, (uint32_t)minor);
	release->patch = 0;
	if (*end == '.' && isdigit((unsigned char)end[1]))
		release->patch = (uint32_t)strtoul(end + 1, &end, 10);
	if (!release->patch && !strncmp(end, "-rc", 3) && release->fixes)
		release->fixes--;
	return true;
}

uint32_t complaint__possible(const char *release, uint32_t *closed)
{
	struct release read;
	uint32_t possible = 0;
	size_t i;

	*closed = 0;
	if (!read_release(release, &read))
		return (1U << THPRACE_CLASS_MAX) - 2;
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint32_t bit = 1U << ranges[i].class;

		if (read.version < ranges[i].since || read.version >= ranges[i].gone)
			continue;
		if (read.fixes < ranges[i].until &&
		    (read.version != VERSION(5, 10) || !ranges[i].stable ||
		     read.patch < ranges[i].stable))
			possible |= bit;
		else
			*closed |= bit;
	}
	*closed &= ~possible;
	return possible;
}
