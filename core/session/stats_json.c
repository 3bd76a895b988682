// SPDX-License-Identifier: GPL-2.0-only
#include "stats_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <thprace/version.h>

#include "kernel/thp.h"
#include "base/host.h"
#include "base/json.h"
#include "base/names.h"
#include "trace/trace_classes.h"
#include "classes/race_class.h"

static struct json_object *probes_json(const struct probe_plan *plan)
{
	static const char *const states[] = PROBE_STATE_NAMES;
	struct json_object *list = json_object_new_array();
	struct json_object *item;
	const struct probe *probe;
	int i;

	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		probe = &plan->probe[i];
		item = json_object_new_object();
		json__add_name(item, "point", probe->point->name);
		json__add_name(item, "function",
			       probe->function ? probe->function : probe->point->functions[0]);
		json__add_name(item, "kind", probe__kind_name(probe));
		json__add_name(item, "state", states[probe->state]);
		json__add_name(item, "reason", probe->reason);
		json_object_array_add(list, item);
	}
	return list;
}

static struct json_object *not_observable_json(const struct engine *engine)
{
	const struct probe_plan *plan = engine__plan(engine);
	struct json_object *list = json_object_new_array();
	struct json_object *item;
	const char *reason;
	unsigned int class;

	for (class = 1; class < race_class__foreign_end(); class ++) {
		reason = engine__not_observable(engine, class);
		if (!reason)
			continue;
		item = json_object_new_object();
		json__add_name(item, "class", names__class(class));
		json__add_name(item, "reason", reason);
		json__add_bool(item, "cannot_happen",
			       class < race_class__end() &&
				       probe__cannot_happen(plan, (enum thprace_class) class));
		json_object_array_add(list, item);
	}
	return list;
}

char *stats_json__meta(const struct engine *engine, const struct stats_meta *about)
{
	static const char *const modes[] = THPRACE_MODE_NAMES;
	static const char *const attaches[] = PROBE_ATTACH_NAMES;
	const struct clock_source *clock = engine__clock(engine);
	struct json_object *object = json_object_new_object();
	struct json_object *command = json_object_new_array();
	char enabled[32];
	size_t i;

	json__add_name(object, "tool", "thprace");
	json__add_name(object, "version", THPRACE_VERSION);
	host__add(object, host__this(), 0);
	json__add_name(object, "kernel", engine__release(engine));
	json__add_name(object, "machine", engine__machine(engine));
	json__add_number(object, "cpus", engine__cpus(engine));
	json__add_name(object, "mode", modes[engine__mode(engine)]);
	json__add_bool(object, "all", about->all);
	json__add_name(object, "attach", attaches[about->attach]);
	json__add_name(object, "clock", "CLOCK_MONOTONIC");
	json__add_name(object, "clock_source", clock->name);
	json__add_number(object, "clock_step_ns", clock->step);
	json__add_bool(object, "clock_ticks", clock->coarse);
	json__add_name(object, "thp_enabled", thp__enabled(THP_FOLDER, enabled, sizeof(enabled)));
	for (i = 0; about->command && about->command[i]; i++)
		json_object_array_add(command, json_object_new_string(about->command[i]));
	json__add(object, "command", command);
	json__add(object, "classes", trace_classes__json());
	json__add(object, "probes", probes_json(engine__plan(engine)));
	json__add(object, "not_observable", not_observable_json(engine));
	return json__take_text(object);
}

static struct json_object *lost_json(const struct thprace_counters *sum)
{
	static const char *const causes[] = THPRACE_LOSS_NAMES;
	struct json_object *object = json_object_new_object();
	int i;

	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		json__add_number(object, causes[i], sum->lost[i]);
	return object;
}

static struct json_object *cpus_json(const struct engine *engine)
{
	struct json_object *list = json_object_new_array();
	struct json_object *item;
	struct thprace_counters cpu;
	int id;

	for (id = 0; id < engine__cpus(engine); id++) {
		engine__cpu_counters(engine, id, &cpu);
		if (!cpu.seen)
			continue;
		item = json_object_new_object();
		json__add_number(item, "cpu", id);
		json__add_number(item, "seen", cpu.seen);
		json__add_number(item, "submitted", cpu.submitted);
		json__add_number(item, "filtered", cpu.filtered);
		json__add(item, "lost", lost_json(&cpu));
		json_object_array_add(list, item);
	}
	return list;
}

