// SPDX-License-Identifier: GPL-2.0-only
#include "summary_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/names.h"
#include "base/number.h"
#include "classes/race_class.h"

void summary_json__defaults(struct summary *summary)
{
	summary->mode = -ENOENT;
}

/* 0, or -E2BIG: a name that no kernel and no thprace has. */
static int name(struct summary *summary, struct json_object *object, const char *key,
		char buf[SUMMARY_NAME_LEN])
{
	const char *text = json__get_text(object, key);

	snprintf(buf, SUMMARY_NAME_LEN, "%s", text);
	if (names__plain(text))
		return 0;
	summary->beyond = "a name in it cannot be printed";
	return -E2BIG;
}

static void text(struct json_object *object, const char *key, char buf[SUMMARY_TEXT_LEN])
{
	snprintf(buf, SUMMARY_TEXT_LEN, "%s", json__get_text(object, key));
}

/* Make space for another member of a list that has nr of them. */
static int grow(void **list, size_t nr, size_t size)
{
	void *grown;

	/* The size is a power of two, from 64 on. */
	if (nr & (nr - 1) || (nr && nr < 64))
		return 0;
	grown = reallocarray(*list, nr ? 2 * nr : 64, size);
	if (!grown)
		return -ENOMEM;
	*list = grown;
	return 0;
}

static int take_cgroup(struct summary *summary, uint64_t id, const char *path)
{
	struct summary_cgroup *cgroup;

	if (summary->nr_cgroups == SUMMARY_CGROUPS_MAX)
		return 0;
	if (grow((void **)&summary->cgroups, summary->nr_cgroups, sizeof(*cgroup)))
		return -ENOMEM;
	cgroup = &summary->cgroups[summary->nr_cgroups++];
	cgroup->id = id;
	snprintf(cgroup->path, sizeof(cgroup->path), "%s", path);
	return 0;
}

static int take_symbols(struct summary *summary, struct json_object *symbols)
{
	static const char of_cgroup[] = THPRACE_SYMBOLS_CGROUP;
	struct summary_symbol *symbol;
	uint64_t id;
	int err;

	json_object_object_foreach(symbols, key, value)
	{
		if (!json_object_is_type(value, json_type_string))
			continue;
		if (!strncmp(key, of_cgroup, strlen(of_cgroup))) {
			err = number__parse_any(key + strlen(of_cgroup), &id)
				      ? 0
				      : take_cgroup(summary, id, json_object_get_string(value));
			if (err)
				return err;
			continue;
		}
		if (summary->nr_symbols == SUMMARY_SYMBOLS_MAX)
			continue;
		err = grow((void **)&summary->symbols, summary->nr_symbols, sizeof(*symbol));
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
	size_t nr = json__length(tasks), i;
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
		task->pid = (uint32_t)json__get_number(from, "pid");
		task->tgid = (uint32_t)json__get_number(from, "tgid");
		task->windows = json__get_number(from, "windows");
		snprintf(task->comm, sizeof(task->comm), "%s", json__get_text(from, "comm"));
	}
	return 0;
}

