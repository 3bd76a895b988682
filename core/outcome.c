// SPDX-License-Identifier: GPL-2.0-only
#include "outcome.h"

#include <stdio.h>
#include "names.h"

enum outcome outcome__judge(const struct outcome_counts *counts)
{
	if (counts->escapes)
		return OUTCOME_OPEN;
	if (counts->contained >= OUTCOME_ENOUGH && !counts->unattributed && !counts->unproven &&
	    !counts->lost)
		return OUTCOME_CLOSED;
	return OUTCOME_NOT_SHOWN;
}

const char *outcome__why(char *buf, size_t size, const struct outcome_counts *counts)
{
	if (counts->unattributed)
		snprintf(buf, size, "%s failed and no window was seen on the folio",
			 COUNTED(counts->unattributed, "walker"));
	else if (counts->lost || counts->unproven)
		snprintf(buf, size, "%s lost, %s unproven", COUNTED(counts->lost, "record"),
			 COUNTED(counts->unproven, "incident"));
	else
		snprintf(buf, size, "%s: too few, %d are needed",
			 COUNTED(counts->contained, "contained overlap"), OUTCOME_ENOUGH);
	return buf;
}
