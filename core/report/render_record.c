// SPDX-License-Identifier: GPL-2.0-only
#include "render_record.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include "diagram.h"
#include "base/json.h"
#include "base/names.h"
#include "classes/race_class.h"
#include "render_json.h"
#include "saved_values.h"
#include "summary.h"
#include "who.h"

#define CSV_TEXT_LEN 512 /* a path of a cgroup */

int render_record__header(const struct render_record *render,
			  const struct thprace_trace_header *header)
{
	struct json_object *object;

	if (render->format == RENDER_TEXT) {
		fprintf(render->out, "#%14s %5s %8s %8s  %-15s %-18s %s\n", "seconds", "cpu", "pid",
			"process", "record", "folio", "details");
		return 0;
	}
	if (render->format == RENDER_CSV) {
		fputs("row,number,time_ns,begin_ns,type,class,kind,cpu,pid,tgid,folio,value,flags,"
		      "arg,arg2,verdict,said,close_call,level,overlap_ns,comm,window_open_ns,"
		      "window_removed_ns,window_close_ns,window_cpu,window_pid,window_tgid,"
		      "window_comm,mm,address,pages,attribution,window_saved,walker_saved,"
		      "window_uid,window_cgroup_id,window_cgroup,window_unit,window_runtime,"
		      "window_container,window_pod,walker_uid,walker_cgroup_id,walker_cgroup,"
		      "walker_unit,walker_runtime,walker_container,walker_pod\n",
		      render->out);
		return 0;
	}
	object = json__new("header");
	if (!object)
		return -ENOMEM;
	json__add_number(object, "started_ns", header->started);
	json__add_number(object, "started_wall_ns", header->started_wall);
	json__add_bool(object, "all", header->flags & THPRACE_TF_ALL);
	return json__print(render->out, object);
}

static void text_time(const struct render_record *render, const char *name, uint64_t time)
{
	char text[NAMES_NUMBER_LEN];

	fprintf(render->out, " %s=%s", name,
		time ? names__offset(text, sizeof(text), (int64_t)(time - render->started))
		     : "unknown");
}

/* What a side of a race from a file has saved. */
static void text_saved(FILE *out, const char *side, unsigned int class,
		       const struct thprace_stack *stack)
{
	char saved[SAVED_VALUES_LEN];

	if (*saved_values__text(saved, sizeof(saved), class, stack))
		fprintf(out, " %s-saved=\"%s\"", side, saved);
}

static void read_who(const struct render_record *render, struct who *who,
		     const struct thprace_stack *stack)
{
	who__read(who, stack, summary__cgroup(render->names, stack->cgroup));
}

static void text_who(const struct render_record *render, const char *side,
		     const struct thprace_stack *stack)
{
	char text[WHO_TEXT_LEN];
	struct who who;

	read_who(render, &who, stack);
	if (*who__text(text, sizeof(text), &who))
		fprintf(render->out, " %s-is=\"%s\"", side, text);
}

static void text_incident(const struct render_record *render, uint64_t number,
			  const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	const bool file = race_class__shape(walk->class) == RACE_FILE;
	char text[NAMES_NUMBER_LEN], comm[3 * THPRACE_COMM_LEN], proof[DIAGRAM_TEXT_LEN];
	uint64_t last = walk->leave ? walk->leave : walk->enter; /* a holder may still be waiting */
	FILE *out = render->out;

	fprintf(out,
		"%15s %5u %8u %8u  %-15s 0x%016" PRIx64 " number=%" PRIu64
		" class=%s kind=%s verdict=%s",
		names__offset(text, sizeof(text), (int64_t)(last - render->started)), walk->cpu,
		walk->pid, walk->tgid, "incident", (uint64_t)walk->folio, number,
		names__class(walk->class), names__origin(walk->origin),
		names__verdict(incident->verdict));
	if (incident->close_call)
		fputs(" close-call", out);
	fprintf(out, " walker=%s took=%s",
		names__clean(comm, sizeof(comm), walk->comm, THPRACE_COMM_LEN, render->utf8),
		names__duration(text, sizeof(text),
				walk->leave > walk->enter ? walk->leave - walk->enter : 0,
				render->utf8));
	if (summary__has_window(incident)) {
		if (!file)
			fprintf(out, " level=%s", names__level(window->level));
		if (summary__overlap_known(incident))
			fprintf(out, " overlap=%s",
				names__duration(text, sizeof(text), summary__overlap(incident),
						render->utf8));
		fprintf(out, " opener=%s/%u opener-cpu=%u",
			names__clean(comm, sizeof(comm), window->comm, THPRACE_COMM_LEN,
				     render->utf8),
			window->pid, window->cpu);
		text_time(render, "open", window->open);
		if (!file)
			text_time(render, "removed", window->removed);
		text_time(render, "close", window->close);
		text_who(render, "opener", &incident->opener_stack);
		text_saved(out, "opener", walk->class, &incident->opener_stack);
	}
	text_who(render, "walker", &incident->walker_stack);
	text_saved(out, "walker", walk->class, &incident->walker_stack);
	fprintf(out, " proof: %s\n", diagram__proof(proof, sizeof(proof), incident));
}

