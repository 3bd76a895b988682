/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Members of the daemon's answers. A member that is missing, null or of another type reads as "", 0
 * or NULL, so that answers of newer and older daemons are understood as far as possible.
 */
#ifndef THPRACE_ANSWER_H
#define THPRACE_ANSWER_H

#include <stddef.h>
#include <stdint.h>

struct json_object;

const char *answer__text(struct json_object *object, const char *name);
uint64_t answer__number(struct json_object *object, const char *name);
double answer__real(struct json_object *object, const char *name);
int answer__true(struct json_object *object, const char *name);
struct json_object *answer__object(struct json_object *object, const char *name);
/* The length of the array `name`, and each of its members. */
size_t answer__length(struct json_object *object, const char *name);
struct json_object *answer__at(struct json_object *object, const char *name, size_t index);

#endif
