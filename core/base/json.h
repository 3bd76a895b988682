/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON, written and read with json-c: functions that need several calls of json-c, or that it
 * lacks. A value for which there is no memory is NULL, and every function accepts NULL: the failure
 * shows when the text is made.
 */
#ifndef THPRACE_JSON_H
#define THPRACE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <json-c/json.h>

/* --- writing --- */

/* An object with a member "type". */
struct json_object *json__new(const char *type);

/* Cleaned (see names__clean()), at most length bytes of text. */
struct json_object *json__text(const char *text, size_t length);

/* The same, of up to 1023 bytes; NULL, which is written as null, for the empty text and for NULL. */
struct json_object *json__optional(const char *text);

/* "0x…" */
struct json_object *json__address(uint64_t address);
struct json_object *json__number(uint64_t number);

/*
 * Takes ownership of value, also if object is NULL. NULL is written as null. name must live as long
 * as object.
 */
void json__add(struct json_object *object, const char *name, struct json_object *value);

/* text is added unchanged; NULL becomes null. */
void json__add_name(struct json_object *object, const char *name, const char *text);

/* json__optional() */
void json__add_text(struct json_object *object, const char *name, const char *text);
/* The array of count texts; each takes size bytes. */
void json__add_texts(struct json_object *object, const char *name, const char *rows, size_t size,
		     int count);
void json__add_number(struct json_object *object, const char *name, uint64_t number);
void json__add_address(struct json_object *object, const char *name, uint64_t address);
void json__add_bool(struct json_object *object, const char *name, bool value);

/* null if it is not finite, because JSON has no such number. */
void json__add_real(struct json_object *object, const char *name, double value);

/*
 * The object as one line, without the newline; it lives as long as object and until object is made
 * text again. NULL: no memory.
 */
const char *json__line_of(struct json_object *object, size_t *length);

/* Print object as one line, without control characters, and free it. 0 or -ENOMEM. */
int json__print(FILE *out, struct json_object *object);

/* Free the object and return it as text for a block of a trace, to be freed. NULL: no memory. */
char *json__take_text(struct json_object *object);

/*
 * --- reading: a member that is missing, null or of another type is "", 0 or NULL, so that the
 * output of older and newer programs is understood as far as possible ---
 */

/*
 * One object or array, to be freed with json_object_put(). Returns 0, -EINVAL: it is not valid, or
 * -ENOMEM. Call json_bounds__check() before, if the text may be large.
 */
int json__parse(struct json_object **object, const char *text, size_t size);

struct json_object *json__get(struct json_object *object, const char *name, enum json_type type);
const char *json__get_text(struct json_object *object, const char *name);

/* Also a string, "0x…" or decimal, a positive double, and a boolean. */
uint64_t json__get_number(struct json_object *object, const char *name);
uint64_t json__number_of(struct json_object *value);
double json__get_real(struct json_object *object, const char *name);
bool json__get_bool(struct json_object *object, const char *name);
struct json_object *json__get_object(struct json_object *object, const char *name);

/* The length of an array, and each member. */
struct json_object *json__get_array(struct json_object *object, const char *name);
size_t json__length(struct json_object *array);
struct json_object *json__at(struct json_object *array, size_t index);

#endif
