// SPDX-License-Identifier: GPL-2.0-only
#include "check_defect.h"

#include <stdio.h>

/*
 * try_to_migrate_one() returned false once it had split a huge pmd, which ends the walk over the mappings.
 * Its twin, try_to_unmap_one(), has always gone on (6.10, where it began to split within the walk).
 */
static const struct check_defect migrate_ends = {
	.text = "try_to_migrate ends its walk after the first huge mapping: where a fork shares an "
		"anonymous huge page, the other mappings stay and each split of it fails, without a "
		"race",
	.cause = {"60fbb14396d5",
		  "mm/huge_memory: adjust try_to_migrate_one() and split_huge_pmd_locked()",
		  "6.16"},
	.mend = {"939080834fef3ce42fdbcfef33fd29c9ffe5bbed",
		 "mm/huge_memory: fix early failure try_to_migrate() when split huge pmd for shared "
		 "THP",
		 "7.0"},
	.stable = "6.18.20 and 6.19.10",
};

const struct check_defect *check_defect__of(enum thprace_class class)
{
	return class == THPRACE_SPLIT_MIGRATE ? &migrate_ends : NULL;
}

size_t check_defect__shown(const struct check_facts *facts, const struct check_watch *watch,
			   enum thprace_class class,
			   const struct check_fact *shown[CHECK_DEFECT_FACTS_MAX])
{
	const struct check_fact *of[CHECK_DEFECT_FACTS_MAX] = {
		facts ? &facts->fact[FACT_MIGRATE_ENDS] : NULL,
		watch ? &watch->ends[class] : NULL,
	};
	size_t i, count = 0, yes = 0;

	if (!check_defect__of(class))
		return 0;
	for (i = 0; i < CHECK_DEFECT_FACTS_MAX; i++) {
		if (!of[i] || of[i]->answer == CHECK_NOT_KNOWN)
			continue;
		shown[count++] = of[i];
		yes += of[i]->answer == CHECK_YES;
	}
	return yes ? count : 0;
}

const char *check_defect__since(const struct check_defect *defect, char *buf, size_t size)
{
	snprintf(buf, size, "since %s (%.12s), mended in %s (%.12s) and by stable releases: %s",
		 defect->cause.version, defect->cause.hash, defect->mend.version, defect->mend.hash,
		 defect->stable);
	return buf;
}
