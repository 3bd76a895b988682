// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/printbuf.h>

#include "format.h"
#include "names.h"
#include "number.h"

struct json_object *json__new(const char *type)
{
	struct json_object *object = json_object_new_object();

	json__add_name(object, "type", type);
	return object;
}

struct json_object *json__text(const char *text, size_t length)
{
	char buf[1024];

	return json_object_new_string(names__clean(buf, sizeof(buf), text, length, 1));
}

struct json_object *json__optional(const char *text)
{
	return text && *text ? json__text(text, 1023) : NULL;
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

struct json_object *json__address(uint64_t address)
{
	return written(address, write_address);
}

struct json_object *json__number(uint64_t number)
{
	return written(number, write_number);
}

void json__add(struct json_object *object, const char *name, struct json_object *value)
{
	if (!object ||
	    json_object_object_add_ex(object, name, value, JSON_C_OBJECT_KEY_IS_CONSTANT))
		json_object_put(value);
}

void json__add_name(struct json_object *object, const char *name, const char *text)
{
	json__add(object, name, text ? json_object_new_string(text) : NULL);
}

void json__add_text(struct json_object *object, const char *name, const char *text)
{
	json__add(object, name, json__optional(text));
}

void json__add_texts(struct json_object *object, const char *name, const char *rows, size_t size,
		     int count)
{
	struct json_object *list = json_object_new_array();
	int i;

	for (i = 0; i < count; i++)
		json_object_array_add(list, json_object_new_string(rows + (size_t)i * size));
	json__add(object, name, list);
}

void json__add_number(struct json_object *object, const char *name, uint64_t number)
{
	json__add(object, name, json__number(number));
}

void json__add_address(struct json_object *object, const char *name, uint64_t address)
{
	json__add(object, name, json__address(address));
}

void json__add_bool(struct json_object *object, const char *name, bool value)
{
	json__add(object, name, json_object_new_boolean(value));
}

void json__add_real(struct json_object *object, const char *name, double value)
{
	json__add(object, name, isfinite(value) ? json_object_new_double(value) : NULL);
}

const char *json__line_of(struct json_object *object, size_t *length)
{
	return object ? json_object_to_json_string_length(
				object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
				length)
		      : NULL;
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

int json__print(FILE *out, struct json_object *object)
{
	size_t length;
	const char *text = json__line_of(object, &length);

	if (text) {
		write_clean(out, text, length);
		putc('\n', out);
	}
	json_object_put(object);
	return text ? 0 : -ENOMEM;
}

char *json__take_text(struct json_object *object)
{
	const char *text = object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN)
				  : NULL;
	char *copy = text ? strdup(text) : NULL;

	json_object_put(object);
	return copy;
}

int json__parse(struct json_object **object, const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new();
	int err = 0;

	*object = NULL;
	if (!tokener)
		return -ENOMEM;
	*object = json_tokener_parse_ex(tokener, text, (int)size);
	/*
	 * The parser would wait for more after a bare number; what is accepted ends with a bracket.
	 */
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    !(json_object_is_type(*object, json_type_object) ||
	      json_object_is_type(*object, json_type_array))) {
		json_object_put(*object);
		*object = NULL;
		err = -EINVAL;
	}
	json_tokener_free(tokener);
	return err;
}

struct json_object *json__get(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *json__get_text(struct json_object *object, const char *name)
{
	struct json_object *value = json__get(object, name, json_type_string);

	return value ? json_object_get_string(value) : "";
}

uint64_t json__number_of(struct json_object *value)
{
	uint64_t number = 0;

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

uint64_t json__get_number(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value))
		return 0;
	return json__number_of(value);
}

double json__get_real(struct json_object *object, const char *name)
{
	struct json_object *value = json__get(object, name, json_type_double);

	return value ? json_object_get_double(value) : (double)json__get_number(object, name);
}

bool json__get_bool(struct json_object *object, const char *name)
{
	return json_object_get_boolean(json__get(object, name, json_type_boolean));
}

struct json_object *json__get_object(struct json_object *object, const char *name)
{
	return json__get(object, name, json_type_object);
}

struct json_object *json__get_array(struct json_object *object, const char *name)
{
	return json__get(object, name, json_type_array);
}

size_t json__length(struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

struct json_object *json__at(struct json_object *array, size_t index)
{
	return array ? json_object_array_get_idx(array, index) : NULL;
}
