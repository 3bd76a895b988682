// SPDX-License-Identifier: GPL-2.0-only
#include "provoke_race.h"

#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "provoke_check.h"
#include "race/race.h"

#define ANYTHING "…"

const char *provoke_race__command(const struct provoke_options *options)
{
	if (options->run)
		return options->run;
	return options->race->provoke.run.line ? options->race->provoke.run.text : NULL;
}

const char *provoke_race__cannot(const struct provoke_options *options)
{
	if (!options->race->provoke.given)
		return "its file has no [provoke]";
	if (!provoke_race__command(options))
		return "its [provoke] has no run: give --run COMMAND";
	return NULL;
}

bool provoke_race__cannot_happen(struct provoke_result *result,
				 const struct provoke_options *options)
{
	char evidence[512];

	if (!options->race->rule || options->race->rule->cannot == EXPR_NONE ||
	    provoke_check__word(options, 0, evidence, sizeof(evidence)) != CHECK_CANNOT_HAPPEN)
		return false;
	result->verdict = PROVOKE_IMPOSSIBLE;
	result->lacks_side = true;
	snprintf(result->reason, sizeof(result->reason), "cannot happen on this kernel%s%s",
		 evidence[0] ? ": " : "", evidence);
	return true;
}

static bool has_escape(const struct race *race)
{
	int i;

	for (i = 0; i < race->sections; i++)
		if (race->section[i].escapes)
			return true;
	return false;
}

void provoke_race__why(struct provoke_result *result, const struct race *race)
{
	const struct provoke_counts *counts = &result->counts;
	char *reason = result->reason;
	const size_t size = sizeof(result->reason);

	if (!has_escape(race))
		snprintf(reason, size, "its file has no escape, so %s %s nothing",
			 COUNTED(result->overlaps, "overlap"),
			 result->overlaps == 1 ? "proves" : "prove");
	else if (counts->escapes)
		snprintf(reason, size,
			 "%s: each met several of the other side, and which of them was the cause "
			 "is not known",
			 COUNTED(counts->escapes, "likely escape"));
	else if (counts->unattributed)
		snprintf(reason, size, "the escape of %s holds, and nobody was on the other side",
			 COUNTED(counts->unattributed, "interval"));
	else
		provoke_verdict__why(reason, size, counts);
}

/* The parts between each "…", in this order. */
static bool matches(const char *line, const char *pattern)
{
	const char *end;
	char part[RACE_TEXT_MAX];

	for (;;) {
		end = strstr(pattern, ANYTHING);
		snprintf(part, sizeof(part), "%.*s",
			 end ? (int)(end - pattern) : (int)strlen(pattern), pattern);
		line = strstr(line, part);
		if (!line)
			return false;
		line += strlen(part);
		if (!end)
			return true;
		pattern = end + strlen(ANYTHING);
		pattern += strspn(pattern, " ");
	}
}

bool provoke_race__is_danger(const struct race *race, const struct kernel_messages *messages)
{
	unsigned int i;
	int danger;

	for (i = 0; i < messages->lines; i++)
		for (danger = 0; danger < race->dangers; danger++)
			if (matches(messages->line[i], race->danger[danger]))
				return true;
	return false;
}
