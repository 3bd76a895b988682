// SPDX-License-Identifier: GPL-2.0-only
#include "render_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/record.h>
#include <thprace/verdict.h>
#include "diagram.h"
#include "base/names.h"
#include "base/format.h"
#include "summary.h"
#include "classes/race_class.h"

#define add render_json__add
#define number_of render_json__number
#define address_of render_json__address

struct json_object *render_json__new(const char *type)
{
	struct json_object *object = json_object_new_object();

	if (object)
		render_json__add(object, "type", json_object_new_string(type));
	return object;
}

struct json_object *render_json__text(const char *text, size_t length)
{
	char buf[1024];

	return json_object_new_string(names__clean(buf, sizeof(buf), text, length, 1));
}

/*
 * An incident has some fifty numbers and addresses. json-c calls printf() for each number and
 * processes strings byte by byte, so they are written here.
 */
static struct json_object *written(uint64_t number, json_object_to_json_string_fn *write)
{
	struct json_object *object = json_object_new_uint64(number);

	if (object)
		json_object_set_serializer(object, write, NULL, NULL);
	return object;
}

static int write_number(struct json_object *object, struct printbuf *out, int level, int flags)
{
	char buf[24 + FORMAT_SLACK], *end = format__number(buf, json_object_get_uint64(object));

	(void)level;
	(void)flags;
	return printbuf_memappend(out, buf, (int)(end - buf));
}

static int write_address(struct json_object *object, struct printbuf *out, int level, int flags)
{
	char buf[24 + FORMAT_SLACK], *end = format__text(buf, "\"0x");

	(void)level;
	(void)flags;
	end = format__text(format__hex(end, json_object_get_uint64(object)), "\"");
	return printbuf_memappend(out, buf, (int)(end - buf));
}

struct json_object *render_json__address(uint64_t address)
{
	return written(address, write_address);
}

struct json_object *render_json__number(uint64_t number)
{
	return written(number, write_number);
}

void render_json__add(struct json_object *object, const char *name, struct json_object *value)
{
	if (json_object_object_add_ex(object, name, value, JSON_C_OBJECT_KEY_IS_CONSTANT))
		json_object_put(value);
}

/*
 * json-c escapes control characters below the blank, but neither DEL nor the control characters of
 * UTF-8, in keys and in strings, which may also come from a daemon. Names are ASCII, so hardly any
 * line needs this.
 */
static void write_clean(FILE *out, const char *text, size_t length)
{
	size_t i = 0;
	char *clean;

	while (i < length && text[i] >= ' ' && text[i] != 0x7f)
		i++;
	if (i == length) {
		fwrite(text, 1, length, out);
		return;
	}
	clean = malloc(length + 1);
	if (clean)
		fputs(names__clean(clean, length + 1, text, length, 1), out);
	free(clean);
}

int render_json__line(FILE *out, struct json_object *object)
{
	const char *text = NULL;
	size_t length;

	if (object)
		text = json_object_to_json_string_length(
			object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (text) {
		write_clean(out, text, length);
		putc('\n', out);
	}
	json_object_put(object);
	return text ? 0 : -ENOMEM;
}

/* A string of the file; null if it is missing. */
static struct json_object *string(const char *text)
{
	return text && *text ? render_json__text(text, 1023) : NULL;
}

/* A time for which 0 means that it is not known. */
static struct json_object *known(uint64_t ns)
{
	return ns ? number_of(ns) : NULL;
}

static void add_name(struct json_object *object, const char *name, const char *value)
{
	add(object, name, json_object_new_string(value));
}

static struct json_object *window_object(const struct thprace_window *window)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	add(object, "open_ns", known(window->open));
	add(object, "removed_ns", known(window->removed));
	add(object, "close_ns", known(window->close));
	add(object, "folio", address_of(window->folio));
	add(object, "mm", address_of(window->mm));
	add(object, "address", address_of(window->address));
	add(object, "pid", number_of(window->pid));
	add(object, "tgid", number_of(window->tgid));
	add(object, "cpu", number_of(window->cpu));
	add(object, "comm", render_json__text(window->comm, THPRACE_COMM_LEN));
	add_name(object, "level", names__level(window->level));
	add(object, "pages", number_of(window->pages));
	add(object, "settled", json_object_new_boolean(window->flags & THPRACE_WF_SETTLED));
	return object;
}

/* Additional meanings of a window's members if it is the window of a failed collapse. */
static struct json_object *reuse_object(const struct thprace_window *window)
{
	struct json_object *object = json_object_new_object();
	bool reused = window->flags & THPRACE_WF_REUSED;

