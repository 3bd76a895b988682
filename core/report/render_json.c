// SPDX-License-Identifier: GPL-2.0-only
#include "render_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/record.h>
#include <thprace/verdict.h>
#include "banner.h"
#include "diagram.h"
#include "incident_groups.h"
#include "base/json.h"
#include "base/names.h"
#include "saved_values.h"
#include "summary.h"
#include "who.h"
#include "classes/race_class.h"

/* A time for which 0 means that it is not known. */
static struct json_object *known(uint64_t ns)
{
	return ns ? json__number(ns) : NULL;
}

/* level: it has one. */
static struct json_object *window_object(const struct thprace_window *window, bool level)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	json__add(object, "open_ns", known(window->open));
	json__add(object, "removed_ns", known(window->removed));
	json__add(object, "close_ns", known(window->close));
	json__add_address(object, "folio", window->folio);
	json__add_address(object, "mm", window->mm);
	json__add_address(object, "address", window->address);
	json__add_number(object, "pid", window->pid);
	json__add_number(object, "tgid", window->tgid);
	json__add_number(object, "cpu", window->cpu);
	json__add(object, "comm", json__text(window->comm, THPRACE_COMM_LEN));
	json__add(object, "level", level ? json__optional(names__level(window->level)) : NULL);
	json__add_number(object, "pages", window->pages);
	json__add_bool(object, "settled", window->flags & THPRACE_WF_SETTLED);
	return object;
}

/* Additional meanings of a window's members if it is the window of a failed collapse. */
static struct json_object *reuse_object(const struct thprace_window *window)
{
	struct json_object *object = json_object_new_object();
	bool reused = window->flags & THPRACE_WF_REUSED;

	if (!object)
		return NULL;
	json__add_number(object, "offset", window->address);
	json__add_bool(object, "reused", reused);
	json__add(object, "reused_offset", reused ? json__number(window->mm) : NULL);
	json__add_bool(object, "elsewhere", window->flags & THPRACE_WF_ELSEWHERE);
	json__add_bool(object, "locked", window->flags & THPRACE_WF_LOCKED);
	json__add_number(object, "foreign_references", window->pages);
	return object;
}

/* How often the folio was mapped; null if that was not read. */
static struct json_object *counts_object(const struct thprace_counts *counts, int read)
{
	struct json_object *object = read ? json_object_new_object() : NULL;

	if (!object)
		return NULL;
	json__add(object, "entire", json_object_new_int(counts->entire));
	json__add(object, "small", json_object_new_int(counts->small));
	return object;
}

static struct json_object *walk_object(const struct thprace_walk *walk)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	json__add(object, "enter_ns", known(walk->enter));
	json__add(object, "leave_ns", known(walk->leave));
	json__add_address(object, "folio", walk->folio);
	json__add_address(object, "ttu", walk->ttu);
	json__add_number(object, "pid", walk->pid);
	json__add_number(object, "tgid", walk->tgid);
	json__add_number(object, "cpu", walk->cpu);
	json__add(object, "comm", json__text(walk->comm, THPRACE_COMM_LEN));
	json__add_name(object, "kind", names__origin(walk->origin));
	json__add(object, "residual", json_object_new_int(walk->residual));
	json__add(object, "result",
		  walk->flags & THPRACE_KF_RESULT ? json_object_new_int(walk->result) : NULL);
	json__add(object, "own_result",
		  walk->flags & (THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED)
			  ? json_object_new_string(walk->flags & THPRACE_RF_OWN_FAILED
							   ? "still-mapped"
							   : "unmapped")
			  : NULL);
	json__add(object, "left", counts_object(&walk->left, thprace_failed(walk)));
	json__add(object, "before", counts_object(&walk->before, walk->flags & THPRACE_RF_REMAP));
	json__add(object, "outer", counts_object(&walk->outer, walk->outer_at != 0));
	json__add(object, "outer_ns", known(walk->outer_at));
	json__add_bool(object, "check", walk->flags & THPRACE_KF_CHECK);
	json__add_bool(object, "died", walk->flags & THPRACE_KF_DIED);
	json__add_bool(object, "loss", walk->flags & THPRACE_KF_LOST);
	return object;
}

