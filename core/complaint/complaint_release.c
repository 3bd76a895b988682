// SPDX-License-Identifier: GPL-2.0-only
/* To which classes a release is open, for logs of kernels that are not available any more. */
#include "complaint.h"

#include <ctype.h>
#include <string.h>

#include "base/number.h"
#include "classes/race_class.h"

struct release {
	uint32_t version;
	uint32_t fixes; /* the version whose fixes it certainly has: for a candidate ("-rc3"), the
		        * previous one */
	uint32_t patch;
};

/* "5.10.16-1-default" */
static bool read_release(const char *text, struct release *release)
{
	uint64_t major, minor, patch = 0;

	if (!number__release(&text, &major, &minor) || major > 255 || minor > 255)
		return false;
	release->version = release->fixes = RACE_VERSION((uint32_t)major, (uint32_t)minor);
	if (*text == '.') {
		text++;
		number__take(&text, 10, &patch);
	}
	release->patch = (uint32_t)patch;
	if (!release->patch && !strncmp(text, "-rc", 3) && release->fixes)
		release->fixes--;
	return true;
}

/*
 * After the version: a distribution's package ("-56-cloud-amd64", "-0.rc1.fc33", ".el6"), a tree of
 * upstream ("+", "-next-20241220", "-syzkaller"). Any other text is CONFIG_LOCALVERSION.
 */
bool complaint__own_build(const char *release)
{
	static const char *const upstream[] = {"+", ".", "-next", "-syzkaller"};
	uint64_t number;
	size_t i;

	if (!number__release(&release, &number, &number))
		return false;
	while (*release == '.' && isdigit((unsigned char)release[1])) {
		release++;
		number__take(&release, 10, &number);
	}
	if (!strncmp(release, "-rc", 3)) {
		release += 3;
		number__take(&release, 10, &number);
	}
	for (i = 0; i < sizeof(upstream) / sizeof(upstream[0]); i++)
		if (!strncmp(release, upstream[i], strlen(upstream[i])))
			return false;
	return *release && !(*release == '-' && isdigit((unsigned char)release[1]));
}

/* Is this release open to the class, or closed? Adds the class's bit to the right set. */
static void judge(const struct release *read, const struct race_releases *releases, uint32_t bit,
		  uint32_t *possible, uint32_t *closed)
{
	if (read->version < releases->since || read->version >= releases->gone)
		return;
	if (read->fixes < releases->until && (read->version != RACE_VERSION(5, 10) ||
					      !releases->stable || read->patch < releases->stable))
		*possible |= bit;
	else
		*closed |= bit;
}

uint32_t complaint__possible(const char *release, uint32_t *closed)
{
	const struct race_class *race;
	struct release read;
	uint32_t possible = 0;
	unsigned int class;
	size_t i;

	*closed = 0;
	if (!read_release(release, &read))
		return race_class__all();
	for (class = 1; class < race_class__end(); class ++) {
		race = race_class__of(class);
		for (i = 0; i < RACE_RELEASES_MAX && race->releases[i].since; i++)
			judge(&read, &race->releases[i], 1U << class, &possible, closed);
	}
	*closed &= ~possible;
	return possible;
}