/* The command's words, joined by blanks, truncated. */
static void join_command(struct summary *summary, struct json_object *args)
{
	size_t used = 0, i;

	summary->command[0] = '\0';
	for (i = 0; i < json__length(args) && used < SUMMARY_COMMAND_LEN; i++) {
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
	*nr = json__length(list);
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
	struct json_object *blind = json__get(from, "not_observable", json_type_array);
	size_t i;

	for (i = 0; i < json__length(blind); i++) {
		struct json_object *item = json_object_array_get_idx(blind, i);
		int class = names__find_class(json__get_text(item, "class"));

		if (class <= THPRACE_CLASS_NONE)
			continue;
		text(item, "reason", summary->class[class].not_observable);
		summary->class[class].cannot_happen = json__get_bool(item, "cannot_happen") ||
						      !strncmp(json__get_text(item, "reason"),
							       NAMES_CANNOT_HAPPEN,
							       strlen(NAMES_CANNOT_HAPPEN));
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
		summary->silent[i].returns = json__get_number(from, "returns");
	}
	return err;
}

/* What `thprace recover' found in a crash dump, in sentences. */
static int read_crash(struct summary *summary, struct json_object *meta)
{
	struct json_object *recovered = json__get_object(meta, "recovered");
	struct json_object *notes = json__get_array(recovered, "notes");
	void *room = summary->crash;
	size_t i;
	int err;

	err = make_room(summary, notes, sizeof(*summary->crash), &room, &summary->nr_crash);
	summary->crash = room;
	for (i = 0; !err && i < summary->nr_crash; i++) {
		struct json_object *note = json__at(notes, i);

		if (json_object_is_type(note, json_type_string))
			snprintf(summary->crash[i], sizeof(summary->crash[i]), "%s",
				 json_object_get_string(note));
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
	text(meta, "hostname", summary->hostname);
	text(meta, "machine_id", summary->machine_id);
	text(meta, "boot_id", summary->boot_id);
	summary->clock_step = json__get_number(meta, "clock_step_ns");
	summary->clock_ticks = json__get_number(meta, "clock_ticks") != 0;
	summary->cpus = (unsigned int)json__get_number(meta, "cpus");
	summary->mode = names__find_mode(json__get_text(meta, "mode"));
	read_blind(summary, meta);
	join_command(summary, json__get(meta, "command", json_type_array));
	err = read_crash(summary, meta);
	return err ? err : read_probes(summary, json__get(meta, "probes", json_type_array));
}

static void read_phase(struct histogram *phase, struct json_object *from)
{
	struct json_object *buckets = json__get(from, "buckets", json_type_array);
	size_t i;

	memset(phase, 0, sizeof(*phase));
	phase->count = json__get_number(from, "count");
	phase->sum = json__get_number(from, "sum");
	phase->max = json__get_number(from, "max");
	for (i = 0; i < json__length(buckets); i++) {
		struct json_object *pair = json_object_array_get_idx(buckets, i);
		uint64_t bucket;

		if (!json_object_is_type(pair, json_type_array) ||
		    json_object_array_length(pair) != 2)
			continue;
		bucket = json__number_of(json_object_array_get_idx(pair, 0));
		if (bucket < THPRACE_BUCKETS)
			phase->buckets[bucket] +=
				json__number_of(json_object_array_get_idx(pair, 1));
	}
}

/* An enum is stored as its name or as its number. */
static uint8_t enum_of(struct json_object *object, const char *name, int (*find)(const char *))
{
	struct json_object *text = json__get(object, name, json_type_string);
	int value = text ? find(json_object_get_string(text))
			 : (int)(uint8_t)json__get_number(object, name);

	return value < 0 ? 0 : (uint8_t)value;
}

static void read_closest(struct summary_closest *to, struct json_object *closest)
{
	struct json_object *from = json__get(closest, "window", json_type_object);
	struct thprace_window *window = &to->window;
	struct thprace_walk *walk = &to->walk;
	struct json_object *residual = NULL;

	to->known = closest != NULL;
	to->distance = json__get_number(closest, "distance");
	window->open = json__get_number(from, "open");
	window->removed = json__get_number(from, "removed");
	window->close = json__get_number(from, "close");
	window->folio = json__get_number(from, "folio");
	window->address = json__get_number(from, "address");
	window->pid = (uint32_t)json__get_number(from, "pid");
	window->tgid = (uint32_t)json__get_number(from, "tgid");
	window->cpu = (uint16_t)json__get_number(from, "cpu");
	window->level = enum_of(from, "level", names__find_level);
	snprintf(window->comm, sizeof(window->comm), "%s", json__get_text(from, "comm"));
	from = json__get(closest, "walk", json_type_object);
	walk->enter = json__get_number(from, "enter");
	walk->leave = json__get_number(from, "leave");
	walk->folio = json__get_number(from, "folio");
	walk->pid = (uint32_t)json__get_number(from, "pid");
	walk->tgid = (uint32_t)json__get_number(from, "tgid");
	walk->cpu = (uint16_t)json__get_number(from, "cpu");
	walk->class = enum_of(from, "class", names__find_class);
	walk->origin = enum_of(from, "kind", names__find_origin);
	residual = json__get(from, "residual", json_type_int);
	walk->residual = residual ? (int32_t)json_object_get_int(residual) : 0;
	snprintf(walk->comm, sizeof(walk->comm), "%s", json__get_text(from, "comm"));
}

static void read_classes(struct summary *summary, struct json_object *classes)
{
	unsigned int c;

	for (c = 0; c < race_class__foreign_end(); c++) {
		struct json_object *from = json__get(classes, names__class(c), json_type_object);
		struct summary_class *class = &summary->class[c];

		class->walkers = json__get_number(from, "walkers");
		class->failed = json__get_number(from, "failed");
		class->overlaps = json__get_number(from, "overlaps");
		class->contained = json__get_number(from, "contained");
		class->escapes = json__get_number(from, "escapes");
		class->likely = json__get_number(from, "likely");
		class->remained = json__get_number(from, "remained");
		class->unattributed = json__get_number(from, "unattributed");
		class->unproven = json__get_number(from, "unproven");
		class->windows = json__get_number(from, "windows");
		class->measured = json__get(from, "lengths", json_type_object) != NULL;
		read_phase(&class->lengths, json__get(from, "lengths", json_type_object));
		read_closest(&class->closest, json__get(from, "closest", json_type_object));
		class->closest.walk.class = (uint8_t)c;
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
		program->runs = json__get_number(from, "runs");
		program->run_ns = json__get_number(from, "run_ns");
		program->missed = json__get_number(from, "missed");
		program->insns = json__get_number(from, "insns");
		program->verified = json__get_number(from, "verified");
	}
	return err;
}

static int read_stats(struct summary *summary, struct json_object *stats)
{
	static const char *const phases[] = THPRACE_PHASE_NAMES;
	struct json_object *from;
	unsigned int p;
	int err;

	summary->has_stats = 1;
	summary->stopped = json__get_number(stats, "ended");
	summary->seconds = json__get_real(stats, "seconds");
	summary->seen = json__get_number(stats, "seen");
	summary->submitted = json__get_number(stats, "submitted");
	summary->filtered = json__get_number(stats, "filtered");
	summary->windows = json__get_number(stats, "windows");
	summary->pte_removals = json__get_number(stats, "pte_removals");
	summary->mismatches = json__get_number(stats, "mismatches");
	summary->touching = json__get_number(stats, "touching");
	from = json__get(stats, "collapses", json_type_object);
	summary->collapses = json__get_number(from, "count");
	summary->collapses_failed = json__get_number(from, "failed");
	summary->reuses = json__get_number(from, "reuses");
	summary->reuses_foreign = json__get_number(from, "reuses_foreign");
	from = json__get(stats, "lost", json_type_object);
	summary->lost_total = 0;
	memset(summary->lost, 0, sizeof(summary->lost));
	if (from) {
		json_object_object_foreach(from, key, value)
		{
			int cause = names__find_loss(key);

			summary->lost_total += json__number_of(value);
			if (cause >= 0)
				summary->lost[cause] += json__number_of(value);
		}
	}
	read_classes(summary, json__get(stats, "classes", json_type_object));
	from = json__get(stats, "phases", json_type_object);
	for (p = 0; p < THPRACE_PHASE_MAX; p++)
		read_phase(&summary->phases[p], json__get(from, phases[p], json_type_object));
	read_closest(&summary->closest, json__get(stats, "closest", json_type_object));
	read_blind(summary, stats);
	err = read_silent(summary, json__get(stats, "silent", json_type_array));
	return err ? err : read_programs(summary, json__get(stats, "programs", json_type_array));
}

int summary_json__take(struct summary *summary, enum thprace_block_type type, const char *text,
		       size_t size)
{
	enum json_type wanted = type == THPRACE_BLOCK_TASKS ? json_type_array : json_type_object;
	struct json_object *object;
	int err;

	err = json__parse(&object, text, size);
	if (err)
		return err;
	if (!json_object_is_type(object, wanted)) {
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

static int by_id(const void *a, const void *b)
{
	const struct summary_cgroup *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

void summary_json__finish(struct summary *summary)
{
	if (summary->nr_cgroups)
		qsort(summary->cgroups, summary->nr_cgroups, sizeof(*summary->cgroups), by_id);
	sort_tasks(summary);
	if (summary->nr_symbols)
		qsort(summary->symbols, summary->nr_symbols, sizeof(*summary->symbols), by_address);
}

const char *summary__cgroup(const struct summary *summary, uint64_t id)
{
	const struct summary_cgroup key = {.id = id}, *found;

	if (!summary || !summary->nr_cgroups)
		return NULL;
	found = bsearch(&key, summary->cgroups, summary->nr_cgroups, sizeof(key), by_id);
	return found ? found->path : NULL;
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
	free(summary->crash);
	free(summary->programs);
	free(summary->silent);
	free(summary->tasks);
	free(summary->symbols);
	free(summary->cgroups);
}
