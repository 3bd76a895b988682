// SPDX-License-Identifier: GPL-2.0-only
#include "control_private.h"

#include <ctype.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/names.h"

#define DEPTH_MAX 3 /* a request is flat */
#define NAME_SHOWN 48

/* Each stores a member's value, or returns what the value must be. */
typedef const char *(*take_fn)(struct request *request, struct json_object *value);

struct member {
	const char *name;
	take_fn take;
};

#define MEMBERS_MAX 6

struct kind {
	const char *name;
	enum request_type type;
	struct member members[MEMBERS_MAX]; /* besides "request" */
};

static const char *take_number(uint64_t *number, struct json_object *value)
{
	/* json-c returns -1 or INT64_MAX for values that do not fit. */
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return "the number of an incident";
	*number = json_object_get_uint64(value);
	return NULL;
}

static const char *take_bool(bool *set, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_boolean))
		return "true or false";
	*set = json_object_get_boolean(value);
	return NULL;
}

static const char *take_since(struct request *request, struct json_object *value)
{
	return take_number(&request->since, value);
}

static const char *take_id(struct request *request, struct json_object *value)
{
	return take_number(&request->id, value);
}

static const char *take_follow(struct request *request, struct json_object *value)
{
	return take_bool(&request->follow, value);
}

static const char *take_raw(struct request *request, struct json_object *value)
{
	return take_bool(&request->raw, value);
}

static const char *take_from_now(struct request *request, struct json_object *value)
{
	return take_bool(&request->from_now, value);
}

static const char *string_of(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static const char *take_class(struct request *request, struct json_object *value)
{
	int class = names__find_class(string_of(value));

	if (class <= THPRACE_CLASS_NONE)
		return "the name of a race class";
	request->class = (unsigned int)class;
	return NULL;
}

static const char *take_verdict(struct request *request, struct json_object *value)
{
	int verdict = names__find_verdict(string_of(value));

	if (verdict <= THPRACE_CLEAN)
		return "contained, escape, remained, unattributed or unproven";
	request->verdict = (unsigned int)verdict;
	return NULL;
}

static const char *take_seconds(struct request *request, struct json_object *value)
{
	double seconds = 0;

	if (json_object_is_type(value, json_type_int) ||
	    json_object_is_type(value, json_type_double))
		seconds = json_object_get_double(value);
	if (!isfinite(seconds) || seconds <= 0 || seconds > CONTROL_LIVE_MAX)
		return "a number of seconds, above 0 and at most 3600";
	request->seconds = seconds;
	return NULL;
}

_Static_assert(CONTROL_LIVE_MAX == 3600, "said above");

static const struct kind kinds[] = {
	{"status", REQUEST_STATUS, {{0}}},
	{"incidents",
	 REQUEST_INCIDENTS,
	 {{"since", take_since},
	  {"class", take_class},
	  {"verdict", take_verdict},
	  {"follow", take_follow},
	  {"raw", take_raw}}},
	{"incident", REQUEST_INCIDENT, {{"id", take_id}}},
	{"metrics", REQUEST_METRICS, {{0}}},
	{"reload", REQUEST_RELOAD, {{0}}},
	{"live", REQUEST_LIVE, {{"seconds", take_seconds}, {"from_now", take_from_now}}},
};

static const struct kind *find_kind(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	}
	return NULL;
}

static const struct member *find_member(const struct kind *kind, const char *name)
{
	const struct member *member = kind->members;

	while (member->name && strcmp(member->name, name))
		member++;
	return member->name ? member : NULL;
}

static const char *shown(char buf[NAME_SHOWN], const char *name)
{
	return names__clean(buf, NAME_SHOWN, name, strlen(name), 0);
}

static const char *take_members(struct request *request, const struct kind *kind,
				struct json_object *object, char *why, size_t why_size)
{
	const struct member *member;
	const char *wanted;
	char buf[NAME_SHOWN];

	json_object_object_foreach(object, name, value)
	{
		if (!strcmp(name, "request"))
			continue;
		member = find_member(kind, name);
		if (!member) {
			snprintf(why, why_size, "a request '%s' has no member '%s'", kind->name,
				 shown(buf, name));
			return "malformed";
		}
		wanted = member->take(request, value);
		if (wanted) {
			snprintf(why, why_size, "'%s' has to be %s", member->name, wanted);
			return "invalid";
		}
	}
	return NULL;
}

/* Checks that involve several members. */
static const char *check(const struct request *request, char *why, size_t why_size)
{
	if (request->type == REQUEST_INCIDENT && !request->id) {
		snprintf(why, why_size, "'id' is missing: the number of an incident, from 1");
		return "invalid";
	}
	if (request->type == REQUEST_LIVE && request->from_now && request->seconds == 0) {
		snprintf(why, why_size, "'from_now' needs 'seconds': for how long");
		return "invalid";
	}
	return NULL;
}

static const char *take_object(struct request *request, struct json_object *object, char *why,
			       size_t why_size)
{
	struct json_object *value = NULL;
	const struct kind *kind;
	const char *code;
	char buf[NAME_SHOWN];

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, "request", &value) || !string_of(value)) {
		snprintf(why, why_size, "a request is an object with a string \"request\"");
		return "malformed";
	}
	kind = find_kind(json_object_get_string(value));
	if (!kind) {
		snprintf(why, why_size, "there is no request '%s'",
			 shown(buf, json_object_get_string(value)));
		return "unknown-request";
	}
	request->type = kind->type;
	code = take_members(request, kind, object, why, why_size);
	return code ? code : check(request, why, why_size);
}

static bool only_blanks(const char *text, size_t length)
{
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	return !length;
}

/*
 * Stricter than json__parse(), because clients should get to know what is wrong with the request.
 */
const char *control_request__parse(struct request *request, const char *line, size_t length,
				   char *why, size_t why_size)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *object = NULL;
	const char *code = "malformed";
	enum json_tokener_error err;

	memset(request, 0, sizeof(*request));
	if (!tokener) {
		snprintf(why, why_size, "out of memory");
		return "failed";
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
						JSON_TOKENER_ALLOW_TRAILING_CHARS);
	object = json_tokener_parse_ex(tokener, line, (int)length);
	err = json_tokener_get_error(tokener);
	if (err != json_tokener_success)
		snprintf(why, why_size, "not a line of JSON: %s",
			 err == json_tokener_continue ? "it is not complete"
						      : json_tokener_error_desc(err));
	else if (!only_blanks(line + json_tokener_get_parse_end(tokener),
			      length - json_tokener_get_parse_end(tokener)))
		snprintf(why, why_size, "one request on a line, and nothing after it");
	else
		code = take_object(request, object, why, why_size);
	json_object_put(object);
	json_tokener_free(tokener);
	return code;
}