static uint64_t lengths_count(const struct thprace_phase_lengths *lengths)
{
	uint64_t count = 0;
	int i;

	for (i = 0; i < THPRACE_BUCKETS; i++)
		count += lengths->bucket[i];
	return count;
}

static struct json_object *lengths_json(const struct thprace_phase_lengths *lengths)
{
	struct json_object *item = json_object_new_object();
	struct json_object *buckets = json_object_new_array(), *pair;
	int bucket;

	json__add_number(item, "count", lengths_count(lengths));
	if (lengths->max)
		json__add_number(item, "max", lengths->max);
	json__add_number(item, "sum", lengths->sum);
	for (bucket = 0; bucket < THPRACE_BUCKETS; bucket++) {
		if (!lengths->bucket[bucket])
			continue;
		pair = json_object_new_array();
		json_object_array_add(pair, json_object_new_int(bucket));
		json_object_array_add(pair, json__number(lengths->bucket[bucket]));
		json_object_array_add(buckets, pair);
	}
	json__add(item, "buckets", buckets);
	return item;
}

static struct json_object *phases_json(const struct thprace_counters *sum)
{
	static const char *const names[] = THPRACE_PHASE_NAMES;
	struct json_object *object = json_object_new_object();
	int i;

	for (i = 0; i < THPRACE_PHASE_MAX; i++)
		json__add(object, names[i], lengths_json(&sum->phase[i]));
	return object;
}

static struct json_object *closest_json(const struct thprace_closest *closest)
{
	struct json_object *object = json_object_new_object();
	struct json_object *window = json_object_new_object();
	struct json_object *walk = json_object_new_object();
	unsigned int class = closest->walk_pid >> THPRACE_WALK_CLASS_SHIFT;

	json__add_number(object, "distance", closest->distance);
	json__add_number(window, "open", closest->window_open);
	json__add_number(window, "close", closest->window_close);
	json__add_address(window, "folio", closest->folio);
	json__add_number(window, "pid", closest->window_pid);
	json__add_number(walk, "enter", closest->walk_enter);
	json__add_number(walk, "leave", closest->walk_leave);
	json__add_address(walk, "folio", closest->folio);
	json__add_number(walk, "pid", closest->walk_pid & ((1U << THPRACE_WALK_CLASS_SHIFT) - 1));
	if (class > 0 && class < race_class__foreign_end())
		json__add_name(walk, "class", names__class(class));
	json__add(object, "window", window);
	json__add(object, "walk", walk);
	return object;
}

/* Of a race from a file. */
static void add_measured(struct json_object *item, uint64_t windows,
			 const struct thprace_race_measured *measured)
{
	json__add_number(item, "windows", windows);
	/* A crash dump has only the number. */
	if (!windows || lengths_count(&measured->window))
		json__add(item, "lengths", lengths_json(&measured->window));
	if (measured->closest.distance)
		json__add(item, "closest", closest_json(&measured->closest));
}

static struct json_object *classes_json(const struct session_totals *totals)
{
	struct json_object *object = json_object_new_object();
	const struct verdict_counts *class;
	struct json_object *item;
	unsigned int i;

	for (i = 1; i < race_class__foreign_end(); i++) {
		class = &totals->classes[i];
		item = json_object_new_object();
		if (race_class__shape(i) == RACE_FILE)
			add_measured(item, totals->counters.sum.windows[i],
				     &totals->counters.race[i]);
		json__add_number(item, "walkers", totals->counters.sum.walkers[i]);
		json__add_number(item, "failed", totals->counters.sum.failed[i]);
		json__add_number(item, "overlaps", class->overlaps);
		json__add_number(item, "contained", class->contained);
		json__add_number(item, "escapes", class->escapes);
		json__add_number(item, "likely", class->likely);
		json__add_number(item, "remained", class->remained);
		json__add_number(item, "unattributed", class->unattributed);
		json__add_number(item, "unproven", class->unproven);
		json__add(object, names__class((unsigned int)i), item);
	}
	return object;
}

