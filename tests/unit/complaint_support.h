/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the tests of complaints: each complaint described in one line. */
#ifndef THPRACE_COMPLAINT_SUPPORT_H
#define THPRACE_COMPLAINT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <inttypes.h>
#include <cmocka.h>
#include "complaint/complaint.h"
#include "base/names.h"
#include "class_ids.h"
#include "classes/race_class.h"

#define FOUND_MAX 32
#define FOUND_LEN 300
#define C(name) (1U << THPRACE_##name)

struct found {
	struct complaint complaint[FOUND_MAX];
	size_t nr;
};

static inline void keep_found(void *ctx, const struct complaint *complaint)
{
	struct found *found = ctx;

	assert_true(found->nr < FOUND_MAX);
	assert_true(complaint->kind > COMPLAINT_OTHER && complaint->kind < COMPLAINT_KIND_MAX);
	assert_true(!complaint->classes == !!*complaint->reason);
	found->complaint[found->nr++] = *complaint;
}

/* "bad page cache: none (hugetlb page), pid 395, pfn 0x156c00, order 9" */
static inline const char *describe(char text[FOUND_LEN], const struct complaint *complaint)
{
	int length = snprintf(text, FOUND_LEN, "%s:", complaint__kind_name(complaint->kind));
	unsigned int class;

	for (class = 1; class < race_class__end(); class ++) {
		if (complaint->classes & 1U << class)
			length += snprintf(text + length, FOUND_LEN - (size_t)length, " %s",
					   names__class(class));
	}
	if (!complaint->classes)
		length += snprintf(text + length, FOUND_LEN - (size_t)length, " none (%s)",
				   complaint->reason);
	if (complaint->pid)
		length += snprintf(text + length, FOUND_LEN - (size_t)length, ", pid %u",
				   complaint->pid);
	if (complaint->has_pfn)
		length += snprintf(text + length, FOUND_LEN - (size_t)length, ", pfn 0x%" PRIx64,
				   complaint->pfn);
	if (complaint->order >= 0)
		snprintf(text + length, FOUND_LEN - (size_t)length, ", order %d", complaint->order);
	return text;
}

#endif
