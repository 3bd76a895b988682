// SPDX-License-Identifier: GPL-2.0-only
#include "race_find.h"

#include <stdbool.h>
#include <string.h>

#include "cli.h"

static bool is_file(const char *given)
{
	return strchr(given, '/') || strchr(given, '.');
}

const struct race *race_find(const char *verb, struct race_files *files, const char *given)
{
	const struct race_file *file = is_file(given) ? race_files__add(files, given)
						      : race_files__find(files, given);
	const char *why = file ? file->why
			       : "there is no race of this name in the folders of thprace.race(5)";

	if (file && file->race)
		return file->race;
	/* An error names its file. */
	cli__fail_lines(verb, file ? NULL : given, why);
	return NULL;
}