static struct json_object *stack_array(const struct summary *summary,
				       const struct thprace_stack *stack)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; array && i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		const char *symbol = summary__symbol(summary, stack->ip[i]);

		json_object_array_add(array, symbol ? json__optional(symbol)
						    : json__address(stack->ip[i]));
	}
	return array;
}

void render_json__add_who(struct json_object *incident, const struct thprace_incident *of,
			  const char *(*path_of)(const void *names, uint64_t cgroup),
			  const void *names)
{
	struct json_object *window = json__get(incident, "window", json_type_object);
	struct json_object *walker = json__get(incident, "walker", json_type_object);
	struct who who;

	who__read(&who, &of->opener_stack, path_of(names, of->opener_stack.cgroup));
	if (window)
		json__add(window, "who", who__json(&who));
	who__read(&who, &of->walker_stack, path_of(names, of->walker_stack.cgroup));
	if (walker)
		json__add(walker, "who", who__json(&who));
}

static const char *path_in_trace(const void *summary, uint64_t cgroup)
{
	return summary__cgroup(summary, cgroup);
}

/* Of a race from a file that saves values. */
static void add_saved(struct json_object *object, const struct thprace_incident *incident)
{
	const unsigned int class = incident->walk.class;
	struct json_object *opener = saved_values__json(class, &incident->opener_stack);
	struct json_object *walker = saved_values__json(class, &incident->walker_stack);

	if (opener)
		json__add(object, "opener_saved", opener);
	if (walker)
		json__add(object, "walker_saved", walker);
}

struct json_object *render_json__incident(const struct summary *summary, uint64_t number,
					  const struct thprace_incident *incident, int stacks)
{
	struct json_object *object = json__new("incident");
	int window = summary__has_window(incident);
	char text[DIAGRAM_TEXT_LEN];

	if (!object)
		return NULL;
	json__add_number(object, "number", number);
	json__add_name(object, "class", names__class(incident->walk.class));
	json__add_name(object, "verdict", names__verdict(incident->verdict));
	json__add(object, "attribution",
		  incident->attribution ? json__optional(names__attribution(incident->attribution))
					: NULL);
	json__add_name(object, "said", names__verdict(incident->first_verdict));
	json__add_name(object, "mode", names__mode(incident->mode));
	json__add_bool(object, "close_call", incident->close_call);
	json__add(object, "overlap_ns",
		  summary__overlap_known(incident) ? json__number(summary__overlap(incident))
						   : NULL);
	json__add_name(object, "proof", diagram__proof(text, sizeof(text), incident));
	json__add_name(object, "words", diagram__verdict(text, sizeof(text), incident, 1));
	json__add(object, "window",
		  window ? window_object(&incident->window,
					 race_class__shape(incident->walk.class) != RACE_FILE)
			 : NULL);
	if (window && race_class__shape(incident->walk.class) == RACE_REUSE)
		json__add(object, "reuse", reuse_object(&incident->window));
	json__add(object, "walker", walk_object(&incident->walk));
	render_json__add_who(object, incident, path_in_trace, summary);
	add_saved(object, incident);
	if (stacks) {
		json__add(object, "opener_stack", stack_array(summary, &incident->opener_stack));
		json__add(object, "walker_stack", stack_array(summary, &incident->walker_stack));
	}
	return object;
}

static struct json_object *hints_array(const struct summary *summary)
{
	char hints[SUMMARY_HINTS_MAX][SUMMARY_HINT_LEN];
	unsigned int i, count = summary__hints(summary, hints);
	struct json_object *array = json_object_new_array();

	for (i = 0; array && i < count; i++)
		json_object_array_add(array, json__optional(hints[i]));
	return array;
}

static struct json_object *crash_array(const struct summary *summary)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; array && i < summary->nr_crash; i++)
		json_object_array_add(array, json__optional(summary->crash[i]));
	return array;
}

