// SPDX-License-Identifier: GPL-2.0-only
#include "trace_classes.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include "base/json.h"
#include "base/names.h"
#include "classes/race_class.h"

static const char *const shapes[] = RACE_SHAPE_NAMES;

_Static_assert(sizeof(shapes) / sizeof(shapes[0]) == RACE_SHAPE_MAX, "a name each");

static const char *const events[] = RACE_EVENT_NAMES;
static const char *const places[] = {"begin", "end"};

_Static_assert(sizeof(places) / sizeof(places[0]) == RACE_PLACES, "a key each");

static void forget(struct trace_classes *classes)
{
	memset(classes->of, THPRACE_CLASS_MAX, sizeof(classes->of));
	classes->of[THPRACE_CLASS_NONE] = THPRACE_CLASS_NONE;
}

void trace_classes__init(struct trace_classes *classes)
{
	unsigned int class;

	forget(classes);
	for (class = 1; class < race_class__end(); class ++)
		if (race_class__of(class)->number)
			classes->of[race_class__of(class)->number] = (uint8_t) class;
}

/* NULL: not found. */
static const char *text_of(struct json_object *item, const char *key)
{
	return json_object_get_string(json__get(item, key, json_type_string));
}

/* The id; 0: not an id that a record can have. */
static unsigned int id_of(struct json_object *item)
{
	uint64_t id = json_object_get_uint64(json__get(item, "id", json_type_int));

	return id < THPRACE_CLASS_MAX ? (unsigned int)id : 0;
}

static enum race_shape shape_of(struct json_object *item)
{
	const char *name = text_of(item, "shape");
	int shape = RACE_SHAPE_MAX;

	while (name && --shape > RACE_WALK && strcmp(shapes[shape], name))
		;
	return name ? (enum race_shape)shape : RACE_WALK;
}

/* Into saved. false: what cannot be printed is among them. */
static bool take_saved(struct json_object *list, const char *saved[THPRACE_RACE_SECTIONS_MAX])
{
	size_t i;

	for (i = 0; i < json__length(list) && i < THPRACE_RACE_SECTIONS_MAX; i++) {
		struct json_object *names = json_object_array_get_idx(list, i);

		if (!json_object_is_type(names, json_type_string))
			continue;
		saved[i] = json_object_get_string(names);
		if (!names__plain(saved[i]))
			return false;
	}
	return true;
}

/* Into place. false: what cannot be printed is among them. */
static bool take_places(struct json_object *list,
			const char *place[THPRACE_RACE_SECTIONS_MAX][RACE_PLACES])
{
	struct json_object *section;
	size_t i;
	int which;

	for (i = 0; i < json__length(list) && i < THPRACE_RACE_SECTIONS_MAX; i++) {
		section = json_object_array_get_idx(list, i);
		for (which = 0; which < RACE_PLACES; which++) {
			place[i][which] = text_of(section, places[which]);
			if (place[i][which] && !names__plain(place[i][which]))
				return false;
		}
	}
	return true;
}

static const char *take_one(struct trace_classes *classes, struct json_object *item)
{
	struct race_class named = {
		.name = text_of(item, "name"),
		.shape = shape_of(item),
		.deletes = json__get_bool(item, "deletes"),
		.point = text_of(item, "point"),
		.point2 = text_of(item, "point2"),
		.function = text_of(item, "function"),
	};
	unsigned int id = id_of(item), class;
	int i;

	if (!named.name || !race_class__is_name(named.name))
		return "a class in it has no name";
	if (!id || classes->of[id] != THPRACE_CLASS_MAX)
		return "a class in it has no id of its own";
	if ((named.point && !names__plain(named.point)) ||
	    (named.point2 && !names__plain(named.point2)) ||
	    (named.function && !names__plain(named.function)))
		return "a name in it cannot be printed";
	for (i = 0; i < RACE_EVENTS; i++) {
		named.event[i] = text_of(item, events[i]);
		if (named.event[i] && !names__plain(named.event[i]))
			return "a name in it cannot be printed";
	}
	if (!take_places(json__get_array(item, "sections"), named.place) ||
	    !take_saved(json__get_array(item, "saved"), named.saved))
		return "a name in it cannot be printed";
	class = race_class__add_foreign(&named);
	if (!class)
		return "it has more classes than there can be";
	classes->of[id] = (uint8_t) class;
	return NULL;
}

static const char *take_list(struct trace_classes *classes, struct json_object *list)
{
	size_t i, nr = json_object_array_length(list);
	const char *wrong = NULL;

	if (nr >= THPRACE_CLASS_MAX)
		return "it has more classes than there can be";
	forget(classes);
	for (i = 0; i < nr && !wrong; i++)
		wrong = take_one(classes, json_object_array_get_idx(list, i));
	return wrong;
}

const char *trace_classes__take(struct trace_classes *classes, const char *meta, size_t size)
{
	struct json_object *object, *list;
	const char *wrong = NULL;

	if (json__parse(&object, meta, size) == -ENOMEM)
		return "there is no memory for it";
	list = json__get_array(object, "classes");
	if (list)
		wrong = take_list(classes, list);
	json_object_put(object);
	return wrong;
}

static void add(struct json_object *item, const char *key, const char *value)
{
	if (value)
		json__add_name(item, key, value);
}

/* Of a race from a file. */
static void add_places(struct json_object *item, const struct race_class *race)
{
	struct json_object *list = json_object_new_array(), *section;
	int i, which, last = -1;

	for (i = 0; i < THPRACE_RACE_SECTIONS_MAX; i++)
		if (race->place[i][RACE_PLACE_BEGIN])
			last = i;
	for (i = 0; i <= last; i++) {
		section = json_object_new_object();
		for (which = 0; which < RACE_PLACES; which++)
			add(section, places[which], race->place[i][which]);
		json_object_array_add(list, section);
	}
	if (last >= 0)
		json__add(item, "sections", list);
	else
		json_object_put(list);
}

/* Of a race that saves values. */
static void add_saved(struct json_object *item, const struct race_class *race)
{
	struct json_object *list = json_object_new_array();
	int i, last = -1;

	for (i = 0; i < THPRACE_RACE_SECTIONS_MAX; i++)
		if (race->saved[i])
			last = i;
	for (i = 0; i <= last; i++)
		json_object_array_add(list,
				      json_object_new_string(race->saved[i] ? race->saved[i] : ""));
	if (last >= 0)
		json__add(item, "saved", list);
	else
		json_object_put(list);
}

struct json_object *trace_classes__json(void)
{
	struct json_object *list = json_object_new_array(), *item;
	const struct race_class *race;
	unsigned int class;
	int i;

	for (class = 1; class < race_class__foreign_end(); class ++) {
		race = race_class__of(class);
		item = json_object_new_object();
		json__add(item, "id", json_object_new_int((int)class));
		add(item, "name", race->name);
		add(item, "shape", shapes[race->shape]);
		if (race->deletes)
			json__add_bool(item, "deletes", 1);
		add(item, "point", race->point);
		add(item, "point2", race->point2);
		add(item, "function", race->function);
		for (i = 0; i < RACE_EVENTS; i++)
			add(item, events[i], race->event[i]);
		add_places(item, race);
		add_saved(item, race);
		json_object_array_add(list, item);
	}
	return list;
}
