// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <stdbool.h>
#include <string.h>

#define CONDITIONS_MAX 4
#define RULES_MAX 7

struct condition {
	enum check_fact_id fact;
	enum check_answer answer;
};

#define IS(id)                       \
	{                            \
		FACT_##id, CHECK_YES \
	}
#define NOT(id)                     \
	{                           \
		FACT_##id, CHECK_NO \
	}

/* A word, and what must hold for it; a list ends at a condition that asks for CHECK_NOT_KNOWN. */
struct rule {
	enum check_word word;
	struct condition condition[CONDITIONS_MAX];
};

/*
 * The first rule that holds gives the word. Where none does, what is missing for the last one is what is
 * said to be missing.
 */
static const struct judgement {
	struct rule rule[RULES_MAX];
	struct check_commit commit;
} judgements[THPRACE_CLASS_MAX] = {
	[THPRACE_SPLIT_UNMAP] =
		{
			.rule =
				{
					{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
					{CHECK_VULNERABLE, {NOT(FLAG)}},
					{CHECK_VULNERABLE, {IS(FLAG), NOT(SPLIT_PASSES)}},
					{CHECK_VULNERABLE, {IS(FLAG), NOT(UNMAP_HONOURS)}},
					{CHECK_FIXED,
					 {IS(FLAG), IS(SPLIT_PASSES), IS(UNMAP_HONOURS)}},
				},
			.commit = {"732ed55823fc3ad998d43b86bf771887bcc5ec67",
				   "mm/thp: try_to_unmap() use TTU_SYNC for safe splitting",
				   "5.13"},
		},
	[THPRACE_SPLIT_MIGRATE] =
		{
			.rule =
				{
					{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
					{CHECK_CANNOT_HAPPEN, {NOT(MIGRATE)}},
					{CHECK_VULNERABLE, {IS(MIGRATE), NOT(FLAG)}},
					{CHECK_VULNERABLE, {IS(FLAG), NOT(MIGRATE_PASSES)}},
					{CHECK_VULNERABLE, {IS(FLAG), NOT(MIGRATE_HONOURS)}},
					{CHECK_FIXED,
					 {IS(FLAG), IS(MIGRATE_PASSES), IS(MIGRATE_HONOURS)}},
				},
			.commit = {"a98a2f0c8ce1b2138cb8e3ae410444dedcc14809",
				   "mm/rmap: split migration into its own function", "5.14"},
		},
	[THPRACE_SPLIT_HEAD] =
		{
			.rule =
				{
					{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
					{CHECK_CANNOT_HAPPEN, {IS(FREEZES)}},
					{CHECK_CANNOT_HAPPEN, {IS(NEW_SPLIT)}},
				},
			.commit = {"e9b61f19858a5d6c42ce2298cf138279375d0d9b",
				   "thp: reintroduce split_huge_page()", "4.5"},
		},
	[THPRACE_HWPOISON_UNMAP] =
		{
			.rule =
				{
					{CHECK_CANNOT_HAPPEN, {NOT(POISON)}},
					{CHECK_VULNERABLE, {IS(POISON), NOT(FLAG)}},
					{CHECK_VULNERABLE, {IS(FLAG), NOT(POISON_PASSES)}},
					{CHECK_VULNERABLE,
					 {IS(POISON), IS(FLAG), NOT(UNMAP_HONOURS)}},
					{CHECK_FIXED,
					 {IS(FLAG), IS(POISON_PASSES), IS(UNMAP_HONOURS)}},
				},
			.commit = {"36af67370e33db2ec48693dd20d6b3cd049e07af",
				   "mm: hwpoison_user_mappings() try_to_unmap() with TTU_SYNC",
				   "5.14"},
		},
	[THPRACE_TRUNCATE_UNMAP] =
		{
			.rule =
				{
					{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
					{CHECK_VULNERABLE, {NOT(UNMAP_SINGLE)}},
					{CHECK_VULNERABLE, {NOT(ZAP_SINGLE)}},
					{CHECK_VULNERABLE, {IS(UNMAP_SINGLE), NOT(TRUNCATE_CALLS)}},
					{CHECK_FIXED,
					 {IS(UNMAP_SINGLE), IS(ZAP_SINGLE), IS(TRUNCATE_CALLS)}},
				},
			.commit =
				{"22061a1ffabdb9c3385de159c5db7aac3a4df1cc",
				 "mm/thp: unmap_mapping_page() to fix THP truncate_cleanup_page()",
				 "5.13"},
		},
	[THPRACE_INVALIDATE_UNMAP] =
		{
			.rule =
				{
					{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
					{CHECK_VULNERABLE, {NOT(UNMAP_SINGLE)}},
					{CHECK_VULNERABLE, {NOT(ZAP_SINGLE)}},
					{CHECK_VULNERABLE,
					 {IS(UNMAP_SINGLE), NOT(INVALIDATE_CALLS)}},
					{CHECK_FIXED,
					 {IS(UNMAP_SINGLE), IS(ZAP_SINGLE), IS(INVALIDATE_CALLS)}},
				},
			.commit =
				{"22061a1ffabdb9c3385de159c5db7aac3a4df1cc",
				 "mm/thp: unmap_mapping_page() to fix THP truncate_cleanup_page()",
				 "5.13"},
		},
	[THPRACE_COLLAPSE_REUSE] =
		{
			.rule =
				{
					{CHECK_CANNOT_HAPPEN, {NOT(THP)}},
					{CHECK_CANNOT_HAPPEN, {NOT(CARRIES)}},
					{CHECK_CANNOT_HAPPEN, {IS(NUMA)}},
					{CHECK_VULNERABLE, {IS(CARRIES), NOT(NUMA), NOT(RELEASES)}},
					{CHECK_FIXED, {IS(CARRIES), NOT(NUMA), IS(RELEASES)}},
				},
			.commit = {"033b5d77551167f8c24ca862ce83d3e0745f9245",
				   "mm/khugepaged: fix filemap page_to_pgoff(page) != offset",
				   "5.9"},
		},
};

static size_t conditions(const struct rule *rule)
{
	size_t i = 0;

	while (i < CONDITIONS_MAX && rule->condition[i].answer != CHECK_NOT_KNOWN)
		i++;
	return i;
}

static bool holds(const struct check_facts *facts, const struct rule *rule)
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

/* What is known for the last rule, and then what is not. */
static void say_missing(const struct check_facts *facts, const struct rule *rule,
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
	const struct judgement *judgement = &judgements[class];
	const struct rule *rule = NULL;
	size_t i, j;

	memset(result, 0, sizeof(*result));
	result->word = CHECK_UNKNOWN;
	for (i = 0; i < RULES_MAX && conditions(&judgement->rule[i]); i++) {
		rule = &judgement->rule[i];
		if (!holds(facts, rule))
			continue;
		result->word = rule->word;
		for (j = 0; j < conditions(rule); j++)
			take(result, &facts->fact[rule->condition[j].fact]);
		return;
	}
	if (rule)
		say_missing(facts, rule, result);
}

const struct check_commit *check__commit(enum thprace_class class)
{
	return &judgements[class].commit;
}
