// SPDX-License-Identifier: GPL-2.0-only
#include "stats_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <thprace/version.h>

#include "kernel/thp.h"
#include "base/names.h"
#include "trace/trace_classes.h"
#include "classes/race_class.h"

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value ? value : ""));
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_address(struct json_object *object, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	add_string(object, key, text);
}

static char *take_text(struct json_object *object)
{
	char *text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));

	json_object_put(object);
	return text;
}

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
		add_string(item, "point", probe->point->name);
		add_string(item, "function",
			   probe->function ? probe->function : probe->point->functions[0]);
		add_string(item, "kind", probe__kind_name(probe));
		add_string(item, "state", states[probe->state]);
		add_string(item, "reason", probe->reason);
		json_object_array_add(list, item);
	}
	return list;
}

static struct json_object *not_observable_json(const struct probe_plan *plan)
{
	struct json_object *list = json_object_new_array();
	struct json_object *item;
	const char *reason;
	unsigned int class;

	for (class = 1; class < race_class__end(); class ++) {
		reason = probe__not_observable(plan, class);
		if (!reason)
			continue;
		item = json_object_new_object();
		add_string(item, "class", names__class(class));
		add_string(item, "reason", reason);
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

	add_string(object, "tool", "thprace");
	add_string(object, "version", THPRACE_VERSION);
	add_string(object, "kernel", engine__release(engine));
	add_string(object, "machine", engine__machine(engine));
	add_number(object, "cpus", engine__cpus(engine));
	add_string(object, "mode", modes[engine__mode(engine)]);
	json_object_object_add(object, "all", json_object_new_boolean(about->all));
	add_string(object, "attach", attaches[about->attach]);
	add_string(object, "clock", "CLOCK_MONOTONIC");
	add_string(object, "clock_source", clock->name);
	add_number(object, "clock_step_ns", clock->step);
	json_object_object_add(object, "clock_ticks", json_object_new_boolean(clock->coarse));
	add_string(object, "thp_enabled", thp__enabled(THP_FOLDER, enabled, sizeof(enabled)));
	for (i = 0; about->command && about->command[i]; i++)
		json_object_array_add(command, json_object_new_string(about->command[i]));
	json_object_object_add(object, "command", command);
	json_object_object_add(object, "classes", trace_classes__json());
	json_object_object_add(object, "probes", probes_json(engine__plan(engine)));
	json_object_object_add(object, "not_observable", not_observable_json(engine__plan(engine)));
	return take_text(object);
}

static struct json_object *lost_json(const struct thprace_counters *sum)
{
	static const char *const causes[] = THPRACE_LOSS_NAMES;
	struct json_object *object = json_object_new_object();
	int i;

	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		add_number(object, causes[i], sum->lost[i]);
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
		add_number(item, "cpu", id);
		add_number(item, "seen", cpu.seen);
		add_number(item, "submitted", cpu.submitted);
		add_number(item, "filtered", cpu.filtered);
		json_object_object_add(item, "lost", lost_json(&cpu));
		json_object_array_add(list, item);
	}
	return list;
}

static struct json_object *classes_json(const struct session_totals *totals)
{
	struct json_object *object = json_object_new_object();
	const struct verdict_counts *class;
	struct json_object *item;
	unsigned int i;

	for (i = 1; i < race_class__end(); i++) {
		class = &totals->classes[i];
		item = json_object_new_object();
		add_number(item, "walkers", totals->counters.sum.walkers[i]);
		add_number(item, "failed", totals->counters.sum.failed[i]);
		add_number(item, "overlaps", class->overlaps);
		add_number(item, "contained", class->contained);
		add_number(item, "escapes", class->escapes);
		add_number(item, "likely", class->likely);
		add_number(item, "remained", class->remained);
		add_number(item, "unattributed", class->unattributed);
		add_number(item, "unproven", class->unproven);
		json_object_object_add(object, names__class((unsigned int)i), item);
	}
	return object;
}

static uint64_t lengths_count(const struct thprace_phase_lengths *lengths)
{
	uint64_t count = 0;
	int i;

	for (i = 0; i < THPRACE_BUCKETS; i++)
		count += lengths->bucket[i];
	return count;
}

static struct json_object *phases_json(const struct thprace_counters *sum)
{
	static const char *const names[] = THPRACE_PHASE_NAMES;
	struct json_object *object = json_object_new_object();
	struct json_object *item, *buckets, *pair;
	int i, bucket;

