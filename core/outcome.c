// SPDX-License-Identifier: GPL-2.0-only
#include "outcome.h"

#include <inttypes.h>
#include <stdio.h>

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
		snprintf(buf, size,
			 "%" PRIu64 " walkers failed and no window was seen on their folios",
			 counts->unattributed);
	else if (counts->lost || counts->unproven)
		snprintf(buf, size, "%" PRIu64 " records lost, %" PRIu64 " incidents unproven",
			 counts->lost, counts->unproven);
	else
		snprintf(buf, size, "%" PRIu64 " contained overlaps are too few: %d are needed",
			 counts->contained, OUTCOME_ENOUGH);
	return buf;
}
