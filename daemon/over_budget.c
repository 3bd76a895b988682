// SPDX-License-Identifier: GPL-2.0-only
#include "over_budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "engine/engine.h"
#include "log.h"
#include "base/cgroup_name.h"
#include "base/names.h"
#include "kernel/cgroups.h"

#define COUNT_NS 1000000000ULL

void over_budget__begin(struct over_budget *over, struct engine *engine,
			const struct overhead_action *action, uint64_t now)
{
	if (over->counting_since)
		return;
	over->action = *action;
	over->counting_since = now ? now : 1;
	engine__count_zappers(engine, true);
}

void over_budget__end(struct over_budget *over)
{
	memset(over, 0, sizeof(*over));
}

static void take(struct zapper_state *to, const struct engine_zapper *from, uint64_t calls,
		 struct cgroups *cgroups)
{
	const char *path = cgroups__find(cgroups, from->who.cgroup);
	struct cgroup_name name;

	memset(to, 0, sizeof(*to));
	to->uid = from->who.uid;
	to->tgid = from->count.tgid;
	memcpy(to->comm, from->count.comm, sizeof(from->count.comm));
	to->calls = from->count.calls;
	to->zaps = from->count.zaps;
	to->part = calls ? (double)from->count.calls / (double)calls : 0;
	if (!path)
		return;
	snprintf(to->cgroup, sizeof(to->cgroup), "%.*s", (int)sizeof(to->cgroup) - 1, path);
	cgroup_name__read(&name, path);
	snprintf(to->unit, sizeof(to->unit), "%.*s", (int)sizeof(to->unit) - 1, name.unit);
}

/* ": lock 1.932%, zap 1.350%": where the cost comes from. */
static void add_points(char *text, size_t size, const struct overhead_action *action)
{
	const char *before = ": ";
	size_t used = 0;
	unsigned int unit;

	text[0] = '\0';
	for (unit = 0; unit < ENGINE_UNITS && used < size; unit++) {
		if (action->of_unit[unit] * 20 < action->share)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s %.3f%%", before,
					 engine__unit_name(unit), action->of_unit[unit] * 100);
		before = ", ";
	}
}

/* Who causes the zaps, for people. */
static void add_zapper(char *text, size_t size, const struct zapper_state *zapper)
{
	char comm[THPRACE_COMM_LEN + 1];

	if (!zapper) {
		snprintf(text, size, "nobody zapped during the second of measurement");
		return;
	}
	names__clean(comm, sizeof(comm), zapper->comm, THPRACE_COMM_LEN, 0);
	snprintf(text, size, "%.0f%% of the %s within a second were by uid %u, %s%s%s/%u",
		 zapper->part * 100,
		 zapper->zaps * 2 >= zapper->calls
			 ? "zaps"
			 : "calls of __pmd_trans_huge_lock, most of which were no zaps,",
		 zapper->uid, zapper->unit, zapper->unit[0] ? ", " : "", comm, zapper->tgid);
}

static void log_zapper(const struct over_budget *over, double budget)
{
	const struct zapper_state *zapper = over->nr_zappers ? over->zappers : NULL;
	struct log_message message;
	char points[256], whose[400];

	add_points(points, sizeof(points), &over->action);
	add_zapper(whose, sizeof(whose), zapper);
	log__begin(&message, LOG_WARNING, LOG_ID_OVER_BUDGET,
		   "over budget: BPF programs take %.3f%% of all CPUs' time, the budget is "
		   "%.3f%%%s; no probe that may be shed takes enough of it to help; %s",
		   over->action.share * 100, budget * 100, points, whose);
	log__field(&message, "THPRACE_SHARE", "%.6f", over->action.share);
	log__field(&message, "THPRACE_BUDGET", "%.6f", budget);
	if (zapper) {
		log__field(&message, "THPRACE_ZAPPER_UID", "%u", zapper->uid);
		log__field(&message, "THPRACE_ZAPPER_UNIT", "%s", zapper->unit);
		log__field(&message, "THPRACE_ZAPPER_CGROUP", "%s", zapper->cgroup);
		log__field(&message, "THPRACE_ZAPPER_COMM", "%s", zapper->comm);
		log__field(&message, "THPRACE_ZAPPER_TGID", "%u", zapper->tgid);
		log__field(&message, "THPRACE_ZAPPER_PART", "%.3f", zapper->part);
	}
	log__send(&message);
}

void over_budget__tick(struct over_budget *over, struct engine *engine, struct cgroups *cgroups,
		       double budget, uint64_t now)
{
	struct engine_zapper found[OVERHEAD_ZAPPERS];
	struct thprace_zapper sum;
	size_t i;

	if (!over->counting_since || now < over->counting_since + COUNT_NS)
		return;
	over->counting_since = 0;
	engine__count_zappers(engine, false);
	over->nr_zappers = engine__zappers(engine, found, OVERHEAD_ZAPPERS, &sum);
	for (i = 0; i < over->nr_zappers; i++)
		take(&over->zappers[i], &found[i], sum.calls, cgroups);
	if (!over->action.again)
		log_zapper(over, budget);
}
