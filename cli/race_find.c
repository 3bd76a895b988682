// SPDX-License-Identifier: GPL-2.0-only
#include "race_find.h"

#include <stdbool.h>
#include <string.h>

#include "classes/race_class.h"
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

void race_find__name(const char *given)
{
	static const char *const event[RACE_EVENTS];
	struct race_files files = {.count = 0};
	const struct race_file *file = is_file(given) ? race_files__add(&files, given) : NULL;

	if (file && file->race)
		race_class__add_file(file->race->name, event);
	race_files__release(&files);
}
