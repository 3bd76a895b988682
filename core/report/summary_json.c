// SPDX-License-Identifier: GPL-2.0-only
#include "summary_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/names.h"
#include "base/number.h"
#include "classes/race_class.h"

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
	uint64_t number = 0;

	/* An address may be written as "0x…". */
	if (json_object_is_type(value, json_type_string)) {
		number__parse_any(json_object_get_string(value), &number);
		return number;
	}
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
	summary->mode = -ENOENT;
}

/* 0, or -E2BIG: a name that no kernel and no thprace has. */
static int name(struct summary *summary, struct json_object *object, const char *key,
		char buf[SUMMARY_NAME_LEN])
{
	const char *text = string(object, key);

	snprintf(buf, SUMMARY_NAME_LEN, "%s", text);
	if (names__plain(text))
		return 0;
	summary->beyond = "a name in it cannot be printed";
	return -E2BIG;
}

static void text(struct json_object *object, const char *key, char buf[SUMMARY_TEXT_LEN])
{
	snprintf(buf, SUMMARY_TEXT_LEN, "%s", string(object, key));
}

/* Make space for more symbols. */
static int grow_symbols(struct summary *summary)
{
	size_t nr = summary->nr_symbols;
	struct summary_symbol *grown;

	/* The size is a power of two, from 64 on. */
	if (nr & (nr - 1) || (nr && nr < 64))
		return 0;
	grown = reallocarray(summary->symbols, nr ? 2 * nr : 64, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	summary->symbols = grown;
	return 0;
}

static int take_symbols(struct summary *summary, struct json_object *symbols)
{
	struct summary_symbol *symbol;
	int err;

	json_object_object_foreach(symbols, key, value)
	{
		if (summary->nr_symbols == SUMMARY_SYMBOLS_MAX)
			break;
		if (!json_object_is_type(value, json_type_string))
			continue;
		err = grow_symbols(summary);
		if (err)
			return err;
		symbol = &summary->symbols[summary->nr_symbols];
		err = name(summary, symbols, key, symbol->name);
		if (err)
			return err;
		symbol->address = 0;
		number__parse_any(key, &symbol->address);
		summary->nr_symbols++;
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
		snprintf(task->comm, sizeof(task->comm), "%s", string(from, "comm"));
	}
	return 0;
}

/* The command's words, joined by blanks, truncated. */
static void join_command(struct summary *summary, struct json_object *args)
{
	size_t used = 0, i;

	summary->command[0] = '\0';
	for (i = 0; i < length(args) && used < SUMMARY_COMMAND_LEN; i++) {
		struct json_object *arg = json_object_array_get_idx(args, i);

		if (json_object_is_type(arg, json_type_string))
			used += (size_t)snprintf(summary->command + used,
						 SUMMARY_COMMAND_LEN - used, "%s%s", i ? " " : "",
						 json_object_get_string(arg));
	}
}

/* Memory for the members of a list, zeroed; NULL in *room if there are none. */
static int make_room(struct summary *summary, struct json_object *list, size_t size, void **room,
		     size_t *nr)
{
	free(*room);
	*room = NULL;
	*nr = length(list);
	if (*nr > SUMMARY_LISTED_MAX) {
		*nr = 0;
		summary->beyond = "it lists more than 256 probes or programs";
		return -E2BIG;
	}
	if (!*nr)
		return 0;
	*room = calloc(*nr, size);
	return *room ? 0 : -ENOMEM;
}

static int read_probes(struct summary *summary, struct json_object *probes)
{
	void *room = summary->probes;
	size_t i;
	int err;

	err = make_room(summary, probes, sizeof(*summary->probes), &room, &summary->nr_probes);
	summary->probes = room;
	for (i = 0; !err && i < summary->nr_probes; i++) {
		struct json_object *from = json_object_array_get_idx(probes, i);
		struct summary_probe *probe = &summary->probes[i];

		err = name(summary, from, "point", probe->point) |
		      name(summary, from, "function", probe->function) |
		      name(summary, from, "kind", probe->kind) |
		      name(summary, from, "state", probe->state);
		text(from, "reason", probe->reason);
	}
	return err;
}

/* META's list, and the list of STATS, which knows the outcome. */
static void read_blind(struct summary *summary, struct json_object *from)
{
	struct json_object *blind = member(from, "not_observable", json_type_array);
	size_t i;

	for (i = 0; i < length(blind); i++) {
		struct json_object *item = json_object_array_get_idx(blind, i);
		int class = names__find_class(string(item, "class"));

		if (class <= THPRACE_CLASS_NONE)
			continue;
		text(item, "reason", summary->class[class].not_observable);
		if (!summary->class[class].not_observable[0])
			strcpy(summary->class[class].not_observable, "no reason given");
	}
}

static int read_silent(struct summary *summary, struct json_object *silent)
{
	void *room = summary->silent;
	size_t i;
	int err;

	err = make_room(summary, silent, sizeof(*summary->silent), &room, &summary->nr_silent);
	summary->silent = room;
	for (i = 0; !err && i < summary->nr_silent; i++) {
		struct json_object *from = json_object_array_get_idx(silent, i);

		err = name(summary, from, "point", summary->silent[i].point);
		text(from, "reason", summary->silent[i].reason);
		summary->silent[i].returns = number(from, "returns");
	}
	return err;
}

static int read_meta(struct summary *summary, struct json_object *meta)
{
	int err;

	summary->has_meta = 1;
	err = name(summary, meta, "tool", summary->tool) |
	      name(summary, meta, "version", summary->version) |
	      name(summary, meta, "kernel", summary->kernel) |
	      name(summary, meta, "machine", summary->machine) |
	      name(summary, meta, "attach", summary->attach) |
	      name(summary, meta, "thp_enabled", summary->thp_enabled) |
	      name(summary, meta, "clock", summary->clock) |
	      name(summary, meta, "clock_source", summary->clock_source);
	if (err)
		return err;
	summary->clock_step = number(meta, "clock_step_ns");
	summary->clock_ticks = number(meta, "clock_ticks") != 0;
	summary->cpus = (unsigned int)number(meta, "cpus");
	summary->mode = names__find_mode(string(meta, "mode"));
	read_blind(summary, meta);
	join_command(summary, member(meta, "command", json_type_array));
	return read_probes(summary, member(meta, "probes", json_type_array));
}

static void read_classes(struct summary *summary, struct json_object *classes)
{
	unsigned int c;

	for (c = 0; c < race_class__foreign_end(); c++) {
		struct json_object *from = member(classes, names__class(c), json_type_object);
		struct summary_class *class = &summary->class[c];

		class->walkers = number(from, "walkers");
		class->failed = number(from, "failed");
		class->overlaps = number(from, "overlaps");
		class->contained = number(from, "contained");
		class->escapes = number(from, "escapes");
		class->likely = number(from, "likely");
		class->remained = number(from, "remained");
		class->unattributed = number(from, "unattributed");
		class->unproven = number(from, "unproven");
	}
}

static void read_phase(struct histogram *phase, struct json_object *from)
{
	struct json_object *buckets = member(from, "buckets", json_type_array);
	size_t i;

	memset(phase, 0, sizeof(*phase));
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
	void *room = summary->programs;
	size_t i;
	int err;

	err = make_room(summary, programs, sizeof(*summary->programs), &room,
			&summary->nr_programs);
	summary->programs = room;
	for (i = 0; !err && i < summary->nr_programs; i++) {
		struct json_object *from = json_object_array_get_idx(programs, i);
		struct summary_program *program = &summary->programs[i];

		err = name(summary, from, "name", program->name) |
		      name(summary, from, "point", program->point) |
		      name(summary, from, "function", program->function) |
		      name(summary, from, "kind", program->kind);
		program->runs = number(from, "runs");
		program->run_ns = number(from, "run_ns");
		program->missed = number(from, "missed");
		program->insns = number(from, "insns");
		program->verified = number(from, "verified");
	}
	return err;
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
	walk->origin = enum_of(from, "kind", names__find_origin);
	residual = member(from, "residual", json_type_int);
	walk->residual = residual ? (int32_t)json_object_get_int(residual) : 0;
	snprintf(walk->comm, sizeof(walk->comm), "%s", string(from, "comm"));
}

static int read_stats(struct summary *summary, struct json_object *stats)
{
	static const char *const phases[] = THPRACE_PHASE_NAMES;
	struct json_object *from;
	unsigned int p;
	int err;

	summary->has_stats = 1;
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
	summary->lost_total = 0;
	memset(summary->lost, 0, sizeof(summary->lost));
	if (from) {
		json_object_object_foreach(from, key, value)
		{
			int cause = names__find_loss(key);

			summary->lost_total += value_of(value);
			if (cause >= 0)
				summary->lost[cause] += value_of(value);
		}
	}
	read_classes(summary, member(stats, "classes", json_type_object));
	from = member(stats, "phases", json_type_object);
	for (p = 0; p < THPRACE_PHASE_MAX; p++)
		read_phase(&summary->phases[p], member(from, phases[p], json_type_object));
	read_closest(summary, member(stats, "closest", json_type_object));
	read_blind(summary, stats);
	err = read_silent(summary, member(stats, "silent", json_type_array));
	return err ? err : read_programs(summary, member(stats, "programs", json_type_array));
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
	/*
	 * The parser would wait for more after a bare number; what is accepted ends with a bracket.
	 */
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    !json_object_is_type(object, wanted)) {
		err = -EINVAL;
	} else if (type == THPRACE_BLOCK_META) {
		err = read_meta(summary, object);
	} else if (type == THPRACE_BLOCK_STATS) {
		err = read_stats(summary, object);
	} else if (type == THPRACE_BLOCK_SYMBOLS) {
		err = take_symbols(summary, object);
	} else if (type == THPRACE_BLOCK_TASKS) {
		err = take_tasks(summary, object);
	}
	json_object_put(object);
	json_tokener_free(tokener);
	return err;
}

static int by_pid(const void *a, const void *b)
{
	const struct summary_task *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->windows > y->windows ? -1 : x->windows < y->windows;
}

static int by_activity(const void *a, const void *b)
{
	const struct summary_task *x = a, *y = b;

	if (x->windows != y->windows)
		return x->windows > y->windows ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* If a task is listed twice, it was counted again: its larger counts are valid. */
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

static int by_address(const void *a, const void *b)
{
	const struct summary_symbol *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

void summary_json__finish(struct summary *summary)
{
	sort_tasks(summary);
	if (summary->nr_symbols)
		qsort(summary->symbols, summary->nr_symbols, sizeof(*summary->symbols), by_address);
}

const char *summary__symbol(const struct summary *summary, uint64_t address)
{
	const struct summary_symbol key = {.address = address}, *found;

	if (!summary || !summary->nr_symbols)
		return NULL;
	found = bsearch(&key, summary->symbols, summary->nr_symbols, sizeof(key), by_address);
	return found ? found->name : NULL;
}

void summary_json__release(struct summary *summary)
{
	free(summary->probes);
	free(summary->programs);
	free(summary->silent);
	free(summary->tasks);
	free(summary->symbols);
}
