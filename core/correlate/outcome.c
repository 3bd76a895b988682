// SPDX-License-Identifier: GPL-2.0-only
#include "outcome.h"

#include <stdio.h>
#include "base/names.h"

enum outcome outcome__judge(const struct outcome_counts *counts)
{
	if (counts->remained)
		return OUTCOME_NOT_SHOWN;
	if (counts->escapes > counts->likely)
		return OUTCOME_OPEN;
	if (counts->contained >= OUTCOME_ENOUGH && !counts->escapes && !counts->unattributed &&
	    !counts->unproven && !counts->lost)
		return OUTCOME_CLOSED;
	return OUTCOME_NOT_SHOWN;
}

const char *outcome__why(char *buf, size_t size, const struct outcome_counts *counts)
{
	if (counts->remained)
		snprintf(
			buf, size,
			"%s failed with nobody unmapping the folio: the kernel fails by itself, so a "
			"failure proves no race",
			COUNTED(counts->remained, "walker"));
	else if (counts->escapes)
		snprintf(
			buf, size,
			"%s failed beside a zap, and of none it is proved that the zap was the reason",
			COUNTED(counts->escapes, "walker"));
	else if (counts->unattributed)
		snprintf(buf, size, "%s failed and no zap was seen that explains it",
			 COUNTED(counts->unattributed, "walker"));
	else if (counts->lost || counts->unproven)
		snprintf(buf, size, "%s lost, %s unproven", COUNTED(counts->lost, "record"),
			 COUNTED(counts->unproven, "incident"));
	else
		snprintf(buf, size, "%s: too few, %d are needed",
			 COUNTED(counts->contained, "contained overlap"), OUTCOME_ENOUGH);
	return buf;
}