	if (!object)
		return NULL;
	add(object, "offset", number_of(window->address));
	add(object, "reused", json_object_new_boolean(reused));
	add(object, "reused_offset", reused ? number_of(window->mm) : NULL);
	add(object, "elsewhere", json_object_new_boolean(!!(window->flags & THPRACE_WF_ELSEWHERE)));
	add(object, "locked", json_object_new_boolean(!!(window->flags & THPRACE_WF_LOCKED)));
	add(object, "foreign_references", number_of(window->pages));
	return object;
}

/* How often the folio was mapped; null if that was not read. */
static struct json_object *counts_object(const struct thprace_counts *counts, int read)
{
	struct json_object *object = read ? json_object_new_object() : NULL;

	if (!object)
		return NULL;
	add(object, "entire", json_object_new_int(counts->entire));
	add(object, "small", json_object_new_int(counts->small));
	return object;
}

static struct json_object *walk_object(const struct thprace_walk *walk)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	add(object, "enter_ns", known(walk->enter));
	add(object, "leave_ns", known(walk->leave));
	add(object, "folio", address_of(walk->folio));
	add(object, "ttu", address_of(walk->ttu));
	add(object, "pid", number_of(walk->pid));
	add(object, "tgid", number_of(walk->tgid));
	add(object, "cpu", number_of(walk->cpu));
	add(object, "comm", render_json__text(walk->comm, THPRACE_COMM_LEN));
	add_name(object, "kind", names__origin(walk->origin));
	add(object, "residual", json_object_new_int(walk->residual));
	add(object, "result",
	    walk->flags & THPRACE_KF_RESULT ? json_object_new_int(walk->result) : NULL);
	add(object, "own_result",
	    walk->flags & (THPRACE_RF_OWN | THPRACE_RF_OWN_FAILED)
		    ? json_object_new_string(walk->flags & THPRACE_RF_OWN_FAILED ? "still-mapped"
										 : "unmapped")
		    : NULL);
	add(object, "left", counts_object(&walk->left, thprace_failed(walk)));
	add(object, "before", counts_object(&walk->before, walk->flags & THPRACE_RF_REMAP));
	add(object, "outer", counts_object(&walk->outer, walk->outer_at != 0));
	add(object, "outer_ns", known(walk->outer_at));
	add(object, "check", json_object_new_boolean(walk->flags & THPRACE_KF_CHECK));
	add(object, "loss", json_object_new_boolean(walk->flags & THPRACE_KF_LOST));
	return object;
}

static struct json_object *stack_array(const struct summary *summary,
				       const struct thprace_stack *stack)
{
	struct json_object *array = json_object_new_array();
	uint32_t i;

	for (i = 0; array && i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		const char *symbol = summary__symbol(summary, stack->ip[i]);

		json_object_array_add(array, symbol ? string(symbol) : address_of(stack->ip[i]));
	}
	return array;
}

struct json_object *render_json__incident(const struct summary *summary, uint64_t number,
					  const struct thprace_incident *incident, int stacks)
{
	struct json_object *object = render_json__new("incident");
	int window = summary__has_window(incident);
	char text[DIAGRAM_TEXT_LEN];

	if (!object)
		return NULL;
	add(object, "number", number_of(number));
	add_name(object, "class", names__class(incident->walk.class));
	add_name(object, "verdict", names__verdict(incident->verdict));
	add(object, "attribution",
	    incident->attribution ? string(names__attribution(incident->attribution)) : NULL);
	add_name(object, "said", names__verdict(incident->first_verdict));
	add_name(object, "mode", names__mode(incident->mode));
	add(object, "close_call", json_object_new_boolean(incident->close_call));
	add(object, "overlap_ns",
	    summary__overlap_known(incident) ? number_of(summary__overlap(incident)) : NULL);
	add_name(object, "proof", diagram__proof(text, sizeof(text), incident));
	add_name(object, "words", diagram__verdict(text, sizeof(text), incident, 1));
	add(object, "window", window ? window_object(&incident->window) : NULL);
	if (window && race_class__shape(incident->walk.class) == RACE_REUSE)
		add(object, "reuse", reuse_object(&incident->window));
	add(object, "walker", walk_object(&incident->walk));
	if (stacks) {
		add(object, "opener_stack", stack_array(summary, &incident->opener_stack));
		add(object, "walker_stack", stack_array(summary, &incident->walker_stack));
	}
	return object;
}

static struct json_object *hints_array(const struct summary *summary)
{
	char hints[SUMMARY_HINTS_MAX][SUMMARY_HINT_LEN];
	unsigned int i, count = summary__hints(summary, hints);
	struct json_object *array = json_object_new_array();

	for (i = 0; array && i < count; i++)
		json_object_array_add(array, string(hints[i]));
	return array;
}

