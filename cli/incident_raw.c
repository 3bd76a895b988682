// SPDX-License-Identifier: GPL-2.0-only
#include "incident_raw.h"

#include <json-c/json.h>
#include <string.h>
#include "base/json.h"
#include "trace/trace_validate.h"

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

bool incident_raw__take(struct thprace_incident *incident, struct json_object *answer)
{
	unsigned char *bytes = (unsigned char *)incident;
	const char *raw = json__get_text(answer, "raw");
	size_t i;

	if (strlen(raw) != 2 * sizeof(*incident))
		return false;
	for (i = 0; i < sizeof(*incident); i++) {
		int high = digit(raw[2 * i]), low = digit(raw[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return !trace_validate__incident(incident);
}
