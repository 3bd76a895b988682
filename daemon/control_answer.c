// SPDX-License-Identifier: GPL-2.0-only
/* The answers, as described in docs/control.md. */
#include "control_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <thprace/trace.h>
#include "base/clock.h"
#include "base/incident_time.h"
#include "base/json.h"
#include "base/names.h"
#include "kernel/symbols.h"
#include "report/render_json.h"
#include "status_json.h"

#define PATH_LEN (CONFIG_PATH_MAX + 64)
#define WHY_LEN 4096 /* for errors in a configuration: several lines */

/* Text with several lines keeps them; anything else that is unsafe for a terminal is removed. */
static void clean_lines(char *text)
{
	char buf[WHY_LEN], *line, *rest = NULL, all[WHY_LEN] = "";
	size_t used = 0;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		names__clean(buf, sizeof(buf), line, strlen(line), 1);
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? "\n" : "",
					 buf);
		if (used >= sizeof(all))
			break;
	}
	memcpy(text, all, strlen(all) + 1);
}

static struct json_object *file_of(const struct control *control, uint64_t number)
{
	const struct control_hooks *hooks = &control->hooks;
	char path[PATH_LEN];

	if (!hooks->file_of(hooks->ctx, number, path, sizeof(path)))
		return NULL;
	return json_object_new_string(path);
}

/* Wall-clock time of a time of CLOCK_MONOTONIC, by both clocks' present values. */
static uint64_t wall_by_now(uint64_t ns)
{
	return ns + (clock__wall() - clock__now());
}

/* The struct itself, for clients that draw it: two digits per byte, in memory order. */
static struct json_object *raw_of(const struct thprace_incident *incident)
{
	const unsigned char *bytes = (const unsigned char *)incident;
	const char *digits = "0123456789abcdef";
	char text[2 * sizeof(*incident)];
	size_t i;

