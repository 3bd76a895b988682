// SPDX-License-Identifier: GPL-2.0-only
/* A class for tests/class/10-toy.t: page migration, outside of a split, unmaps a huge page while a zap removes its mapping. */
#include "race_class.h"

const struct race_class race_class_toy_migrate = {
	.name = "toy-migrate",
	.shape = RACE_WALK,
	.walkers = {{.point = THPRACE_POINT_MIGRATE, .origin = THPRACE_ORIGIN_OTHER}},
	.by_zap = true,
	.points = {{.point = {THPRACE_POINT_MIGRATE, RACE_NO_POINT}}},
	.needs_symbol = "try_to_migrate",
	.point = "migrate",
	.function = "try_to_migrate",
	.widen = THPRACE_WIDEN_PHASE_1,
	.windows = RACE_WINDOWS_ZAP,
	.rule =
		{
			{CHECK_CANNOT_HAPPEN, {NOT(MIGRATE)}},
			{CHECK_FIXED, {IS(MIGRATE)}},
		},
	.commit = {"0123456789ab", "mm/migrate: toys are put away", "99.1"},
	.checks = {{"VM_BUG_ON_FOLIO(folio_mapped(toy))", "mm/migrate.c", true}},
	.releases = {{RACE_VERSION(5, 14), RACE_VERSION(99, 1), RACE_FOREVER, 0}},
};
