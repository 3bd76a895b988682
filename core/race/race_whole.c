// SPDX-License-Identifier: GPL-2.0-only
#include "race_whole.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "race_parse.h"

#define WHERE_MAX 320

void race_whole__complain(struct ini_errors *errors, const struct race *race, unsigned int line,
			  unsigned int column, const char *format, ...)
{
	char where[WHERE_MAX], text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (column)
		snprintf(where, sizeof(where), "%.250s:%u:%u", race->path, line, column);
	else
		snprintf(where, sizeof(where), "%.250s:%u", race->path, line);
	ini_errors__add(errors, -EINVAL, where, "%s", text);
}

static void check_side(struct ini_errors *errors, const struct race *race,
		       const struct race_section *section, bool windows)
{
	const char *role = race__role(section->role);
	unsigned int line = section->line;

	if (!section->begin.places)
		race_whole__complain(errors, race, line, 0, "[%s] has no %s", role,
				     section->role == RACE_WINDOW ? "open" : "enter, and no at");
	if (section->instant && section->end.places)
		race_whole__complain(errors, race, line, 0,
				     "[walker] has at, which is an instant, and leave");
	if (!section->instant && !section->end.places)
		race_whole__complain(errors, race, line, 0, "[%s] has no %s", role,
				     section->role == RACE_WINDOW ? "close" : "leave");
	if (section->instant && (section->drop.places || section->learn.places || section->events))
		race_whole__complain(
			errors, race, line, 0,
			"[walker] has at, which is an instant: it has no drop, learn and event");
	if (windows && !section->key.ways)
		race_whole__complain(errors, race, line, 0, "[%s] has no key", role);
	if (section->to.ways && !section->from.ways)
		race_whole__complain(errors, race, line, 0, "[%s] has to without from", role);
	if (!section->from.ways != !race->section[0].from.ways)
		race_whole__complain(errors, race, line, 0,
				     "either all windows and walkers have a range (from, to), or "
				     "none");
	if (section->learn.places && !section->key.ways)
		race_whole__complain(errors, race, line, 0, "[%s] has learn, and no key", role);
}

static bool is_one_of(const struct race_names *names, const char *name)
{
	int i;

	for (i = 0; i < names->count; i++)
		if (!strcmp(names->name[i], name))
			return true;
	return false;
}

/* Does it take place in one of these functions? */
static bool is_in(const struct race_event *event, const struct race_names *names)
{
	const struct race_place *place;
	int i;

	for (i = 0; i < event->places; i++) {
		place = &event->place[i];
		if (is_one_of(names, place->in[0] ? place->in : place->function))
			return true;
	}
	return false;
}

/* Only where it is known in which interval the task waits is it known whether anything overlapped it. */
static void check_part(struct ini_errors *errors, struct race *race)
{
	struct race_provoke *provoke = &race->provoke;
	const struct race_section *section;
	int i, part;

	for (i = 0; i < race->sections; i++) {
		section = &race->section[i];
		provoke->section = i;
		for (part = 0; part < provoke->parts && !section->instant; part++)
			if (is_in(&section->begin, &provoke->part[part].in) ||
			    is_in(&section->end, &provoke->part[part].in))
				return;
	}
	race_whole__complain(errors, race, provoke->hold.line, provoke->hold.column,
			     "no [window] and no [walker] begins or ends in %s",
			     provoke->part[0].in.name[0]);
}

static void check_hold(struct ini_errors *errors, struct race *race)
{
	const struct race_provoke *provoke = &race->provoke;
	int i, event;

	if (!provoke->given || !provoke->hold.line)
		return;
	if (provoke->parts)
		check_part(errors, race);
	if (provoke->what != RACE_HOLD_EVENT)
		return;
	for (i = 0; i < race->sections; i++)
		for (event = 0; event < race->section[i].events; event++)
			if (!strcmp(race->section[i].event[event].name, provoke->name))
				return;
	race_whole__complain(errors, race, provoke->hold.line, provoke->hold.column,
			     "there is no event '%s'; " RACE_HOLDS " expected", provoke->name);
}

void race_whole__check(struct race *race, bool has_head, struct ini_errors *errors)
{
	const struct race_section *section;
	bool windows = false, walkers = false, escapes = false;
	int i;

	if (!race->name[0] || !race->title[0])
		ini_errors__add(errors, -EINVAL, race->path, "%s",
				!has_head	 ? "there is no [race]"
				: !race->name[0] ? "[race] has no name"
						 : "[race] has no title");
	for (i = 0; i < race->sections; i++) {
		section = &race->section[i];
		windows |= section->role == RACE_WINDOW;
		walkers |= section->role == RACE_WALKER;
		escapes |= section->escapes > 0;
	}
	for (i = 0; i < race->sections; i++)
		check_side(errors, race, &race->section[i], windows);
	if (windows && !walkers)
		ini_errors__add(errors, -EINVAL, race->path,
				"there is no [walker], which would overlap the windows");
	else if (walkers && !windows && !escapes)
		ini_errors__add(errors, -EINVAL, race->path,
				"there is neither a [window] nor an escape: nothing would be "
				"observed");
	else if (!walkers && !race->rule)
		ini_errors__add(errors, -EINVAL, race->path,
				"there is neither a [walker] nor a [check]");
	check_hold(errors, race);
	if (race->provoke.given && !race->provoke.hold.line)
		ini_errors__add(errors, -EINVAL, race->path, "[provoke] has no hold");
}