/* A quoted field of CSV, of at most CSV_TEXT_LEN bytes. */
static void csv_text(FILE *out, const char *text, size_t length)
{
	char clean[3 * CSV_TEXT_LEN];
	const char *c;

	fputc('"', out);
	for (c = names__clean(clean, sizeof(clean), text, length, 1); *c; c++) {
		if (*c == '"')
			fputc('"', out);
		fputc(*c, out);
	}
	fputc('"', out);
}

static void csv_saved(FILE *out, unsigned int class, const struct thprace_stack *stack)
{
	char saved[SAVED_VALUES_LEN];

	if (*saved_values__text(saved, sizeof(saved), class, stack))
		fprintf(out, ",\"%s\"", saved);
	else
		fputc(',', out);
}

/* A field that is empty if it is not known. */
static void csv_known(FILE *out, const char *text)
{
	fputc(',', out);
	if (*text)
		csv_text(out, text, CSV_TEXT_LEN);
}

static void csv_who(const struct render_record *render, const struct thprace_stack *stack)
{
	FILE *out = render->out;
	struct who who;

	read_who(render, &who, stack);
	if (who.known)
		fprintf(out, ",%u,", who.uid);
	else
		fputs(",,", out);
	if (who.cgroup)
		fprintf(out, "%" PRIu64, who.cgroup);
	csv_known(out, who.path);
	csv_known(out, who.name.unit);
	csv_known(out, who.name.runtime);
	csv_known(out, who.name.container);
	csv_known(out, who.name.pod);
}

static void csv_incident(const struct render_record *render, uint64_t number,
			 const struct thprace_incident *incident)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	FILE *out = render->out;

	fprintf(out,
		"incident,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s,%s,%s,%u,%u,%u,0x%" PRIx64
		",%d,%u,0x%" PRIx64 ",,%s,%s,%u,",
		number, (uint64_t)walk->leave, (uint64_t)walk->enter,
		incident->type == THPRACE_MSG_CHECK ? "check" : "incident",
		names__class(walk->class), names__origin(walk->origin), walk->cpu, walk->pid,
		walk->tgid, (uint64_t)walk->folio, walk->residual, walk->flags, (uint64_t)walk->ttu,
		names__verdict(incident->verdict), names__verdict(incident->first_verdict),
		incident->close_call);
	if (summary__has_window(incident))
		fprintf(out, "%s,", names__level(window->level));
	else
		fputc(',', out);
	if (summary__overlap_known(incident))
		fprintf(out, "%" PRIu64, summary__overlap(incident));
	fputc(',', out);
	csv_text(out, walk->comm, THPRACE_COMM_LEN);
	if (!summary__has_window(incident)) {
		fputs(",,,,,,,,,,,,", out);
		csv_saved(out, walk->class, &incident->walker_stack);
		fputs(",,,,,,,", out);
		csv_who(render, &incident->walker_stack);
		fputc('\n', out);
		return;
	}
	fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%u,%u,%u,", (uint64_t)window->open,
		(uint64_t)window->removed, (uint64_t)window->close, window->cpu, window->pid,
		window->tgid);
	csv_text(out, window->comm, THPRACE_COMM_LEN);
	fprintf(out, ",0x%" PRIx64 ",0x%" PRIx64 ",%u,%s", (uint64_t)window->mm,
		(uint64_t)window->address, window->pages,
		names__attribution(incident->attribution));
	csv_saved(out, walk->class, &incident->opener_stack);
	csv_saved(out, walk->class, &incident->walker_stack);
	csv_who(render, &incident->opener_stack);
	csv_who(render, &incident->walker_stack);
	fputc('\n', out);
}

static const char *path_of(const void *names, uint64_t cgroup)
{
	return summary__cgroup(names, cgroup);
}

/* Stacks stay addresses; the names of cgroups are few. */
static int json_incident(const struct render_record *render, uint64_t number,
			 const struct thprace_incident *incident)
{
	struct json_object *object = render_json__incident(NULL, number, incident, 1);

	if (object && render->names)
		render_json__add_who(object, incident, path_of, render->names);
	return json__print(render->out, object);
}

int render_record__incident(const struct render_record *render, uint64_t number,
			    const struct thprace_incident *incident)
{
	if (render->format == RENDER_JSON)
		return json_incident(render, number, incident);
	if (render->format == RENDER_CSV)
		csv_incident(render, number, incident);
	else
		text_incident(render, number, incident);
	return 0;
}