static int print_header(FILE *out, const struct summary *summary)
{
	struct json_object *object = render_json__new("header"), *notes;
	unsigned int i;

	if (!object)
		return -ENOMEM;
	add(object, "started_ns", number_of(summary->header.started));
	add(object, "started_wall_ns", number_of(summary->header.started_wall));
	add(object, "ended_ns", known(summary->stopped));
	add(object, "seconds", json_object_new_double(summary->seconds));
	add(object, "tool", string(summary->tool));
	add(object, "version", string(summary->version));
	add(object, "kernel", string(summary->kernel));
	add(object, "machine", string(summary->machine));
	add(object, "cpus", number_of(summary->cpus));
	add(object, "mode",
	    summary->mode < 0 ? NULL
			      : json_object_new_string(names__mode((unsigned int)summary->mode)));
	add(object, "all", json_object_new_boolean(summary->header.flags & THPRACE_TF_ALL));
	add(object, "attach", string(summary->attach));
	add(object, "thp_enabled", string(summary->thp_enabled));
	add(object, "hints", hints_array(summary));
	add(object, "clock", string(summary->clock));
	add(object, "clock_source", string(summary->clock_source));
	add(object, "clock_step_ns", known(summary->clock_step));
	add(object, "clock_ticks", json_object_new_boolean(summary->clock_ticks));
	add(object, "command", string(summary->command));
	add(object, "complete", json_object_new_boolean(summary->ended && !summary->bad_blocks));
	notes = json_object_new_array();
	for (i = 0; notes && i < summary->bad_blocks && i < SUMMARY_NOTES_MAX; i++)
		json_object_array_add(notes, string(summary->notes[i]));
	add(object, "damage", notes);
	add(object, "records", number_of(summary->records));
	add(object, "context_records", number_of(summary->context));
	add(object, "incidents", number_of(summary->incidents));
	add(object, "windows", number_of(summary->windows));
	add(object, "pte_removals", number_of(summary->pte_removals));
	add(object, "touching", number_of(summary->touching));
	add(object, "mismatches", number_of(summary->mismatches));
	add(object, "collapses", number_of(summary->collapses));
	add(object, "collapses_failed", number_of(summary->collapses_failed));
	add(object, "reuses", number_of(summary->reuses));
	add(object, "reuses_foreign", number_of(summary->reuses_foreign));
	return render_json__line(out, object);
}

static int print_classes(FILE *out, const struct summary *summary)
{
	unsigned int c;
	int err = 0;

	for (c = THPRACE_CLASS_NONE + 1; c < race_class__foreign_end() && !err; c++) {
		const struct summary_class *class = &summary->class[c];
		struct json_object *object = render_json__new("class");

		if (!object)
			return -ENOMEM;
		add_name(object, "class", names__class(c));
		add(object, "walkers", number_of(class->walkers));
		add(object, "failed", number_of(class->failed));
		add(object, "overlaps", number_of(class->overlaps));
		add(object, "contained", number_of(class->contained));
		add(object, "escapes", number_of(class->escapes));
		add(object, "likely", number_of(class->likely));
		add(object, "remained", number_of(class->remained));
		add(object, "unattributed", number_of(class->unattributed));
		add(object, "unproven", number_of(class->unproven));
		add(object, "observable", json_object_new_boolean(!class->not_observable[0]));
		add(object, "reason", string(class->not_observable));
		err = render_json__line(out, object);
	}
	return err;
}

static int print_phases(FILE *out, const struct summary *summary)
{
	static const char *const phases[] = THPRACE_PHASE_NAMES;
	unsigned int p, b;
	int err = 0;

	for (p = 0; p < THPRACE_PHASE_MAX && !err; p++) {
		const struct histogram *phase = &summary->phases[p];
		struct json_object *object = render_json__new("phase"), *buckets, *pair;

		if (!object)
			return -ENOMEM;
		add_name(object, "phase", phases[p]);
		add(object, "count", number_of(phase->count));
		add(object, "p50_ns", number_of(histogram__percentile(phase, 500)));
		add(object, "p99_ns", number_of(histogram__percentile(phase, 990)));
		add(object, "max_ns", phase->max || !phase->count ? number_of(phase->max) : NULL);
		add(object, "sum_ns", number_of(phase->sum));
		buckets = json_object_new_array();
		for (b = 0; buckets && b < THPRACE_BUCKETS; b++) {
			if (!phase->buckets[b])
				continue;
			pair = json_object_new_array();
			if (!pair)
				break;
			json_object_array_add(pair, number_of(thprace_bucket_floor(b)));
			json_object_array_add(pair, number_of(phase->buckets[b]));
			json_object_array_add(buckets, pair);
		}
		add(object, "buckets", buckets);
		err = render_json__line(out, object);
	}
	return err;
}

