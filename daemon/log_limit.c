// SPDX-License-Identifier: GPL-2.0-only
#include "log_limit.h"

#define MINUTE (60 * 1000000000ULL)

bool log_limit__take(struct log_limit *limit, uint64_t per_minute, uint64_t now)
{
	if (now >= limit->minute_end) {
		limit->minute_end = now + MINUTE;
		limit->sent = 0;
	}
	if (limit->sent >= per_minute) {
		limit->withheld++;
		return false;
	}
	limit->sent++;
	return true;
}

uint64_t log_limit__due(struct log_limit *limit, uint64_t now)
{
	uint64_t withheld = limit->withheld;

	if (!withheld || now < limit->minute_end)
		return 0;
	limit->withheld = 0;
	return withheld;
}
