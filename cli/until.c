// SPDX-License-Identifier: GPL-2.0-only
#include "until.h"
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "base/number.h"
#include "classes/race_class.h"
#include "engine/engine.h"

static const char *const what_names[UNTIL_WHAT_MAX] = {
	"walkers", "overlaps", "contained", "escapes", "remained", "unattributed",
};

void until__parse(struct until *until, const char *arg, struct argp_state *state)
{
	const char *equals = strchr(arg, '=');
	char name[64], *colon;
	uint64_t count = 0;

	if (until->nr == UNTIL_MAX)
		argp_error(state, "at most %d conditions to wait for", UNTIL_MAX);
	if (!equals || number__parse(equals + 1, 1, UINT64_MAX, &count) ||
	    (size_t)(equals - arg) >= sizeof(name))
		argp_error(state, "'%s' is not WHAT=N or WHAT:CLASS=N, such as overlaps:%s=3", arg,
			   names__class(1));
	snprintf(name, sizeof(name), "%.*s", (int)(equals - arg), arg);
	colon = strchr(name, ':');
	if (colon)
		*colon = '\0';
	until->wanted[until->nr].what = (enum until_what)cli__parse_name(
		"count", what_names, 0, UNTIL_WHAT_MAX, name, state);
	until->wanted[until->nr].class = colon ? cli__parse_class(colon + 1, state)
					       : THPRACE_CLASS_NONE;
	until->wanted[until->nr++].count = count;
}

static uint64_t of_class(const struct session_totals *totals, enum until_what what, int class)
{
	const struct verdict_counts *counts = &totals->classes[class];

	switch (what) {
	case UNTIL_WALKERS:
		return totals->counters.sum.walkers[class];
	case UNTIL_OVERLAPS:
		return counts->overlaps;
	case UNTIL_CONTAINED:
		return counts->contained;
	case UNTIL_ESCAPES:
		return counts->escapes;
	case UNTIL_REMAINED:
		return counts->remained;
	case UNTIL_UNATTRIBUTED:
		return counts->unattributed;
	default:
		return 0;
	}
}

static uint64_t seen(const struct until *until, unsigned int i, const struct session_totals *totals,
		     enum thprace_class class)
{
	const enum until_what what = until->wanted[i].what;
	uint64_t sum = 0;
	unsigned int c;

	if (until->wanted[i].class)
		class = until->wanted[i].class;
	if (class)
		return of_class(totals, what, class);
	for (c = 1; c < race_class__foreign_end(); c++)
		sum += of_class(totals, what, c);
	return sum;
}

bool until__met(const struct until *until, const struct session_totals *totals,
		enum thprace_class class)
{
	unsigned int i;

	for (i = 0; i < until->nr; i++)
		if (seen(until, i, totals, class) < until->wanted[i].count)
			return false;
	return until->nr > 0;
}

const char *until__lacks(char *buf, size_t size, const struct until *until,
			 const struct session_totals *totals, enum thprace_class class)
{
	uint64_t there;
	size_t used = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < until->nr && used < size; i++) {
		there = seen(until, i, totals, class);
		if (there >= until->wanted[i].count)
			continue;
		used += (size_t)snprintf(
			buf + used, size - used, "%s%s%s%s %" PRIu64 " of %" PRIu64,
			used ? ", " : "", what_names[until->wanted[i].what],
			until->wanted[i].class ? ":" : "",
			until->wanted[i].class ? names__class(until->wanted[i].class) : "", there,
			until->wanted[i].count);
	}
	return buf;
}

enum thprace_class until__hopeless(const struct until *until, const struct engine *engine)
{
	unsigned int i;

	for (i = 0; i < until->nr; i++)
		if (until->wanted[i].class &&
		    engine__not_observable(engine, until->wanted[i].class))
			return until->wanted[i].class;
	return THPRACE_CLASS_NONE;
}