static int print_header(FILE *out, const struct summary *summary)
{
	struct json_object *object = json__new("header"), *notes;
	unsigned int i;

	if (!object)
		return -ENOMEM;
	json__add_number(object, "started_ns", summary->header.started);
	json__add_number(object, "started_wall_ns", summary->header.started_wall);
	json__add(object, "ended_ns", known(summary->stopped));
	json__add_real(object, "seconds", summary->seconds);
	json__add_text(object, "tool", summary->tool);
	json__add_text(object, "version", summary->version);
	json__add_text(object, "hostname", summary->hostname);
	json__add_text(object, "machine_id", summary->machine_id);
	json__add_text(object, "boot_id", summary->boot_id);
	json__add_text(object, "kernel", summary->kernel);
	json__add_text(object, "machine", summary->machine);
	json__add_number(object, "cpus", summary->cpus);
	json__add(object, "mode",
		  summary->mode < 0
			  ? NULL
			  : json_object_new_string(names__mode((unsigned int)summary->mode)));
	json__add_bool(object, "all", summary->header.flags & THPRACE_TF_ALL);
	json__add_text(object, "attach", summary->attach);
	json__add_text(object, "thp_enabled", summary->thp_enabled);
	json__add(object, "hints", hints_array(summary));
	json__add_text(object, "clock", summary->clock);
	json__add_text(object, "clock_source", summary->clock_source);
	json__add(object, "clock_step_ns", known(summary->clock_step));
	json__add_bool(object, "clock_ticks", summary->clock_ticks);
	json__add_text(object, "command", summary->command);
	json__add_bool(object, "complete", summary->ended && !summary->bad_blocks);
	notes = json_object_new_array();
	for (i = 0; notes && i < summary->bad_blocks && i < SUMMARY_NOTES_MAX; i++)
		json_object_array_add(notes, json__optional(summary->notes[i]));
	json__add(object, "damage", notes);
	json__add(object, "crash", crash_array(summary));
	json__add_number(object, "records", summary->records);
	json__add_number(object, "context_records", summary->context);
	json__add_number(object, "incidents", summary->incidents);
	json__add_number(object, "windows", summary->windows);
	json__add_number(object, "pte_removals", summary->pte_removals);
	json__add_number(object, "touching", summary->touching);
	json__add_number(object, "mismatches", summary->mismatches);
	json__add_number(object, "collapses", summary->collapses);
	json__add_number(object, "collapses_failed", summary->collapses_failed);
	json__add_number(object, "reuses", summary->reuses);
	json__add_number(object, "reuses_foreign", summary->reuses_foreign);
	return json__print(out, object);
}

static int print_answer(FILE *out, const struct summary *summary)
{
	struct json_object *object = json__new("answer");
	struct banner banner;

	if (!object)
		return -ENOMEM;
	banner__of(&banner, summary);
	json__add_name(object, "answer", banner__name(banner.kind));
	json__add_name(object, "text", banner.text);
	return json__print(out, object);
}

static int print_classes(FILE *out, const struct summary *summary)
{
	static const char *const statuses[] = CHECK_STATUS_NAMES;
	unsigned int c;
	int err = 0;

	for (c = THPRACE_CLASS_NONE + 1; c < race_class__foreign_end() && !err; c++) {
		const struct summary_class *class = &summary->class[c];
		struct json_object *object = json__new("class");

		if (!object)
			return -ENOMEM;
		json__add_name(object, "class", names__class(c));
		if (race_class__shape(c) == RACE_FILE)
			json__add_number(object, "windows", class->windows);
		json__add_number(object, "walkers", class->walkers);
		json__add_number(object, "failed", class->failed);
		json__add_number(object, "overlaps", class->overlaps);
		json__add_number(object, "contained", class->contained);
		json__add_number(object, "escapes", class->escapes);
		json__add_number(object, "likely", class->likely);
		json__add_number(object, "remained", class->remained);
		json__add_number(object, "unattributed", class->unattributed);
		json__add_number(object, "unproven", class->unproven);
		json__add_bool(object, "observable", !class->not_observable[0]);
		json__add_text(object, "reason", class->not_observable);
		json__add_bool(object, "cannot_happen", class->cannot_happen);
		json__add(object, "check",
			  class->checked ? json__optional(statuses[class->check]) : NULL);
		err = json__print(out, object);
	}
	return err;
}

