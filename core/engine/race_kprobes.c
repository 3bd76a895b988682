// SPDX-License-Identifier: GPL-2.0-only
#include "race_kprobes.h"

#include <errno.h>
#include <stdbool.h>

#include "engine_race.h"

struct each {
	race_kprobe_fn fn;
	void *ctx;
	int err; /* of fn */
};

static int tell(void *ctx, const char *symbol, uint32_t offset, bool at_return)
{
	const struct kprobe_place place = {
		.symbol = symbol, .offset = offset, .at_return = at_return};
	struct each *each = ctx;

	each->err = each->fn(each->ctx, &place);
	return each->err;
}

/* What cannot be found here cannot be found later: then the race is not observed, which is told. */
static int each_of_point(struct target *target, const struct race_point *point, struct each *each)
{
	struct engine_race_use use[ENGINE_RACE_USES_MAX];
	int i, count = engine_race__uses(point, use);
	char why[200];

	for (i = 0; i < count && !each->err; i++)
		if (use[i].how != RACE_HOW_FENTRY && use[i].how != RACE_HOW_FEXIT)
			engine_race__places(target, point->place, use[i].how, use[i].at_return,
					    tell, each, why, sizeof(why));
	return each->err;
}

int race_kprobes__each(struct target *target, const struct types *types, const struct race *race,
		       race_kprobe_fn fn, void *ctx)
{
	const struct race_kernel kernel = {
		.types = types, .target = target, .calls = engine_race__calls, .context = target};
	struct each each = {fn, ctx, 0};
	struct race_on_kernel on;
	int i, err;

	err = race_kernel__check(&on, race, &kernel);
	if (err)
		return err;
	for (i = 0; i < on.points && !err && !race_kernel__not_observable(&on); i++)
		err = each_of_point(target, &on.point[i], &each);
	race_kernel__release(&on);
	return err;
}