	for (i = 0; i < THPRACE_PHASE_MAX; i++) {
		item = json_object_new_object();
		add_number(item, "count", lengths_count(&sum->phase[i]));
		if (sum->phase[i].max)
			add_number(item, "max", sum->phase[i].max);
		add_number(item, "sum", sum->phase[i].sum);
		buckets = json_object_new_array();
		for (bucket = 0; bucket < THPRACE_BUCKETS; bucket++) {
			if (!sum->phase[i].bucket[bucket])
				continue;
			pair = json_object_new_array();
			json_object_array_add(pair, json_object_new_int(bucket));
			json_object_array_add(pair,
					      json_object_new_uint64(sum->phase[i].bucket[bucket]));
			json_object_array_add(buckets, pair);
		}
		json_object_object_add(item, "buckets", buckets);
		json_object_object_add(object, names[i], item);
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
		add_string(item, "name", programs[i].name);
		add_string(item, "point", probe_points[programs[i].point].name);
		add_string(item, "function", programs[i].function);
		add_string(item, "kind", programs[i].kind);
		add_number(item, "runs", programs[i].runs);
		add_number(item, "run_ns", programs[i].run_ns);
		add_number(item, "missed", programs[i].missed);
		add_number(item, "insns", programs[i].insns);
		add_number(item, "verified", programs[i].verified);
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
		add_string(item, "point", probe->point->name);
		add_number(item, "returns", probe->silent);
		add_string(item, "reason", probe->silence);
		json_object_array_add(list, item);
	}
	return list;
}

static struct json_object *closest_json(const struct thprace_closest *closest)
{
	struct json_object *object = json_object_new_object();
	struct json_object *window = json_object_new_object();
	struct json_object *walk = json_object_new_object();
	unsigned int class = closest->walk_pid >> THPRACE_WALK_CLASS_SHIFT;

	add_number(object, "distance", closest->distance);
	add_number(window, "open", closest->window_open);
	add_number(window, "close", closest->window_close);
	add_address(window, "folio", closest->folio);
	add_number(window, "pid", closest->window_pid);
	add_number(walk, "enter", closest->walk_enter);
	add_number(walk, "leave", closest->walk_leave);
	add_address(walk, "folio", closest->folio);
	add_number(walk, "pid", closest->walk_pid & ((1U << THPRACE_WALK_CLASS_SHIFT) - 1));
	if (class > 0 && class < race_class__end())
		add_string(walk, "class", names__class(class));
	json_object_object_add(object, "window", window);
	json_object_object_add(object, "walk", walk);
	return object;
}

/* The counters that are sums. */
static struct json_object *counts_json(const struct session_totals *totals, uint64_t ended)
{
	const struct thprace_counters *sum = &totals->counters.sum;
	struct json_object *object = json_object_new_object();
	struct json_object *collapses = json_object_new_object();

	add_number(object, "ended", ended);
	json_object_object_add(object, "seconds", json_object_new_double(totals->seconds));
	add_number(object, "seen", sum->seen);
	add_number(object, "submitted", sum->submitted);
	add_number(object, "filtered", sum->filtered);
	json_object_object_add(object, "lost", lost_json(sum));
	json_object_object_add(object, "identity",
			       json_object_new_boolean(totals->counters.identity));
	add_number(object, "windows", totals->windows);
	add_number(object, "pte_removals", sum->pte_removals);
	add_number(object, "mismatches", sum->mismatches);
	add_number(object, "touching", sum->touching);
	json_object_object_add(object, "classes", classes_json(totals));
	json_object_object_add(object, "phases", phases_json(sum));
	add_number(collapses, "count", sum->collapses);
	add_number(collapses, "failed", sum->collapses_failed);
	add_number(collapses, "reuses", sum->reuses);
	add_number(collapses, "reuses_foreign", sum->reuses_foreign);
	json_object_object_add(object, "collapses", collapses);
	if (sum->closest.distance)
		json_object_object_add(object, "closest", closest_json(&sum->closest));
	return object;
}

char *stats_json__stats(struct engine *engine, const struct session_totals *totals, uint64_t ended)
{
	struct json_object *object = counts_json(totals, ended);

	json_object_object_add(object, "per_cpu", cpus_json(engine));
	json_object_object_add(object, "programs", programs_json(engine));
	json_object_object_add(object, "silent", silent_json(engine__plan(engine)));
	json_object_object_add(object, "not_observable", not_observable_json(engine__plan(engine)));
	return take_text(object);
}

char *stats_json__span(const struct session_totals *totals, uint64_t ended)
{
	return take_text(counts_json(totals, ended));
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
		add_number(item, "pid", tasks[i].pid);
		add_number(item, "tgid", tasks[i].tgid);
		add_string(item, "comm", tasks[i].comm);
		add_number(item, "windows", tasks[i].windows);
		json_object_array_add(list, item);
	}
	free(tasks);
	return take_text(list);
}