/* class: of a race from a file; NULL: of zaps. */
static int print_phase(FILE *out, const struct histogram *phase, const char *name,
		       const char *class)
{
	struct json_object *object = json__new("phase"), *buckets, *pair;
	unsigned int b;

	if (!object)
		return -ENOMEM;
	json__add_name(object, "phase", name);
	if (class)
		json__add_name(object, "class", class);
	json__add_number(object, "count", phase->count);
	json__add_number(object, "p50_ns", histogram__percentile(phase, 500));
	json__add_number(object, "p99_ns", histogram__percentile(phase, 990));
	json__add(object, "max_ns", phase->max || !phase->count ? json__number(phase->max) : NULL);
	json__add_number(object, "sum_ns", phase->sum);
	buckets = json_object_new_array();
	for (b = 0; buckets && b < THPRACE_BUCKETS; b++) {
		if (!phase->buckets[b])
			continue;
		pair = json_object_new_array();
		if (!pair)
			break;
		json_object_array_add(pair, json__number(thprace_bucket_floor(b)));
		json_object_array_add(pair, json__number(phase->buckets[b]));
		json_object_array_add(buckets, pair);
	}
	json__add(object, "buckets", buckets);
	return json__print(out, object);
}

static int print_phases(FILE *out, const struct summary *summary)
{
	static const char *const phases[] = THPRACE_PHASE_NAMES;
	unsigned int p;
	int err = 0;

	for (p = 0; p < THPRACE_PHASE_MAX && !err; p++)
		err = print_phase(out, &summary->phases[p], phases[p], NULL);
	for (p = 1; p < race_class__foreign_end() && !err; p++)
		if (summary->class[p].measured)
			err = print_phase(out, &summary->class[p].lengths,
					  phases[THPRACE_PHASE_WHOLE], names__class(p));
	return err;
}

static int print_tasks(FILE *out, const struct summary *summary)
{
	size_t i;
	int err = 0;

	for (i = 0; i < summary->nr_tasks && !err; i++) {
		const struct summary_task *task = &summary->tasks[i];
		struct json_object *object = json__new("task");

		if (!object)
			return -ENOMEM;
		json__add_number(object, "pid", task->pid);
		json__add_number(object, "tgid", task->tgid);
		json__add(object, "comm", json__text(task->comm, THPRACE_COMM_LEN));
		json__add_number(object, "windows", task->windows);
		err = json__print(out, object);
	}
	return err;
}

static int print_probes(FILE *out, const struct summary *summary)
{
	struct json_object *object;
	size_t i;
	int err = 0;

	for (i = 0; i < summary->nr_probes && !err; i++) {
		object = json__new("probe");
		if (!object)
			return -ENOMEM;
		json__add_text(object, "point", summary->probes[i].point);
		json__add_text(object, "function", summary->probes[i].function);
		json__add_text(object, "kind", summary->probes[i].kind);
		json__add_text(object, "state", summary->probes[i].state);
		json__add_text(object, "reason", summary->probes[i].reason);
		err = json__print(out, object);
	}
	for (i = 0; i < summary->nr_programs && !err; i++) {
		object = json__new("program");
		if (!object)
			return -ENOMEM;
		json__add_text(object, "name", summary->programs[i].name);
		json__add_text(object, "point", summary->programs[i].point);
		json__add_text(object, "function", summary->programs[i].function);
		json__add_text(object, "kind", summary->programs[i].kind);
		json__add_number(object, "runs", summary->programs[i].runs);
		json__add_number(object, "run_ns", summary->programs[i].run_ns);
		json__add_number(object, "missed", summary->programs[i].missed);
		json__add_number(object, "insns", summary->programs[i].insns);
		json__add_number(object, "verified", summary->programs[i].verified);
		err = json__print(out, object);
	}
	for (i = 0; i < summary->nr_silent && !err; i++) {
		object = json__new("silent");
		if (!object)
			return -ENOMEM;
		json__add_text(object, "point", summary->silent[i].point);
		json__add_number(object, "returns", summary->silent[i].returns);
		json__add_text(object, "reason", summary->silent[i].reason);
		err = json__print(out, object);
	}
	return err;
}

static int print_loss(FILE *out, const struct summary *summary)
{
	struct json_object *object = json__new("loss"), *causes = json_object_new_object();
	unsigned int i;

	if (!object || !causes) {
		json_object_put(object);
		json_object_put(causes);
		return -ENOMEM;
	}
	json__add_number(object, "seen", summary->seen);
	json__add_number(object, "submitted", summary->submitted);
	json__add_number(object, "filtered", summary->filtered);
	json__add_number(object, "lost", summary->lost_total);
	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		json__add_number(causes, names__loss(i), summary->lost[i]);
	json__add(object, "causes", causes);
	json__add_bool(object, "identity", summary__identity(summary));
	return json__print(out, object);
}

