// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <stdbool.h>
#include <string.h>
#include "classes/race_class.h"

static size_t conditions(const struct check_rule *rule)
{
	size_t i = 0;

	while (i < CHECK_CONDITIONS_MAX && rule->condition[i].answer != CHECK_NOT_KNOWN)
		i++;
	return i;
}

static bool holds(const struct check_facts *facts, const struct check_rule *rule)
{
	size_t i, count = conditions(rule);

	for (i = 0; i < count; i++)
		if (facts->fact[rule->condition[i].fact].answer != rule->condition[i].answer)
			return false;
	return count > 0;
}

static void take(struct check_result *result, const struct check_fact *fact)
{
	if (fact->text[0] && result->nr_evidence < CHECK_EVIDENCE_MAX)
		result->evidence[result->nr_evidence++] = fact;
}

/* First what is known for the last rule, then what is not. */
static void name_missing(const struct check_facts *facts, const struct check_rule *rule,
			 struct check_result *result)
{
	size_t i, count = conditions(rule);
	const struct check_fact *fact;
	int known;

	for (known = 1; known >= 0; known--) {
		for (i = 0; i < count; i++) {
			fact = &facts->fact[rule->condition[i].fact];
			if ((fact->answer != CHECK_NOT_KNOWN) == known)
				take(result, fact);
		}
	}
}

void check__judge(const struct check_facts *facts, enum thprace_class class,
		  struct check_result *result)
{
	const struct race_class *race = race_class__of(class);
	const struct check_rule *rule = NULL;
	size_t i, j;

	memset(result, 0, sizeof(*result));
	result->status = CHECK_UNKNOWN;
	for (i = 0; i < CHECK_RULES_MAX && conditions(&race->rule[i]); i++) {
		rule = &race->rule[i];
		if (!holds(facts, rule))
			continue;
		result->status = rule->status;
		for (j = 0; j < conditions(rule); j++)
			take(result, &facts->fact[rule->condition[j].fact]);
		return;
	}
	if (rule)
		name_missing(facts, rule, result);
}

const struct check_commit *check__commit(enum thprace_class class)
{
	return &race_class__of(class)->commit;
}