	for (i = 0; i < sizeof(*incident); i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return json_object_new_string_len(text, sizeof(text));
}

static const char *path_of(const void *control, uint64_t cgroup)
{
	const struct control_hooks *hooks = &((const struct control *)control)->hooks;

	return hooks->cgroup_of(hooks->ctx, cgroup);
}

static struct json_object *incident_object(const struct control *control, uint64_t number,
					   const struct thprace_incident *incident, int stacks,
					   bool raw)
{
	struct json_object *object = render_json__incident(NULL, number, incident, stacks);
	uint64_t wall = control->hooks.wall_of(control->hooks.ctx, number);

	if (!object)
		return NULL;
	render_json__add_who(object, incident, path_of, control);
	if (!wall)
		wall = wall_by_now(incident_time__of(incident));
	json__add_number(object, "wall_ns", wall);
	json__add(object, "file", file_of(control, number));
	if (raw)
		json__add(object, "raw", raw_of(incident));
	return object;
}

static void add_symbols(const struct control *control, struct json_object *symbols,
			const struct thprace_stack *stack)
{
	const struct control_hooks *hooks = &control->hooks;
	char name[SYMBOLS_NAME_LEN], address[24], key[40];
	const char *path;
	uint32_t i;

	for (i = 0; symbols && i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		if (!hooks->name_of(hooks->ctx, stack->ip[i], name))
			continue;
		snprintf(address, sizeof(address), "0x%llx", (unsigned long long)stack->ip[i]);
		json_object_object_add(symbols, address, json_object_new_string(name));
	}
	path = hooks->cgroup_of(hooks->ctx, stack->cgroup);
	if (!symbols || !path)
		return;
	snprintf(key, sizeof(key), THPRACE_SYMBOLS_CGROUP "%llu",
		 (unsigned long long)stack->cgroup);
	json_object_object_add(symbols, key, json__text(path, strlen(path)));
}

/* What the addresses in both stacks are called, as far as that is known already. */
static struct json_object *symbols_of(const struct control *control,
				      const struct thprace_incident *incident)
{
	struct json_object *symbols = json_object_new_object();

	add_symbols(control, symbols, &incident->opener_stack);
	add_symbols(control, symbols, &incident->walker_stack);
	return symbols;
}

static void add_directory(const struct control *control, struct json_object *object)
{
	if (object)
		json__add_name(object, "directory", control->hooks.directory(control->hooks.ctx));
}

static void answer_status(struct client *client)
{
	const struct control_hooks *hooks = &client->control->hooks;

	control_client__line(client, status_json__new(hooks->state(hooks->ctx)));
	control_client__end(client, NULL);
}

static void answer_metrics(struct client *client)
{
	const struct control_hooks *hooks = &client->control->hooks;
	struct json_object *object;
	char *text = hooks->metrics(hooks->ctx);

	if (!text) {
		control_client__error(client, "failed", "the metrics: out of memory");
		return;
	}
	object = json__new("metrics");
	if (object)
		json__add_name(object, "text", text);
	free(text);
	control_client__line(client, object);
	control_client__end(client, NULL);
}

static void answer_reload(struct client *client)
{
	const struct control_hooks *hooks = &client->control->hooks;
	char why[WHY_LEN] = "";

	if (!hooks->reload(hooks->ctx, why, sizeof(why))) {
		control_client__line(client, json__new("reloaded"));
		control_client__end(client, NULL);
		return;
	}
	clean_lines(why);
	control_client__error(client, "failed", why[0] ? why : "not reloaded");
}

static void answer_incident(struct client *client)
{
	const struct control_hooks *hooks = &client->control->hooks;
	uint64_t id = client->request.id;
	struct thprace_incident incident;
	struct json_object *object;
	char why[96];

	hooks->flush(hooks->ctx);
	if (hooks->recent(hooks->ctx, id, &incident)) {
		snprintf(why, sizeof(why), "incident %llu is not in memory (any more)",
			 (unsigned long long)id);
		object = control_client__make_error("not-found", why);
		if (object)
			json__add(object, "file", file_of(client->control, id));
		add_directory(client->control, object);
		control_client__line(client, object);
		if (client->state != CLIENT_GONE)
			client->state = CLIENT_LAST;
		return;
	}
	object = incident_object(client->control, id, &incident, 1, true);
	if (object)
		json__add(object, "symbols", symbols_of(client->control, &incident));
	add_directory(client->control, object);
	control_client__line(client, object);
	control_client__end(client, NULL);
}

static bool matches(const struct request *request, const struct thprace_incident *incident)
{
	return (!request->class || request->class == incident->walk.class) &&
	       (!request->verdict || request->verdict == incident->verdict);
}

static void end_incidents(struct client *client)
{
	const struct control_hooks *hooks = &client->control->hooks;
	struct json_object *object = json_object_new_object();

	if (object) {
		json__add_number(object, "first", hooks->recent_first(hooks->ctx));
		json__add_number(object, "next", client->end);
	}
	add_directory(client->control, object);
	control_client__end(client, object);
}

static void more_incidents(struct client *client)
{
	const struct control_hooks *hooks = &client->control->hooks;
	struct thprace_incident incident;
	uint64_t first = hooks->recent_first(hooks->ctx);

	if (client->number < first && client->number < client->end) {
		/* The client read too slowly: memory dropped these for newer ones. */
		client->control->refused++;
		control_client__error(client, "timeout",
				      "incidents came faster than the client read them");
		return;
	}
	while (client->number < client->end &&
	       client->out_size - client->out_sent < CLIENT_OUT_ENOUGH) {
		if (!hooks->recent(hooks->ctx, client->number, &incident) &&
		    matches(&client->request, &incident))
			control_client__line(client,
					     incident_object(client->control, client->number,
							     &incident, 0, client->request.raw));
		if (client->state == CLIENT_GONE)
			return;
		client->number++;
	}
	if (client->number >= client->end && !client->request.follow)
		end_incidents(client);
}

static void answer_incidents(struct client *client)
{
	const struct control_hooks *hooks = &client->control->hooks;
	uint64_t first = hooks->recent_first(hooks->ctx);

	client->end = hooks->state(hooks->ctx)->spool.next_id;
	client->number = client->request.since > first ? client->request.since : first;
	client->state = CLIENT_INCIDENTS;
}

void control__incident(struct control *control, uint64_t number,
		       const struct thprace_incident *incident)
{
	struct client *client;

	(void)incident;
	if (!control || !number)
		return;
	for (client = control->clients; client; client = client->next) {
		if (client->state != CLIENT_INCIDENTS || !client->request.follow)
			continue;
		client->end = number + 1;
		control_client__send(client);
	}
}

static void answer_live(struct client *client)
{
	const struct control_hooks *hooks = &client->control->hooks;
	const struct request *request = &client->request;
	char why[WHY_LEN] = "";
	int err = -ENOTSUP;

	if (!control_client__room(client->control, client->uid, CONTROL_LIVE_PLACES, true)) {
		client->control->refused++;
		control_client__error(client, "busy",
				      "the limit of live traces for your user or for all users is "
				      "reached: try again later");
		return;
	}
	/* Before the hook is called, because it may call control__live_done(). */
	client->state = CLIENT_LIVE;
	if (hooks->live)
		err = hooks->live(hooks->ctx, client->id, request->seconds, request->from_now, why,
				  sizeof(why));
	if (!err || client->state != CLIENT_LIVE)
		return;
	clean_lines(why);
	control_client__error(client, "failed", why[0] ? why : strerror(-err));
}

void control__live_done(struct control *control, uint64_t id, int fd, const char *why)
{
	struct client *client = control->clients;
	struct json_object *object;
	struct stat st;

	while (client && (client->id != id || client->state != CLIENT_LIVE))
		client = client->next;
	if (!client) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fd < 0) {
		control_client__error(client, "failed", why ? why : strerror(-fd));
		control_client__send(client);
		return;
	}
	if (!control_traces__add(control, client->uid, fd)) {
		close(fd);
		control_client__error(client, "failed", "out of memory or descriptors");
		control_client__send(client);
		return;
	}
	client->passed = fd;
	object = json__new("live");
	if (object)
		json__add(object, "bytes",
			  fstat(fd, &st) ? NULL : json__number((uint64_t)st.st_size));
	/* Not to be cancelled any more if sending the line fails. */
	client->state = CLIENT_LAST;
	control_client__line(client, object);
	control_client__end(client, NULL);
	control_client__send(client);
}

static void answer_request(struct client *client)
{
	switch (client->request.type) {
	case REQUEST_STATUS:
		answer_status(client);
		break;
	case REQUEST_INCIDENTS:
		answer_incidents(client);
		break;
	case REQUEST_INCIDENT:
		answer_incident(client);
		break;
	case REQUEST_METRICS:
		answer_metrics(client);
		break;
	case REQUEST_RELOAD:
		answer_reload(client);
		break;
	case REQUEST_LIVE:
		answer_live(client);
		break;
	}
}

const struct control_answers control_answers = {
	.request = answer_request,
	.incidents = more_incidents,
};