static struct json_object *programs_json(struct engine *engine)
{
	struct engine_program programs[ENGINE_PROGRAMS_MAX];
	size_t i, count = engine__programs(engine, programs, ENGINE_PROGRAMS_MAX);
	struct json_object *list = json_object_new_array();
	struct json_object *item;

	for (i = 0; i < count; i++) {
		item = json_object_new_object();
		json__add_name(item, "name", programs[i].name);
		json__add_name(item, "point", engine__unit_name(programs[i].unit));
		json__add_name(item, "function", programs[i].function);
		json__add_name(item, "kind", programs[i].kind);
		json__add_number(item, "runs", programs[i].runs);
		json__add_number(item, "run_ns", programs[i].run_ns);
		json__add_number(item, "missed", programs[i].missed);
		json__add_number(item, "insns", programs[i].insns);
		json__add_number(item, "verified", programs[i].verified);
		json_object_array_add(list, item);
	}
	return list;
}

/* Points whose entry saw nothing: the programs were read just before. */
static struct json_object *silent_json(const struct probe_plan *plan)
{
	struct json_object *list = json_object_new_array();
	struct json_object *item;
	const struct probe *probe;
	int i;

	for (i = 0; i < THPRACE_POINT_MAX; i++) {
		probe = &plan->probe[i];
		if (!probe->silent)
			continue;
		item = json_object_new_object();
		json__add_name(item, "point", probe->point->name);
		json__add_number(item, "returns", probe->silent);
		json__add_name(item, "reason", probe->silence);
		json_object_array_add(list, item);
	}
	return list;
}

/* The counters that are sums. */
static struct json_object *counts_json(const struct session_totals *totals, uint64_t ended)
{
	const struct thprace_counters *sum = &totals->counters.sum;
	struct json_object *object = json_object_new_object();
	struct json_object *collapses = json_object_new_object();

	json__add_number(object, "ended", ended);
	json__add_real(object, "seconds", totals->seconds);
	json__add_number(object, "seen", sum->seen);
	json__add_number(object, "submitted", sum->submitted);
	json__add_number(object, "filtered", sum->filtered);
	json__add(object, "lost", lost_json(sum));
	json__add_bool(object, "identity", totals->counters.identity);
	json__add_number(object, "windows", totals->windows);
	json__add_number(object, "pte_removals", sum->pte_removals);
	json__add_number(object, "mismatches", sum->mismatches);
	json__add_number(object, "touching", sum->touching);
	json__add(object, "classes", classes_json(totals));
	json__add(object, "phases", phases_json(sum));
	json__add_number(collapses, "count", sum->collapses);
	json__add_number(collapses, "failed", sum->collapses_failed);
	json__add_number(collapses, "reuses", sum->reuses);
	json__add_number(collapses, "reuses_foreign", sum->reuses_foreign);
	json__add(object, "collapses", collapses);
	if (sum->closest.distance)
		json__add(object, "closest", closest_json(&sum->closest));
	return object;
}

char *stats_json__stats(struct engine *engine, const struct session_totals *totals, uint64_t ended)
{
	struct json_object *object = counts_json(totals, ended);

	json__add(object, "per_cpu", cpus_json(engine));
	json__add(object, "programs", programs_json(engine));
	json__add(object, "silent", silent_json(engine__plan(engine)));
	json__add(object, "not_observable", not_observable_json(engine));
	return json__take_text(object);
}

char *stats_json__span(const struct session_totals *totals, uint64_t ended)
{
	return json__take_text(counts_json(totals, ended));
}

#define TASKS_MAX 1024

char *stats_json__tasks(struct engine *engine)
{
	struct engine_task *tasks = calloc(TASKS_MAX, sizeof(*tasks));
	struct json_object *list = json_object_new_array();
	struct json_object *item;
	size_t i, count;

	count = tasks ? engine__tasks(engine, tasks, TASKS_MAX) : 0;
	for (i = 0; i < count; i++) {
		item = json_object_new_object();
		json__add_number(item, "pid", tasks[i].pid);
		json__add_number(item, "tgid", tasks[i].tgid);
		json__add_name(item, "comm", tasks[i].comm);
		json__add_number(item, "windows", tasks[i].windows);
		json_object_array_add(list, item);
	}
	free(tasks);
	return json__take_text(list);
}