static int print_tasks(FILE *out, const struct summary *summary)
{
	size_t i;
	int err = 0;

	for (i = 0; i < summary->nr_tasks && !err; i++) {
		const struct summary_task *task = &summary->tasks[i];
		struct json_object *object = render_json__new("task");

		if (!object)
			return -ENOMEM;
		add(object, "pid", number_of(task->pid));
		add(object, "tgid", number_of(task->tgid));
		add(object, "comm", render_json__text(task->comm, THPRACE_COMM_LEN));
		add(object, "windows", number_of(task->windows));
		err = render_json__line(out, object);
	}
	return err;
}

static int print_probes(FILE *out, const struct summary *summary)
{
	struct json_object *object;
	size_t i;
	int err = 0;

	for (i = 0; i < summary->nr_probes && !err; i++) {
		object = render_json__new("probe");
		if (!object)
			return -ENOMEM;
		add(object, "point", string(summary->probes[i].point));
		add(object, "function", string(summary->probes[i].function));
		add(object, "kind", string(summary->probes[i].kind));
		add(object, "state", string(summary->probes[i].state));
		add(object, "reason", string(summary->probes[i].reason));
		err = render_json__line(out, object);
	}
	for (i = 0; i < summary->nr_programs && !err; i++) {
		object = render_json__new("program");
		if (!object)
			return -ENOMEM;
		add(object, "name", string(summary->programs[i].name));
		add(object, "point", string(summary->programs[i].point));
		add(object, "function", string(summary->programs[i].function));
		add(object, "kind", string(summary->programs[i].kind));
		add(object, "runs", number_of(summary->programs[i].runs));
		add(object, "run_ns", number_of(summary->programs[i].run_ns));
		add(object, "missed", number_of(summary->programs[i].missed));
		add(object, "insns", number_of(summary->programs[i].insns));
		add(object, "verified", number_of(summary->programs[i].verified));
		err = render_json__line(out, object);
	}
	for (i = 0; i < summary->nr_silent && !err; i++) {
		object = render_json__new("silent");
		if (!object)
			return -ENOMEM;
		add(object, "point", string(summary->silent[i].point));
		add(object, "returns", number_of(summary->silent[i].returns));
		add(object, "reason", string(summary->silent[i].reason));
		err = render_json__line(out, object);
	}
	return err;
}

static int print_loss(FILE *out, const struct summary *summary)
{
	struct json_object *object = render_json__new("loss"), *causes = json_object_new_object();
	unsigned int i;

	if (!object || !causes) {
		json_object_put(object);
		json_object_put(causes);
		return -ENOMEM;
	}
	add(object, "seen", number_of(summary->seen));
	add(object, "submitted", number_of(summary->submitted));
	add(object, "filtered", number_of(summary->filtered));
	add(object, "lost", number_of(summary->lost_total));
	for (i = 0; i < THPRACE_LOSS_MAX; i++)
		add(causes, names__loss(i), number_of(summary->lost[i]));
	add(object, "causes", causes);
	add(object, "identity", json_object_new_boolean(summary__identity(summary)));
	return render_json__line(out, object);
}

/* Recordings have the thread, but neither its CPU nor its name. */
static void add_task(struct json_object *side, uint32_t pid, uint32_t cpu, const char *comm)
{
	add(side, "pid", known(pid));
	if (*comm) {
		add(side, "cpu", number_of(cpu));
		add(side, "comm", render_json__text(comm, THPRACE_COMM_LEN));
	}
}

static int print_closest(FILE *out, const struct summary *summary)
{
	const struct thprace_window *window = &summary->closest_window;
	const struct thprace_walk *walk = &summary->closest_walk;
	struct json_object *object, *side;

	if (!summary->has_closest || summary__overlaps(summary))
		return 0;
	object = render_json__new("closest");
	if (!object)
		return -ENOMEM;
	add(object, "distance_ns", number_of(summary->closest_distance));
	add_name(object, "class", names__class(summary->closest_walk.class));
	side = json_object_new_object();
	add(side, "open_ns", known(window->open));
	add(side, "close_ns", known(window->close));
	add(side, "folio", address_of(window->folio));
	add_task(side, window->pid, window->cpu, window->comm);
	add(object, "window", side);
	side = json_object_new_object();
	add(side, "enter_ns", known(walk->enter));
	add(side, "leave_ns", known(walk->leave));
	add(side, "folio", address_of(walk->folio));
	add_task(side, walk->pid, walk->cpu, walk->comm);
	add(object, "walker", side);
	return render_json__line(out, object);
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
		err = render_json__line(out,
					render_json__incident(summary, list[i]->number,
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
	return err ? err : print_incidents(out, summary, options);
}
