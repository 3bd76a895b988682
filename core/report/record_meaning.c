// SPDX-License-Identifier: GPL-2.0-only
#include "record_meaning.h"

#include <stddef.h>

const struct record_meaning record_meanings[THPRACE_REC_MAX + 1] = {
	[THPRACE_REC_ZAP_OPEN] = {"mm", "address", NULL, RECORD_ADDRESS, RECORD_ADDRESS, 0},
	[THPRACE_REC_RMAP_PMD] = {NULL, NULL, NULL, RECORD_UNUSED, RECORD_UNUSED, 1},
	[THPRACE_REC_ZAP_CLOSE] = {"removed", "address", "result", RECORD_TIME, RECORD_ADDRESS, 1},
	[THPRACE_REC_RMAP_PTE] = {"page", NULL, "pages", RECORD_ADDRESS, RECORD_UNUSED, 0},
	[THPRACE_REC_WALK_ENTER] = {"ttu", NULL, NULL, RECORD_ADDRESS, RECORD_UNUSED, 0},
	[THPRACE_REC_WALK_RETURN] = {"ttu", "left", "mapcount", RECORD_ADDRESS, RECORD_ADDRESS, 1},
	[THPRACE_REC_SPLIT_ENTER] = {NULL, NULL, NULL, RECORD_UNUSED, RECORD_UNUSED, 0},
	[THPRACE_REC_SPLIT_RETURN] = {"walker", "walker_mapcount", "result", RECORD_TIME,
				      RECORD_COUNT, 1},
	[THPRACE_REC_CHECK] = {NULL, NULL, "mapcount", RECORD_UNUSED, RECORD_UNUSED, 0},
	[THPRACE_REC_COLLAPSE_ENTER] = {"file", "offset", "foreign", RECORD_ADDRESS, RECORD_COUNT,
					0},
	[THPRACE_REC_COLLAPSE_RETURN] = {"file", "offset", "result", RECORD_ADDRESS, RECORD_COUNT,
					 1},
	[THPRACE_REC_POISON_ENTER] = {"pfn", NULL, NULL, RECORD_ADDRESS, RECORD_UNUSED, 0},
	[THPRACE_REC_POISON_RETURN] = {"pfn", NULL, "result", RECORD_ADDRESS, RECORD_UNUSED, 1},
	[THPRACE_REC_LOST] = {"lost", NULL, "cause", RECORD_COUNT, RECORD_UNUSED, 1},
	[THPRACE_REC_HOLD_ENTER] = {NULL, NULL, NULL, RECORD_UNUSED, RECORD_UNUSED, 0},
	[THPRACE_REC_HOLD_RETURN] = {NULL, NULL, NULL, RECORD_UNUSED, RECORD_UNUSED, 1},
	[THPRACE_REC_RANGE] = {"removed", "pages", "left", RECORD_TIME, RECORD_PAGES, 1},
	[THPRACE_REC_OUTER] = {"before", "now", "order", RECORD_ADDRESS, RECORD_ADDRESS, 1},
	[THPRACE_REC_RACE_BEGIN] = {"from", "to", "section", RECORD_ADDRESS, RECORD_ADDRESS, 0},
	[THPRACE_REC_RACE_EVENT] = {"event", NULL, "section", RECORD_COUNT, RECORD_UNUSED, 1},
	[THPRACE_REC_RACE_END] = {"from", "to", "section", RECORD_ADDRESS, RECORD_ADDRESS, 1},
};

const struct record_flag record_flags[] = {
	{THPRACE_RF_MIGRATE, "migrate"},
	{THPRACE_RF_FAILED, "failed"},
	{THPRACE_RF_AGAIN, "again"},
	{THPRACE_RF_ELSEWHERE, "elsewhere"},
	{THPRACE_RF_LOCKED, "locked"},
	{THPRACE_RF_REMAP, "remaps"},
	{THPRACE_RF_VAGUE, "began-unknown"},
	{THPRACE_RF_BLIND, "ranges-unwatched"},
	{THPRACE_RF_WALKER, "walker"},
	{THPRACE_RF_ESCAPED, "escape-holds"},
	{THPRACE_RF_JUDGED, "judged"},
	{THPRACE_RF_DROPPED, "dropped"},
	{THPRACE_RF_INSTANT, "instant"},
	{THPRACE_RF_UNENDED, "unended"},
	{0, ""},
};
