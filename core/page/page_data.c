// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the script of the page reads. The report's JSON is as `thprace report --format json
 * --no-stacks` prints it. What that does not have is an object of its own: the rows of drawings,
 * the stacks, the groups of incidents, what happened when. It names each text once.
 */
#include "page_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash_map.h"
#include "base/json.h"
#include "classes/race_class.h"
#include "html.h"
#include "report/diagram.h"
#include "report/incident_groups.h"
#include "report/render_json.h"
#include "report/who.h"

struct texts {
	struct hash_map by_hash; /* of struct text */
	struct json_object *list;
};

struct text {
	size_t index;
	char text[];
};

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return hash;
}

/* The index of a text in the list. Two texts of one hash do no harm: the later one is not found. */
static struct json_object *index_of(struct texts *texts, const char *text)
{
	uint64_t hash = hash_of(text);
	struct text *known = hash_map__get(&texts->by_hash, hash);
	size_t length = strlen(text) + 1, index = json__length(texts->list);

	if (known && !strcmp(known->text, text))
		return json__number(known->index);
	json_object_array_add(texts->list, json__text(text, length));
	known = known ? NULL : malloc(sizeof(*known) + length);
	if (!known)
		return json__number(index);
	known->index = index;
	memcpy(known->text, text, length);
	if (hash_map__set(&texts->by_hash, hash, known))
		free(known);
	return json__number(index);
}

static void free_texts(struct texts *texts)
{
	size_t at;

	HASH_MAP_EACH(at, &texts->by_hash)
		free(texts->by_hash.values[at]);
	hash_map__free(&texts->by_hash);
	json_object_put(texts->list);
}

/* Write and free an object. */
static void write_object(struct page *page, struct json_object *object)
{
	size_t length;
	const char *line = object ? json__line_of(object, &length) : NULL;

	if (line)
		html__json(page->out, line, length);
	else
		page->err = -ENOMEM;
	json_object_put(object);
}

static struct json_object *events_of(struct texts *texts, const struct summary *summary,
				     const struct thprace_incident *incident, uint64_t *base)
{
	struct diagram_event events[DIAGRAM_EVENTS_MAX];
	unsigned int i, nr = diagram__events(summary, incident, events, base);
	struct json_object *list = json_object_new_array(), *event;

	for (i = 0; list && i < nr; i++) {
		event = json_object_new_array();
		if (!event)
			break;
		json_object_array_add(event, json_object_new_int(events[i].walker));
		json_object_array_add(event, events[i].timed ? json_object_new_int64(events[i].time)
							     : NULL);
		json_object_array_add(event, json_object_new_int(events[i].indent));
		json_object_array_add(event, index_of(texts, events[i].text));
		json_object_array_add(list, event);
	}
	return list;
}

static struct json_object *stack_of(struct texts *texts, const struct summary *summary,
				    const struct thprace_stack *stack)
{
	struct json_object *list = json_object_new_array();
	const char *symbol;
	char address[24];
	uint32_t i;

	for (i = 0; list && i < stack->nr && i < THPRACE_STACK_MAX; i++) {
		snprintf(address, sizeof(address), "0x%" PRIx64, (uint64_t)stack->ip[i]);
		symbol = summary__symbol(summary, stack->ip[i]);
		json_object_array_add(list, index_of(texts, symbol ? symbol : address));
	}
	return list;
}

/* A time after base; null: not known. */
static struct json_object *offset(uint64_t when, uint64_t base)
{
	return when ? json_object_new_int64((int64_t)(when - base)) : NULL;
}

static struct json_object *times_of(const struct thprace_incident *incident, uint64_t base)
{
	const struct thprace_window *window = &incident->window;
	const struct thprace_walk *walk = &incident->walk;
	struct json_object *times = json_object_new_object();

	if (!times)
		return NULL;
	json__add(times, "open", offset(window->open, base));
	json__add(times, "removed", offset(window->removed, base));
	json__add(times, "close", offset(window->close, base));
	json__add(times, "enter", offset(walk->enter, base));
	json__add(times, "leave", offset(walk->leave, base));
	json__add(times, "outer", offset(walk->outer_at, base));
	return times;
}

static uint64_t group_of(const struct page *page, const struct thprace_incident *incident)
{
	const struct incident_groups *groups = page->summary->groups;
	const struct incident_group *group = incident_groups__find(groups, page->summary, incident);
	size_t i, nr = incident_groups__count(groups);

	for (i = 0; i < nr && incident_groups__get(groups, i) != group; i++)
		;
	return i;
}

/* Who both tasks are, in the words of the drawing: "user 1000, web.service"; "": not known. */
static struct json_object *who_of(const struct summary *summary,
				  const struct thprace_incident *incident)
{
	const struct thprace_stack *const sides[] = {&incident->opener_stack,
						     &incident->walker_stack};
	struct json_object *list = json_object_new_array();
	char text[WHO_TEXT_LEN];
	struct who who;
	size_t i;

	for (i = 0; list && i < sizeof(sides) / sizeof(sides[0]); i++) {
		who__read(&who, sides[i], summary__cgroup(summary, sides[i]->cgroup));
		json_object_array_add(list,
				      json_object_new_string(who__text(text, sizeof(text), &who)));
	}
	return list;
}

static void write_incident(struct page *page, struct texts *texts,
			   const struct summary_incident *one)
{
	const struct summary *summary = page->summary;
	const struct thprace_incident *incident = &one->incident;
	enum race_shape shape = race_class__shape(incident->walk.class);
	struct json_object *object = json_object_new_object();
	uint64_t base = 0;

	if (object) {
		json__add_number(object, "number", one->number);
		json__add_number(object, "group", group_of(page, incident));
		if (shape == RACE_REUSE)
			json__add_bool(object, "reuse", true);
		if (shape == RACE_FILE)
			json__add_bool(object, "file", true);
		json__add(object, "events", events_of(texts, summary, incident, &base));
		json__add(object, "times", times_of(incident, base));
		json__add(object, "who", who_of(summary, incident));
	}
	if (object && page->options->stacks) {
		json__add(object, "opener", stack_of(texts, summary, &incident->opener_stack));
		json__add(object, "walker", stack_of(texts, summary, &incident->walker_stack));
	}
	write_object(page, object);
}

static struct json_object *parts_of(const struct activity *activity)
{
	struct json_object *list = json_object_new_array(), *part;
	unsigned int i;

	for (i = 0; list && i < ACTIVITY_PARTS; i++) {
		part = json_object_new_array();
		if (!part)
			break;
		json_object_array_add(part, json__number(activity->parts[i].windows));
		json_object_array_add(part, json__number(activity->parts[i].walkers));
		json_object_array_add(part, json__number(activity->parts[i].incidents));
		json_object_array_add(part, json__number(activity->parts[i].escapes));
		json_object_array_add(list, part);
	}
	return list;
}

/* Times are ns since the start of the recording. */
static struct json_object *activity_of(const struct summary *summary)
{
	const struct activity *activity = &summary->activity;
	struct json_object *object = json_object_new_object(), *losses, *loss;
	uint64_t started = summary->header.started;
	size_t i;

	if (!object)
		return NULL;
	json__add(object, "from",
		  json_object_new_int64((int64_t)((uint64_t)activity->from - started)));
	json__add(object, "length", json_object_new_int64(activity->length));
	json__add(object, "parts", parts_of(activity));
	losses = json_object_new_array();
	for (i = 0; losses && i < activity->nr_losses; i++) {
		loss = json_object_new_array();
		if (!loss)
			break;
		json_object_array_add(loss, offset(activity->losses[i].from, started));
		json_object_array_add(loss, offset(activity->losses[i].to, started));
		json_object_array_add(loss, json__number(activity->losses[i].count));
		json_object_array_add(losses, loss);
	}
	json__add(object, "losses", losses);
	return object;
}

static void write_extra(struct page *page)
{
	struct texts texts = {.list = json_object_new_array()};
	size_t i;

	if (!texts.list) {
		page->err = -ENOMEM;
		return;
	}
	fputs("<script type=\"application/json\" id=\"extra\">{\"activity\":", page->out);
	write_object(page, activity_of(page->summary));
	fputs(",\n\"incidents\":[", page->out);
	for (i = 0; i < page->nr; i++) {
		fputs(i ? ",\n" : "\n", page->out);
		write_incident(page, &texts, page->list[i]);
	}
	fputs("],\n\"texts\":", page->out);
	write_object(page, json_object_get(texts.list));
	fputs("}</script>\n", page->out);
	free_texts(&texts);
}

static void write_report(struct page *page)
{
	const struct render_options options = {.incidents = page->options->incidents};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err;

	if (!out) {
		page->err = -ENOMEM;
		return;
	}
	err = render_json__report(out, page->summary, &options);
	if (fclose(out) && !err)
		err = -ENOMEM;
	if (err)
		page->err = err;
	fputs("<script type=\"application/json\" id=\"report\">\n", page->out);
	if (text)
		html__json(page->out, text, size);
	fputs("</script>\n", page->out);
	free(text);
}

void page_data__write(struct page *page)
{
	write_report(page);
	write_extra(page);
}
