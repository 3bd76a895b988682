// SPDX-License-Identifier: GPL-2.0-only
/* Numbers for `thprace top` from the daemon's socket (docs/control.md). */
#include "top_source.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <thprace/trace.h>
#include "base/json.h"
#include "base/names.h"
#include "client.h"
#include "incident_raw.h"
#include "top.h"

#define PATIENCE 5 /* s for an answer: meanwhile no key is read */

struct daemon_source {
	struct top_source source;
	const char *socket;
};

static void take_text(int utf8, char *buf, size_t size, struct json_object *object,
		      const char *name)
{
	const char *text = json__get_text(object, name);

	names__clean(buf, size, text, strlen(text), utf8);
}

static struct top_phase phase_of(struct json_object *phase)
{
	return (struct top_phase){
		.count = json__get_number(phase, "count"),
		.p50 = json__get_number(phase, "p50_ns"),
		.p99 = json__get_number(phase, "p99_ns"),
		.max = json__get_number(phase, "max_ns"),
	};
}

static uint64_t closest_of(struct json_object *object)
{
	return json__get_number(json__get_object(object, "closest"), "distance_ns");
}

static void take_class(int utf8, struct top_class *class, struct json_object *object)
{
	take_text(utf8, class->name, sizeof(class->name), object, "class");
	take_text(utf8, class->reason, sizeof(class->reason), object, "reason");
	class->observable = json__get_bool(object, "observable");
	class->walkers = json__get_number(object, "walkers");
	class->overlaps = json__get_number(object, "overlaps");
	class->contained = json__get_number(object, "contained");
	class->escapes = json__get_number(object, "escapes");
	class->others = json__get_number(object, "remained") +
			json__get_number(object, "unattributed") +
			json__get_number(object, "unproven");
	class->measured = json__get_object(object, "lengths") != NULL;
	class->windows = json__get_number(object, "windows");
	class->lengths = phase_of(json__get_object(object, "lengths"));
	class->closest = closest_of(object);
}

static void take_phases(struct top_sample *sample, struct json_object *phases)
{
	static const char *const names[] = THPRACE_PHASE_NAMES;
	struct json_object *phase;
	size_t i, which;

	for (i = 0; i < json__length(phases); i++) {
		phase = json__at(phases, i);
		for (which = 0; which < THPRACE_PHASE_MAX; which++) {
			if (!strcmp(json__get_text(phase, "phase"), names[which]))
				sample->phases[which] = phase_of(phase);
		}
	}
}

static void take_cost(struct top_sample *sample, struct json_object *overhead)
{
	sample->measured = json__get_bool(overhead, "measured");
	sample->share = json__get_real(overhead, "share");
	sample->budget = json__get_real(overhead, "budget");
	sample->over = json__get_bool(overhead, "over");
	sample->cpu = json__get_number(overhead, "cpu_ns");
	sample->rss = json__get_number(overhead, "rss_bytes");
}

static void take_probes(struct top *top, struct top_sample *sample, struct json_object *probes)
{
	struct json_object *probe;
	const char *state;
	size_t i;

	for (i = 0; i < json__length(probes); i++) {
		probe = json__at(probes, i);
		state = json__get_text(probe, "state");
		sample->shed += !strcmp(state, "shed");
		if (!strcmp(state, "attached") || !strcmp(state, "shed"))
			top__function(top, json__get_text(probe, "point"),
				      json__get_text(probe, "function"));
	}
}

void top_source__status(struct top *top, struct json_object *answer)
{
	struct json_object *totals = json__get_object(answer, "totals");
	struct json_object *loss = json__get_object(answer, "loss");
	struct json_object *classes = json__get_array(answer, "classes");
	struct top_sample sample = {
		.now = json__get_number(answer, "now_ns"),
		.started = json__get_number(answer, "started_ns"),
		.escapes = json__get_number(totals, "escapes"),
		.likely = json__get_number(totals, "likely"),
		.seen = json__get_number(loss, "seen"),
		.lost = json__get_number(loss, "lost"),
		.closest = closest_of(answer),
		.only_counted = json__get_number(json__get_object(answer, "spool"), "skipped"),
	};
	unsigned int *nr = &sample.nr_classes;

	take_text(top->utf8, sample.version, sizeof(sample.version), answer, "version");
	take_text(top->utf8, sample.kernel, sizeof(sample.kernel), answer, "kernel");
	take_text(top->utf8, sample.mode, sizeof(sample.mode), answer, "mode");
	for (; *nr < json__length(classes) && *nr < THPRACE_CLASS_MAX; ++*nr)
		take_class(top->utf8, &sample.classes[*nr], json__at(classes, *nr));
	take_phases(&sample, json__get_array(answer, "phases"));
	take_cost(&sample, json__get_object(answer, "overhead"));
	take_probes(top, &sample, json__get_array(answer, "probes"));
	top__take(top, &sample);
}

