// SPDX-License-Identifier: GPL-2.0-only
#include "check_defect.h"

#include <stdio.h>
#include "classes/race_class.h"

const struct check_defect *check_defect__of(enum thprace_class class)
{
	return race_class__of(class)->defect;
}

size_t check_defect__shown(const struct check_facts *facts, const struct check_watch *watch,
			   enum thprace_class class,
			   const struct check_fact *shown[CHECK_DEFECT_FACTS_MAX])
{
	const struct check_defect *defect = check_defect__of(class);
	const struct check_fact *of[CHECK_DEFECT_FACTS_MAX];
	size_t i, count = 0, yes = 0;

	if (!defect)
		return 0;
	of[0] = facts ? &facts->fact[defect->fact] : NULL;
	of[1] = watch ? &watch->ends[class] : NULL;
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
