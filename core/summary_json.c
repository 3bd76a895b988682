// SPDX-License-Identifier: GPL-2.0-only
#include "summary_private.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "names.h"

/* Missing members, and those of another type, read as 0, "" or NULL. */
static struct json_object *member(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

static const char *string(struct json_object *object, const char *name)
{
	struct json_object *value = member(object, name, json_type_string);

	return value ? json_object_get_string(value) : "";
}

static uint64_t value_of(struct json_object *value)
{
	/* An address may be written as "0x…". */
	if (json_object_is_type(value, json_type_string))
		return strtoull(json_object_get_string(value), NULL, 0);
	if (json_object_is_type(value, json_type_int))
		return json_object_get_uint64(value);
	if (json_object_is_type(value, json_type_double) && json_object_get_double(value) > 0 &&
	    json_object_get_double(value) < 1.8e19)
		return (uint64_t)json_object_get_double(value);
	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

static uint64_t number(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value))
		return 0;
	return value_of(value);
}

static double real(struct json_object *object, const char *name)
{
	struct json_object *value = member(object, name, json_type_double);

	return value ? json_object_get_double(value) : (double)number(object, name);
}

static size_t length(struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

void summary_json__defaults(struct summary *summary)
{
	summary->tool = "";
	summary->version = "";
	summary->kernel = "";
	summary->machine = "";
	summary->attach = "";
	summary->clock = "";
	summary->clock_source = "";
	summary->mode = -ENOENT;
}

static int take_symbols(struct summary *summary, struct json_object *symbols)
{
	if (!summary->symbols)
		summary->symbols = json_object_new_object();
	if (!summary->symbols)
		return -ENOMEM;
	json_object_object_foreach(symbols, name, value)
	{
		if (json_object_object_length(summary->symbols) >= SUMMARY_SYMBOLS_MAX)
			break;
		if (!json_object_is_type(value, json_type_string))
			continue;
		if (json_object_object_add(summary->symbols, name, json_object_get(value))) {
			json_object_put(value);
			return -ENOMEM;
		}
	}
	return 0;
}

static int take_tasks(struct summary *summary, struct json_object *tasks)
{
	size_t nr = length(tasks), i;
	struct summary_task *grown;

	if (nr > SUMMARY_TASKS_MAX - summary->nr_tasks)
		nr = SUMMARY_TASKS_MAX - summary->nr_tasks;
	if (!nr)
		return 0;
	grown = reallocarray(summary->tasks, summary->nr_tasks + nr, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	summary->tasks = grown;
	for (i = 0; i < nr; i++) {
		struct json_object *from = json_object_array_get_idx(tasks, i);
		struct summary_task *task = &summary->tasks[summary->nr_tasks++];

		memset(task, 0, sizeof(*task));
		task->pid = (uint32_t)number(from, "pid");
		task->tgid = (uint32_t)number(from, "tgid");
		task->windows = number(from, "windows");
		task->walks = number(from, "walks");
		snprintf(task->comm, sizeof(task->comm), "%s", string(from, "comm"));
	}
	return 0;
}

int summary_json__take(struct summary *summary, enum thprace_block_type type, const char *text,
		       size_t size)
{
	enum json_type wanted = type == THPRACE_BLOCK_TASKS ? json_type_array : json_type_object;
	struct json_object *object = NULL;
	struct json_tokener *tokener;
	int err = 0;

	tokener = json_tokener_new();
	if (!tokener)
		return -ENOMEM;
	object = json_tokener_parse_ex(tokener, text, (int)size);
	/* A bare number would wait for more; what is wanted ends with a bracket. */
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    !json_object_is_type(object, wanted)) {
		err = -EINVAL;
	} else if (type == THPRACE_BLOCK_META) {
		json_object_put(summary->meta);
		summary->meta = json_object_get(object);
	} else if (type == THPRACE_BLOCK_STATS) {
		json_object_put(summary->stats);
		summary->stats = json_object_get(object);
	} else if (type == THPRACE_BLOCK_SYMBOLS) {
		err = take_symbols(summary, object);
	} else if (type == THPRACE_BLOCK_TASKS) {
		err = take_tasks(summary, object);
	}
	json_object_put(object);
	json_tokener_free(tokener);
	return err;
}

/* The command's words, joined by blanks. */
static int join_command(struct summary *summary, struct json_object *words)
{
	size_t size = 1, i;
	char *end;

	for (i = 0; i < length(words); i++) {
		struct json_object *word = json_object_array_get_idx(words, i);

		size += (size_t)json_object_get_string_len(word) + 1;
	}
	summary->command = calloc(1, size);
	if (!summary->command)
		return -ENOMEM;
	end = summary->command;
	for (i = 0; i < length(words); i++) {
		struct json_object *word = json_object_array_get_idx(words, i);

		if (json_object_is_type(word, json_type_string))
			end += sprintf(end, "%s%s", i ? " " : "", json_object_get_string(word));
	}
	return 0;
}

static int read_probes(struct summary *summary, struct json_object *probes)
{
	size_t nr = length(probes), i;

	if (!nr)
		return 0;
	summary->probes = calloc(nr, sizeof(*summary->probes));
	if (!summary->probes)
		return -ENOMEM;
	summary->nr_probes = nr;
	for (i = 0; i < nr; i++) {
		struct json_object *from = json_object_array_get_idx(probes, i);
		struct summary_probe *probe = &summary->probes[i];

		probe->point = string(from, "point");
		probe->function = string(from, "function");
		probe->kind = string(from, "kind");
		probe->state = string(from, "state");
		probe->reason = string(from, "reason");
	}
	return 0;
}

/* META's list, and STATS', which knows what came of it. */
static void read_blind(struct summary *summary, struct json_object *from)
{
	struct json_object *blind = member(from, "not_observable", json_type_array);
	size_t i;

	for (i = 0; i < length(blind); i++) {
		struct json_object *item = json_object_array_get_idx(blind, i);
		int class = names__find_class(string(item, "class"));

		if (class > THPRACE_CLASS_NONE)
			summary->class[class].not_observable = string(item, "reason");
	}
}

static int read_silent(struct summary *summary, struct json_object *silent)
{
	size_t nr = length(silent), i;

	if (!nr)
		return 0;
	summary->silent = calloc(nr, sizeof(*summary->silent));
	if (!summary->silent)
		return -ENOMEM;
	summary->nr_silent = nr;
	for (i = 0; i < nr; i++) {
		struct json_object *from = json_object_array_get_idx(silent, i);

		summary->silent[i].point = string(from, "point");
		summary->silent[i].reason = string(from, "reason");
		summary->silent[i].returns = number(from, "returns");
	}
	return 0;
}

static int read_meta(struct summary *summary)
{
	struct json_object *meta = summary->meta;
	int err;

	summary->has_meta = meta != NULL;
	summary->tool = string(meta, "tool");
	summary->version = string(meta, "version");
	summary->kernel = string(meta, "kernel");
	summary->machine = string(meta, "machine");
	summary->attach = string(meta, "attach");
	summary->clock = string(meta, "clock");
	summary->clock_source = string(meta, "clock_source");
	summary->clock_step = number(meta, "clock_step_ns");
	summary->clock_ticks = number(meta, "clock_ticks") != 0;
	summary->cpus = (unsigned int)number(meta, "cpus");
	summary->mode = names__find_mode(string(meta, "mode"));
	read_blind(summary, meta);
	err = join_command(summary, member(meta, "command", json_type_array));
	return err ? err : read_probes(summary, member(meta, "probes", json_type_array));
}

static void read_classes(struct summary *summary, struct json_object *classes)
{
	unsigned int c;

	for (c = 0; c < THPRACE_CLASS_MAX; c++) {
		struct json_object *from = member(classes, names__class(c), json_type_object);
		struct summary_class *class = &summary->class[c];

		class->walkers = number(from, "walkers");
		class->failed = number(from, "failed");
		class->overlaps = number(from, "overlaps");
		class->contained = number(from, "contained");
		class->escapes = number(from, "escapes");
		class->unattributed = number(from, "unattributed");
		class->unproven = number(from, "unproven");
	}
}

static void read_phase(struct histogram *phase, struct json_object *from)
{
	struct json_object *buckets = member(from, "buckets", json_type_array);
	size_t i;

	phase->count = number(from, "count");
	phase->sum = number(from, "sum");
	phase->max = number(from, "max");
	for (i = 0; i < length(buckets); i++) {
		struct json_object *pair = json_object_array_get_idx(buckets, i);
		uint64_t bucket;

		if (!json_object_is_type(pair, json_type_array) ||
		    json_object_array_length(pair) != 2)
			continue;
		bucket = value_of(json_object_array_get_idx(pair, 0));
		if (bucket < THPRACE_BUCKETS)
			phase->buckets[bucket] += value_of(json_object_array_get_idx(pair, 1));
	}
}

static int read_programs(struct summary *summary, struct json_object *programs)
{
	size_t nr = length(programs), i;

	if (!nr)
		return 0;
	summary->programs = calloc(nr, sizeof(*summary->programs));
	if (!summary->programs)
		return -ENOMEM;
	summary->nr_programs = nr;
	for (i = 0; i < nr; i++) {
		struct json_object *from = json_object_array_get_idx(programs, i);
		struct summary_program *program = &summary->programs[i];

		program->name = string(from, "name");
		program->point = string(from, "point");
		program->function = string(from, "function");
		program->kind = string(from, "kind");
		program->runs = number(from, "runs");
		program->run_ns = number(from, "run_ns");
		program->missed = number(from, "missed");
		program->insns = number(from, "insns");
		program->verified = number(from, "verified");
	}
	return 0;
}

/* An enum is stored as its name or as its number. */
static uint8_t enum_of(struct json_object *object, const char *name, int (*find)(const char *))
{
	struct json_object *text = member(object, name, json_type_string);
	int value = text ? find(json_object_get_string(text)) : (int)(uint8_t)number(object, name);

	return value < 0 ? 0 : (uint8_t)value;
}

static void read_closest(struct summary *summary, struct json_object *closest)
{
	struct json_object *from = member(closest, "window", json_type_object);
	struct thprace_window *window = &summary->closest_window;
	struct thprace_walk *walk = &summary->closest_walk;
	struct json_object *residual = NULL;

	summary->has_closest = closest != NULL;
	summary->closest_distance = number(closest, "distance");
	window->open = number(from, "open");
	window->removed = number(from, "removed");
	window->close = number(from, "close");
	window->folio = number(from, "folio");
	window->address = number(from, "address");
	window->pid = (uint32_t)number(from, "pid");
	window->tgid = (uint32_t)number(from, "tgid");
	window->cpu = (uint16_t)number(from, "cpu");
	window->level = enum_of(from, "level", names__find_level);
	snprintf(window->comm, sizeof(window->comm), "%s", string(from, "comm"));
	from = member(closest, "walk", json_type_object);
	walk->enter = number(from, "enter");
	walk->leave = number(from, "leave");
	walk->folio = number(from, "folio");
	walk->pid = (uint32_t)number(from, "pid");
	walk->tgid = (uint32_t)number(from, "tgid");
	walk->cpu = (uint16_t)number(from, "cpu");
	walk->class = enum_of(from, "class", names__find_class);
	walk->kind = enum_of(from, "kind", names__find_kind);
	residual = member(from, "residual", json_type_int);
	walk->residual = residual ? (int32_t)json_object_get_int(residual) : 0;
	snprintf(walk->comm, sizeof(walk->comm), "%s", string(from, "comm"));
}

static int read_stats(struct summary *summary)
{
	struct json_object *stats = summary->stats, *from;
	unsigned int p;
	int err;

	summary->has_stats = stats != NULL;
	summary->stopped = number(stats, "ended");
	summary->seconds = real(stats, "seconds");
	summary->seen = number(stats, "seen");
	summary->submitted = number(stats, "submitted");
	summary->filtered = number(stats, "filtered");
	summary->windows = number(stats, "windows");
	summary->pte_removals = number(stats, "pte_removals");
	summary->mismatches = number(stats, "mismatches");
	summary->touching = number(stats, "touching");
	from = member(stats, "collapses", json_type_object);
	summary->collapses = number(from, "count");
	summary->collapses_failed = number(from, "failed");
	summary->reuses = number(from, "reuses");
	summary->reuses_foreign = number(from, "reuses_foreign");
	from = member(stats, "lost", json_type_object);
	if (from) {
		json_object_object_foreach(from, name, value)
		{
			int cause = names__find_loss(name);

			summary->lost_total += value_of(value);
			if (cause >= 0)
				summary->lost[cause] += value_of(value);
		}
	}
	read_classes(summary, member(stats, "classes", json_type_object));
	from = member(stats, "phases", json_type_object);
	for (p = 0; p < SUMMARY_PHASE_MAX; p++)
		read_phase(&summary->phases[p],
			   member(from, summary__phase_name(p), json_type_object));
	read_closest(summary, member(stats, "closest", json_type_object));
	read_blind(summary, stats);
	err = read_silent(summary, member(stats, "silent", json_type_array));
	return err ? err : read_programs(summary, member(stats, "programs", json_type_array));
}

static int by_pid(const void *a, const void *b)
{
	const struct summary_task *x = a, *y = b;
	uint64_t wx = x->windows + x->walks, wy = y->windows + y->walks;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return wx > wy ? -1 : wx < wy;
}

static int by_activity(const void *a, const void *b)
{
	const struct summary_task *x = a, *y = b;
	uint64_t wx = x->windows + x->walks, wy = y->windows + y->walks;

	if (wx != wy)
		return wx > wy ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* A task that is listed twice was counted on: its larger counts hold. */
static void sort_tasks(struct summary *summary)
{
	size_t i, nr = 0;

	if (!summary->nr_tasks)
		return;
	qsort(summary->tasks, summary->nr_tasks, sizeof(*summary->tasks), by_pid);
	for (i = 0; i < summary->nr_tasks; i++) {
		if (i && summary->tasks[i].pid == summary->tasks[nr - 1].pid)
			continue;
		summary->tasks[nr++] = summary->tasks[i];
	}
	summary->nr_tasks = nr;
	qsort(summary->tasks, nr, sizeof(*summary->tasks), by_activity);
}

int summary_json__finish(struct summary *summary)
{
	int err;

	err = read_meta(summary);
	if (!err)
		err = read_stats(summary);
	sort_tasks(summary);
	return err;
}

const char *summary__symbol(const struct summary *summary, uint64_t address)
{
	struct json_object *symbol = NULL;
	char name[32];

	if (!summary || !summary->symbols)
		return NULL;
	snprintf(name, sizeof(name), "0x%" PRIx64, address);
	if (!json_object_object_get_ex(summary->symbols, name, &symbol))
		return NULL;
	return json_object_get_string(symbol);
}

void summary_json__reset(struct summary *summary)
{
	free(summary->command);
	free(summary->probes);
	free(summary->programs);
	free(summary->silent);
	summary->command = NULL;
	summary->probes = NULL;
	summary->programs = NULL;
	summary->silent = NULL;
	summary->nr_probes = 0;
	summary->nr_programs = 0;
	summary->nr_silent = 0;
	summary->lost_total = 0;
	memset(summary->lost, 0, sizeof(summary->lost));
	memset(summary->phases, 0, sizeof(summary->phases));
}

void summary_json__release(struct summary *summary)
{
	summary_json__reset(summary);
	free(summary->tasks);
	json_object_put(summary->meta);
	json_object_put(summary->stats);
	json_object_put(summary->symbols);
}
