/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts about a kernel, each with what shows it. */
#ifndef THPRACE_CHECK_FACTS_H
#define THPRACE_CHECK_FACTS_H

struct check_source;

enum check_answer {
	CHECK_NOT_KNOWN = 0,
	CHECK_NO,
	CHECK_YES,
};

enum check_kind {
	CHECK_BY_BTF,
	CHECK_BY_SYMBOL,
	CHECK_BY_CONFIG,
	CHECK_BY_CODE,
	CHECK_BY_WATCH, /* seen on the running kernel: core/check/check_watch.c */
	CHECK_KIND_MAX
};

#define CHECK_KIND_NAMES                                   \
	{                                                  \
		"BTF", "symbol", "config", "code", "watch" \
	}

#define CHECK_TEXT_MAX 240

struct check_fact {
	enum check_answer answer;
	enum check_kind kind; /* what showed it; of what is not known: what would */
	char text[CHECK_TEXT_MAX]; /* of what is not known: what is missing, and why */
};

enum check_fact_id {
	FACT_THP, /* huge mappings are zapped: zap_huge_pmd */
	FACT_FLAG, /* enum ttu_flags has TTU_SYNC */
	FACT_SPLIT_PASSES, /* a split passes it to try_to_unmap */
	FACT_UNMAP_HONOURS, /* try_to_unmap_one walks with PVMW_SYNC then */
	FACT_MIGRATE, /* there is try_to_migrate */
	FACT_MIGRATE_PASSES, /* a split passes the flag to it */
	FACT_MIGRATE_HONOURS, /* try_to_migrate_one walks with PVMW_SYNC then */
	FACT_MIGRATE_ENDS, /* it ends its walk after it has split a huge pmd: core/check/check_defect.c */
	FACT_FREEZES, /* a split freezes the reference count: seen in code */
	FACT_NEW_SPLIT, /* the split of 4.5, which does so, by its functions */
	FACT_POISON, /* there is memory_failure */
	FACT_POISON_PASSES, /* it passes the flag to try_to_unmap */
	FACT_UNMAP_SINGLE, /* unmap_mapping_page or _folio */
	FACT_ZAP_SINGLE, /* struct zap_details names the one page that is unmapped */
	FACT_TRUNCATE_CALLS, /* truncation calls it */
	FACT_INVALIDATE_CALLS, /* invalidate_inode_pages2_range calls it */
	FACT_CARRIES, /* collapse_file gets a huge page from its caller */
	FACT_NUMA, /* CONFIG_NUMA */
	FACT_RELEASES, /* khugepaged gives up a page that others hold */
	FACT_MAX
};

struct check_facts {
	struct check_fact fact[FACT_MAX];
};

/* Find out all of them. */
void check_facts__gather(struct check_facts *facts, const struct check_source *source);

#endif