void top_source__line(struct top *top, struct json_object *line)
{
	const char *type = json__get_text(line, "type");
	struct thprace_incident incident;
	uint64_t first;

	if (!strcmp(type, "incident") && incident_raw__take(&incident, line))
		top__incident(top, json__get_number(line, "number"),
			      json__get_number(line, "wall_ns"), &incident);
	if (strcmp(type, "end"))
		return;
	first = json__get_number(line, "first");
	if (top->next && first > top->next)
		top->missed += first - top->next;
	top->next = json__get_number(line, "next");
}

/* Returns 0 or negative errno with why. */
static int ask_incidents(const struct daemon_source *daemon, struct top *top, char *why,
			 size_t size)
{
	struct json_object *request = client__request("incidents"), *line;
	struct client *client;
	int got;

	if (request) {
		json__add_bool(request, "raw", true);
		json__add_number(request, "since", top->next);
	}
	got = client__call(&client, daemon->socket, request, PATIENCE, why, size);
	if (got)
		return got;
	do {
		got = client__next(client, &line, why, size);
		if (got >= 0)
			top_source__line(top, line);
		json_object_put(line);
	} while (got > 0);
	client__close(client);
	return got;
}

/* For requests with one line as the answer, to be put by the caller. */
static int ask_once(const struct daemon_source *daemon, struct json_object *request,
		    struct json_object **line, char *why, size_t size)
{
	struct client *client;
	int got = client__call(&client, daemon->socket, request, PATIENCE, why, size);

	*line = NULL;
	if (got)
		return got;
	got = client__next(client, line, why, size);
	client__close(client);
	return got < 0 ? got : 0;
}

static int daemon_ask(struct top_source *source, struct top *top, char *why, size_t size)
{
	const struct daemon_source *daemon = (const struct daemon_source *)source;
	struct json_object *answer;
	int err = ask_once(daemon, client__request("status"), &answer, why, size);

	if (!err) {
		top_source__status(top, answer);
		err = ask_incidents(daemon, top, why, size);
	}
	json_object_put(answer);
	return err;
}

static void take_symbols(struct top *top, struct json_object *symbols)
{
	if (!symbols)
		return;
	json_object_object_foreach(symbols, key, value)
	{
		if (!json_object_is_type(value, json_type_string))
			continue;
		if (!strncmp(key, THPRACE_SYMBOLS_CGROUP, strlen(THPRACE_SYMBOLS_CGROUP)))
			top__cgroup(top, strtoull(key + strlen(THPRACE_SYMBOLS_CGROUP), NULL, 10),
				    json_object_get_string(value));
		else
			top__name(top, strtoull(key, NULL, 16), json_object_get_string(value));
	}
}

static void daemon_name(struct top_source *source, struct top *top,
			const struct top_incident *incident)
{
	const struct daemon_source *daemon = (const struct daemon_source *)source;
	struct json_object *request = client__request("incident"), *answer;
	char why[256];

	if (request)
		json__add_number(request, "id", incident->number);
	if (!ask_once(daemon, request, &answer, why, sizeof(why)))
		take_symbols(top, json__get_object(answer, "symbols"));
	json_object_put(answer);
}

static void daemon_close(struct top_source *source)
{
	free(source);
}

struct top_source *top_source__daemon(const char *socket)
{
	struct daemon_source *daemon = calloc(1, sizeof(*daemon));

	if (!daemon)
		return NULL;
	daemon->socket = socket;
	daemon->source = (struct top_source){
		.ask = daemon_ask,
		.name = daemon_name,
		.fd = -1,
		.close = daemon_close,
	};
	return &daemon->source;
}