/* Recordings have the thread, but neither its CPU nor its name. */
static void add_task(struct json_object *side, uint32_t pid, uint32_t cpu, const char *comm)
{
	json__add(side, "pid", known(pid));
	if (*comm) {
		json__add_number(side, "cpu", cpu);
		json__add(side, "comm", json__text(comm, THPRACE_COMM_LEN));
	}
}

static int print_pass(FILE *out, const struct summary_closest *closest)
{
	const struct thprace_window *window = &closest->window;
	const struct thprace_walk *walk = &closest->walk;
	struct json_object *object = json__new("closest"), *side;

	if (!object)
		return -ENOMEM;
	json__add_number(object, "distance_ns", closest->distance);
	json__add_name(object, "class", names__class(walk->class));
	side = json_object_new_object();
	json__add(side, "open_ns", known(window->open));
	json__add(side, "close_ns", known(window->close));
	json__add_address(side, "folio", window->folio);
	add_task(side, window->pid, window->cpu, window->comm);
	json__add(object, "window", side);
	side = json_object_new_object();
	json__add(side, "enter_ns", known(walk->enter));
	json__add(side, "leave_ns", known(walk->leave));
	json__add_address(side, "folio", walk->folio);
	add_task(side, walk->pid, walk->cpu, walk->comm);
	json__add(object, "walker", side);
	return json__print(out, object);
}

static int print_closest(FILE *out, const struct summary *summary)
{
	const struct summary_closest *closest[THPRACE_CLASS_MAX];
	size_t i, nr = summary__closest(summary, closest);
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = print_pass(out, closest[i]);
	return err;
}

static int print_groups(FILE *out, const struct summary *summary)
{
	char name[INCIDENT_GROUP_NAME_LEN];
	size_t i;
	int err = 0;

	for (i = 0; i < incident_groups__count(summary->groups) && !err; i++) {
		const struct incident_group *group = incident_groups__get(summary->groups, i);
		struct json_object *object = json__new("group");

		if (!object)
			return -ENOMEM;
		json__add_name(object, "class", names__class(group->class));
		json__add_name(object, "verdict", names__verdict(group->verdict));
		json__add(object, "attribution",
			  json__optional(names__attribution(group->attribution)));
		json__add_name(object, "level",
			       group->level < 0 ? NULL : names__level((unsigned int)group->level));
		json__add_name(object, "name", incident_groups__name(name, sizeof(name), group, 1));
		json__add_text(object, "opener", group->others ? "" : group->opener);
		json__add_text(object, "walker", group->others ? "" : group->walker);
		json__add_bool(object, "others", group->others);
		json__add_number(object, "count", group->count);
		json__add(object, "first_ns", known(group->first));
		json__add(object, "last_ns", known(group->last));
		json__add(object, "closest_ns",
			  group->has_closest ? json__number(group->closest) : NULL);
		json__add(object, "longest_ns", known(group->longest));
		json__add_number(object, "incident", group->example.number);
		err = json__print(out, object);
	}
	return err;
}

static int print_incidents(FILE *out, const struct summary *summary,
			   const struct render_options *options)
{
	const struct summary_incident **list;
	size_t nr, i;
	int err = 0;

	if (!options->incidents)
		return 0;
	list = calloc(options->incidents, sizeof(*list));
	if (!list)
		return -ENOMEM;
	nr = summary__matter(summary, list, options->incidents);
	for (i = 0; i < nr && !err; i++)
		err = json__print(out, render_json__incident(summary, list[i]->number,
							     &list[i]->incident, options->stacks));
	free(list);
	return err;
}

int render_json__report(FILE *out, const struct summary *summary,
			const struct render_options *options)
{
	int err;

	err = print_header(out, summary);
	if (!err)
		err = print_answer(out, summary);
	if (!err)
		err = print_classes(out, summary);
	if (!err)
		err = print_phases(out, summary);
	if (!err)
		err = print_tasks(out, summary);
	if (!err)
		err = print_probes(out, summary);
	if (!err)
		err = print_loss(out, summary);
	if (!err)
		err = print_closest(out, summary);
	if (!err)
		err = print_groups(out, summary);
	return err ? err : print_incidents(out, summary, options);
}
