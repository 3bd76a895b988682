/* SPDX-License-Identifier: GPL-2.0-only */
/* What the types of blocks are called, and which contents they have. */
#ifndef THPRACE_BLOCK_TYPE_H
#define THPRACE_BLOCK_TYPE_H

#include <stdbool.h>
#include <thprace/trace.h>

static inline const char *block_type__name(unsigned int type)
{
	static const char *const names[] = {
		[THPRACE_BLOCK_META] = "meta",	     [THPRACE_BLOCK_RECORDS] = "records",
		[THPRACE_BLOCK_CONTEXT] = "context", [THPRACE_BLOCK_INCIDENTS] = "incidents",
		[THPRACE_BLOCK_STATS] = "stats",     [THPRACE_BLOCK_SYMBOLS] = "symbols",
		[THPRACE_BLOCK_TASKS] = "tasks",     [THPRACE_BLOCK_END] = "end",
	};

	_Static_assert(sizeof(names) / sizeof(*names) == THPRACE_BLOCK_TYPE_MAX, "a name each");
	if (type >= THPRACE_BLOCK_TYPE_MAX || !names[type])
		return "unknown";
	return names[type];
}

static inline bool block_type__has_records(unsigned int type)
{
	return type == THPRACE_BLOCK_RECORDS || type == THPRACE_BLOCK_CONTEXT;
}

static inline bool block_type__has_json(unsigned int type)
{
	return type == THPRACE_BLOCK_META || type == THPRACE_BLOCK_STATS ||
	       type == THPRACE_BLOCK_SYMBOLS || type == THPRACE_BLOCK_TASKS;
}

static inline bool block_type__is_known(unsigned int type)
{
	return type >= THPRACE_BLOCK_META && type < THPRACE_BLOCK_TYPE_MAX;
}

#endif
