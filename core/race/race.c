// SPDX-License-Identifier: GPL-2.0-only
#include "race.h"

#include <stdio.h>
#include <stdlib.h>

#include "race_parse.h"

void race__free(struct race *race)
{
	int i;

	for (i = 0; race && i < race->sections; i++)
		race_parse__release(&race->section[i]);
	if (race)
		free(race->rule);
	free(race);
}

const char *race__role(enum race_role role)
{
	return role == RACE_WINDOW ? "window" : "walker";
}

const char *race__place(const struct race_place *place, char buf[RACE_PLACE_TEXT_MAX])
{
	static const char *const forms[] = {
		[RACE_AT_ENTRY] = "entry",
		[RACE_AT_RETURN] = "return",
		[RACE_AT_CALL] = "call",
		[RACE_AT_RETURN_OF] = "return",
	};

	if (place->in[0])
		snprintf(buf, RACE_PLACE_TEXT_MAX, "%s of %s in %s", forms[place->at],
			 place->function, place->in);
	else
		snprintf(buf, RACE_PLACE_TEXT_MAX, "%s %s", place->function, forms[place->at]);
	return buf;
}

bool race__has_range(const struct race *race)
{
	return race->sections && race->section[0].from.ways;
}
