// SPDX-License-Identifier: GPL-2.0-only
#include "answer.h"

#include <json-c/json.h>

static struct json_object *member(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *answer__text(struct json_object *object, const char *name)
{
	struct json_object *value = member(object, name, json_type_string);

	return value ? json_object_get_string(value) : "";
}

uint64_t answer__number(struct json_object *object, const char *name)
{
	struct json_object *value = member(object, name, json_type_int);

	return value ? json_object_get_uint64(value) : 0;
}

double answer__real(struct json_object *object, const char *name)
{
	struct json_object *value = member(object, name, json_type_double);

	return value ? json_object_get_double(value) : (double)answer__number(object, name);
}

int answer__true(struct json_object *object, const char *name)
{
	return json_object_get_boolean(member(object, name, json_type_boolean));
}

struct json_object *answer__object(struct json_object *object, const char *name)
{
	return member(object, name, json_type_object);
}

size_t answer__length(struct json_object *object, const char *name)
{
	struct json_object *array = member(object, name, json_type_array);

	return array ? json_object_array_length(array) : 0;
}

struct json_object *answer__at(struct json_object *object, const char *name, size_t index)
{
	return json_object_array_get_idx(member(object, name, json_type_array), index);
}
