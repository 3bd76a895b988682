// SPDX-License-Identifier: GPL-2.0-only
#include "provoke_check.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "check/check.h"
#include "check/check_race.h"
#include "check/check_source.h"
#include "race/race.h"

static enum check_status word_of_race(const struct check_source *source, const struct race *race,
				      char *evidence, size_t size)
{
	struct check_race_result result;

	if (!race->rule)
		return CHECK_UNKNOWN;
	check_race__judge(&result, source, race);
	if (result.nr_evidence)
		snprintf(evidence, size, "%s", result.evidence[0].text);
	return result.status;
}

static enum check_status word_of_class(const struct check_source *source, enum thprace_class class,
				       char *evidence, size_t size)
{
	struct check_result result;
	struct check_facts facts;

	check_facts__gather(&facts, source);
	check__judge(&facts, class, &result);
	/* The last one decides: those before it say that the two sides are there. */
	if (result.nr_evidence)
		snprintf(evidence, size, "%s", result.evidence[result.nr_evidence - 1]->text);
	return result.status;
}

enum check_status provoke_check__word(const struct provoke_options *options,
				      enum thprace_class class, char *evidence, size_t size)
{
	const struct check_files files = {.btf = options->btf};
	CLEANUP(check_source__release) struct check_source source = {0};
	char why[256];

	evidence[0] = '\0';
	if (check_source__open(&source, &files, why, sizeof(why)))
		return CHECK_UNKNOWN;
	if (options->race)
		return word_of_race(&source, options->race, evidence, size);
	return word_of_class(&source, class, evidence, size);
}

void provoke_check__confirm(struct provoke_result *result, const struct provoke_options *options)
{
	char evidence[512];

	if (result->verdict != PROVOKE_CLOSED)
		return;
	result->asked = true;
	result->check = provoke_check__word(options, result->class, evidence, sizeof(evidence));
	if (result->check != CHECK_VULNERABLE)
		return;
	result->verdict = PROVOKE_NOT_SHOWN;
	snprintf(
		result->reason, sizeof(result->reason),
		"%s and no escape, but the kernel's code lacks the fix, so this run missed what is "
		"rare%s%s",
		COUNTED(result->counts.contained, "contained overlap"), evidence[0] ? ": " : "",
		evidence);
}
