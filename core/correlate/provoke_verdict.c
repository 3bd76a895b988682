// SPDX-License-Identifier: GPL-2.0-only
#include "provoke_verdict.h"

#include <stdio.h>
#include "base/names.h"

enum provoke_verdict provoke_verdict__judge(const struct provoke_counts *counts)
{
	if (counts->remained)
		return PROVOKE_NOT_SHOWN;
	if (counts->escapes > counts->likely)
		return PROVOKE_OPEN;
	if (counts->contained >= PROVOKE_ENOUGH && !counts->escapes && !counts->unattributed &&
	    !counts->unproven && !counts->lost)
		return PROVOKE_CLOSED;
	return PROVOKE_NOT_SHOWN;
}

const char *provoke_verdict__why(char *buf, size_t size, const struct provoke_counts *counts)
{
	if (counts->remained)
		snprintf(
			buf, size,
			"%s failed with nobody unmapping the folio: the kernel fails by itself, so a "
			"failure proves no race",
			COUNTED(counts->remained, "walker"));
	else if (counts->escapes)
		snprintf(buf, size,
			 "%s failed beside a zap, and for none it is proved that the zap was the "
			 "reason",
			 COUNTED(counts->escapes, "walker"));
	else if (counts->unattributed)
		snprintf(buf, size, "%s failed and no zap was seen that explains it",
			 COUNTED(counts->unattributed, "walker"));
	else if (counts->lost || counts->unproven)
		snprintf(buf, size, "%s lost, %s unproven", COUNTED(counts->lost, "record"),
			 COUNTED(counts->unproven, "incident"));
	else
		snprintf(buf, size, "%s: too few, %d are needed",
			 COUNTED(counts->contained, "contained overlap"), PROVOKE_ENOUGH);
	return buf;
}
